//! A cluster that is restored from a backup: the resources come back with other uids, at their first generation, with their
//! status or without.

use apio_operator::api::{Group, OwnershipState, Reseller, Tenant};
use serde_json::{Value, json};

use crate::{
    fixtures::{acme, manifest},
    world::{HasStatus, Watchable, World, is, message},
};

const SET: [&str; 3] = ["reseller/best", "tenant/acme", "group/hq"];

fn set(word: &str) -> String {
    manifest("Reseller", "best", &format!("resellerName: Best, externalName: {word}"))
        + &acme(&format!("name: {word}, resellerRef: {{name: best}}"))
        + &manifest(
            "Group",
            "hq",
            &format!("tenantRef: {{name: acme}}, groupId: HQ, groupName: {word}, templateName: basic"),
        )
}

async fn every_one_is_looked_at(world: &World) {
    world.looked::<Reseller>("best").await;
    world.looked::<Tenant>("acme").await;
    world.looked::<Group>("hq").await;
}

/// A world whose set was changed once, and a value that somebody set by hand beside it; and its backup.
async fn with_backup() -> (World, Vec<Value>) {
    let world = World::new().await;
    world.platform.edit(|state| state.add_template("basic", json!({"cliName": "of the template"})));
    world.apply(&set("First"));
    world.group("hq").await;
    world.apply(&set("Second"));
    world.ready::<Reseller>("best").await;
    world.ready::<Tenant>("acme").await;
    world.group("hq").await;
    world.platform.edit(|state| {
        state.group_mut("Acme", "HQ").unwrap().attributes.insert("cliName".into(), json!("by hand"));
    });
    every_one_is_looked_at(&world).await;
    let listed: Value = serde_json::from_str(&world.kubectl(&["get", "apio", "-o", "json"])).unwrap();
    (world, listed["items"].as_array().unwrap().clone())
}

/// The cluster is lost: nobody deleted anything on the platform.
async fn lose(world: &World) {
    assert_eq!(world.operator.stop(), Some(0));
    for resource in SET {
        world.delete(resource);
        world.kubectl(&["patch", resource, "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
    }
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.kubectl(&["get", "apio", "-o", "name"]), "");
    world.platform.clear_journal();
}

/// As a backup tool does it: what the API server owns is left out, the status is written beside.
fn restore(world: &World, backup: &[Value], with_status: bool) {
    for item in backup {
        let mut object = item.clone();
        let status = object.as_object_mut().unwrap().remove("status").unwrap();
        let meta = object["metadata"].as_object_mut().unwrap();
        meta.retain(|key, _| ["name", "finalizers", "annotations"].contains(&key.as_str()));
        world.apply(&object.to_string());
        if with_status {
            let kind = object["kind"].as_str().unwrap().to_lowercase();
            let resource = format!("{kind}/{}", object["metadata"]["name"].as_str().unwrap());
            let patch = json!({"status": status}).to_string();
            world.kubectl(&["patch", &resource, "--subresource=status", "--type=merge", "-p", &patch]);
        }
    }
}

async fn assert_owned<K: Watchable + HasStatus>(world: &World, name: &str, state: OwnershipState) {
    let object: K = world.ready(name).await;
    assert!(is(&object.conditions(), "Synced", "True"));
    assert_eq!(object.conditions().ownership.unwrap().state, state, "{name}");
}

#[tokio::test]
async fn a_restored_cluster_writes_nothing_to_the_platform_with_status_or_without() {
    let (world, backup) = with_backup().await;
    assert!(backup.iter().all(|item| item["metadata"]["generation"] == 2));
    for (with_status, state) in [(true, OwnershipState::Created), (false, OwnershipState::Adopted)] {
        lose(&world).await;
        restore(&world, &backup, with_status);
        world.operator.start_again().unwrap();
        assert_owned::<Reseller>(&world, "best", state).await;
        assert_owned::<Tenant>(&world, "acme", state).await;
        assert_owned::<Group>(&world, "hq", state).await;
        every_one_is_looked_at(&world).await;
        assert_eq!(world.writes(), [""; 0], "with status: {with_status}: {}", world.story());
    }
    let name = world.platform.edit(|state| state.group("Acme", "HQ").unwrap().attributes["cliName"].clone());
    assert_eq!(name, "by hand");
}

#[tokio::test]
async fn what_changed_since_the_backup_is_told_and_not_undone_without_a_status() {
    let (world, backup) = with_backup().await;
    lose(&world).await;
    world.platform.edit(|state| {
        state.resellers.get_mut("Best").unwrap().insert("externalName".into(), json!("Since"));
        state.tenants.get_mut("Acme").unwrap().attributes.insert("name".into(), json!("Since"));
        state.group_mut("Acme", "HQ").unwrap().attributes.insert("groupName".into(), json!("Since"));
    });
    restore(&world, &backup, false);
    world.operator.start_again().unwrap();
    let reseller: Reseller = world.reason("best", "Ready", "NotOwned").await;
    let tenant: Tenant = world.reason("acme", "Ready", "NotOwned").await;
    let group: Group = world.reason("hq", "Ready", "NotOwned").await;
    for said in [message(&reseller, "Ready"), message(&tenant, "Ready"), message(&group, "Ready")] {
        assert!(said.contains(r#"is "Since" and should be "Second""#), "{said}");
    }
    assert_eq!(world.writes(), [""; 0]);
}
