//! Lists, and objects as they are shown.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Value, json};

use super::kinds::Kind;
use super::request::Request;
use super::state::{Name, Shelf, State, key};
use super::status::Refusal;

/// An object, or its metadata only.
pub(super) fn shown(object: &Value, metadata_only: bool) -> Value {
    if !metadata_only || object["kind"] == "Status" {
        return object.clone();
    }
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// Whether a request for several objects means this one.
pub(super) fn is_meant(request: &Request, name: &Name) -> bool {
    (request.namespace.is_empty() || request.namespace == name.0)
        && request.selected_name().is_none_or(|selected| selected == name.1)
}

pub(super) fn get(state: &State, kind: &Kind, name: &Name) -> Result<(u16, Value), Refusal> {
    state.get(kind, name).map(|object| (200, object.clone())).ok_or_else(|| Refusal::not_found(kind, &name.1))
}

/// A page of the objects as they are now. A token names the version of the first page and the last name.
pub(super) fn list(state: &State, kind: &Kind, request: &Request) -> Result<(u16, Value), Refusal> {
    let Some(shelf) = state.shelves.get(&key(kind)) else { return Err(Refusal::not_found(kind, "")) };
    let after = request.query.get("continue").filter(|token| !token.is_empty());
    let (version, after) = match after {
        None => (state.version, None),
        Some(token) => {
            let token: Value =
                serde_json::from_str(token).map_err(|_| Refusal::bad_request("continue key is not valid"))?;
            let text = |at: usize| token[at].as_str().unwrap_or_default().to_owned();
            (token[0].as_u64().unwrap_or_default(), Some((text(1), text(2))))
        }
    };
    if version < shelf.compacted {
        return Err(Refusal::expired());
    }
    let objects = as_of(shelf, version);
    let meant = objects.iter().filter(|(name, _)| is_meant(request, name));
    let mut rest = meant.filter(|(name, _)| after.as_ref().is_none_or(|after| *name > after));
    let limit = request.number("limit").filter(|limit| *limit > 0).map_or(usize::MAX, |limit| limit as usize);
    let mut items = Vec::new();
    let mut last = None;
    for (name, object) in rest.by_ref().take(limit) {
        let mut item = shown(object, request.wants_metadata);
        if let Some(fields) = item.as_object_mut().filter(|_| !kind.is_custom && !request.wants_metadata) {
            fields.remove("kind");
            fields.remove("apiVersion");
        }
        items.push(item);
        last = Some(name);
    }
    let left = rest.count();
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if kind.is_custom && !request.wants_metadata {
        metadata["continue"] = json!("");
    }
    if let Some((namespace, name)) = last.filter(|_| left > 0) {
        metadata["continue"] = json!(json!([version, namespace, name]).to_string());
        if request.selected_name().is_none() {
            metadata["remainingItemCount"] = json!(left);
        }
    }
    let (api_version, name) = match request.wants_metadata {
        true => ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadataList".to_owned()),
        false => (kind.api_version(), format!("{}List", kind.name)),
    };
    // The real one has no list at all then.
    let items = if items.is_empty() && request.wants_metadata { Value::Null } else { Value::Array(items) };
    Ok((200, json!({"kind": name, "apiVersion": api_version, "metadata": metadata, "items": items})))
}

/// The objects as they were at a version: the pages of a list show one moment.
fn as_of(shelf: &Shelf, version: u64) -> Cow<'_, BTreeMap<Name, Value>> {
    if shelf.history.last().is_none_or(|change| change.version <= version) {
        return Cow::Borrowed(&shelf.objects);
    }
    let mut objects = shelf.objects.clone();
    let name = |object: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]))
    };
    let later: Vec<_> = shelf.history.iter().filter(|change| change.version > version).collect();
    for change in &later {
        objects.remove(&name(&change.object));
    }
    // What was there before is what the last change up to that version says.
    for change in shelf.history.iter().filter(|change| change.version <= version) {
        let of = name(&change.object);
        if later.iter().all(|later| name(&later.object) != of) {
            continue;
        }
        match change.event {
            "DELETED" => drop(objects.remove(&of)),
            _ => drop(objects.insert(of, change.object.clone())),
        }
    }
    Cow::Owned(objects)
}
