use std::collections::BTreeSet;

use apio_operator::api::{Group, Tenant};
use serde_json::json;
use testkit::simulator::{Account, Fault, PASSWORD, USERNAME};

use crate::{
    fixtures::{credentials, hq, manifest, settings},
    world::{SETTINGS, Wish, World, has, is_held, message, own_plane},
};

const HQ: &str = "/tenants/Acme/groups/HQ/";
const ORPHAN: &[&str] = &["annotate", "group/hq", "apio.netaxis.be/deletion=Orphan"];

async fn with_group(wish: Wish<'_>, more: &str) -> World {
    let world = World::with(wish).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq(more));
    world.group("hq").await;
    world
}

async fn with_blocked_group() -> World {
    let world = with_group(Wish::default(), "").await;
    world.platform.edit(|state| state.add_user("Acme", "HQ", "a@acme.example", false));
    world.delete("group/hq");
    world.reason::<Group>("hq", "DeletionBlocked", "GroupNotEmpty").await;
    world
}

fn is_there(world: &World) -> bool {
    world.platform.edit(|state| state.group("Acme", "HQ").is_some())
}

fn deletes(world: &World) -> usize {
    world.writes().iter().filter(|write| write.starts_with("DELETE")).count()
}

#[tokio::test]
async fn an_empty_group_is_deleted_with_the_applications_that_keep_their_data() {
    let world = with_group(Wish::default(), "excludedAppIds: [crm, billing]").await;
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.bodies("DELETE", HQ), [json!({"_excludedAppIds": ["crm", "billing"]})]);
    assert!(!is_there(&world));
    world.told("hq", "Deleted").await;
}

#[tokio::test]
async fn without_settings_a_group_is_created_but_not_deleted_until_there_are_some() {
    let world = with_group(Wish { no_settings: true, ..Wish::default() }, "").await;
    world.delete("group/hq");
    let group: Group = world.reason("hq", "DeletionBlocked", "SettingsUnavailable").await;
    assert!(is_held(&group));
    assert_eq!(deletes(&world), 0);
    world.apply(&settings(SETTINGS));
    world.until_gone::<Group>("hq").await;
    assert_eq!(deletes(&world), 1);
}

