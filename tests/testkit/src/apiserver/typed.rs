//! Values read by their schema, as structured-merge-diff does: which fields a value has, how two differ, how they are merged.

use serde_json::{Map, Value};

use super::fields::{Fields, Step};
use super::schema::{ListType, Schema};

/// How a value differs from the one before it.
#[derive(Default)]
pub(super) struct Comparison {
    pub added: Fields,
    pub modified: Fields,
    pub removed: Fields,
}

impl Comparison {
    /// Without these fields and what is below them.
    pub fn without(&self, ignored: &Fields) -> Self {
        let [added, modified, removed] = [&self.added, &self.modified, &self.removed].map(|set| set.without(ignored));
        Self { added, modified, removed }
    }
}

/// The fields that a value has.
pub(super) fn fields_of(value: &Value, schema: &Schema) -> Fields {
    let mut set = Fields::default();
    collect(value, Some(schema), &mut Vec::new(), &mut set);
    set
}

/// Why a configuration cannot be read by its schema, if it cannot.
pub(super) fn problem(value: &Value, schema: &Schema) -> Option<String> {
    problem_at("", value, Some(schema), false)
}

/// Whether an object, which may have an item of a list twice, can be read by its schema.
pub(super) fn is_readable(value: &Value, schema: &Schema) -> bool {
    problem_at("", value, Some(schema), true).is_none()
}

fn problem_at(path: &str, value: &Value, schema: Option<&Schema>, twice: bool) -> Option<String> {
    let schema = schema?;
    let is_list = schema.kind == "array" && !value.is_null();
    let expected = match schema.kind.as_str() {
        "object" if !value.is_object() && !value.is_null() => "map",
        "array" if !value.is_array() && !value.is_null() => "list",
        "string" if !value.is_string() && !value.is_null() => "string",
        "boolean" if !value.is_boolean() && !value.is_null() => "boolean",
        "integer" | "number" if !value.is_number() && !value.is_null() => "numeric (int or float)",
        _ => "",
    };
    if !expected.is_empty() {
        return Some(format!("{path}: expected {expected}, got {value}"));
    }
    if let Some(fields) = value.as_object().filter(|_| schema.kind == "object" && !schema.preserves_unknown) {
        return fields.iter().find_map(|(name, field)| {
            let path = format!("{path}.{name}");
            match schema.field(name) {
                None => Some(format!("{path}: field not declared in schema")),
                of => problem_at(&path, field, of, twice),
            }
        });
    }
    let items = value.as_array().filter(|_| is_list)?;
    let steps: Vec<_> = items.iter().map(|item| Step::of_item(&schema.list, item)).collect();
    items.iter().zip(&steps).enumerate().find_map(|(at, (item, step))| {
        let is_atomic = schema.list == ListType::Atomic;
        if step.is_none() && !is_atomic {
            return Some(format!(
                "{path}: element {at}: associative list with keys has an element that omits all key fields"
            ));
        }
        if !is_atomic && !twice && steps[..at].contains(step) {
            return Some(format!("{path}: duplicate entries for key {}", step.as_ref()?));
        }
        let name = step.as_ref().map_or_else(|| format!("[{at}]"), Step::to_string);
        problem_at(&format!("{path}{name}"), item, schema.items.as_deref(), twice)
    })
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    }
}

fn collect(value: &Value, schema: Option<&Schema>, path: &mut Vec<Step>, set: &mut Fields) {
    let Some(schema) = schema.filter(|schema| !schema.is_leaf()) else {
        set.insert(path);
        return;
    };
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                path.push(Step::Field(name.clone()));
                collect(field, schema.field(name), path, set);
                if field.is_null()
                    || field.as_object().is_some_and(Map::is_empty)
                    || !schema.properties.contains_key(name)
                {
                    set.insert(path);
                }
                path.pop();
            }
        }
        Value::Array(items) => {
            for item in items {
                let Some(step) = Step::of_item(&schema.list, item) else { continue };
                path.push(step);
                collect(item, schema.items.as_deref(), path, set);
                set.insert(path);
                path.pop();
            }
        }
        Value::Null => {}
        _ => set.insert(path),
    }
}

