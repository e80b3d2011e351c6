//! Objects as they are in the cluster, without our types: what others see of them.

use std::time::Duration;

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
    core::GroupVersionKind,
    runtime::wait::await_condition,
};
use serde_json::{Value, json};

/// Objects of a kind in a namespace.
pub fn api(client: &Client, api_version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    Api::namespaced_with(client.clone(), namespace, &kind)
}

/// Waits until an object is as wanted and gives it; `None` in time.
pub async fn until(
    api: &Api<DynamicObject>,
    name: &str,
    limit: Duration,
    wanted: impl Fn(&Value) -> bool + Send + Sync,
) -> Option<Value> {
    let wanted = |object: Option<&DynamicObject>| object.is_some_and(|object| wanted(&whole(object)));
    let waited = tokio::time::timeout(limit, await_condition(api.clone(), name, wanted)).await;
    waited.ok().map(|found| whole(&found.unwrap().unwrap()))
}

pub fn whole(object: &DynamicObject) -> Value {
    serde_json::to_value(object).unwrap()
}

/// A condition of an object; null if there is none.
pub fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    conditions.and_then(|all| all.iter().find(|one| one["type"] == kind)).unwrap_or(&Value::Null)
}

/// The object without what differs from run to run; `names` are replaced wherever they occur.
pub fn lasting(object: &Value, names: &[(&str, &str)]) -> Value {
    let text = names.iter().fold(object.to_string(), |text, (from, to)| text.replace(from, to));
    let mut object: Value = serde_json::from_str(&text).unwrap();
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.remove("managedFields");
    metadata.insert("resourceVersion".into(), json!("1"));
    metadata.insert("uid".into(), json!("00000000-0000-0000-0000-000000000000"));
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    same_times(&mut object);
    object
}

fn same_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match key.as_str() {
                    "creationTimestamp" | "deletionTimestamp" | "lastTransitionTime" => {
                        *field = json!("2026-01-01T00:00:00Z");
                    }
                    "apio.netaxis.be/requested-at" | "lastHandledRequestedAt" => *field = json!("now"),
                    _ => same_times(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(same_times),
        _ => {}
    }
}
