//! Tenants, groups and resellers: one object at a time, by its key.

use reqwest::Method;
use serde_json::Value;

use super::{
    beside::names_errors,
    errors,
    http::Call,
    paths,
    session::{Open, Session},
};
use crate::engine::{
    failure::{Cause, Failure},
    ids::{Key, Object},
};

/// The object, or `None` when the platform itself says that it does not exist. Keys that begin with an underscore are the
/// platform's own bookkeeping and dropped.
pub async fn get(session: &Session, key: &Key) -> Result<Option<Object>, Failure> {
    let call = Call::get(paths::object(key)?);
    let open = session.opened().await?;
    let reply = open.send(&call).await?;
    if errors::says_absent(&reply) {
        return Ok(None);
    }
    match errors::accepted(reply, &call.to_string(), false)? {
        // Who says yes and tells of errors does not tell the object.
        Value::Object(object) if object.keys().any(|name| names_errors(name)) => {
            Err(Failure::new(Cause::Unreadable, format!("{call} was answered with errors and no object")))
        }
        Value::Object(mut object) if !object.is_empty() => {
            object.retain(|name, _| !name.starts_with('_'));
            match key.contradiction(&object) {
                None => Ok(Some(object)),
                Some(mut other) => {
                    open.hide(&mut other);
                    let message = format!(
                        "{call} was answered with another object, of {other}; look at what is between the operator and the platform"
                    );
                    Err(Failure::new(Cause::Unreadable, message))
                }
            }
        }
        _ => Err(Failure::new(Cause::Unreadable, format!("{call} was not answered with an object"))),
    }
}

/// Creates an object.
pub async fn create(open: &Open<'_>, key: &Key, body: &Object) -> Result<(), Failure> {
    write(open, Method::POST, paths::collection(key)?, Some(body)).await
}

/// Changes the keys of the body.
pub async fn update(open: &Open<'_>, key: &Key, body: &Object) -> Result<(), Failure> {
    write(open, Method::PUT, paths::object(key)?, Some(body)).await.map_err(creates_nothing)
}

/// Deletes an object; one that is gone is deleted. The next look decides either way.
pub async fn delete(open: &Open<'_>, key: &Key, body: &Object) -> Result<(), Failure> {
    let body = (!body.is_empty()).then_some(body);
    let call = Call { method: Method::DELETE, path: paths::object(key)?, body, list: None };
    let reply = open.send(&call).await?;
    if errors::says_absent(&reply) {
        return Ok(());
    }
    errors::accepted(reply, &call.to_string(), true).map(drop).map_err(creates_nothing)
}

/// What is changed or deleted is there in any case: that something exists is then a refusal like any other.
fn creates_nothing(failure: Failure) -> Failure {
    let cause = if failure.cause == Cause::AlreadyExists { Cause::Rejected } else { failure.cause };
    Failure { cause, ..failure }
}

/// The body of a reseller of which only the name is known.
pub fn named(name: &str) -> Object {
    Object::from_iter([("name".to_owned(), Value::from(name))])
}

async fn write(open: &Open<'_>, method: Method, path: String, body: Option<&Object>) -> Result<(), Failure> {
    open.expect(&Call { method, path, body, list: None }).await.map(drop)
}