/// What is other in `new`.
pub(super) fn compare(old: &Value, new: &Value, schema: &Schema) -> Comparison {
    let mut comparison = Comparison::default();
    compare_at((Some(old), Some(new)), Some(schema), &mut Vec::new(), &mut comparison);
    comparison
}

fn compare_at(
    pair: (Option<&Value>, Option<&Value>),
    schema: Option<&Schema>,
    path: &mut Vec<Step>,
    result: &mut Comparison,
) {
    let (old, new) = pair;
    let is_scalar =
        |value: Option<&Value>| value.is_some_and(|value| !value.is_object() && !value.is_array() && !value.is_null());
    let leaf =
        schema.is_none_or(Schema::is_leaf) || (is_empty(old) && is_empty(new)) || is_scalar(old) || is_scalar(new);
    match (old, new) {
        (None, Some(_)) => result.added.insert(path),
        (Some(_), None) => result.removed.insert(path),
        (Some(old), Some(new)) if leaf && old != new => result.modified.insert(path),
        _ => {}
    }
    let Some(schema) = schema.filter(|_| !leaf) else { return };
    for (step, pair, below) in pairs(old, new, schema) {
        let doubles = [old, new].map(|list| all_of(list, &step, schema));
        path.push(step);
        match (doubles[0].len(), doubles[1].len()) {
            (0..=1, 0..=1) => compare_at(pair, below, path, result),
            (2.., 2..) if doubles[0] != doubles[1] => result.modified.insert(path),
            (2.., 2..) => {}
            // What is there twice has no owners inside.
            (2.., after) => {
                if after == 1 {
                    compare_at((None, pair.1), below, path, result);
                }
                result.removed.insert(path);
            }
            (before, _) => {
                if before == 1 {
                    compare_at((pair.0, None), below, path, result);
                }
                result.added.insert(path);
            }
        }
        path.pop();
    }
}

/// The items of a list that have this name.
fn all_of<'a>(list: Option<&'a Value>, step: &Step, schema: &Schema) -> Vec<&'a Value> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter(|item| Step::of_item(&schema.list, item).as_ref() == Some(step)).collect()
}

type Paired<'a> = (Step, (Option<&'a Value>, Option<&'a Value>), Option<&'a Schema>);

