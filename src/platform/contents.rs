//! Lists that prove emptiness. They fail closed: a list that may be filtered, cut or misread is no list.

use super::{
    errors,
    http::Call,
    listing::{Items, List},
    paths,
    session::Session,
};
use crate::engine::{
    check_group::Part,
    facts::Answer,
    failure::{Cause, Failure},
};

/// How many of one part a group holds.
pub async fn count(session: &Session, tenant: &str, group: &str, part: Part) -> Result<Answer, Failure> {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let counted =
        |items: &Items| Answer::Count { items: number(items.all), in_trunk_groups: number(items.in_trunk_groups) };
    list(session, paths::part(tenant, group, part)?, List::Part(part), counted).await
}

/// The ids of the groups of a tenant.
pub async fn groups(session: &Session, tenant: &str) -> Result<Vec<String>, Failure> {
    list(session, paths::path(&["tenants", tenant, "groups"])?, List::Groups, |items| items.groups.clone()).await
}

async fn list<T>(session: &Session, path: String, of: List, taken: impl Fn(&Items) -> T) -> Result<T, Failure> {
    let call = Call::list(path, of);
    let unreadable = |why: &str| Failure::new(Cause::Unreadable, format!("{call} {why}"));
    let mut reply = session.send(&call).await?;
    if reply.restricted {
        return Err(unreadable("is filtered for this account, which is a reseller's; use an unrestricted account"));
    }
    let listing = reply.listing.take();
    if listing.is_none() && reply.status == 200 {
        return Err(unreadable(&format!("was not answered with a list: {}", errors::words(&reply.body))));
    }
    // An answer that says yes in part only is none.
    errors::accepted(reply, &call.to_string(), false)?;
    let listing = listing.ok_or_else(|| unreadable("was not answered with a list"))?;
    listing.items(of).map(taken).map_err(|why| unreadable(&why))
}