#[tokio::test]
async fn settings_that_were_taken_away_are_not_used_for_a_deletion_any_more() {
    let world = with_group(Wish::default(), "").await;
    world.delete("configmap/apio-settings");
    world.delete("group/hq");
    world.reason::<Group>("hq", "DeletionBlocked", "SettingsUnavailable").await;
    assert_eq!(deletes(&world), 0);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_counts_as_not_empty() {
    let world = with_group(Wish::default(), "").await;
    let users = format!("{HQ}users/");
    let faults = [
        (Fault::html(200), "was not answered with a list"),
        (Fault::status(403), "403"),
        (Fault::wrong_shape(), "was not answered with a list: []"),
        (Fault::html(404), "404"),
    ];
    for (n, (fault, words)) in faults.into_iter().enumerate() {
        world.platform.clear_faults();
        world.platform.inject(fault.on("GET", &users).forever());
        if n == 0 {
            world.delete("group/hq");
        }
        let group: Group = world.looked("hq").await;
        let said = message(&group, "DeletionBlocked");
        assert!(said.contains("the users of the group cannot be counted") && said.contains(words), "{said}");
        world.reason::<Group>("hq", "DeletionBlocked", "ContentsUnknown").await;
    }
    assert_eq!(deletes(&world), 0);
    world.platform.clear_faults();
    world.nudge::<Group>("hq").await;
    world.until_gone::<Group>("hq").await;
}

#[tokio::test]
async fn an_account_that_sees_filtered_lists_deletes_nothing() {
    let world = with_group(Wish::default(), "").await;
    world.apply(&manifest("Tenant", "empty", "type: Enterprise"));
    world.ready::<Tenant>("empty").await;
    world.platform.edit(|state| {
        state.add_reseller("Best");
        state.add_account("best", Account::restricted_to("pw", "Best"));
        (state.settings.reseller_group, state.settings.reseller_tenant) = (false, false);
    });
    world.apply(&credentials("best", "pw"));
    world.has_credentials(2).await;
    world.kubectl(&["delete", "group/hq", "tenant/empty", "--wait=false"]);
    let group: Group = world.reason("hq", "DeletionBlocked", "ContentsUnknown").await;
    let tenant: Tenant = world.reason("empty", "DeletionBlocked", "ContentsUnknown").await;
    for said in [message(&group, "DeletionBlocked"), message(&tenant, "DeletionBlocked")] {
        assert!(said.contains("filtered for this account") && said.contains("Orphan"), "{said}");
    }
    assert_eq!(deletes(&world), 0);
    world.apply(&credentials(USERNAME, PASSWORD));
    world.until_gone::<Group>("hq").await;
    world.until_gone::<Tenant>("empty").await;
}

#[tokio::test]
async fn the_orphan_annotation_releases_a_blocked_group_and_leaves_it_on_the_platform() {
    let world = with_blocked_group().await;
    world.kubectl(ORPHAN);
    world.until_gone::<Group>("hq").await;
    assert!(is_there(&world));
    assert_eq!(deletes(&world), 0);
}

#[tokio::test]
async fn the_orphan_annotation_works_with_the_platform_down() {
    let world = with_blocked_group().await;
    world.platform.stop().await;
    world.kubectl(ORPHAN);
    world.until_gone::<Group>("hq").await;
}

#[tokio::test]
async fn missing_credentials_make_a_deletion_wait_and_only_orphan_releases_it() {
    let world = with_group(Wish::default(), "").await;
    world.delete("secret/apio-credentials");
    world.poll("the operator has seen it", || async { world.operator.log().contains("there is no Secret") }).await;
    world.delete("group/hq");
    let group: Group = world.reason("hq", "DeletionBlocked", "CredentialsUnavailable").await;
    assert!(is_held(&group));
    world.kubectl(ORPHAN);
    world.until_gone::<Group>("hq").await;
    assert!(is_there(&world));
}

#[tokio::test]
async fn a_spec_that_orphans_leaves_the_group_on_the_platform() {
    let world = with_group(Wish::default(), "deletionPolicy: Orphan").await;
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    assert!(is_there(&world));
    assert_eq!(deletes(&world), 0);
}

#[tokio::test]
async fn a_group_that_is_gone_on_the_platform_already_is_released_without_a_write() {
    for tenant_too in [false, true] {
        let world = with_group(Wish::default(), "").await;
        world.platform.edit(|state| {
            if tenant_too { state.tenants.clear() } else { state.tenants.get_mut("Acme").unwrap().groups.clear() }
        });
        world.delete("group/hq");
        world.until_gone::<Group>("hq").await;
        assert_eq!(deletes(&world), 0, "{}", world.story());
    }
}

#[tokio::test]
async fn a_404_that_is_not_the_platforms_own_is_no_absence() {
    let world = with_group(Wish::default(), "").await;
    world.platform.inject(Fault::html(404).on("GET", HQ).forever());
    world.delete("group/hq");
    let group: Group = world.until("hq", "blocked", |group| has(group, "DeletionBlocked")).await;
    assert!(is_held(&group));
    world.platform.clear_faults();
    world.nudge::<Group>("hq").await;
    world.until_gone::<Group>("hq").await;
    assert_eq!(deletes(&world), 1);
}

#[tokio::test]
async fn a_paused_group_is_deleted_all_the_same() {
    let world = with_group(Wish::default(), "").await;
    world.kubectl(&["annotate", "group/hq", "apio.netaxis.be/paused=true"]);
    world.reason::<Group>("hq", "Ready", "Paused").await;
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    assert!(!is_there(&world));
}

#[tokio::test]
async fn a_group_that_was_never_created_goes_at_once_and_without_a_write() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq("defaultDomain: nowhere.example"));
    world.reason::<Group>("hq", "Ready", "DomainNotFound").await;
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn a_delete_whose_answer_is_lost_is_not_sent_again() {
    let world = with_group(Wish::default(), "").await;
    world.platform.inject(Fault::drop_after().on("DELETE", HQ));
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    assert_eq!(deletes(&world), 1, "{}", world.story());
}

