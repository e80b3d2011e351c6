//! Edits in the portal, found at the interval: nobody asks the operator to look. (On request: `group` and `policies`.)

use apio_operator::api::Group;
use kube::ResourceExt;
use serde_json::{Value, json};
use testkit::simulator::Call;

use crate::{
    fixtures::hq,
    world::{SOON, Wish, World, is},
};

const HQ: &str = "/tenants/Acme/groups/HQ/";

/// A group whose spec declares a limit, an empty name to call with and a contact, polled every second.
async fn polled(more: &str) -> World {
    let world = World::with(Wish { arguments: &["--drift-interval", "1s"], ..Wish::default() }).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq(&format!("userLimit: 25, cliName: '', contactInformation: {{name: Jo}}, {more}")));
    world.group("hq").await;
    world.told("hq", "Synced").await;
    world
}

fn edit(world: &World, changes: &[(&str, Value)]) {
    world.platform.edit(|state| {
        let attributes = &mut state.group_mut("Acme", "HQ").unwrap().attributes;
        for (key, value) in changes {
            attributes.insert((*key).to_owned(), value.clone());
        }
    });
}

/// Waits until it was polled so often again.
async fn polls(world: &World, times: usize) {
    let looks = |calls: &[Call]| calls.iter().filter(|call| call.method == "GET" && call.path == HQ).count();
    let before = looks(&world.platform.journal());
    world.platform.wait_for("polls", SOON, |calls, _| looks(calls) >= before + times).await;
}

#[tokio::test]
async fn what_was_edited_is_corrected_at_the_interval_by_one_write_and_told() {
    let world = polled("").await;
    let contact = json!({"name": "Al", "phoneNumber": "021234567"});
    edit(
        &world,
        &[
            ("groupName", json!("Edited")),
            ("userLimit", json!(7)),
            ("contactInformation", contact),
            ("timeZone", json!("Europe/Paris")),
        ],
    );
    let said = "updated contactInformation, groupName, userLimit of group HQ of tenant Acme";
    world.poll(said, || async { world.kubectl(&["get", "events", "-o", "json"]).contains(said) }).await;
    polls(&world, 2).await;
    let contact = json!({"name": "Jo", "phoneNumber": "021234567", "emailAddress": ""});
    let sent = world.bodies("PUT", HQ);
    assert_eq!(sent.len(), 1, "{}", world.story());
    for (key, value) in [("groupName", json!("Head office")), ("userLimit", json!(25))] {
        assert_eq!(sent[0][key], value);
    }
    let held = world.platform.edit(|state| state.group("Acme", "HQ").unwrap().attributes.clone());
    for (key, value) in contact.as_object().unwrap() {
        assert_eq!(held["contactInformation"].get(key).unwrap_or(&json!("")), value, "{key}");
    }
    assert_eq!(held["timeZone"], json!("Europe/Paris"), "what is not declared is left alone");
    assert_eq!(world.events("hq").await.get("Updated"), Some(&1));
}

#[tokio::test]
async fn null_absent_and_empty_are_no_difference() {
    let world = polled("").await;
    let before: Group = world.api().get("hq").await.unwrap();
    for nothing in [Value::Null, json!("")] {
        edit(&world, &[("cliName", nothing)]);
        polls(&world, 2).await;
    }
    world.platform.edit(|state| state.group_mut("Acme", "HQ").unwrap().attributes.remove("cliName"));
    polls(&world, 2).await;
    assert_eq!(world.writes().len(), 1, "{}", world.story());
    let after: Group = world.api().get("hq").await.unwrap();
    assert!(is(&after.status.clone().unwrap(), "Synced", "True"));
    assert_eq!(after.metadata.generation, before.metadata.generation);
    assert_eq!(world.events("hq").await.get("Drifted"), None, "{}", after.name_any());
}

#[tokio::test]
async fn with_report_each_difference_is_listed_at_the_interval_until_it_is_gone() {
    let world = polled("driftPolicy: Report").await;
    edit(&world, &[("userLimit", json!(7)), ("contactInformation", json!({"name": "Al"})), ("cliName", json!("Shop"))]);
    let group: Group = world
        .until("hq", "drifted", |group: &Group| group.status.as_ref().is_some_and(|status| status.drift.len() == 3))
        .await;
    let drift = group.status.unwrap().drift;
    let listed: Vec<_> = drift.iter().map(|one| (&*one.path, &*one.desired, &*one.observed)).collect();
    let name = ("contactInformation.name", r#""Jo""#, r#""Al""#);
    assert_eq!(listed, [("cliName", r#""""#, r#""Shop""#), name, ("userLimit", "25", "7")]);
    world.told("hq", "Drifted").await;
    edit(&world, &[("userLimit", json!(25)), ("contactInformation", json!({"name": "Jo"})), ("cliName", json!(""))]);
    world.until("hq", "as declared", |group: &Group| group.status.as_ref().unwrap().drift.is_empty()).await;
    assert_eq!(world.writes().len(), 1, "{}", world.story());
}

#[tokio::test]
async fn what_vanishes_on_the_platform_is_a_warning_before_it_is_created_again() {
    let world = polled("userLimit: 25").await;
    world.platform.edit(|state| state.add_user("Acme", "HQ", "jo@acme.example", false));
    let usage = |group: &Group| group.status.as_ref().and_then(|status| status.usage.clone());
    world.until("hq", "its user is seen", |group: &Group| usage(group).as_deref() == Some("1/25")).await;
    world.platform.edit(|state| state.tenants.get_mut("Acme").unwrap().groups.clear());
    world.told("hq", "Vanished").await;
    world.until("hq", "it is there again", |group: &Group| usage(group).as_deref() == Some("0/25")).await;
    assert_eq!(world.events("hq").await.get("Vanished"), Some(&1));
    let told = world.kubectl(&[
        "get",
        "events",
        "--field-selector=reason=Vanished",
        "-o",
        "jsonpath={.items[0]['type', 'message']}",
    ]);
    assert!(told.starts_with("Warning ") && told.ends_with("users: 1/25"), "{told}");
}