/// The parts of two values, side by side.
fn pairs<'a>(old: Option<&'a Value>, new: Option<&'a Value>, schema: &'a Schema) -> Vec<Paired<'a>> {
    let parts = |value: Option<&'a Value>| -> Vec<(Step, &'a Value)> {
        match value {
            Some(Value::Object(fields)) => {
                fields.iter().map(|(name, field)| (Step::Field(name.clone()), field)).collect()
            }
            Some(Value::Array(items)) => {
                items.iter().filter_map(|item| Some((Step::of_item(&schema.list, item)?, item))).collect()
            }
            _ => Vec::new(),
        }
    };
    let (old, new) = (parts(old), parts(new));
    let find =
        |parts: &[(Step, &'a Value)], step: &Step| parts.iter().find(|(of, _)| of == step).map(|(_, value)| *value);
    let below = |step: &Step| match step {
        Step::Field(name) => schema.field(name),
        _ => schema.items.as_deref(),
    };
    let mut all: Vec<Paired<'a>> = Vec::new();
    for (at, (step, value)) in old.iter().enumerate() {
        // Twice there, it is looked at once.
        if matches!(step, Step::Item(_) | Step::Key(_)) && old[..at].iter().any(|(before, _)| before == step) {
            continue;
        }
        all.push((step.clone(), (Some(*value), find(&new, step)), below(step)));
    }
    for (step, value) in new {
        if find(&old, &step).is_none() && all.iter().all(|(known, ..)| *known != step) {
            let of = below(&step);
            all.push((step, (None, Some(value)), of));
        }
    }
    all
}

/// `config` laid over `live`.
pub(super) fn merge(live: &Value, config: &Value, schema: &Schema) -> Value {
    merge_at(Some(live), Some(config), Some(schema)).unwrap_or(Value::Null)
}

fn merge_at(live: Option<&Value>, config: Option<&Value>, schema: Option<&Schema>) -> Option<Value> {
    let leaf = |_: &&Schema| !(is_empty(live) && is_empty(config));
    let Some(schema) = schema.filter(|schema| !schema.is_leaf()).filter(leaf) else {
        return config.or(live).cloned();
    };
    let of_kind = |value: Option<&Value>| match schema.kind.as_str() {
        "object" => value.is_none_or(|value| value.is_object() || value.is_null()),
        _ => value.is_none_or(|value| value.is_array() || value.is_null()),
    };
    if !of_kind(live) || !of_kind(config) {
        return config.or(live).cloned();
    }
    if schema.kind == "object" {
        let merged = pairs(live, config, schema).into_iter().filter_map(|(step, (live, config), below)| match step {
            Step::Field(name) => Some((name, merge_at(live, config, below)?)),
            _ => None,
        });
        let merged: Map<String, Value> = merged.collect();
        return (!merged.is_empty()).then_some(Value::Object(merged));
    }
    let merged = merge_lists(live, config, schema);
    (!merged.is_empty()).then_some(Value::Array(merged))
}

fn merge_lists(live: Option<&Value>, config: Option<&Value>, schema: &Schema) -> Vec<Value> {
    let index = |value: Option<&Value>| -> Vec<(Step, Value)> {
        let items = value.and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| Some((Step::of_item(&schema.list, item)?, item.clone()))).collect()
    };
    let (left, right) = (index(live), index(config));
    let has = |of: &[(Step, Value)], step: &Step| of.iter().any(|(other, _)| other == step);
    let value =
        |of: &[(Step, Value)], step: &Step| of.iter().find(|(other, _)| other == step).map(|(_, item)| item.clone());
    let mut shared = right.iter().map(|(step, _)| step).filter(|step| has(&left, step));
    let mut next = shared.next();
    let mut merged: Vec<Step> = Vec::new();
    let mut order: Vec<Step> = Vec::new();
    let (mut l, mut r) = (0, 0);
    while l < left.len() || r < right.len() {
        if l < left.len() && r < right.len() {
            let step = &left[l].0;
            if *step == right[r].0 {
                merged.push(step.clone());
                order.push(step.clone());
                (l, r, next) = (l + 1, r + 1, shared.next());
                continue;
            }
            if has(&right, step) && next.is_some_and(|next| next != step) {
                l += 1;
                continue;
            }
        }
        if l < left.len() {
            let step = &left[l].0;
            if !has(&right, step) {
                order.push(step.clone());
                l += 1;
                continue;
            }
            if merged.contains(step) {
                l += 1;
            }
        }
        if r < right.len() {
            let step = &right[r].0;
            merged.push(step.clone());
            order.push(step.clone());
            r += 1;
            if next == Some(step) {
                next = shared.next();
            }
        }
    }
    let both =
        |step: &Step| merge_at(value(&left, step).as_ref(), value(&right, step).as_ref(), schema.items.as_deref());
    order.iter().filter_map(both).collect()
}

/// Without these fields. Lists and maps that are emptied go.
pub(super) fn remove(value: &Value, fields: &Fields, schema: Option<&Schema>) -> Option<Value> {
    match value {
        Value::Object(_) | Value::Array(_) if schema.is_none_or(Schema::is_leaf) => None,
        Value::Object(entries) => {
            let left = entries.iter().filter_map(|(name, field)| {
                let step = Step::Field(name.clone());
                let below = schema.and_then(|schema| schema.field(name));
                match (fields.has(&step), fields.below(&step)) {
                    (true, _) => None,
                    (false, Some(inner)) => Some((name.clone(), remove(field, inner, below).unwrap_or(Value::Null))),
                    (false, None) => Some((name.clone(), field.clone())),
                }
            });
            let left: Map<String, Value> = left.collect();
            (!left.is_empty()).then_some(Value::Object(left))
        }
        Value::Array(items) => {
            let list = schema.map_or(&ListType::Atomic, |schema| &schema.list);
            let below = schema.and_then(|schema| schema.items.as_deref());
            let left = items.iter().filter_map(|item| match Step::of_item(list, item) {
                Some(step) if fields.has(&step) => None,
                Some(step) => match fields.below(&step) {
                    Some(inner) => Some(remove(item, inner, below).unwrap_or(Value::Null)),
                    None => Some(item.clone()),
                },
                None => Some(item.clone()),
            });
            let left: Vec<Value> = left.collect();
            (!left.is_empty()).then_some(Value::Array(left))
        }
        scalar => Some(scalar.clone()),
    }
}
