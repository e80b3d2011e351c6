//! A decision is bound to the moment of its write: whoever changes his mind while the platform is asked is not overruled.

use std::time::Duration;

use apio_operator::api::Group;
use serde_json::{Value, json};
use testkit::simulator::Fault;

use crate::{
    fixtures::{hq, manifest, settings},
    world::{SETTINGS, SOON, World, message},
};

const HQ: &str = "/tenants/Acme/groups/HQ/";

/// Longer than the watch takes to show a change.
const SLOW: Duration = Duration::from_secs(2);

async fn with_hq(settings: &str, more: &str) -> World {
    let world = World::with_settings(settings).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq(more));
    world.group("hq").await;
    world
}

/// Waits until the platform has been asked for so many of these answers since the journal was cleared.
async fn asked(world: &World, path: &str, times: usize) {
    let is_asked = |world: &World| world.platform.journal().iter().filter(|call| call.path == path).count() >= times;
    world.poll(&format!("a question to {path}"), || async { is_asked(world) }).await;
}

/// The next change of a resource is decided on a slow answer. Meanwhile somebody changes his mind.
async fn changed_in_the_middle(patch: Value) -> World {
    let world = with_hq(SETTINGS, "userLimit: 50").await;
    world.platform.clear_journal();
    world.platform.inject(Fault::delay(SLOW).on("GET", HQ).times(1));
    world.change::<Group>("hq", json!({"spec": {"userLimit": 1}})).await;
    asked(&world, HQ, 1).await;
    world.change::<Group>("hq", patch).await;
    // A second look: the first pass has ended by then.
    world.kubectl(&["annotate", "group", "hq", "--overwrite", "apio.netaxis.be/requested-at=now"]);
    world
}

#[tokio::test]
async fn a_spec_that_was_reverted_before_the_write_writes_nothing() {
    let world = changed_in_the_middle(json!({"spec": {"userLimit": 50}})).await;
    asked(&world, HQ, 2).await;
    world.group("hq").await;
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn what_only_observes_since_the_decision_is_not_written() {
    let world = changed_in_the_middle(json!({"spec": {"managementPolicy": "Observe"}})).await;
    let group: Group = world.reason("hq", "Synced", "Drifted").await;
    assert!(message(&group, "Synced").contains("userLimit"));
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn what_was_paused_since_the_decision_is_not_written() {
    let world = changed_in_the_middle(json!({"metadata": {"annotations": {"apio.netaxis.be/paused": "true"}}})).await;
    world.reason::<Group>("hq", "Ready", "Paused").await;
    assert_eq!(world.writes(), [""; 0]);
    world.kubectl(&["annotate", "group", "hq", "apio.netaxis.be/paused-"]);
    world.poll("the change", || async { !world.bodies("PUT", HQ).is_empty() }).await;
}

/// A deletion whose first count is slow: its trunk groups are listed at once, its users late.
async fn deleted_slowly(settings: &str) -> World {
    let world = with_hq(settings, "").await;
    world.platform.clear_journal();
    world.platform.inject(Fault::delay(SLOW).on("GET", &format!("{HQ}users/")).times(1));
    world.delete("group/hq");
    asked(&world, &format!("{HQ}users/"), 1).await;
    world
}

#[tokio::test]
async fn a_deletion_that_became_an_orphan_while_it_was_counted_deletes_nothing() {
    let world = deleted_slowly(SETTINGS).await;
    world.kubectl(&["annotate", "group", "hq", "apio.netaxis.be/deletion=Orphan"]);
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn a_group_that_another_resource_claims_while_it_is_counted_is_not_deleted() {
    let world = deleted_slowly(SETTINGS).await;
    world.apply(&manifest("Group", "renamed", "tenantId: Acme, groupId: HQ, groupName: Head office"));
    world.until_gone::<Group>("hq").await;
    world.group("renamed").await;
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn a_check_that_is_switched_on_while_a_group_is_counted_counts() {
    let world = with_hq("CHECK_GROUP: {CHECK_TRUNK_GROUPS: false}", "").await;
    world.platform.edit(|state| state.add_trunk_group("Acme", "HQ", "TG"));
    world.platform.inject(Fault::delay(SLOW).on("GET", &format!("{HQ}users/")).times(1));
    world.delete("group/hq");
    asked(&world, &format!("{HQ}users/"), 1).await;
    world.apply(&settings(SETTINGS));
    world.reason::<Group>("hq", "DeletionBlocked", "GroupNotEmpty").await;
    assert!(!world.writes().iter().any(|write| write.starts_with("DELETE")));
}

#[tokio::test]
async fn what_comes_while_a_slow_list_is_read_is_counted() {
    let world = with_hq(SETTINGS, "").await;
    world.platform.clear_journal();
    world.platform.inject(Fault::delay(SLOW * 2).on("GET", &format!("{HQ}users/")).times(1));
    world.delete("group/hq");
    asked(&world, &format!("{HQ}services/trunk_groups/"), 1).await;
    asked(&world, &format!("{HQ}services/hunt_groups/"), 1).await;
    world.platform.edit(|state| state.add_trunk_group("Acme", "HQ", "TG"));
    world.reason::<Group>("hq", "DeletionBlocked", "GroupNotEmpty").await;
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn a_platform_that_is_always_too_slow_to_count_says_so_and_keeps_the_group() {
    let world = with_hq(SETTINGS, "").await;
    let fault = Fault::delay(SLOW * 2).on("GET", &format!("{HQ}services/ivrs/")).forever();
    world.platform.inject(fault);
    world.delete("group/hq");
    let group: Group = world.reason("hq", "DeletionBlocked", "ContentsUnknown").await;
    assert!(
        message(&group, "DeletionBlocked").contains("takes more than 3s"),
        "{}",
        message(&group, "DeletionBlocked")
    );
    world.platform.clear_faults();
    world.kubectl(&["annotate", "group", "hq", "apio.netaxis.be/requested-at=now"]);
    world.platform.wait_for("the deletion", SOON, |_, state| state.group("Acme", "HQ").is_none()).await;
}
