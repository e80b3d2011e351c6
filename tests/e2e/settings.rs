use apio_operator::api::Group;

use crate::{
    fixtures::{hq, settings},
    world::{World, message},
};

const VALID: &str = "apio_operator_settings_valid";

async fn with_acme(text: &str) -> World {
    let world = World::with_settings(text).await;
    world.platform.edit(|state| {
        state.add_tenant("Acme");
    });
    world
}

#[tokio::test]
async fn a_typo_leaves_the_last_good_settings_in_force_and_is_told_on_the_config_map() {
    let world = with_acme("CHECK_GROUP: {CHECK_USERS: false}").await;
    world.apply(&hq(""));
    world.group("hq").await;
    world.apply(&settings("CHECK_GROUP:\n  CHECK_USER: true"));
    world.poll("the metric falls", || async { world.metric(VALID).await == 0 }).await;
    world.told("apio-settings", "SettingsInvalid").await;
    let events = world.kubectl(&["get", "events", "--field-selector", "reason=SettingsInvalid", "-o", "yaml"]);
    for word in ["type: Warning", "line 2", "CHECK_GROUP.CHECK_USER", "did you mean CHECK_USERS", "stay in force"] {
        assert!(events.replace("\n    ", " ").contains(word), "{word}: {events}");
    }
    world.apply(&settings("CHECK_GRUP: {}"));
    world
        .poll("an event of its own for another typo", || async {
            world.kubectl(&["get", "events", "-o", "yaml"]).contains("did you mean CHECK_GROUP?")
        })
        .await;
    // The last good ones do not check users.
    world.platform.edit(|state| state.add_user("Acme", "HQ", "a@acme.example", false));
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    world.apply(&settings("CHECK_GROUP: {}"));
    world.poll("the metric rises", || async { world.metric(VALID).await == 1 }).await;
}

#[tokio::test]
async fn settings_that_were_never_valid_are_no_settings() {
    let world = with_acme("CHECK_GROUP: {CHECK_USERS: maybe}").await;
    world.apply(&hq(""));
    world.group("hq").await;
    world.delete("group/hq");
    let group: Group = world.reason("hq", "DeletionBlocked", "SettingsUnavailable").await;
    assert!(message(&group, "DeletionBlocked").contains("settings ConfigMap"));
    assert_eq!(world.metric(VALID).await, 0);
    world.apply(&settings("CHECK_GROUP: {}"));
    world.until_gone::<Group>("hq").await;
}

#[tokio::test]
async fn a_valid_change_wakes_what_it_concerns() {
    let world = with_acme("{}").await;
    world.apply(&hq("defaultDomain: new.example"));
    world.reason::<Group>("hq", "Ready", "DomainNotFound").await;
    world.apply(&settings("AUTO_CREATE: {GROUP_DEFAULT_DOMAIN: true}"));
    world.group("hq").await;
    assert_eq!(world.writes().len(), 3);
}

#[tokio::test]
async fn a_change_of_the_checks_wakes_a_blocked_deletion() {
    let world = with_acme("CHECK_GROUP: {}").await;
    world.apply(&hq(""));
    world.group("hq").await;
    world.platform.edit(|state| state.add_user("Acme", "HQ", "a@acme.example", false));
    world.delete("group/hq");
    world.reason::<Group>("hq", "DeletionBlocked", "GroupNotEmpty").await;
    world.apply(&settings("CHECK_GROUP: {CHECK_USERS: false}"));
    world.until_gone::<Group>("hq").await;
}

#[tokio::test]
async fn settings_pasted_from_the_platform_work() {
    let world = with_acme(
        r#"{"RESELLER_GROUP": true, "APIO_OBJECT_CREATION": {"GROUP_DATA": true, "RESELLER": true, "TENANT_DATA": true}}"#,
    )
    .await;
    world.apply(&hq("resellerId: Best"));
    world.group("hq").await;
    assert_eq!(world.writes(), ["POST /local/resellers/", "POST /tenants/Acme/groups/"]);
    assert!(world.operator.log().contains("TENANT_DATA is a setting of the platform"));
}
