//! Deletion: finalizers, preconditions, and namespaces that go.

use serde_json::{Value, json};

use super::kinds::Kind;
use super::request::Request;
use super::state::{Name, State, key};
use super::status::Refusal;

/// Deletes one object, or marks it.
pub(super) fn delete(state: &mut State, kind: &Kind, name: &Name, request: &Request) -> Result<(u16, Value), Refusal> {
    let Some(live) = state.get(kind, name).cloned() else { return Err(Refusal::not_found(kind, &name.1)) };
    let options = if request.body.is_empty() { json!({}) } else { request.object()? };
    for (field, word) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
        let (asked, real) = (&options["preconditions"][field], &live["metadata"][field]);
        if let (Some(asked), Some(real)) = (asked.as_str(), real.as_str())
            && asked != real
        {
            let what = if field == "uid" { "deleted and then recreated" } else { "modified" };
            let why = format!(
                "the {word} in the precondition ({asked}) does not match the {word} in record ({real}). The object might have been {what}"
            );
            return Err(Refusal::precondition(kind, &name.1, &why));
        }
    }
    if kind.plural == "namespaces" {
        return Ok((200, delete_namespace(state, kind, name, live)));
    }
    if has_finalizers(&live) {
        return Ok((200, mark(state, kind, name, live)));
    }
    let uid = live["metadata"]["uid"].clone();
    state.remove(kind, name);
    finish_namespace(state, &name.0);
    let mut details = json!({"name": name.1, "kind": kind.plural, "uid": uid});
    if !kind.group.is_empty() {
        details["group"] = json!(kind.group);
    }
    Ok((200, json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})))
}

fn has_finalizers(object: &Value) -> bool {
    object["metadata"]["finalizers"].as_array().is_some_and(|all| !all.is_empty())
}

/// The deletion has begun. A second one changes nothing.
fn mark(state: &mut State, kind: &Kind, name: &Name, mut live: Value) -> Value {
    if !live["metadata"]["deletionTimestamp"].is_null() {
        return live;
    }
    if let Some(generation) = live["metadata"]["generation"].as_i64().filter(|generation| *generation > 0) {
        live["metadata"]["generation"] = json!(generation + 1);
    }
    live["metadata"]["deletionTimestamp"] = json!(state.now());
    live["metadata"]["deletionGracePeriodSeconds"] = json!(0);
    state.put(kind, name, live)
}

fn delete_namespace(state: &mut State, kind: &Kind, name: &Name, mut live: Value) -> Value {
    if live["metadata"]["deletionTimestamp"].is_null() {
        live["metadata"]["deletionTimestamp"] = json!(state.now());
        live["status"]["phase"] = json!("Terminating");
        live = state.put(kind, name, live);
    }
    let kinds = state.kinds.clone();
    for kind in kinds.all.values().filter(|kind| kind.is_namespaced) {
        let inside = state.shelves.get(&key(kind)).map(|shelf| shelf.objects.clone()).unwrap_or_default();
        for (inner, object) in inside.into_iter().filter(|((namespace, _), _)| *namespace == name.1) {
            if has_finalizers(&object) {
                mark(state, kind, &inner, object);
            } else {
                state.remove(kind, &inner);
            }
        }
    }
    finish_namespace(state, &name.1);
    live
}

/// A namespace that is going is gone once it is empty.
pub(super) fn finish_namespace(state: &mut State, namespace: &str) {
    let kinds = state.kinds.clone();
    let Some(kind) = kinds.get("", "namespaces") else { return };
    let name = (String::new(), namespace.to_owned());
    let is_going = state.get(kind, &name).is_some_and(|object| object["status"]["phase"] == "Terminating");
    let is_empty = || state.shelves.values().all(|shelf| shelf.objects.keys().all(|(inside, _)| inside != namespace));
    if is_going && is_empty() {
        state.remove(kind, &name);
    }
}
