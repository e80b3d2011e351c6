//! Definitions that are newer than the operator, as after it was rolled back.

use apio_operator::api::{Group, Tenant};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    fixtures::{acme, manifest},
    world::{Wish, World, has, is, is_held, message, own_plane},
};

/// A newer definition of the groups: one more drift policy, a usage of another type, and one more
/// field in the status.
const NEWER: &str = r#"[
  {"op": "add", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/driftPolicy/enum/-", "value": "Approve"},
  {"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/usage",
   "value": {"x-kubernetes-int-or-string": true}},
  {"op": "add", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/approval",
   "value": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}
]"#;

fn site(name: &str, more: &str) -> String {
    manifest("Group", name, &format!("tenantRef: {{name: acme}}, groupName: {name}, {more}"))
}

/// The groups as they are, whatever this version can read of them.
fn raw(world: &World) -> Api<DynamicObject> {
    let groups = ApiResource::erase::<Group>(&());
    Api::namespaced_with(world.client.clone(), &world.namespace, &groups)
}

async fn until(world: &World, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let groups = raw(world);
    let now = || async { groups.get(name).await.unwrap().data };
    world.poll(&format!("{name}: {what}"), || async { wanted(&now().await) }).await;
    now().await
}

fn condition<'a>(status: &'a Value, kind: &str) -> &'a Value {
    let found = status["conditions"].as_array().into_iter().flatten().find(|one| one["type"] == kind);
    found.unwrap_or(&Value::Null)
}

#[tokio::test]
async fn one_resource_that_cannot_be_read() {
    let plane = own_plane().await;
    let world = World::with(Wish { plane: Some(plane), everywhere: true, ..Wish::default() }).await;
    world.apply(&(acme("") + &site("before", "") + &site("ours", "")));
    world.group("before").await;
    world.group("ours").await;
    plane.run(&["patch", "crd", "groups.apio.netaxis.be", "--type=json", "-p", NEWER]).unwrap();

    // One that is new, one that is on the platform.
    world
        .poll("the newer definition", || async {
            world.plane.apply_in(&world.namespace, &site("newer", "driftPolicy: Approve")).is_ok()
        })
        .await;
    world.apply(&site("ours", "driftPolicy: Approve, userLimit: 7"));
    for name in ["newer", "ours"] {
        let now = until(&world, name, "says that it cannot be read", |now| {
            condition(&now["status"], "Ready")["reason"] == "Unreadable"
        })
        .await;
        let said = condition(&now["status"], "Stalled")["message"].as_str().unwrap().to_owned();
        assert!(said.contains(r#"spec.driftPolicy is "Approve""#) && said.contains("`Correct` or `Report`"), "{said}");
        assert!(said.contains("; upgrade the operator"), "{said}");
        world.told(name, "Unreadable").await;
    }
    let writes = world.writes().len();

    // The rest goes on, after a restart too.
    world.operator.stop();
    world.operator.start_again().unwrap();
    world.apply(&site("after", ""));
    world.group("after").await;
    assert_eq!(world.page("/readyz").await.unwrap().0, 200);
    assert_eq!(world.metric("apio_operator_unreadable_resources{kind=\"Group\"}").await, 2);
    assert_eq!(world.metric("apio_operator_watch_failures_total").await, 0);
    assert_eq!(world.writes().len(), writes + 1, "{:?}", world.writes());

    // What it holds keeps its tenant, and it is not deleted before it can be read.
    world.delete("group/ours");
    let now =
        until(&world, "ours", "waits", |now| condition(&now["status"], "DeletionBlocked")["reason"] == "Unreadable")
            .await;
    assert_eq!(now["status"]["ownership"]["state"], "Created");
    world.delete("group/before");
    world.delete("group/after");
    world.until_gone::<Group>("before").await;
    world.until_gone::<Group>("after").await;
    world.delete("tenant/acme");
    let tenant: Tenant = world.reason("acme", "DeletionBlocked", "TenantInUse").await;
    assert!(message(&tenant, "DeletionBlocked").contains("ours"), "{}", message(&tenant, "DeletionBlocked"));
    assert!(world.platform.edit(|state| state.group("Acme", "ours").is_some()));
    raw(&world)
        .patch("ours", &PatchParams::default(), &Patch::Merge(json!({"spec": {"driftPolicy": "Correct"}})))
        .await
        .unwrap();
    world.until_gone::<Group>("ours").await;
    assert!(world.platform.edit(|state| state.group("Acme", "ours").is_none()));
    world.until_gone::<Tenant>("acme").await;
}

#[tokio::test]
async fn a_status_of_a_newer_operator_loses_nothing() {
    let plane = own_plane().await;
    let world = World::with(Wish { plane: Some(plane), everywhere: true, ..Wish::default() }).await;
    world.apply(&(acme("") + &site("ours", "")));
    let before = world.group("ours").await;
    assert!(is_held(&before));
    plane.run(&["patch", "crd", "groups.apio.netaxis.be", "--type=json", "-p", NEWER]).unwrap();
    let mine = before.status.unwrap();
    // As the newer operator applies it, under the same name.
    let mut status = json!(mine);
    status["usage"] = json!(7);
    status["approval"] = json!({"by": "jo"});
    let patch = json!({"apiVersion": "apio.netaxis.be/v1alpha1", "kind": "Group", "metadata": {"name": "ours"}, "status": status});
    let groups = raw(&world);
    let manager = world.kubectl(&[
        "get",
        "group",
        "ours",
        "-o",
        "jsonpath={.metadata.managedFields[?(@.subresource==\"status\")].manager}",
        "--show-managed-fields",
    ]);
    let as_operator = PatchParams::apply(&manager).force();
    world
        .poll("the newer definition", || async {
            let written = groups.patch_status("ours", &as_operator, &Patch::Apply(&patch)).await;
            written.is_ok_and(|written| written.data["status"]["approval"]["by"] == "jo")
        })
        .await;
    let now =
        until(&world, "ours", "says so", |now| condition(&now["status"], "Ready")["reason"] == "Unreadable").await;
    assert_eq!(now["status"]["usage"], 7);
    assert_eq!(now["status"]["approval"], json!({"by": "jo"}));
    assert_eq!(now["status"]["ownership"], status["ownership"]);
    assert_eq!(now["status"]["observed"], status["observed"]);
    // Once it can be read again the operator goes on, and writes nothing to the platform.
    let writes = world.writes();
    groups
        .patch_status("ours", &PatchParams::default(), &Patch::Merge(json!({"status": {"usage": null}})))
        .await
        .unwrap();
    let after = world.group("ours").await;
    assert!(!has(&after, "Stalled") && is(after.status.as_ref().unwrap(), "Synced", "True"));
    assert_eq!(world.writes(), writes);
}
