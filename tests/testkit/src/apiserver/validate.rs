//! What a custom resource must be: types, limits, list keys and rules, each only where something changed (ratcheting).

use serde_json::{Map, Value};

use super::rules::{About, Rule};
use super::schema::{ListType, Schema};
use super::status::Cause;

/// Everything that is wrong with an object, or with the status of one. `old` is what was there.
pub(super) fn errors(value: &Value, old: Option<&Value>, schema: &Schema) -> Vec<Cause> {
    let mut causes = Vec::new();
    shape("", value, old, schema, &mut causes);
    causes
}

/// What the lists and the rules have against the whole object, after [`errors`].
pub(super) fn rules(value: &Value, old: Option<&Value>, schema: &Schema, found: &mut Vec<Cause>) {
    let mut doubles = Vec::new();
    duplicates("", value, schema, &mut doubles);
    let mut before = Vec::new();
    if let Some(old) = old {
        duplicates("", old, schema, &mut before);
    }
    if before.is_empty() {
        found.append(&mut doubles);
    }
    const BLOCKING: [&str; 5] = [
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    ];
    if found.iter().any(|cause| BLOCKING.contains(&cause.reason)) {
        let why = "some validation rules were not checked because the object was invalid; correct the existing errors to complete \
                   validation";
        found.push(Cause::new("FieldValueInvalid", "", format!("Invalid value: null: {why}")));
        return;
    }
    evaluate("", value, old, schema, found);
}

fn child(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The item of an old list that stands for this one.
fn before<'a>(schema: &Schema, old: Option<&'a Value>, item: &Value) -> Option<&'a Value> {
    let ListType::Map(keys) = &schema.list else { return None };
    old?.as_array()?.iter().find(|other| keys.iter().all(|key| other[key] == item[key]))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn is_of_type(value: &Value, schema: &Schema) -> bool {
    let found = type_of(value);
    let whole = || value.as_f64().is_some_and(|number| number.fract() == 0.0);
    match schema.kind.as_str() {
        "" => true,
        "number" => found == "integer" || found == "number",
        "integer" => found == "integer" || (found == "number" && whole()),
        kind => found == kind,
    }
}

fn shape(path: &str, value: &Value, old: Option<&Value>, schema: &Schema, causes: &mut Vec<Cause>) {
    if old == Some(value) || (value.is_null() && schema.nullable) {
        return;
    }
    let body = if path.is_empty() { "<nil>" } else { path };
    if !is_of_type(value, schema) {
        let expected = if schema.bounds.format.is_empty() || value.is_string() || value.is_array() || value.is_null() {
            &schema.kind
        } else {
            &schema.bounds.format
        };
        let found = type_of(value);
        let why = format!("Invalid value: {found:?}: {body} in body must be of type {expected}: {found:?}");
        causes.push(Cause::new("FieldValueTypeInvalid", path, why));
        return;
    }
    if !schema.allowed.is_empty() && !schema.allowed.contains(value) {
        let allowed: Vec<_> = schema.allowed.iter().map(Value::to_string).collect();
        let why = format!("Unsupported value: {value}: supported values: {}", allowed.join(", "));
        causes.push(Cause::new("FieldValueNotSupported", path, why));
    }
    limits(path, value, schema, causes);
    match value {
        Value::Object(fields) => shape_of_fields(path, fields, old, schema, causes),
        Value::Array(items) => {
            let Some(of) = &schema.items else { return };
            for (index, item) in items.iter().enumerate() {
                shape(&format!("{path}[{index}]"), item, before(schema, old, item), of, causes);
            }
        }
        _ => {}
    }
}

fn shape_of_fields(
    path: &str,
    fields: &Map<String, Value>,
    old: Option<&Value>,
    schema: &Schema,
    causes: &mut Vec<Cause>,
) {
    for name in schema.required.iter().filter(|name| !fields.contains_key(*name)) {
        causes.push(Cause::new("FieldValueRequired", &child(path, name), "Required value"));
    }
    for (name, field) in fields {
        let is_meta = path.is_empty() && name == "metadata";
        if let Some(of) = schema.field(name).filter(|_| !is_meta) {
            shape(&child(path, name), field, old.and_then(|old| old.get(name)), of, causes);
        }
    }
}

