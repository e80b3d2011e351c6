use apio_operator::api::{Group, OwnershipState};
use serde_json::json;
use testkit::simulator::Fault;

use crate::{
    fixtures::hq,
    world::{World, has, is, is_held, message},
};

const GROUPS: &str = "/tenants/Acme/groups/";
const HQ: &str = "/tenants/Acme/groups/HQ/";

async fn with_acme() -> World {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world
}

#[tokio::test]
async fn an_applied_group_is_created_on_the_platform_and_told_as_ready() {
    let world = with_acme().await;
    world.apply(&hq("userLimit: 25"));
    let group = world.group("hq").await;
    assert_eq!(world.bodies("POST", GROUPS), [json!({"groupId": "HQ", "groupName": "Head office", "userLimit": 25})]);
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"], "{}", world.story());
    assert!(is_held(&group));
    let status = group.status.clone().unwrap();
    assert_eq!(status.ownership.unwrap().state, OwnershipState::Created);
    assert_eq!(status.usage.as_deref(), Some("0/25"));
    assert_eq!(status.observed.unwrap().values().get("groupName"), Some(&json!("Head office")));
    world.told("hq", "Created").await;
}

#[tokio::test]
async fn every_attribute_of_a_group_goes_to_the_platform_under_its_own_name() {
    let world = with_acme().await;
    world.platform.edit(|state| {
        state.add_tenant_domain("Acme", "acme.example");
        state.add_reseller("Best");
        state.add_template("basic", json!({"timeZone": "Europe/Paris"}));
    });
    world.apply(&hq("userLimit: 5, defaultDomain: acme.example, cliName: HQ, cliPhoneNumber: '+3225550100',
        locationDialingCode: '2', timeZone: Europe/Brussels, resellerId: Best, templateName: basic,
        contactInformation: {name: Jo, phoneNumber: '+32', emailAddress: jo@acme.example},
        addressInformation: {addressLine1: Street 1, addressLine2: b, city: Brussels, stateDisplayName: BXL,
        postalCode: '1000', country: Belgium}"));
    world.group("hq").await;
    assert_eq!(
        world.bodies("POST", GROUPS),
        [json!({
            "groupId": "HQ", "groupName": "Head office", "userLimit": 5, "defaultDomain": "acme.example", "cliName": "HQ",
            "cliPhoneNumber": "+3225550100", "locationDialingCode": "2", "timeZone": "Europe/Brussels",
            "resellerId": "Best", "templateName": "basic", "autoCreateDomain": false,
            "contactInformation": {"name": "Jo", "phoneNumber": "+32", "emailAddress": "jo@acme.example"},
            "addressInformation": {"addressLine1": "Street 1", "addressLine2": "b", "city": "Brussels",
                "stateDisplayName": "BXL", "postalCode": "1000", "country": "Belgium"},
        })]
    );
    assert_eq!(world.writes().len(), 1, "{}", world.story());
}

#[tokio::test]
async fn a_group_without_an_id_has_the_resources_name() {
    let world = with_acme().await;
    world.apply(&crate::fixtures::manifest("Group", "warehouse", "tenantId: Acme, groupName: Warehouse"));
    let group = world.group("warehouse").await;
    assert_eq!(world.bodies("POST", GROUPS), [json!({"groupId": "warehouse", "groupName": "Warehouse"})]);
    assert_eq!(group.status.unwrap().identity.unwrap().group_id.as_deref(), Some("warehouse"));
}

#[tokio::test]
async fn an_update_sends_the_changed_fields_only_and_a_contact_whole() {
    let world = with_acme().await;
    world.apply(&hq("userLimit: 25, contactInformation: {name: Jo}"));
    world.group("hq").await;
    world.platform.edit(|state| {
        let group = state.group_mut("Acme", "HQ").unwrap();
        group.attributes["contactInformation"]["phoneNumber"] = json!("+32");
    });
    world.apply(&hq("userLimit: 30, contactInformation: {name: Jane}"));
    world.group("hq").await;
    let contact = json!({"name": "Jane", "phoneNumber": "+32", "emailAddress": ""});
    assert_eq!(world.bodies("PUT", HQ), [json!({"userLimit": 30, "contactInformation": contact})]);
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/", "PUT /tenants/Acme/groups/HQ/"]);
    world.told("hq", "Updated").await;
}

#[tokio::test]
async fn each_update_is_an_event_that_says_what_was_updated() {
    let world = with_acme().await;
    world.apply(&hq("userLimit: 25"));
    world.group("hq").await;
    for (spec, said) in
        [("userLimit: 30", "updated userLimit of group HQ"), ("cliName: A", "updated cliName of group HQ")]
    {
        world.apply(&hq(spec));
        world.poll(said, || async { world.kubectl(&["get", "events", "-o", "yaml"]).contains(said) }).await;
    }
    assert_eq!(world.events("hq").await.get("Updated"), Some(&2));
}

#[tokio::test]
async fn a_field_that_leaves_the_spec_keeps_its_value_and_an_empty_one_is_cleared() {
    let world = with_acme().await;
    world.apply(&hq("userLimit: 30, cliName: Acme"));
    world.group("hq").await;
    world.apply(&hq("cliName: ''"));
    world.group("hq").await;
    assert_eq!(world.bodies("PUT", HQ), [json!({"cliName": ""})]);
    let limit = world.platform.edit(|state| state.group("Acme", "HQ").unwrap().attributes["userLimit"].clone());
    assert_eq!(limit, json!(30));
}

#[tokio::test]
async fn an_edit_behind_the_operators_back_is_corrected_and_what_is_not_declared_is_left_alone() {
    let world = with_acme().await;
    world.apply(&hq(""));
    world.group("hq").await;
    world.platform.edit(|state| {
        let group = state.group_mut("Acme", "HQ").unwrap();
        group.attributes.insert("groupName".into(), json!("Edited"));
        group.attributes.insert("timeZone".into(), json!("Europe/Paris"));
    });
    let group: Group = world.looked("hq").await;
    assert!(is(&group.status.unwrap(), "Synced", "True"));
    assert_eq!(world.bodies("PUT", HQ), [json!({"groupName": "Head office"})]);
    let zone = world.platform.edit(|state| state.group("Acme", "HQ").unwrap().attributes["timeZone"].clone());
    assert_eq!(zone, json!("Europe/Paris"));
}

#[tokio::test]
async fn a_group_that_was_removed_on_the_platform_is_created_again() {
    let world = with_acme().await;
    world.apply(&hq(""));
    world.group("hq").await;
    world.platform.edit(|state| state.tenants.get_mut("Acme").unwrap().groups.clear());
    world.looked::<Group>("hq").await;
    world.poll("the creation", || async { world.bodies("POST", GROUPS).len() == 2 }).await;
    world.group("hq").await;
    assert_eq!(world.writes().len(), 2, "{}", world.story());
}

#[tokio::test]
async fn a_value_that_the_platform_does_not_keep_is_told_after_three_passes_and_sent_again_when_asked() {
    let world = with_acme().await;
    world.apply(&hq(""));
    world.group("hq").await;
    world.platform.inject(Fault::refuse_value("cliName").on("PUT", HQ).forever());
    world.apply(&hq("cliName: Acme"));
    let group: Group = world.reason("hq", "Synced", "NotAccepted").await;
    assert!(has(&group, "Stalled"));
    assert!(message(&group, "Ready").contains(r#"cliName is "" and should be "Acme""#), "{}", message(&group, "Ready"));
    assert_eq!(group.status.unwrap().drift[0].path, "cliName");
    let sent = |times: usize| vec![json!({"cliName": "Acme"}); times];
    assert_eq!(world.bodies("PUT", HQ), sent(3));
    world.looked::<Group>("hq").await;
    assert_eq!(world.bodies("PUT", HQ), sent(4));
    world.apply(&hq("cliName: ''"));
    let group = world.group("hq").await;
    assert!(!has(&group, "Stalled"));
}

#[tokio::test]
async fn a_value_that_somebody_took_back_right_after_the_update_is_sent_again_without_a_warning() {
    let world = with_acme().await;
    world.apply(&hq(""));
    world.group("hq").await;
    world.platform.inject(Fault::refuse_value("cliName").on("PUT", HQ).times(1));
    world.apply(&hq("cliName: Acme"));
    world.group("hq").await;
    assert_eq!(world.bodies("PUT", HQ), [json!({"cliName": "Acme"}), json!({"cliName": "Acme"})]);
    assert_eq!(world.events("hq").await.get("NotAccepted"), None);
}

#[tokio::test]
async fn what_a_colleague_set_in_the_contact_is_seen_right_before_it_is_sent_along_and_named_when_it_is_refused() {
    let world = with_acme().await;
    world.apply(&hq("contactInformation: {name: Jo}"));
    world.group("hq").await;
    let there = json!({"name": "Jo", "phoneNumber": "+3221"});
    world.platform.edit(|state| {
        state.group_mut("Acme", "HQ").unwrap().attributes.insert("contactInformation".into(), there);
    });
    world.platform.clear_journal();
    world.apply(&hq("contactInformation: {name: Ann}"));
    world.group("hq").await;
    let calls: Vec<_> =
        world.platform.journal().into_iter().map(|call| format!("{} {}", call.method, call.path)).collect();
    let put = calls.iter().position(|call| call.starts_with("PUT")).unwrap();
    assert_eq!(calls[put - 2..put], [format!("GET {HQ}"), format!("GET {HQ}")], "{}", world.story());
    assert_eq!(world.bodies("PUT", HQ)[0]["contactInformation"]["phoneNumber"], json!("+3221"));

    world.platform.inject(Fault::error(400, 7, "BAD_REQUEST", "too long").on("PUT", HQ).forever());
    world.apply(&hq("contactInformation: {name: Eve}"));
    let group: Group = world.reason("hq", "Ready", "Invalid").await;
    let told = message(&group, "Ready");
    assert!(
        told.contains("too long")
            && told.ends_with("not declared here and is sent along as it is there: contactInformation.emailAddress, contactInformation.phoneNumber"),
        "{told}"
    );
}

#[tokio::test]
async fn what_the_platform_refuses_is_told_in_its_own_words_and_tried_again_when_the_spec_changes() {
    let world = with_acme().await;
    world.apply(&hq("templateName: nowhere"));
    let group: Group = world.reason("hq", "Ready", "Invalid").await;
    assert!(message(&group, "Stalled").contains("templateName nowhere is unknown"), "{}", message(&group, "Stalled"));
    assert!(group.status.unwrap().ownership.is_none());
    world.change::<Group>("hq", json!({"spec": {"templateName": null}})).await;
    world.group("hq").await;
    assert_eq!(world.writes().len(), 2, "{}", world.story());
}
