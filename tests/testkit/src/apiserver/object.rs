//! Objects as the API server completes them.

use serde_json::{Map, Value, json};

use super::kinds::Kind;
use super::status::Cause;

/// JSON patch as the API server's library has it: to replace what an object lacks is to add it.
pub(super) fn apply_operations(object: &mut Value, patch: json_patch::Patch) -> Result<(), json_patch::PatchError> {
    use json_patch::{AddOperation, PatchOperation};
    for operation in patch.0 {
        let operation = match operation {
            PatchOperation::Replace(replace) if object.pointer(replace.path.as_str()).is_none() => {
                PatchOperation::Add(AddOperation { path: replace.path, value: replace.value })
            }
            other => other,
        };
        json_patch::patch(object, &[operation])?;
    }
    Ok(())
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn set(object: &mut Value, field: &str, value: Option<Value>) {
    match (object.as_object_mut(), value) {
        (Some(fields), Some(value)) => drop(fields.insert(field.to_owned(), value)),
        (Some(fields), None) => drop(fields.remove(field)),
        _ => {}
    }
}

pub(super) fn metadata(object: &mut Value) -> &mut Map<String, Value> {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    match &mut object["metadata"] {
        Value::Object(fields) => fields,
        _ => unreachable!("it was made an object above"),
    }
}

/// What the API server takes an object for that is not there yet.
pub(super) fn empty(kind: &Kind) -> Value {
    match kind.plural.as_str() {
        "leases" => json!({"metadata": {}, "spec": {}}),
        "namespaces" => json!({"metadata": {}, "spec": {}, "status": {}}),
        "events" => json!({
            "metadata": {}, "eventTime": null, "regarding": {}, "deprecatedSource": {},
            "deprecatedFirstTimestamp": null, "deprecatedLastTimestamp": null,
        }),
        _ => json!({}),
    }
}

/// What the decoder of the API server's own kinds adds.
pub(super) fn default(kind: &Kind, object: &mut Value) {
    match kind.plural.as_str() {
        "namespaces" => {
            let name = object["metadata"]["name"].clone();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
        }
        "secrets" => complete_secret(object),
        _ => {}
    }
}

/// What the API server itself writes into an object of its own kinds.
pub(super) fn complete(kind: &Kind, object: &mut Value) {
    match kind.plural.as_str() {
        "namespaces" => {
            if object["spec"]["finalizers"].is_null() {
                object["spec"]["finalizers"] = json!(["kubernetes"]);
            }
            if object["status"]["phase"].is_null() {
                object["status"]["phase"] = json!("Active");
            }
        }
        "leases" if object["spec"].is_null() => object["spec"] = json!({}),
        "events" => {
            object["deprecatedSource"] = object.get("deprecatedSource").cloned().unwrap_or_else(|| json!({}));
            for field in ["deprecatedFirstTimestamp", "deprecatedLastTimestamp"] {
                object[field] = object[field].clone();
            }
        }
        _ => {}
    }
    drop_empty(kind, object);
}

/// What is empty is left out where the API server has a type of its own.
pub(super) fn drop_empty(kind: &Kind, object: &mut Value) {
    let is_empty = |value: Option<&Value>| match value {
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Null) => true,
        _ => false,
    };
    for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
        if is_empty(object["metadata"].get(field)) {
            metadata(object).remove(field);
        }
    }
    for field in ["data", "binaryData"] {
        if !kind.is_custom && is_empty(object.get(field)) {
            set(object, field, None);
        }
    }
}

fn complete_secret(object: &mut Value) {
    if object["type"].is_null() {
        object["type"] = json!("Opaque");
    }
    let plain = object.as_object_mut().and_then(|fields| fields.remove("stringData"));
    for (name, value) in plain.as_ref().and_then(Value::as_object).into_iter().flatten() {
        use base64::{Engine, prelude::BASE64_STANDARD};
        object["data"][name] = json!(BASE64_STANDARD.encode(text(value)));
    }
}

/// If nothing changed but the times of managed fields, they are what they were.
pub(super) fn with_old_times(live: &Value, mut object: Value) -> Value {
    let timeless = |object: &Value| {
        let mut timeless = object.clone();
        for entry in timeless["metadata"]["managedFields"].as_array_mut().into_iter().flatten() {
            set(entry, "time", None);
        }
        timeless
    };
    if live["metadata"].get("managedFields").is_some() && timeless(live) == timeless(&object) {
        object["metadata"]["managedFields"] = live["metadata"]["managedFields"].clone();
    }
    object
}

/// Whether an object may be called so.
pub(super) fn names(object: &Value) -> Vec<Cause> {
    let name = &object["metadata"]["name"];
    let Some(text) = name.as_str().filter(|name| !name.is_empty()) else {
        let why = "Required value: name or generateName is required";
        return vec![Cause::new("FieldValueRequired", "metadata.name", why)];
    };
    let is_plain = |part: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty() && part.bytes().all(inner) && !part.starts_with('-') && !part.ends_with('-')
    };
    if text.len() <= 253 && text.split('.').all(is_plain) {
        return Vec::new();
    }
    let why = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end \
               with an alphanumeric character (e.g. 'example.com', regex used for validation is \
               '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    vec![Cause::invalid("metadata.name", name, why)]
}
