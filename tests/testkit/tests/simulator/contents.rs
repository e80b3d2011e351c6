use serde_json::{Value, json};
use testkit::simulator::Simulator;

use crate::client::{Client, HQ, acme_hq};

async fn seeded() -> (Simulator, Client) {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| {
        s.add_user("Acme", "HQ", "ann@sip.acme.example", false);
        s.add_user("Acme", "HQ", "pbx@sip.acme.example", true);
        s.add_trunk_group("Acme", "HQ", "TG1");
        s.add_trunk_group("Acme", "HQ", "TG2");
        s.add_ivr("Acme", "HQ", "Main");
        s.add_call_center("Acme", "HQ", "Sales");
        s.add_hunt_group("Acme", "HQ", "Desk");
        s.add_group("Acme", "Branch", json!({}));
        s.add_user("Acme", "Branch", "bob@sip.example.net", false);
        s.add_ivr("Acme", "Branch", "Night");
    });
    (platform, client)
}

fn texts<'a>(answer: &'a Value, list: &str, key: &str) -> Vec<&'a str> {
    let items = answer[list].as_array().unwrap_or_else(|| panic!("{answer} has no list {list}"));
    items.iter().map(|item| item[key].as_str().expect("a string")).collect()
}

#[tokio::test]
async fn users_and_trunk_users_are_one_list_told_apart_by_a_flag() {
    let (_platform, client) = seeded().await;
    let users = client.get(&format!("{HQ}users/")).await.ok();
    assert_eq!(
        users["users"][0],
        json!({"userId": "ann@sip.acme.example", "lastName": "ann", "firstName": "", "phoneNumber": "", "extension": "",
            "emailAddress": "", "department": "", "inTrunkGroup": false})
    );
    assert_eq!(users["users"][1]["inTrunkGroup"], true);
    let trunk = client.get(&format!("{HQ}users/?insensitiveUserInTrunkGroupEquals=true")).await.ok();
    assert_eq!(texts(&trunk, "users", "userId"), ["pbx@sip.acme.example"]);
}

#[tokio::test]
async fn trunk_groups_are_listed_with_their_users() {
    let (_platform, client) = seeded().await;
    let trunks = client.get(&format!("{HQ}services/trunk_groups/?trunkingMode=normal")).await.ok();
    assert_eq!(texts(&trunks, "trunks", "name"), ["TG1", "TG2"]);
    let teams = client.get(&format!("{HQ}services/trunk_groups/?trunkingMode=teamsDR")).await.ok();
    assert_eq!(teams, json!({"trunks": []}));
    let first = client.get(&format!("{HQ}services/trunk_groups/TG1/numbers/")).await.ok();
    assert_eq!(texts(&first, "users", "userId"), ["pbx@sip.acme.example"]);
    assert_eq!(client.get(&format!("{HQ}services/trunk_groups/TG9/numbers/")).await.status, 404);
}

#[tokio::test]
async fn ivrs_call_centers_and_hunt_groups_have_a_list_each() {
    let (_platform, client) = seeded().await;
    for (path, list, name) in
        [("ivrs", "ivrs", "Main"), ("call_centers", "callCenters", "Sales"), ("hunt_groups", "huntGroups", "Desk")]
    {
        let answer = client.get(&format!("{HQ}services/{path}/")).await.ok();
        assert_eq!(texts(&answer, list, "name"), [name]);
        assert!(answer[list][0]["serviceUserId"].as_str().is_some_and(|id| id.starts_with(name)));
    }
}

#[tokio::test]
async fn the_list_keys_that_are_not_documented_can_be_changed() {
    let (platform, client) = seeded().await;
    platform.edit(|s| {
        s.settings.assumptions.hunt_groups_key = "hunt_groups".into();
        s.settings.assumptions.call_centers_key = "call_centers".into();
    });
    let hunt_groups = client.get(&format!("{HQ}services/hunt_groups/")).await.ok();
    assert_eq!(texts(&hunt_groups, "hunt_groups", "name"), ["Desk"]);
    let call_centers = client.get(&format!("{HQ}services/call_centers/")).await.ok();
    assert_eq!(texts(&call_centers, "call_centers", "name"), ["Sales"]);
}

#[tokio::test]
async fn contents_of_an_unknown_group_answer_404() {
    let (_platform, client) = seeded().await;
    for path in ["users", "services/trunk_groups", "services/ivrs", "services/call_centers", "services/hunt_groups"] {
        assert_eq!(client.get(&format!("/tenants/Acme/groups/Nowhere/{path}/")).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn service_users_of_a_tenant_are_searched_by_group_and_type() {
    let (_platform, client) = seeded().await;
    let search = "/tenants/Acme/search/service_users/";
    let of_hq = client.get(&format!("{search}?sensitiveGroupIdEquals=HQ")).await.ok();
    assert_eq!(texts(&of_hq, "users", "name"), ["Main", "Sales", "Desk"]);
    let hunt = client.call("GET", search, Some(json!({"exactServiceType": "Hunt Group"}))).await.ok();
    assert_eq!(texts(&hunt, "users", "name"), ["Desk"]);
}

#[tokio::test]
async fn found_users_name_their_tenant_and_group() {
    let (_platform, client) = seeded().await;
    let found = client.get("/search/users/?insensitiveUserIdStarts=BOB").await.ok();
    assert_eq!((&found["users"][0]["tenantId"], &found["users"][0]["groupId"]), (&json!("Acme"), &json!("Branch")));
    let found = client.get("/tenants/Acme/search/users/?sensitiveGroupIdEquals=HQ").await.ok();
    assert_eq!(texts(&found, "users", "userId"), ["ann@sip.acme.example", "pbx@sip.acme.example"]);
}

#[tokio::test]
async fn a_cleared_group_has_nothing_in_any_list() {
    let (platform, client) = seeded().await;
    platform.edit(|s| s.clear_contents("Acme", "HQ"));
    for (path, list) in [
        ("users", "users"),
        ("services/trunk_groups", "trunks"),
        ("services/ivrs", "ivrs"),
        ("services/call_centers", "callCenters"),
        ("services/hunt_groups", "huntGroups"),
    ] {
        assert_eq!(client.get(&format!("{HQ}{path}/")).await.ok(), json!({list: []}));
    }
    assert_eq!(client.get(HQ).await.ok()["userCount"], 0);
}
