//! `templateName`: what the platform fills by itself, and when it is asked to.

use apio_operator::api::Group;
use serde_json::{Value, json};
use testkit::simulator::Fault;

use crate::{
    fixtures::hq,
    world::{HasStatus, World, is},
};

const GROUPS: &str = "/tenants/Acme/groups/";
const HQ: &str = "/tenants/Acme/groups/HQ/";

/// Acme, and a template that fills a name and a time zone.
async fn with_acme() -> World {
    let world = World::new().await;
    world.platform.edit(|state| {
        state.add_tenant("Acme");
        state.add_template("basic", json!({"cliName": "basic", "timeZone": "Europe/Paris"}));
    });
    world
}

fn edited(world: &World, key: &str, value: Value) {
    world.platform.edit(|state| state.group_mut("Acme", "HQ").unwrap().attributes.insert(key.into(), value));
}

fn observed(group: &Group, key: &str) -> Value {
    group.conditions().observed.unwrap().values()[key].clone()
}

#[tokio::test]
async fn a_template_goes_with_the_create_and_with_a_change_of_the_spec_and_never_with_a_correction() {
    let world = with_acme().await;
    world.apply(&hq("templateName: basic"));
    let group = world.group("hq").await;
    assert_eq!(
        world.bodies("POST", GROUPS),
        [json!({"groupId": "HQ", "groupName": "Head office", "templateName": "basic"})]
    );
    assert_eq!(observed(&group, "cliName"), json!("basic"));
    edited(&world, "groupName", json!("Edited"));
    world.looked::<Group>("hq").await;
    world.apply(&hq("templateName: basic, userLimit: 30"));
    world.group("hq").await;
    assert_eq!(
        world.bodies("PUT", HQ),
        [
            json!({"groupName": "Head office"}),
            json!({"groupName": "Head office", "userLimit": 30, "templateName": "basic"}),
        ]
    );
    assert_eq!(world.writes().len(), 3, "{}", world.story());
}

#[tokio::test]
async fn an_edit_of_a_policy_leaves_what_a_colleague_set_over_the_template() {
    let world = with_acme().await;
    world.apply(&hq("templateName: basic"));
    world.group("hq").await;
    edited(&world, "cliName", json!("Emergency desk"));
    world.platform.clear_journal();
    for more in [json!({"driftPolicy": "Report", "deletionPolicy": "Orphan"}), json!({"excludedAppIds": ["crm"]})] {
        world.change::<Group>("hq", json!({"spec": more})).await;
        world.group("hq").await;
    }
    assert_eq!(world.writes(), [""; 0], "{}", world.story());
    world.change::<Group>("hq", json!({"spec": {"userLimit": 30}})).await;
    world.group("hq").await;
    let whole = json!({"groupName": "Head office", "userLimit": 30, "templateName": "basic"});
    assert_eq!(world.bodies("PUT", HQ), [whole], "a change of what is declared is one");
}

#[tokio::test]
async fn what_a_template_filled_is_no_difference_whatever_becomes_of_it() {
    let world = with_acme().await;
    world.apply(&hq("templateName: basic"));
    world.group("hq").await;
    edited(&world, "cliName", json!("a colleague's"));
    world.platform.edit(|state| state.add_template("basic", json!({"cliName": "newer", "userLimit": 7})));
    let group: Group = world.looked("hq").await;
    assert!(is(&group.conditions(), "Synced", "True") && group.conditions().drift.is_empty());
    assert_eq!(observed(&group, "cliName"), json!("a colleague's"));
    // Nor is it after a restart, when nothing is remembered but the status.
    world.operator.kill();
    world.operator.start_again().unwrap();
    world.looked::<Group>("hq").await;
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
}

#[tokio::test]
async fn another_template_alone_is_a_change_and_fills_only_what_is_not_declared() {
    let world = with_acme().await;
    world.platform.edit(|state| {
        let values = json!({"groupName": "filled", "cliName": "filled", "timeZone": "Europe/London", "userLimit": 99,
            "contactInformation": {"name": "filled"}});
        state.add_template("other", values);
    });
    let spec = "cliName: '', userLimit: 30, contactInformation: {phoneNumber: '+32'}";
    world.apply(&hq(&format!("{spec}, templateName: basic")));
    let group = world.group("hq").await;
    assert_eq!(observed(&group, "timeZone"), json!("Europe/Paris"));
    world.apply(&hq(&format!("{spec}, templateName: other")));
    let group = world.group("hq").await;
    let contact = json!({"name": "", "phoneNumber": "+32", "emailAddress": ""});
    assert_eq!(
        world.bodies("PUT", HQ),
        [json!({"groupName": "Head office", "cliName": "", "userLimit": 30, "contactInformation": contact,
            "templateName": "other"})]
    );
    for (key, value) in [
        ("groupName", json!("Head office")),
        ("cliName", json!("")),
        ("userLimit", json!(30)),
        ("contactInformation", contact),
        ("timeZone", json!("Europe/London")),
    ] {
        assert_eq!(observed(&group, key), value, "{key}");
    }
    world.looked::<Group>("hq").await;
    assert_eq!(world.writes().len(), 2, "{}", world.story());
}

#[tokio::test]
async fn a_template_that_is_taken_away_leaves_what_it_filled_and_is_no_write() {
    let world = with_acme().await;
    world.apply(&hq("templateName: basic"));
    world.group("hq").await;
    world.apply(&hq(""));
    let group = world.group("hq").await;
    assert_eq!(observed(&group, "timeZone"), json!("Europe/Paris"));
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
    world.apply(&hq("userLimit: 30"));
    world.group("hq").await;
    assert_eq!(world.bodies("PUT", HQ), [json!({"userLimit": 30})]);
}

#[tokio::test]
async fn a_change_that_the_platform_had_no_time_for_is_sent_again_with_its_template() {
    let world = with_acme().await;
    world.apply(&hq("templateName: basic"));
    world.group("hq").await;
    world.platform.inject(Fault::status(503).on("PUT", HQ));
    world.apply(&hq("templateName: basic, userLimit: 30"));
    world.group("hq").await;
    let body = json!({"groupName": "Head office", "userLimit": 30, "templateName": "basic"});
    assert_eq!(world.bodies("PUT", HQ), [body.clone(), body]);
}

#[tokio::test]
async fn a_group_that_is_taken_over_gets_its_differences_and_no_template() {
    let world = with_acme().await;
    world.platform.edit(|state| state.add_group("Acme", "HQ", json!({"groupName": "Old", "timeZone": "Europe/Rome"})));
    world.apply(&hq("templateName: basic, adoptionPolicy: Always"));
    let group = world.group("hq").await;
    assert_eq!(world.bodies("PUT", HQ), [json!({"groupName": "Head office"})]);
    assert_eq!(observed(&group, "timeZone"), json!("Europe/Rome"));
}

#[tokio::test]
async fn a_group_that_is_taken_over_as_it_is_gets_no_template() {
    let world = with_acme().await;
    world.platform.edit(|state| state.add_group("Acme", "HQ", json!({"groupName": "Head office"})));
    world.apply(&hq("templateName: basic, managementPolicy: Observe"));
    world.group("hq").await;
    world.apply(&hq("templateName: basic"));
    let group = world.group("hq").await;
    assert!(group.conditions().ownership.is_some());
    world.looked::<Group>("hq").await;
    assert_eq!(world.writes(), [""; 0]);
}