#[tokio::test]
async fn a_delete_whose_session_had_ended_is_counted_again_before_it_is_sent_again() {
    let world = with_group(Wish::default(), "").await;
    world.platform.inject(Fault::status(401).on("DELETE", HQ));
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    let journal = world.platform.journal();
    let calls: Vec<_> = journal.iter().map(|call| format!("{} {}", call.method, call.path)).collect();
    let count = ["users", "services/trunk_groups", "services/ivrs", "services/call_centers", "services/hunt_groups"];
    let count = BTreeSet::from(count.map(|list| format!("GET {HQ}{list}/")));
    let sent: Vec<_> = (0..calls.len()).filter(|at| calls[*at].starts_with("DELETE")).collect();
    assert_eq!(sent.len(), 2, "{}", world.story());
    for at in sent {
        let before: BTreeSet<_> = calls[at - count.len()..at].iter().cloned().collect();
        assert_eq!(before, count, "each follows its own count at once: {}", world.story());
    }
}

#[tokio::test]
async fn a_delete_that_the_platform_had_no_time_for_is_counted_again_before_it_is_tried_again() {
    let world = with_group(Wish::default(), "").await;
    world.platform.inject(Fault::status(503).on("DELETE", HQ));
    world.delete("group/hq");
    world
        .platform
        .wait_for("the DELETE", crate::world::SOON, |calls, _| calls.iter().any(|c| c.method == "DELETE"))
        .await;
    world.platform.edit(|state| state.add_user("Acme", "HQ", "late@acme.example", false));
    world.reason::<Group>("hq", "DeletionBlocked", "GroupNotEmpty").await;
    assert_eq!(deletes(&world), 1);
    assert!(is_there(&world));
}

#[tokio::test]
async fn removing_the_definitions_never_removes_anything_from_the_platform() {
    let world = World::with(Wish { plane: Some(own_plane().await), ..Wish::default() }).await;
    world.apply(&(crate::fixtures::acme("") + &hq("")));
    world.ready::<Tenant>("acme").await;
    world.group("hq").await;
    world.kubectl(&["delete", "crd", "groups.apio.netaxis.be", "tenants.apio.netaxis.be", "--wait=false"]);
    let gone = || async {
        let left = world.plane.run(&["get", "crd", "-o", "name"]).unwrap();
        !left.contains("groups") && !left.contains("tenants")
    };
    world.poll("the definitions are gone", gone).await;
    assert_eq!(deletes(&world), 0);
    assert!(is_there(&world));
}

#[tokio::test]
async fn a_misspelt_safeguard_keeps_the_group_and_is_told_before_the_deletion_and_in_it() {
    let world = with_group(Wish::default(), "").await;
    world.kubectl(&["annotate", "group/hq", "apio.netaxis.be/deletion=Keep"]);
    world.reason::<Group>("hq", "AnnotationUnreadable", "AnnotationUnreadable").await;
    world.told("hq", "AnnotationUnreadable").await;
    assert_eq!(world.ready::<Group>("hq").await.status.unwrap().observed_generation, Some(1));

    world.delete("group/hq");
    let group: Group = world.reason("hq", "DeletionBlocked", "AnnotationUnreadable").await;
    assert!(message(&group, "DeletionBlocked").contains("\"Keep\""), "{}", message(&group, "DeletionBlocked"));
    world.kubectl(&["annotate", "group/hq", "apio.netaxis.be/deletion=orphan ", "--overwrite"]);
    world.until_gone::<Group>("hq").await;
    assert!(is_there(&world) && deletes(&world) == 0, "{}", world.story());
}
