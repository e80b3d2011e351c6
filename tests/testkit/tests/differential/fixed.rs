//! What is asked once: the other kinds, and a namespace that goes.

use serde_json::{Value, json};

use crate::script::{APPLY, Ask, JSON, MERGE, Maker, ask};

pub fn asks() -> Vec<Ask> {
    let ours = "/apis/apio.netaxis.be/v1alpha1/namespaces/fixed/groups";
    let events = "/apis/events.k8s.io/v1/namespaces/fixed/events";
    let secrets = "/api/v1/namespaces/fixed/secrets";
    let status = || json!({"apiVersion": "apio.netaxis.be/v1alpha1", "kind": "Group", "metadata": {"name": "a"}});
    let other = "11111111-2222-4333-8444-555555555555";
    let mut of_another = status();
    of_another["metadata"]["uid"] = json!(other);
    of_another["status"] = json!({"usage": "1/2"});
    let mut event = Maker::object(
        "events",
        "e",
        json!({
            "action": "Reconcile", "reason": "Created", "note": "It was.", "type": "Normal", "eventTime": "2026-01-01T00:00:00.000001Z",
            "reportingController": "apio-operator", "reportingInstance": "one", "metadata": {"name": "e", "namespace": "fixed"},
            "regarding": {"kind": "Group", "name": "a", "namespace": "fixed", "apiVersion": "apio.netaxis.be/v1alpha1"},
        }),
    );
    (event["apiVersion"], event["kind"]) = (json!("events.k8s.io/v1"), json!("Event"));
    let series = json!({"series": {"count": 2, "lastObservedTime": "2026-01-01T00:05:00.000001Z"}});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"password": "hidden"}});
    let group = |name: &str, finalizers: Value| {
        let metadata = json!({"name": name, "finalizers": finalizers});
        Maker::object("groups", name, json!({"metadata": metadata, "spec": {"groupName": "G", "tenantId": "t"}}))
    };
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fixed"}});
    let metadata_only = |ask: Ask| Ask { metadata_only: true, ..ask };
    vec![
        ask("POST", ours.to_owned(), JSON, group("a", json!([]))),
        ask("POST", "/api/v1/namespaces".to_owned(), JSON, namespace.clone()),
        ask("POST", "/api/v1/namespaces".to_owned(), JSON, namespace),
        ask("POST", ours.to_owned(), JSON, group("No_Good", json!([]))),
        ask("POST", ours.to_owned(), JSON, group("a", json!(["apio.netaxis.be/finalizer"]))),
        ask("PATCH", format!("{ours}/a/status?fieldManager=operator"), APPLY, of_another.clone()),
        ask("PATCH", format!("{ours}/b/status?fieldManager=operator"), APPLY, of_another),
        ask("POST", format!("{events}?fieldManager=operator"), JSON, event),
        ask("PATCH", format!("{events}/e?fieldManager=operator"), MERGE, series),
        ask("GET", format!("{events}/e"), JSON, json!(null)),
        ask("POST", format!("{secrets}?fieldManager=user"), JSON, secret),
        ask("PATCH", format!("{secrets}/key?fieldManager=user"), MERGE, json!({"stringData": {"password": "changed"}})),
        ask("GET", format!("{secrets}?fieldSelector=metadata.name%3Dkey"), JSON, json!(null)),
        metadata_only(ask("GET", format!("{secrets}/key"), JSON, json!(null))),
        ask("GET", "/apis/apio.netaxis.be/v1alpha1/namespaces/fixed/wonders".to_owned(), JSON, json!(null)),
        ask("DELETE", "/api/v1/namespaces/fixed".to_owned(), JSON, json!(null)),
        ask("POST", ours.to_owned(), JSON, group("late", json!([]))),
        ask(
            "PATCH",
            format!("{ours}/late?fieldManager=user"),
            APPLY,
            group("late", json!(["apio.netaxis.be/finalizer"])),
        ),
    ]
}
