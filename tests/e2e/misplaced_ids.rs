//! Ids that lead out of their place, in resources that were stored before the definitions refused them, behind a proxy that
//! follows such an id.

use apio_operator::api::{Group, Reseller, Tenant};
use serde_json::{Value, json};
use testkit::{
    cluster::ControlPlane,
    simulator::{Fault, Simulator},
};

use crate::{
    fixtures::{acme, manifest},
    proxy::resolving,
    world::{DEFINITIONS, Watchable, Wish, World, is_held, message, own_plane},
};

const WALKS_UP: &str = "../../tenants/Globex/groups/HQ";

/// Takes the rules of the fields out of the definitions, as an earlier version had them.
pub fn without_rules_of_fields(plane: &ControlPlane) {
    for kind in ["groups", "tenants", "resellers"] {
        let name = format!("crd/{kind}.apio.netaxis.be");
        let crd: Value = serde_json::from_str(&plane.run(&["get", &name, "-o", "json"]).unwrap()).unwrap();
        let mut versions = crd["spec"]["versions"].clone();
        let fields = versions.pointer_mut("/0/schema/openAPIV3Schema/properties/spec/properties").unwrap();
        without_rules(fields);
        let patch = json!({"spec": {"versions": versions}}).to_string();
        plane.run(&["patch", &name, "--type=merge", "-p", &patch]).unwrap();
    }
}

fn without_rules(fields: &mut Value) {
    for (_, field) in fields.as_object_mut().unwrap() {
        field.as_object_mut().unwrap().remove("x-kubernetes-validations");
        field.get_mut("properties").into_iter().for_each(without_rules);
    }
}

/// Puts them back.
pub fn with_rules(plane: &ControlPlane) {
    plane.run(&["replace", "-f", DEFINITIONS]).unwrap();
}

/// Waits until the API server takes such a manifest.
pub async fn until_taken(world: &World, yaml: &str) {
    world.poll("the manifest is taken", || async { world.plane.apply_in(&world.namespace, yaml).is_ok() }).await;
}

/// Waits until the API server would refuse such a change of a group. (What was stored is no longer refused as it is.)
pub async fn until_refused(world: &World, group: &str, spec: Value) {
    let patch = json!({"spec": spec}).to_string();
    let place = ["-n", &world.namespace, "patch", "group", group, "--type=merge"];
    let command = [&place[..], &["--dry-run=server", "-p", &patch]].concat();
    world.poll("the change is refused", || async { world.plane.run(&command).is_err() }).await;
}

/// The record and the finalizer that an earlier version left.
async fn was_ours<K: Watchable>(world: &World, platform: &str, key: Value) {
    world.change::<K>("up", json!({"metadata": {"finalizers": ["apio.netaxis.be/platform"]}})).await;
    let record = json!({"platform": platform, "key": key, "state": "Adopted"});
    let patch = json!({"status": {"ownership": record}}).to_string();
    let kind = K::plural(&());
    world.kubectl(&["patch", &kind, "up", "--subresource=status", "--type=merge", "-p", &patch]);
}

#[tokio::test]
async fn an_id_that_walks_up_reaches_nothing_and_its_resource_says_so_and_can_still_be_let_go() {
    let platform = Simulator::start().await.unwrap();
    platform.edit(|state| {
        state.add_tenant("Acme");
        state.add_tenant("Globex");
        state.add_group("Globex", "HQ", json!({"groupName": "Globex HQ"}));
        state.add_user("Globex", "HQ", "a@globex.example", false);
    });
    let plane = own_plane().await;
    without_rules_of_fields(plane);
    let front = resolving(platform.url()).await;
    let limits = ["--tenants-by-namespace", r#"{"*": {"tenants": ["Acme"], "resellers": ["*"]}}"#];
    let wish = Wish {
        plane: Some(plane),
        platform: Some(platform),
        platform_url: Some(&front),
        arguments: &limits,
        ..Wish::default()
    };
    let world = World::with(wish).await;
    let reseller = manifest("Reseller", "up", &format!("resellerName: '{WALKS_UP}'"));
    let group = "tenantId: Acme, groupId: '../../Globex/groups/HQ', groupName: G, adoptionPolicy: Always";
    let group = manifest("Group", "up", group);
    until_taken(&world, &reseller).await;
    until_taken(&world, &group).await;
    for said in [
        message(&world.reason::<Reseller>("up", "Ready", "Invalid").await, "Ready"),
        message(&world.reason::<Group>("up", "Ready", "Invalid").await, "Ready"),
    ] {
        assert!(said.contains("could lead to another object: an id must neither begin"), "{said}");
    }

    with_rules(plane);
    until_refused(&world, "up", json!({"resellerId": WALKS_UP})).await;
    was_ours::<Reseller>(&world, &front, json!({"resellerName": WALKS_UP})).await;
    was_ours::<Group>(&world, &front, json!({"tenantId": "Acme", "groupId": "../../Globex/groups/HQ"})).await;
    // What was stored before the rule is labelled, looked at, and changed elsewhere as before.
    world.change::<Reseller>("up", json!({"spec": {"externalName": "x"}})).await;
    world.kubectl(&["label", "group", "up", "team=voice"]);
    world.looked::<Group>("up").await;
    world.kubectl(&["delete", "apio", "--all", "--wait=false"]);
    let reseller: Reseller = world.looked("up").await;
    let group: Group = world.looked("up").await;
    for said in [message(&reseller, "Ready"), message(&group, "Ready")] {
        assert!(
            said.contains("nothing is deleted by it; set the annotation apio.netaxis.be/deletion=Orphan"),
            "{said}"
        );
    }
    assert!(is_held(&reseller) && is_held(&group) && group.metadata.deletion_timestamp.is_some());
    world.kubectl(&["annotate", "apio", "--all", "apio.netaxis.be/deletion=Orphan"]);
    world.until_gone::<Reseller>("up").await;
    world.until_gone::<Group>("up").await;
    assert_eq!(world.writes(), [""; 0], "{}", world.story());
    let reached = world.platform.journal().into_iter().any(|call| call.path.contains("Globex"));
    assert!(!reached, "{}", world.story());
}

#[tokio::test]
async fn an_answer_of_another_object_is_neither_taken_over_nor_an_absence() {
    let world = World::new().await;
    world.platform.edit(|state| {
        state.add_tenant("Acme");
        state.add_reseller("Best");
    });
    let answers = [
        ("/tenants/Acme/", json!({"tenantId": "Globex", "type": "Enterprise"})),
        ("/local/resellers/Best/", json!({"name": "Other"})),
    ];
    for (path, answer) in answers {
        world.platform.inject(Fault::answer(answer).on("GET", path).forever());
    }
    world.apply(
        &(acme("adoptionPolicy: Always") + &manifest("Reseller", "best", "resellerName: Best, adoptionPolicy: Always")),
    );
    let tenant: Tenant = world.reason("acme", "Ready", "PlatformUnreachable").await;
    let said = message(&tenant, "Ready");
    assert!(said.contains("GET /tenants/Acme/ was answered with another object, of tenantId \"Globex\""), "{said}");
    let reseller: Reseller = world.reason("best", "Ready", "PlatformUnreachable").await;
    assert!(message(&reseller, "Ready").contains("of name \"Other\""), "{}", message(&reseller, "Ready"));
    assert_eq!(world.writes(), [""; 0]);
    world.platform.clear_faults();
    world.nudge::<Tenant>("acme").await;
    world.ready::<Tenant>("acme").await;
}
