//! What may differ between two API servers is replaced: identities, versions and moments by the order in which they appear.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What one side has called things so far.
#[derive(Default)]
pub struct Names {
    uids: BTreeMap<String, usize>,
    versions: BTreeMap<String, usize>,
}

impl Names {
    /// An answer or an event as both sides must give it.
    pub fn normal(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => self.object(fields),
            Value::Array(items) => items.iter().map(|item| self.normal(item)).collect(),
            other => other.clone(),
        }
    }

    fn object(&mut self, fields: &Map<String, Value>) -> Value {
        let is_list = fields.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
        let normal = fields.iter().map(|(name, value)| {
            let normal = match (name.as_str(), value) {
                ("uid", Value::String(uid)) => json!(label("uid", &mut self.uids, uid)),
                ("resourceVersion", Value::String(version)) => json!(label("version", &mut self.versions, version)),
                ("creationTimestamp" | "deletionTimestamp" | "time", Value::String(_)) => json!("moment"),
                ("continue", Value::String(token)) if !token.is_empty() => json!("token"),
                ("message", Value::String(text)) => json!(self.message(text)),
                ("metadata", Value::Object(metadata)) if is_list => {
                    // Others write too: the version of a list is that of the whole server.
                    let mut metadata = metadata.clone();
                    metadata.insert("resourceVersion".into(), json!(null));
                    self.normal(&Value::Object(metadata))
                }
                ("managedFields" | "causes", Value::Array(items)) => {
                    let mut items: Vec<Value> = items.iter().map(|item| self.normal(item)).collect();
                    items.sort_by_key(Value::to_string);
                    Value::Array(items)
                }
                _ => self.normal(value),
            };
            (name.clone(), normal)
        });
        Value::Object(normal.collect())
    }

    fn message(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (uid, number) in &self.uids {
            text = text.replace(uid, &format!("uid-{number}"));
        }
        // The storage's own error has the key in etcd; nobody reads it.
        if let (Some(start), Some(end)) = (text.find("StorageError"), text.find("Precondition failed")) {
            text.replace_range(start..end, "");
        }
        // What follows is how Go prints a value.
        if let Some(start) = text.find("failed to create typed patch object") {
            text.truncate(start + 35);
        }
        // Go shuffles what is wrong with several fields; the causes have it in order.
        if let Some(start) = text.find(" is invalid: [") {
            text.truncate(start);
        }
        if let Some(start) = text.find("the ResourceVersion in") {
            text.truncate(start);
        }
        text
    }
}

fn label(what: &str, known: &mut BTreeMap<String, usize>, name: &str) -> String {
    let next = known.len() + 1;
    format!("{what}-{}", known.entry(name.to_owned()).or_insert(next))
}

/// Where two values differ, a line for each place.
pub fn difference(real: &Value, simulated: &Value) -> String {
    let mut lines = Vec::new();
    differences("", Some(real), Some(simulated), &mut lines);
    lines.join("\n")
}

fn differences(path: &str, real: Option<&Value>, simulated: Option<&Value>, lines: &mut Vec<String>) {
    match (real, simulated) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let names: std::collections::BTreeSet<_> = left.keys().chain(right.keys()).collect();
            for name in names {
                differences(&format!("{path}.{name}"), left.get(name), right.get(name), lines);
            }
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => {
            for at in 0..left.len().max(right.len()) {
                differences(&format!("{path}[{at}]"), left.get(at), right.get(at), lines);
            }
        }
        (left, right) if left != right => {
            let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
            lines.push(format!("    {path}\n      real:      {}\n      simulated: {}", shown(left), shown(right)));
        }
        _ => {}
    }
}