fn limits(path: &str, value: &Value, schema: &Schema, causes: &mut Vec<Cause>) {
    let bounds = &schema.bounds;
    if let Some(text) = value.as_str() {
        let length = text.chars().count() as u64;
        if let Some(most) = bounds.max_length.filter(|most| length > *most) {
            let unit = if most == 1 { "byte" } else { "bytes" };
            causes.push(Cause::new("FieldValueTooLong", path, format!("Too long: may not be more than {most} {unit}")));
        }
        if let Some(least) = bounds.min_length.filter(|least| length < *least) {
            let why = format!("{path} in body should be at least {least} chars long");
            causes.push(Cause::invalid(path, value, &why));
        }
        if bounds.format == "date-time" && text.parse::<jiff::Timestamp>().is_err() {
            let why = format!("{path} in body must be of type date-time: {text:?}");
            causes.push(Cause::new("FieldValueTypeInvalid", path, format!("Invalid value: {value}: {why}")));
        }
    }
    if let Some(number) = value.as_f64() {
        if let Some(most) = bounds.maximum.filter(|most| number > *most) {
            causes.push(Cause::invalid(path, value, &format!("{path} in body should be less than or equal to {most}")));
        }
        if let Some(least) = bounds.minimum.filter(|least| number < *least) {
            causes.push(Cause::invalid(
                path,
                value,
                &format!("{path} in body should be greater than or equal to {least}"),
            ));
        }
    }
    if let (Some(items), Some(most)) = (value.as_array(), bounds.max_items)
        && items.len() as u64 > most
    {
        let unit = if most == 1 { "item" } else { "items" };
        let why = format!("Too many: {}: must have at most {most} {unit}", items.len());
        causes.push(Cause::new("FieldValueTooMany", path, why));
    }
}

fn duplicates(path: &str, value: &Value, schema: &Schema, causes: &mut Vec<Cause>) {
    match value {
        Value::Object(fields) => {
            // The definition says nothing of the metadata, nor does anybody mind a finalizer that is there twice.
            for (name, field) in fields.iter().filter(|(name, _)| !(path.is_empty() && *name == "metadata")) {
                if let Some(of) = schema.field(name) {
                    duplicates(&child(path, name), field, of, causes);
                }
            }
        }
        Value::Array(items) => {
            let name = |item: &Value| match &schema.list {
                ListType::Atomic => None,
                ListType::Set => Some(item.clone()),
                ListType::Map(keys) => Some(keys.iter().map(|key| (key.clone(), item[key].clone())).collect()),
            };
            for (index, item) in items.iter().enumerate() {
                let Some(own) = name(item) else { continue };
                let same = items[..index].iter().filter(|other| name(other).as_ref() == Some(&own)).count();
                if same == 1 {
                    let at = format!("{path}[{index}]");
                    causes.push(Cause::new("FieldValueDuplicate", &at, format!("Duplicate value: {own}")));
                }
            }
            for (index, item) in items.iter().enumerate() {
                if let Some(of) = &schema.items {
                    duplicates(&format!("{path}[{index}]"), item, of, causes);
                }
            }
        }
        _ => {}
    }
}

fn evaluate(path: &str, value: &Value, old: Option<&Value>, schema: &Schema, causes: &mut Vec<Cause>) {
    if value.is_null() {
        return;
    }
    // What does not change is not held against a user.
    let is_asked = |rule: &&Rule| if rule.is_transition { old.is_some() } else { old != Some(value) };
    let mut asked = schema.rules.iter().filter(is_asked).peekable();
    let about = asked.peek().is_some().then(|| About::new(value, old));
    for (rule, about) in asked.zip(about.iter().cycle()) {
        let at = if rule.field_path.is_empty() { path.to_owned() } else { format!("{path}{}", rule.field_path) };
        let at = at.trim_start_matches('.');
        match rule.holds(about) {
            Ok(true) => {}
            Ok(false) if value.is_object() || value.is_array() => {
                causes.push(Cause::new("FieldValueInvalid", at, format!("Invalid value: {}", rule.message)));
            }
            Ok(false) => causes.push(Cause::invalid(at, value, &rule.message)),
            Err(error) => causes.push(Cause::invalid(at, &Value::Null, &error)),
        }
    }
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter().filter(|(name, _)| !(path.is_empty() && *name == "metadata")) {
                if let Some(of) = schema.field(name) {
                    evaluate(&child(path, name), field, old.and_then(|old| old.get(name)), of, causes);
                }
            }
        }
        Value::Array(items) => {
            let Some(of) = &schema.items else { return };
            for (index, item) in items.iter().enumerate() {
                evaluate(&format!("{path}[{index}]"), item, before(schema, old, item), of, causes);
            }
        }
        _ => {}
    }
}
