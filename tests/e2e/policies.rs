//! `managementPolicy`, `driftPolicy`, and the pause.

use apio_operator::api::Group;
use serde_json::json;

use crate::{
    fixtures::hq,
    world::{World, has, is, is_held, message},
};

const HQ: &str = "/tenants/Acme/groups/HQ/";
const OBSERVE: &str = "managementPolicy: Observe";

async fn with_acme() -> World {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world
}

fn edited(world: &World) {
    world.platform.edit(|state| {
        state.group_mut("Acme", "HQ").unwrap().attributes.insert("groupName".into(), json!("Edited"));
    });
}

#[tokio::test]
async fn observe_reads_tells_the_differences_and_neither_writes_nor_holds() {
    let world = with_acme().await;
    world.platform.edit(|state| state.add_group("Acme", "HQ", json!({"groupName": "Theirs", "userLimit": 7})));
    world.apply(&hq(OBSERVE));
    let group = world.group("hq").await;
    assert!(!is_held(&group));
    assert!(message(&group, "Synced").contains(r#"groupName is "Theirs""#), "{}", message(&group, "Synced"));
    let status = group.status.unwrap();
    assert!(is(&status, "Synced", "False") && status.ownership.is_none());
    assert_eq!(status.usage.as_deref(), Some("0/7"));
    assert_eq!(status.drift[0].path, "groupName");
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn observe_creates_nothing_and_waits_for_what_is_not_there() {
    let world = with_acme().await;
    world.apply(&hq(OBSERVE));
    let group: Group = world.reason("hq", "Ready", "NotFound").await;
    assert!(has(&group, "Reconciling"));
    world.platform.edit(|state| state.add_group("Acme", "HQ", json!({"groupName": "Head office"})));
    let group: Group = world.looked("hq").await;
    assert!(is(&group.status.unwrap(), "Ready", "True"));
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn with_report_a_difference_is_told_and_written_over_only_by_a_change_of_the_spec() {
    let world = with_acme().await;
    world.apply(&hq("driftPolicy: Report"));
    world.group("hq").await;
    edited(&world);
    let group: Group = world.looked("hq").await;
    let status = group.status.clone().unwrap();
    assert!(is(&status, "Ready", "True") && is(&status, "Synced", "False"));
    let drift = &status.drift[0];
    assert_eq!((&*drift.path, &*drift.desired, &*drift.observed), ("groupName", r#""Head office""#, r#""Edited""#));
    world.told("hq", "Drifted").await;
    assert_eq!(world.writes().len(), 1);
    world.apply(&hq("driftPolicy: Report, userLimit: 30"));
    world.until("hq", "synced", |group: &Group| is(group.status.as_ref().unwrap(), "Synced", "True")).await;
    assert_eq!(world.bodies("PUT", HQ), [json!({"groupName": "Head office", "userLimit": 30})]);
}

#[tokio::test]
async fn with_report_a_group_that_was_removed_is_not_created_again() {
    let world = with_acme().await;
    world.apply(&hq("driftPolicy: Report"));
    world.group("hq").await;
    world.platform.edit(|state| state.tenants.get_mut("Acme").unwrap().groups.clear());
    let group: Group = world.looked("hq").await;
    assert!(message(&group, "Ready").contains("removed on the platform"), "{}", message(&group, "Ready"));
    assert!(group.status.unwrap().observed.is_none());
    assert_eq!(world.writes().len(), 1);
}

#[tokio::test]
async fn a_paused_resource_writes_nothing_and_catches_up_when_it_goes_on() {
    let world = with_acme().await;
    world.apply(&hq(""));
    world.group("hq").await;
    world.kubectl(&["annotate", "group/hq", "apio.netaxis.be/paused=true"]);
    world.reason::<Group>("hq", "Ready", "Paused").await;
    world.platform.clear_journal();
    edited(&world);
    world.apply(&hq("userLimit: 30"));
    let group: Group = world.looked("hq").await;
    let status = group.status.unwrap();
    assert!(is(&status, "Ready", "Unknown"));
    assert_eq!(world.platform.journal().len(), 0, "a paused resource asks nothing either");
    world.kubectl(&["annotate", "group/hq", "apio.netaxis.be/paused-"]);
    world.group("hq").await;
    assert_eq!(world.bodies("PUT", HQ), [json!({"groupName": "Head office", "userLimit": 30})]);
}
