//! A resource as the API server shows it. Its definition may be newer than this operator: what this version cannot read is
//! left out, and told, and nothing is decided on what is left.

use std::{fmt, ops::Deref};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{
    diff::text,
    facts::Cluster,
    ids::Key,
    kind::{Kind, Subject},
    plan::{Next, Refusal},
    reason::Reason,
};
use crate::api::{Status, text::shortened};

/// The fields of the specs that say which object a resource stands for.
const OBJECT: [&str; 5] = ["spec", "spec.tenantRef", "spec.tenantId", "spec.groupId", "spec.resellerName"];
/// The fields of the specs that say which other objects it needs.
const PARENTS: [&str; 5] = ["spec", "spec.tenantRef", "spec.tenantId", "spec.resellerRef", "spec.resellerId"];
/// The fields of the status that say whether it holds its object.
const RECORD: [&str; 2] = ["status", "status.ownership"];
/// How many unreadable fields a sentence names.
const NAMED: usize = 3;
/// Most characters of why a field cannot be read: that quotes what it holds.
const WORDS: usize = 200;

/// A field that this version cannot read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Where it is, such as `spec.driftPolicy`.
    pub path: String,
    /// What it holds, and why that cannot be read.
    pub why: String,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.path, self.why)
    }
}

/// The fields of a resource that cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unreads(Vec<Unread>);

impl Unreads {
    /// Whether everything can be read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what cannot be read of a newer version of the resource.
    pub fn add(&mut self, newer: &Self) {
        let more: Vec<_> = newer.0.iter().filter(|one| !self.0.contains(one)).cloned().collect();
        self.0.extend(more);
    }

    /// Whether it is not known which object the resource stands for.
    pub fn hide_object(&self) -> bool {
        self.hide(&OBJECT)
    }

    /// Whether it is not known which other objects it needs.
    pub fn hide_parents(&self) -> bool {
        self.hide(&PARENTS)
    }

    /// Whether it is not known if it holds its object.
    pub fn hide_record(&self) -> bool {
        self.hide(&RECORD)
    }

    fn hide(&self, fields: &[&str]) -> bool {
        self.0.iter().any(|one| fields.contains(&one.path.as_str()))
    }

    /// Why nothing is done for the resource.
    pub fn refusal(&self) -> Refusal {
        let mut named: Vec<_> = self.0.iter().take(NAMED).map(ToString::to_string).collect();
        if self.0.len() > NAMED {
            named.push(format!("and {} more", self.0.len() - NAMED));
        }
        let message = format!(
            "this version of the operator cannot read the resource, and does nothing for it: {}; upgrade the operator, or change the value",
            named.join(", ")
        );
        Refusal::new(Reason::Unreadable, message)
    }
}

/// A resource, as far as it can be read.
#[derive(Clone, Debug)]
pub struct Shown<K> {
    object: K,
    /// What was left out.
    pub unread: Unreads,
}

impl<K> Deref for Shown<K> {
    type Target = K;

    fn deref(&self) -> &K {
        &self.object
    }
}

impl<K> From<K> for Shown<K> {
    fn from(object: K) -> Self {
        Self { object, unread: Unreads::default() }
    }
}

impl<K: Kind + ResourceExt> Shown<K> {
    /// What the decisions need to know of it.
    pub fn subject(&self) -> Subject {
        Subject { unread: self.unread.clone(), ..Subject::of(&self.object) }
    }

    /// The object that it stands for, if it says so.
    pub fn key(&self, cluster: &Cluster) -> Next<Key> {
        if self.unread.hide_object() { self.unread.refusal().refuse() } else { self.object.key(cluster) }
    }
}

impl<K: DeserializeOwned> Shown<K> {
    /// Reads a resource as far as it can be read.
    ///
    /// # Errors
    /// When not even its metadata can be read.
    pub fn read(shown: &Value) -> serde_json::Result<Self> {
        if let Ok(object) = K::deserialize(shown) {
            return Ok(object.into());
        }
        let mut unread = Vec::new();
        let mut rest = shown.clone();
        for section in ["spec", "status"] {
            let Some(there) = rest.get_mut(section) else { continue };
            if let Some(fields) = there.as_object_mut() {
                leave_out::<K>(shown, section, fields, &mut unread);
            } else {
                unread.push(Unread { path: section.to_owned(), why: text(there) });
                *there = json!({});
            }
        }
        let object = K::deserialize(&rest).or_else(|error| {
            // Each field can be read, and all together cannot.
            unread = ["spec", "status"].map(|path| Unread { path: path.to_owned(), why: words(&error) }).to_vec();
            K::deserialize(&alone(shown, &shown["metadata"], "spec", Map::new()))
        })?;
        Ok(Self { object, unread: Unreads(unread) })
    }
}

fn words(error: &serde_json::Error) -> String {
    shortened(&error.to_string(), WORDS)
}

/// Leaves out the fields of a section that cannot be read; of a list, its items.
fn leave_out<K: DeserializeOwned>(
    shown: &Value,
    section: &str,
    fields: &mut Map<String, Value>,
    unread: &mut Vec<Unread>,
) {
    let problem = |key: &str, value: &Value| {
        let only = Map::from_iter([(key.to_owned(), value.clone())]);
        K::deserialize(&alone(shown, &json!({}), section, only)).err()
    };
    fields.retain(|key, value| {
        let Some(error) = problem(key, value) else { return true };
        unread.push(Unread { path: format!("{section}.{key}"), why: format!("{} ({})", text(value), words(&error)) });
        let Value::Array(items) = value else { return false };
        items.retain(|item| problem(key, &json!([item])).is_none());
        problem(key, value).is_none()
    });
}

/// A resource with nothing but this in one section.
fn alone(shown: &Value, metadata: &Value, section: &str, fields: Map<String, Value>) -> Value {
    let mut one = json!({"apiVersion": shown["apiVersion"], "kind": shown["kind"], "metadata": metadata, "spec": {}});
    one[section] = Value::Object(fields);
    one
}

/// The status to write over one that cannot be read whole. An apply takes away what its writer applied before and does not
/// send again, so everything that is there is sent again, and what cannot be read stays as it is.
pub fn over(there: &Value, status: &Status, unread: &Unreads) -> Value {
    let mut all = there.as_object().cloned().unwrap_or_default();
    let is_ours = |one: &Value| status.conditions.iter().any(|condition| one["type"] == condition.type_);
    let odd = all.get("conditions").and_then(Value::as_array).into_iter().flatten();
    let odd = odd.filter(|one| Condition::deserialize(*one).is_err() && !is_ours(one)).cloned();
    let conditions: Vec<Value> = status.conditions.iter().map(|condition| json!(condition)).chain(odd).collect();
    for (key, value) in json!(status).as_object().cloned().unwrap_or_default() {
        if !unread.0.iter().any(|one| one.path == format!("status.{key}")) {
            all.insert(key, value);
        }
    }
    all.insert("conditions".to_owned(), conditions.into());
    Value::Object(all)
}

#[cfg(test)]
mod tests;
