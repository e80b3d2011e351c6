//! Whose object it is.

use apio_operator::api::{Group, OwnershipState};
use kube::{
    ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;
use testkit::simulator::{Account, Fault, Simulator};

use crate::{
    fixtures::{credentials, hq, manifest},
    world::{SOON, Wish, World, has, is_held, message, own_plane},
};

const GROUPS: &str = "/tenants/Acme/groups/";
const HQ: &str = "/tenants/Acme/groups/HQ/";

async fn with_group_of_others(attributes: serde_json::Value) -> World {
    let world = World::new().await;
    world.platform.edit(|state| {
        state.add_tenant("Acme");
        state.add_group("Acme", "HQ", attributes);
    });
    world
}

#[tokio::test]
async fn an_identical_object_that_is_there_is_adopted_without_a_write() {
    let world = with_group_of_others(json!({"groupName": "Head office", "cliName": "kept"})).await;
    world.apply(&hq("userLimit: 25"));
    let group = world.group("hq").await;
    assert_eq!(group.status.as_ref().unwrap().ownership.as_ref().unwrap().state, OwnershipState::Adopted);
    assert!(is_held(&group));
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn an_object_that_differs_is_not_taken_over_until_the_policy_says_so() {
    let world = with_group_of_others(json!({"groupName": "Theirs"})).await;
    world.apply(&hq(""));
    let group: Group = world.reason("hq", "Ready", "NotOwned").await;
    assert!(has(&group, "Stalled") && !is_held(&group));
    let said = message(&group, "Ready");
    assert!(said.contains(r#"groupName is "Theirs" and should be "Head office""#) && said.contains("adoptionPolicy"));
    assert_eq!(world.writes(), [""; 0]);
    world.apply(&hq("adoptionPolicy: Always"));
    let group = world.group("hq").await;
    assert_eq!(group.status.unwrap().ownership.unwrap().state, OwnershipState::Adopted);
    assert_eq!(world.bodies("PUT", HQ), [json!({"groupName": "Head office"})]);
    assert_eq!(world.writes().len(), 1);
}

#[tokio::test]
async fn with_the_policy_never_even_an_identical_object_is_refused() {
    let world = with_group_of_others(json!({"groupName": "Head office"})).await;
    world.apply(&hq("adoptionPolicy: Never"));
    let group: Group = world.reason("hq", "Ready", "NotOwned").await;
    assert!(!is_held(&group));
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn deleting_a_resource_that_does_not_own_its_object_deletes_nothing() {
    let world = with_group_of_others(json!({"groupName": "Theirs"})).await;
    world.apply(&hq(""));
    world.reason::<Group>("hq", "Ready", "NotOwned").await;
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.writes(), [""; 0]);
    assert!(world.platform.edit(|state| state.group("Acme", "HQ").is_some()));
}

#[tokio::test]
async fn of_two_resources_for_one_object_the_owner_has_it_and_the_other_is_told() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq(""));
    world.group("hq").await;
    world.apply(&manifest("Group", "other", "tenantId: Acme, groupId: HQ, groupName: Mine, adoptionPolicy: Always"));
    let other: Group = world.reason("other", "Ready", "NotOwned").await;
    assert!(message(&other, "Ready").contains("/hq"), "{}", message(&other, "Ready"));
    world.delete("group/other");
    world.until_gone::<Group>("other").await;
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
}

/// A second resource for the group, as a rename in Git brings it.
fn renamed(more: &str) -> String {
    manifest("Group", "renamed", &format!("tenantId: Acme, groupId: HQ, {more}"))
}

#[tokio::test]
async fn a_rename_hands_the_object_over_without_deleting_it_and_both_are_told() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq(""));
    world.group("hq").await;
    world.apply(&renamed("groupName: Head office"));
    world.reason::<Group>("renamed", "Ready", "NotOwned").await;
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    let renamed = world.group("renamed").await;
    assert_eq!(renamed.status.unwrap().ownership.unwrap().state, OwnershipState::Adopted);
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
    world.told("hq", "HandedOver").await;
    world.told("renamed", "Adopted").await;
}

#[tokio::test]
async fn a_rename_with_other_values_keeps_the_object_and_its_owner_until_it_may_be_taken_over() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq(""));
    world.group("hq").await;
    world.apply(&renamed("groupName: Main office"));
    world.reason::<Group>("renamed", "Ready", "NotOwned").await;
    world.delete("group/hq");
    let refused =
        |group: &Group| message(group, "Ready").contains("groupName is \"Head office\" and should be \"Main office\"");
    world.until("renamed", "refused for what differs", refused).await;
    let told = |group: &Group| message(group, "Ready").contains("/renamed stands for group HQ of tenant Acme too");
    world.until("hq", "waits for the other", told).await;
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
    world.apply(&renamed("groupName: Main office, adoptionPolicy: Always"));
    world.until_gone::<Group>("hq").await;
    world.group("renamed").await;
    assert_eq!(world.writes()[1..], ["PUT /tenants/Acme/groups/HQ/"]);
}

