//! Server-side apply and the record of who owns which field (`metadata.managedFields`).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::schema::Schema;
use super::typed::{Comparison, compare, fields_of, is_readable, merge, remove};

/// Never owned by anybody.
const STRIPPED: [&[&str]; 12] = [
    &["apiVersion"],
    &["kind"],
    &["metadata"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "creationTimestamp"],
    &["metadata", "selfLink"],
    &["metadata", "uid"],
    &["metadata", "clusterName"],
    &["metadata", "generation"],
    &["metadata", "managedFields"],
    &["metadata", "resourceVersion"],
];

/// More entries of updates than these are put together.
const MOST_UPDATERS: usize = 10;

/// Who writes, and how.
pub(super) struct Writer<'a> {
    pub name: &'a str,
    pub subresource: &'a str,
    pub api_version: &'a str,
    pub now: &'a str,
    /// Fields that the strategy resets: nobody comes to own them this way.
    pub reset: Fields,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    name: String,
    operation: &'static str,
    /// Empty for one that applies.
    api_version: String,
    subresource: String,
}

#[derive(Clone, Debug)]
struct Entry {
    fields: Fields,
    api_version: String,
    time: Value,
}

type Entries = BTreeMap<Identity, Entry>;

/// An apply that was refused: whose fields it would have changed.
pub(super) struct Conflict {
    pub manager: String,
    pub path: String,
}

impl Writer<'_> {
    fn identity(&self, operation: &'static str) -> Identity {
        let api_version = if operation == "Apply" { "" } else { self.api_version };
        let (name, subresource) = (self.name.to_owned(), self.subresource.to_owned());
        Identity { name, operation, api_version: api_version.to_owned(), subresource }
    }

    fn entry(&self, fields: Fields) -> Entry {
        Entry { fields, api_version: self.api_version.to_owned(), time: json!(self.now) }
    }
}

/// Writes down who owns what after `new` was written over `live` other than by apply. Both lack managed fields of their own.
pub(super) fn update(live: &Value, new: &mut Value, schema: &Schema, writer: &Writer<'_>) {
    let asked = taken(new);
    // The real one, too, lets an object that cannot be read by its schema go on without any.
    if !is_readable(new, schema) {
        return;
    }
    let live_entries = || entries(&live["metadata"]["managedFields"]);
    let mut all = match &asked {
        Value::Array(items) if writer.subresource.is_empty() && is_reset(items) => Entries::new(),
        Value::Array(_) if writer.subresource.is_empty() => {
            entries(&asked).filter(|entries| !entries.is_empty()).or_else(live_entries).unwrap_or_default()
        }
        _ => live_entries().unwrap_or_default(),
    };
    let bare = without_managed(live);
    let is_create = live["metadata"]["uid"].is_null();
    if !all.is_empty() || is_create {
        let own = writer.identity("Update");
        let difference = compare(&bare, new, schema);
        let filtered = difference.without(&writer.reset);
        take(&mut all, &filtered, None);
        // The fields of this write alone; what this manager had before joins them below.
        let gained = filtered.modified.union(&filtered.added).without(&writer.reset);
        let gained = gained.difference(&Fields::of_paths(&STRIPPED));
        if !gained.is_empty() {
            let before = all.get(&own).map(|entry| entry.fields.clone()).unwrap_or_default();
            all.insert(own, writer.entry(before.union(&gained)));
        }
        cap(&mut all);
    }
    put(new, &all);
}

/// What an object is after a configuration is applied to it.
///
/// # Errors
/// The conflicts, unless it is forced.
pub(super) fn apply(
    live: &Value,
    config: &Value,
    schema: &Schema,
    writer: &Writer<'_>,
    force: bool,
) -> Result<Value, Vec<Conflict>> {
    let mut all = entries(&live["metadata"]["managedFields"]).unwrap_or_default();
    let bare = without_managed(live);
    if all.is_empty() && !live["metadata"]["uid"].is_null() {
        let before = Writer { name: "before-first-apply", reset: writer.reset.clone(), ..*writer };
        let there = compare(&json!({"apiVersion": live["apiVersion"], "kind": live["kind"]}), &bare, schema);
        let there = there.without(&writer.reset);
        let owned = there.added.union(&there.modified).difference(&Fields::of_paths(&STRIPPED));
        all.insert(before.identity("Update"), before.entry(owned));
    }
    let own = writer.identity("Apply");
    let merged = merge(&bare, config, schema);
    let before = all.get(&own).cloned();
    let fields = fields_of(config, schema).without(&writer.reset);
    let time = before.as_ref().map_or(Value::Null, |entry| entry.time.clone());
    all.insert(own.clone(), Entry { time, ..writer.entry(fields) });
    let mut new = match &before {
        Some(before) if !before.fields.is_empty() => pruned(&merged, &all, &before.fields, schema),
        _ => merged,
    };
    let difference = compare(&bare, &new, schema).without(&writer.reset);
    let conflicts = conflicts(&all, &own, &difference);
    if !force && !conflicts.is_empty() {
        return Err(conflicts);
    }
    take(&mut all, &difference, Some(&own));
    let changed = new != bare;
    if let Some(entry) = all.get_mut(&own) {
        entry.fields = entry.fields.difference(&Fields::of_paths(&STRIPPED));
        if changed {
            entry.time = json!(writer.now);
        }
    }
    all.retain(|_, entry| !entry.fields.is_empty());
    put(&mut new, &all);
    Ok(new)
}

