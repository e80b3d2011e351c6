use serde_json::json;

use crate::client::{Client, HQ, acme_hq};

const SIM_HQ: &str = "/_sim/tenants/Acme/groups/HQ";

#[tokio::test]
async fn settings_are_merged_under_the_platforms_own_names() {
    let (platform, _) = acme_hq().await;
    let admin = Client::stranger(&platform.url());
    let settings = admin.post("/_sim/settings", json!({"CHECK_GROUP": {"CHECK_USERS": true}})).await.ok();
    assert_eq!(
        settings["CHECK_GROUP"],
        json!({"CHECK_USERS": true, "CHECK_TRUNK_USERS": false, "CHECK_SERVICE_USERS": false, "CHECK_TRUNK_GROUPS": false})
    );
    assert_eq!(settings["APIO_OBJECT_CREATION"], json!({"GROUP_DATA": false, "RESELLER": false, "TENANT_DATA": false}));
    assert_eq!(settings["AUTO_CREATE"], json!({"GROUP_DEFAULT_DOMAIN": false}));
    assert_eq!((&settings["RESELLER_GROUP"], &settings["RESELLER_TENANT"]), (&json!(true), &json!(false)));
    assert!(platform.edit(|s| s.settings.check_group.users));
}

#[tokio::test]
async fn a_misspelled_setting_is_refused_and_changes_nothing() {
    let (platform, _) = acme_hq().await;
    let admin = Client::stranger(&platform.url());
    let changes = json!({"CHECK_GROUP": {"CHECK_USER": true, "CHECK_TRUNK_USERS": true}});
    admin.post("/_sim/settings", changes).await.assert_invalid("CHECK_USER");
    assert!(!platform.edit(|s| s.settings.check_group.trunk_users));
}

#[tokio::test]
async fn contents_are_put_into_a_group_and_taken_out() {
    let (platform, client) = acme_hq().await;
    let admin = Client::stranger(&platform.url());
    admin.call("PUT", &format!("{SIM_HQ}/users/a%40x"), None).await.ok();
    admin.call("PUT", &format!("{SIM_HQ}/users/b?inTrunkGroup=true"), None).await.ok();
    for kind in ["trunk_groups", "ivrs", "call_centers", "hunt_groups"] {
        admin.call("PUT", &format!("{SIM_HQ}/{kind}/one"), None).await.ok();
        admin.call("PUT", &format!("{SIM_HQ}/{kind}/two"), None).await.ok();
        admin.delete(&format!("{SIM_HQ}/{kind}/two")).await.ok();
    }
    let state = admin.get("/_sim/state").await.ok();
    let group = &state["tenants"]["Acme"]["groups"]["HQ"];
    assert_eq!(group["users"], json!({"a@x": {"in_trunk_group": false}, "b": {"in_trunk_group": true}}));
    for kind in ["trunk_groups", "ivrs", "call_centers", "hunt_groups"] {
        assert_eq!(group[kind], json!(["one"]), "{kind}");
    }
    admin.delete(&format!("{SIM_HQ}/users/b")).await.ok();
    assert_eq!(client.get(HQ).await.ok()["userCount"], 1);
    admin.delete(&format!("{SIM_HQ}/contents")).await.ok();
    assert_eq!(client.get(HQ).await.ok()["userCount"], 0);
    assert!(platform.edit(|s| s.group("Acme", "HQ").expect("HQ").trunk_groups.is_empty()));
}

#[tokio::test]
async fn a_patch_changes_attributes_out_of_band() {
    let (platform, client) = acme_hq().await;
    let admin = Client::stranger(&platform.url());
    admin.call("PATCH", SIM_HQ, Some(json!({"groupName": "drifted"}))).await.ok();
    assert_eq!(client.get(HQ).await.ok()["groupName"], "drifted");
    assert_eq!(admin.call("PATCH", "/_sim/tenants/Acme/groups/None", Some(json!({}))).await.status, 404);
}

#[tokio::test]
async fn sessions_are_expired_from_outside() {
    let (platform, client) = acme_hq().await;
    Client::stranger(&platform.url()).call("POST", "/_sim/expire", None).await.ok();
    assert_eq!(client.get(HQ).await.status, 401);
}

#[tokio::test]
async fn the_journal_is_shown_without_the_simulators_own_calls_and_the_state_without_passwords() {
    let (platform, client) = acme_hq().await;
    client.get(HQ).await.ok();
    let admin = Client::stranger(&platform.url());
    let state = admin.get("/_sim/state").await.ok();
    assert!(!state.to_string().contains(testkit::simulator::PASSWORD));
    let journal = admin.get("/_sim/journal").await.ok();
    let paths: Vec<&str> = journal.as_array().expect("calls").iter().filter_map(|call| call["path"].as_str()).collect();
    assert_eq!(paths, ["/login/", HQ]);
}

#[tokio::test]
async fn tenants_and_groups_are_put_there_as_if_they_had_always_been() {
    let (platform, client) = acme_hq().await;
    let admin = Client::stranger(&platform.url());
    admin.call("PUT", "/_sim/tenants/Globex", None).await.ok();
    admin.call("PUT", "/_sim/tenants/Globex/groups/HQ", Some(json!({"groupName": "Theirs"}))).await.ok();
    assert_eq!(client.get("/tenants/Globex/groups/HQ/").await.ok()["groupName"], "Theirs");
    assert_eq!(admin.call("PUT", "/_sim/tenants/Nowhere/groups/HQ", Some(json!({}))).await.status, 404);
}