#[tokio::test]
async fn of_two_resources_that_are_both_deleted_the_last_one_deletes_the_object() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq(""));
    world.group("hq").await;
    world.apply(&renamed("groupName: Main office"));
    world.reason::<Group>("renamed", "Ready", "NotOwned").await;
    world.delete("group/hq");
    let told = |group: &Group| message(group, "Ready").contains("/renamed stands for group HQ of tenant Acme too");
    world.until("hq", "waits for the other", told).await;
    world.delete("group/renamed");
    world.until_gone::<Group>("renamed").await;
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.writes()[1..], ["DELETE /tenants/Acme/groups/HQ/"]);
}

#[tokio::test]
async fn an_operator_that_dies_after_the_creation_does_not_create_again() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    // The operator never learns that its POST was carried out.
    world.platform.inject(Fault::drop_after().on("POST", GROUPS));
    world.apply(&hq(""));
    world.platform.wait_for("the group", SOON, |_, state| state.group("Acme", "HQ").is_some()).await;
    world.operator.kill();
    let group: Group = world.api::<Group>().get("hq").await.unwrap();
    assert!(is_held(&group));
    assert_eq!(group.status.unwrap().ownership.unwrap().state, OwnershipState::Pending);
    world.operator.start_again().unwrap();
    let group = world.group("hq").await;
    assert_eq!(group.status.unwrap().ownership.unwrap().state, OwnershipState::Created);
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
}

#[tokio::test]
async fn an_operator_that_starts_again_changes_nothing() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq("contactInformation: {name: Jo}"));
    world.group("hq").await;
    let before: Group = world.looked("hq").await;
    assert_eq!(world.operator.stop(), Some(0), "SIGTERM is a success");
    world.platform.clear_journal();
    world.operator.start_again().unwrap();
    world.poll("a look", || async { world.platform.journal().iter().any(|call| call.path == HQ) }).await;
    world.poll("the pass ended", || async { world.metric("apio_operator_reconciles_total").await > 0 }).await;
    let after: Group = world.api::<Group>().get("hq").await.unwrap();
    assert_eq!(after.resource_version(), before.resource_version());
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn a_status_that_was_lost_with_a_backup_causes_no_write() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq(""));
    world.group("hq").await;
    world.operator.kill();
    let gone = Patch::Merge(json!({"status": null}));
    world.api::<Group>().patch_status("hq", &PatchParams::default(), &gone).await.unwrap();
    world.operator.start_again().unwrap();
    let group = world.group("hq").await;
    assert_eq!(group.status.unwrap().ownership.unwrap().state, OwnershipState::Adopted);
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
}

#[tokio::test]
async fn what_the_account_may_not_see_is_neither_created_twice_nor_owned() {
    let world = with_group_of_others(json!({"resellerId": "Other"})).await;
    world.platform.edit(|state| {
        state.add_reseller("Best");
        state.add_account("best", Account::restricted_to("pw", "Best"));
    });
    world.apply(&credentials("best", "pw"));
    world.has_credentials(2).await;
    world.apply(&hq(""));
    let group: Group = world.reason("hq", "Ready", "NotVisible").await;
    assert!(has(&group, "Stalled"));
    assert!(message(&group, "Ready").contains("does not show it to this account"), "{}", message(&group, "Ready"));
    assert!(group.status.unwrap().ownership.is_none());
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.writes().len(), 1);
}

#[tokio::test]
async fn an_operator_that_is_pointed_at_another_platform_acts_on_nothing() {
    let mut world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq(""));
    world.group("hq").await;
    let other = Simulator::start().await.unwrap();
    other.edit(|state| state.add_tenant("Acme"));
    world.replace_operator(&other.url(), &[]);
    let group: Group = world.reason("hq", "Ready", "PlatformChanged").await;
    assert!(message(&group, "Ready").contains(&world.platform.url()), "{}", message(&group, "Ready"));
    world.delete("group/hq");
    world.reason::<Group>("hq", "DeletionBlocked", "PlatformChanged").await;
    assert_eq!(other.writes().len() + world.writes().len(), 1);
}

#[tokio::test]
async fn an_operator_of_the_whole_cluster_serves_every_namespace_and_knows_every_claim() {
    let world = World::with(Wish { plane: Some(own_plane().await), everywhere: true, ..Wish::default() }).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq(""));
    world.group("hq").await;
    world.plane.run(&["create", "namespace", "elsewhere"]).unwrap();
    let yaml =
        hq("adoptionPolicy: Always, cliName: Mine") + &manifest("Group", "own", "tenantId: Acme, groupName: Own");
    world.plane.apply_in("elsewhere", &yaml).unwrap();
    let reason = |name: &'static str, reason: &'static str| {
        let path = r#"jsonpath={.status.conditions[?(@.type=="Ready")].reason}"#;
        let world = &world;
        async move { world.plane.run(&["-n", "elsewhere", "get", "group", name, "-o", path]).unwrap() == reason }
    };
    world.poll("the group of the other namespace", || reason("own", "Synced")).await;
    world.poll("the claim of two namespaces", || reason("hq", "NotOwned")).await;
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/", "POST /tenants/Acme/groups/"]);
}