/// Takes from all but one what was changed or removed.
fn take(all: &mut Entries, difference: &Comparison, but: Option<&Identity>) {
    let changed = difference.modified.union(&difference.added);
    for (_, entry) in all.iter_mut().filter(|(identity, _)| Some(*identity) != but) {
        let lost = entry.fields.intersection(&changed);
        entry.fields = entry.fields.difference(&lost).difference(&difference.removed);
    }
    all.retain(|_, entry| !entry.fields.is_empty());
}

fn conflicts(all: &Entries, own: &Identity, difference: &Comparison) -> Vec<Conflict> {
    let changed = difference.modified.union(&difference.added);
    let others = all.iter().filter(|(identity, _)| *identity != own);
    let of_one = |(identity, entry): (&Identity, &Entry)| {
        let manager = shown(identity);
        let paths = entry.fields.intersection(&changed).paths().into_iter();
        paths.map(move |path| Conflict { manager: manager.clone(), path }).collect::<Vec<_>>()
    };
    others.flat_map(of_one).collect()
}

fn shown(identity: &Identity) -> String {
    let mut text = format!("{:?}", identity.name);
    if !identity.subresource.is_empty() {
        text += &format!(" with subresource {:?}", identity.subresource);
    }
    if identity.operation == "Update" {
        text += &format!(" using {}", identity.api_version);
    }
    text
}

/// Without what this manager applied before, applies no more, and nobody else owns.
fn pruned(merged: &Value, all: &Entries, last: &Fields, schema: &Schema) -> Value {
    let named = |fields: &Fields| fields.with_named(Some(schema));
    let without = |fields: &Fields| remove(merged, fields, Some(schema)).unwrap_or(Value::Null);
    let last = named(last);
    let merged_fields = named(&fields_of(merged, schema));
    let first = without(&last);
    let owned = all.values().fold(Fields::default(), |owned, entry| owned.union(&entry.fields));
    let kept = named(&fields_of(&first, schema)).union(&named(&owned));
    let second = without(&merged_fields.difference(&kept));
    without(&merged_fields.difference(&named(&fields_of(&second, schema))).intersection(&last))
}

fn cap(all: &mut Entries) {
    let updaters = |all: &Entries| {
        let mut updaters: Vec<_> = all.iter().filter(|(identity, _)| identity.operation == "Update").collect();
        updaters.sort_by_key(|(identity, entry)| (entry.time.to_string(), (*identity).clone()));
        updaters.into_iter().map(|(identity, _)| identity.clone()).collect::<Vec<_>>()
    };
    while let [first, second, ..] = updaters(all).as_slice()
        && updaters(all).len() > MOST_UPDATERS
    {
        let (Some(first), Some(mut second)) = (all.remove(first), all.remove(second)) else { return };
        second.fields = second.fields.union(&first.fields);
        let api_version = second.api_version.clone();
        let bucket =
            Identity { name: "ancient-changes".into(), operation: "Update", api_version, subresource: String::new() };
        if let Some(before) = all.remove(&bucket) {
            second.fields = second.fields.union(&before.fields);
        }
        all.insert(bucket, second);
    }
}

fn taken(object: &mut Value) -> Value {
    let metadata = object["metadata"].as_object_mut();
    metadata.and_then(|metadata| metadata.remove("managedFields")).unwrap_or(Value::Null)
}

fn without_managed(object: &Value) -> Value {
    let mut bare = object.clone();
    if bare.get("metadata").is_some() {
        taken(&mut bare);
    }
    bare
}

fn is_reset(items: &[Value]) -> bool {
    items.is_empty() || (items.len() == 1 && items[0].as_object().is_some_and(Map::is_empty))
}

/// `None` when one of them cannot be read.
fn entries(list: &Value) -> Option<Entries> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one = |entry: &Value| {
        let operation = match entry["operation"].as_str()? {
            "Apply" => "Apply",
            "Update" => "Update",
            _ => return None,
        };
        let api_version = text(&entry["apiVersion"]);
        if api_version.is_empty() || entry["fieldsType"] != "FieldsV1" {
            return None;
        }
        let identity = Identity {
            name: text(&entry["manager"]),
            operation,
            api_version: if operation == "Apply" { String::new() } else { api_version.clone() },
            subresource: text(&entry["subresource"]),
        };
        let fields = Fields::decode(entry.get("fieldsV1").unwrap_or(&json!({})))?;
        Some((identity, Entry { fields, api_version, time: entry["time"].clone() }))
    };
    list.as_array().into_iter().flatten().map(one).collect()
}

fn put(object: &mut Value, all: &Entries) {
    if all.is_empty() {
        return;
    }
    let mut sorted: Vec<_> = all.iter().collect();
    sorted.sort_by_key(|(identity, entry)| {
        (identity.operation, entry.time.to_string(), &identity.name, &entry.api_version, &identity.subresource)
    });
    let encoded = sorted.into_iter().map(|(identity, entry)| {
        let mut encoded = json!({
            "manager": identity.name,
            "operation": identity.operation,
            "apiVersion": entry.api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": entry.fields.encode(),
        });
        if !entry.time.is_null() {
            encoded["time"] = entry.time.clone();
        }
        if !identity.subresource.is_empty() {
            encoded["subresource"] = json!(identity.subresource);
        }
        encoded
    });
    object["metadata"]["managedFields"] = encoded.collect();
}
