//! `managementPolicy`, `driftPolicy`, and the pause.

use apio_operator::api::{Group, REQUESTED_AT, Reseller, Tenant};
use serde_json::json;

use crate::{
    fixtures::{acme, hq, manifest},
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
async fn a_tenant_and_a_reseller_can_be_observed_without_saying_what_they_should_be() {
    let world = with_acme().await;
    world.platform.edit(|state| state.add_reseller("Best"));
    let resellers = manifest("Reseller", "best", &format!("resellerName: Best, externalName: Other, {OBSERVE}"));
    world.apply(&(manifest("Tenant", "acme", &format!("tenantId: Acme, {OBSERVE}")) + &resellers));
    let tenant: Tenant = world.ready("acme").await;
    assert!(!is_held(&tenant));
    let status = tenant.status.unwrap();
    assert_eq!((&status.observed.unwrap().values()["name"], status.ownership), (&json!("Acme"), None));
    let reseller: Reseller = world.ready("best").await;
    assert!(!is_held(&reseller));
    assert_eq!(reseller.status.unwrap().drift[0].path, "externalName");
    world.kubectl(&["delete", "apio", "--all", "--wait=false"]);
    world.until_gone::<Tenant>("acme").await;
    world.until_gone::<Reseller>("best").await;
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn a_group_that_is_handed_over_to_observe_and_back_is_neither_written_nor_deleted_meanwhile() {
    let world = with_acme().await;
    world.apply(&hq(""));
    world.group("hq").await;
    world.apply(&hq(OBSERVE));
    world.group("hq").await;
    edited(&world);
    let group: Group = world.looked("hq").await;
    assert!(is(group.status.as_ref().unwrap(), "Synced", "False"));
    assert_eq!(world.writes().len(), 1);
    world.apply(&hq("managementPolicy: Manage"));
    world.until("hq", "corrected", |group: &Group| is(group.status.as_ref().unwrap(), "Synced", "True")).await;
    assert_eq!(world.bodies("PUT", HQ), [json!({"groupName": "Head office"})]);
    world.apply(&hq(OBSERVE));
    world.group("hq").await;
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.writes().len(), 2);
    assert!(world.platform.edit(|state| state.group("Acme", "HQ").is_some()));
}

#[tokio::test]
async fn a_request_to_look_is_one_look_and_echoed_only_when_it_was_served() {
    let world = with_acme().await;
    world.apply(&hq(""));
    world.group("hq").await;
    let ask = |token: &str| world.kubectl(&["annotate", "--overwrite", "group/hq", &format!("{REQUESTED_AT}={token}")]);
    let handled = |group: &Group| group.status.as_ref().unwrap().last_handled_requested_at.clone();
    world.platform.stop().await;
    ask("first");
    let failed = r#"apio_operator_reconciles_total{kind="Group",result="failed"}"#;
    world.poll("a failed look", || async { world.metric(failed).await > 0 }).await;
    assert_eq!(handled(&world.api::<Group>().get("hq").await.unwrap()), None);
    world.platform.resume().await.unwrap();
    world.until("hq", "served", |group| handled(group).as_deref() == Some("first")).await;
    world.platform.clear_journal();
    // The same again asks for nothing, whatever else is written on the resource.
    ask("first");
    world.kubectl(&["label", "group/hq", "colour=blue"]);
    ask("second");
    world.until("hq", "served", |group| handled(group).as_deref() == Some("second")).await;
    world.looked::<Group>("hq").await;
    let calls: Vec<_> = world.platform.journal().iter().map(|call| format!("{} {}", call.method, call.path)).collect();
    assert_eq!(calls, [format!("GET {HQ}"), format!("GET {HQ}")]);
}

#[tokio::test]
async fn what_is_blocked_is_orphaned_by_policy_or_annotation_with_the_platform_down() {
    let world = World::new().await;
    let group = manifest("Group", "hq", "tenantRef: {name: acme}, groupId: HQ, groupName: Head office");
    world.apply(&(acme("resellerRef: {name: best}") + &manifest("Reseller", "best", "resellerName: Best") + &group));
    world.group("hq").await;
    world.platform.edit(|state| state.add_user("Acme", "HQ", "a@acme.example", false));
    world.kubectl(&["delete", "apio", "--all", "--wait=false"]);
    world.reason::<Group>("hq", "DeletionBlocked", "GroupNotEmpty").await;
    world.reason::<Tenant>("acme", "DeletionBlocked", "TenantInUse").await;
    world.reason::<Reseller>("best", "DeletionBlocked", "ResellerInUse").await;
    world.platform.stop().await;
    let by_policy = json!({"spec": {"deletionPolicy": "Orphan"}});
    world.change::<Tenant>("acme", by_policy.clone()).await;
    world.until_gone::<Tenant>("acme").await;
    world.kubectl(&["annotate", "reseller/best", "apio.netaxis.be/deletion=Orphan"]);
    world.until_gone::<Reseller>("best").await;
    world.change::<Group>("hq", by_policy).await;
    world.until_gone::<Group>("hq").await;
    world.platform.resume().await.unwrap();
    assert!(world.platform.edit(|state| state.group("Acme", "HQ").is_some() && state.resellers.contains_key("Best")));
    assert!(world.writes().iter().all(|write| write.starts_with("POST")), "{:?}", world.writes());
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
