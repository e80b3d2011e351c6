//! Lists that prove emptiness. They fail closed: a list that may be filtered, cut or misread is no list.

use serde_json::Value;

use super::{errors, http::Call, paths, session::Session};
use crate::engine::{
    check_group::Part,
    facts::Answer,
    failure::{Cause, Failure},
};

/// How many of one part a group holds.
pub async fn count(session: &Session, tenant: &str, group: &str, part: Part) -> Result<Answer, Failure> {
    let items = list(session, paths::part(tenant, group, part)?).await?;
    let flagged = items.iter().filter(|item| item.get("inTrunkGroup") == Some(&Value::Bool(true))).count();
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    Ok(Answer::Count { items: number(items.len()), in_trunk_groups: number(flagged) })
}

/// The ids of the groups of a tenant.
pub async fn groups(session: &Session, tenant: &str) -> Result<Vec<String>, Failure> {
    let items = list(session, paths::path(&["tenants", tenant, "groups"])?).await?;
    let id = |item: &Value| item.get("groupId").and_then(Value::as_str).unwrap_or("(without an id)").to_owned();
    Ok(items.iter().map(id).collect())
}

/// The items of the only list in an answer: the key of some lists is not documented (platform contract, 12, row 12).
async fn list(session: &Session, path: String) -> Result<Vec<Value>, Failure> {
    let call = Call::get(path);
    let unreadable = |why: &str| Failure::new(Cause::Unreadable, format!("{call} {why}"));
    let reply = session.send(&call).await?;
    if reply.restricted {
        return Err(unreadable("is filtered for this account, which is a reseller's; use an unrestricted account"));
    }
    let answer = errors::accepted(reply, &call.to_string(), false)?;
    let arrays: Vec<_> = answer.as_object().into_iter().flat_map(|o| o.values()).filter_map(Value::as_array).collect();
    match arrays[..] {
        [items] if items.iter().all(Value::is_object) => Ok(items.clone()),
        _ => Err(unreadable("was not answered with exactly one list")),
    }
}
