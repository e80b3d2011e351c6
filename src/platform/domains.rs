//! Domains at their three levels (platform contract, 6).

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use super::{
    http::Call,
    paths,
    session::{Open, Session},
};
use crate::engine::{
    failure::{Cause, Failure},
    ids::{Level, Object},
};

/// Every domain that is known at a level.
pub async fn list(session: &Session, level: &Level) -> Result<BTreeSet<String>, Failure> {
    let call = Call::get(paths::domains(level)?);
    let answer = session.opened().await?.expect(&call).await?;
    let domains = answer.get("domains").and_then(|domains| domains.as_array());
    let domains = domains.filter(|_| answer.get("errors").is_none());
    domains
        .and_then(|domains| domains.iter().map(|domain| domain.as_str().map(str::to_owned)).collect())
        .ok_or_else(|| Failure::new(Cause::Unreadable, format!("{call} was not answered with a list of domains")))
}

/// Makes a domain known to the platform.
pub async fn create(open: &Open<'_>, domain: &str) -> Result<(), Failure> {
    let body = Object::from_iter([("domain".to_owned(), json!(domain))]);
    let call = Call { method: Method::POST, path: paths::domains(&Level::System)?, body: Some(&body), list: None };
    open.expect(&call).await.map(drop).map_err(|mut failure| {
        if failure.cause == Cause::Forbidden {
            failure.message =
                format!("creating domain {domain} at system level needs System Admin: {}", failure.message);
        }
        failure
    })
}

/// Adds a domain to a tenant or a group; a PUT adds and removes nothing.
pub async fn assign(open: &Open<'_>, level: &Level, domain: &str) -> Result<(), Failure> {
    let body = Object::from_iter([("domains".to_owned(), json!([domain]))]);
    open.expect(&Call { method: Method::PUT, path: paths::domains(level)?, body: Some(&body), list: None })
        .await
        .map(drop)
}
