use serde_json::json;

use crate::client::{GROUPS, HQ, acme, acme_hq};

#[tokio::test]
async fn a_group_is_created_with_201_and_read_back_with_its_values() {
    let (_platform, client) = acme().await;
    let body = json!({
        "groupId": "HQ", "groupName": "Head office", "userLimit": 25, "defaultDomain": "sip.acme.example",
        "timeZone": "Europe/Brussels", "cliName": "Acme HQ",
        "contactInformation": {"name": "Jo", "phoneNumber": "+3225550100", "emailAddress": "jo@acme.example"},
        "addressInformation": {"addressLine1": "Street 1", "city": "Brussels", "postalCode": "1000", "country": "Belgium"},
    });
    let created = client.post(GROUPS, body).await;
    assert_eq!((created.status, &created.body["groupId"]), (201, &json!("HQ")));
    let group = client.get(HQ).await.ok();
    assert_eq!(
        group,
        json!({
            "groupName": "Head office", "userLimit": 25, "userCount": 0, "defaultDomain": "sip.acme.example",
            "cliName": "Acme HQ", "cliPhoneNumber": "", "locationDialingCode": "",
            "timeZone": "Europe/Brussels", "timeZoneDisplayName": "Europe/Brussels",
            "contactInformation": {"name": "Jo", "phoneNumber": "+3225550100", "emailAddress": "jo@acme.example"},
            "addressInformation": {"addressLine1": "Street 1", "addressLine2": "", "city": "Brussels",
                "stateDisplayName": "", "postalCode": "1000", "country": "Belgium"},
        })
    );
}

#[tokio::test]
async fn a_group_needs_an_id_and_a_name() {
    let (_platform, client) = acme().await;
    client.post(GROUPS, json!({"groupName": "x"})).await.assert_invalid("groupId");
    client.post(GROUPS, json!({"groupId": "x"})).await.assert_invalid("groupName");
    client.post(GROUPS, json!({"groupId": "x", "groupName": ""})).await.assert_invalid("groupName");
}

#[tokio::test]
async fn a_group_created_without_a_domain_gets_that_of_its_tenant() {
    let (_platform, client) = acme().await;
    let created = client.post(GROUPS, json!({"groupId": "HQ", "groupName": "x"})).await.ok();
    assert_eq!(created["defaultDomain"], "sip.example.net");
    assert_eq!(client.get(&format!("{HQ}domains/")).await.ok()["domains"], json!(["sip.example.net"]));
}

#[tokio::test]
async fn a_duplicate_group_answers_400_with_code_11() {
    let (platform, client) = acme_hq().await;
    let answer = client.post(GROUPS, json!({"groupId": "HQ", "groupName": "another"})).await;
    assert_eq!((answer.status, answer.code()), (400, Some(11)));
    assert_eq!(answer.body["errors"][0]["message"], "ALREADY_EXISTS");
    assert_eq!(platform.edit(|s| s.group("Acme", "HQ").expect("HQ").attributes["groupName"].clone()), "Head office");
}

#[tokio::test]
async fn the_same_group_id_may_exist_in_two_tenants() {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| s.add_tenant("Other"));
    client.post("/tenants/Other/groups/", json!({"groupId": "HQ", "groupName": "x"})).await.ok();
}

#[tokio::test]
async fn a_group_under_an_unknown_tenant_answers_404() {
    let (_platform, client) = acme_hq().await;
    let create = client.post("/tenants/Nobody/groups/", json!({"groupId": "HQ", "groupName": "x"})).await;
    assert_eq!((create.status, create.code().is_some()), (404, true));
    assert_eq!(client.get("/tenants/Nobody/groups/HQ/").await.status, 404);
    assert_eq!(client.get("/tenants/Nobody/groups/").await.status, 404);
}

#[tokio::test]
async fn an_unknown_group_answers_a_platform_shaped_404() {
    let (_platform, client) = acme_hq().await;
    for method in ["GET", "PUT", "DELETE"] {
        let answer = client.call(method, "/tenants/Acme/groups/Nowhere/", Some(json!({}))).await;
        assert_eq!((answer.status, answer.code().is_some()), (404, true), "{method}: {answer:?}");
    }
}

#[tokio::test]
async fn a_put_changes_only_the_keys_it_carries() {
    let (_platform, client) = acme_hq().await;
    let before = client.get(HQ).await.ok();
    let answer = client.put(HQ, json!({"cliName": "new", "userLimit": 7})).await;
    let mut expected = before;
    expected["cliName"] = json!("new");
    expected["userLimit"] = json!(7);
    assert_eq!((answer.status, &answer.body), (200, &expected));
    assert_eq!(client.get(HQ).await.ok(), expected);
}

#[tokio::test]
async fn a_put_merges_contact_and_address_key_by_key() {
    let (_platform, client) = acme_hq().await;
    client.put(HQ, json!({"contactInformation": {"name": "Jo", "phoneNumber": "1"}})).await.ok();
    client.put(HQ, json!({"contactInformation": {"phoneNumber": "2"}})).await.ok();
    let group = client.put(HQ, json!({"addressInformation": {"city": "Brussels"}})).await.ok();
    assert_eq!(group["contactInformation"], json!({"name": "Jo", "phoneNumber": "2", "emailAddress": ""}));
}

#[tokio::test]
async fn an_empty_string_clears_a_value() {
    let (_platform, client) = acme_hq().await;
    client.put(HQ, json!({"cliName": "x", "contactInformation": {"name": "Jo"}})).await.ok();
    let group = client.put(HQ, json!({"cliName": "", "contactInformation": {"name": ""}})).await.ok();
    assert_eq!((&group["cliName"], &group["contactInformation"]["name"]), (&json!(""), &json!("")));
}

#[tokio::test]
async fn default_domain_user_limit_and_time_zone_can_not_be_cleared() {
    let (_platform, client) = acme_hq().await;
    for key in ["defaultDomain", "userLimit", "timeZone"] {
        client.put(HQ, json!({key: ""})).await.assert_invalid(key);
    }
}

#[tokio::test]
async fn read_only_keys_in_a_put_are_ignored() {
    let (_platform, client) = acme_hq().await;
    let before = client.get(HQ).await.ok();
    client.put(HQ, json!({"userCount": 99, "timeZoneDisplayName": "elsewhere"})).await.ok();
    assert_eq!(client.put(HQ, before.clone()).await.ok(), before);
}

#[tokio::test]
async fn a_group_id_can_not_be_changed() {
    let (_platform, client) = acme_hq().await;
    client.put(HQ, json!({"groupId": "Other"})).await.assert_invalid("groupId");
    client.put(HQ, json!({"groupId": "HQ"})).await.ok();
}

#[tokio::test]
async fn the_user_count_is_that_of_the_users() {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| {
        s.add_user("Acme", "HQ", "a@sip.acme.example", false);
        s.add_user("Acme", "HQ", "b@sip.acme.example", true);
    });
    assert_eq!(client.get(HQ).await.ok()["userCount"], 2);
}

#[tokio::test]
async fn a_user_limit_below_the_user_count_is_refused() {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| {
        s.add_user("Acme", "HQ", "a", false);
        s.add_user("Acme", "HQ", "b", false);
    });
    client.put(HQ, json!({"userLimit": 1, "cliName": "x"})).await.assert_invalid("userLimit");
    assert_eq!(client.get(HQ).await.ok()["cliName"], "", "a refused PUT changes nothing");
    client.put(HQ, json!({"userLimit": 2})).await.ok();
}

#[tokio::test]
async fn a_post_may_use_the_short_names_and_a_get_answers_the_long_ones() {
    let (_platform, client) = acme().await;
    let body = json!({"groupId": "HQ", "groupName": "x", "contact": {"name": "Jo"}, "address": {"state": "Flanders"}});
    let created = client.post(GROUPS, body).await.ok();
    assert_eq!(created["contactInformation"]["name"], "Jo");
    assert_eq!(created["addressInformation"]["stateDisplayName"], "Flanders");
    assert_eq!((created.get("contact"), created["addressInformation"].get("state")), (None, None));
}

#[tokio::test]
async fn the_state_of_an_address_can_be_made_read_only() {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| s.settings.assumptions.state_display_name_read_only = true);
    let body = json!({"addressInformation": {"stateDisplayName": "Flanders", "city": "Ghent"}});
    let group = client.put(HQ, body).await.ok();
    assert_eq!(group["addressInformation"]["stateDisplayName"], "");
    assert_eq!(group["addressInformation"]["city"], "Ghent");
}

#[tokio::test]
async fn a_put_merges_a_contact_or_replaces_it_by_what_it_carries() {
    let (platform, client) = acme_hq().await;
    client.put(HQ, json!({"contactInformation": {"name": "Jo", "phoneNumber": "1"}})).await.ok();
    let merged = client.put(HQ, json!({"contactInformation": {"name": "Al"}})).await.ok();
    assert_eq!(merged["contactInformation"], json!({"name": "Al", "phoneNumber": "1", "emailAddress": ""}));
    platform.edit(|s| s.settings.assumptions.replace_nested_objects = true);
    let replaced = client.put(HQ, json!({"contactInformation": {"name": "Jo"}})).await.ok();
    assert_eq!(replaced["contactInformation"], json!({"name": "Jo", "phoneNumber": "", "emailAddress": ""}));
}

#[tokio::test]
async fn a_platform_may_keep_keys_that_nobody_documented() {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| s.settings.assumptions.undocumented_keys = vec!["mobile".to_owned()]);
    let body = json!({"mobile": "1", "contactInformation": {"mobile": "2"}});
    let group = client.put(HQ, body).await.ok();
    assert_eq!((&group["mobile"], &group["contactInformation"]["mobile"]), (&json!("1"), &json!("2")));
    assert_eq!(client.get(HQ).await.ok(), group);
    client.put(HQ, json!({"fax": "1"})).await.assert_invalid("fax");
}

#[tokio::test]
async fn a_template_fills_only_the_keys_that_the_call_leaves_out() {
    let (platform, client) = acme().await;
    platform.edit(|s| s.add_template("basic", json!({"userLimit": 5, "cliName": "{{tenant_id}} {{group_id}}"})));
    let body = json!({"groupId": "HQ", "groupName": "x", "userLimit": 9, "templateName": "basic"});
    let created = client.post(GROUPS, body).await.ok();
    assert_eq!((&created["userLimit"], &created["cliName"]), (&json!(9), &json!("Acme HQ")));
    assert_eq!(created.get("templateName"), None);
    let changed = client.put(HQ, json!({"cliName": "mine", "templateName": "basic"})).await.ok();
    assert_eq!((&changed["userLimit"], &changed["cliName"]), (&json!(5), &json!("mine")));
}

#[tokio::test]
async fn an_unknown_template_is_refused() {
    let (_platform, client) = acme_hq().await;
    client.put(HQ, json!({"templateName": "none", "cliName": "x"})).await.assert_invalid("templateName");
    assert_eq!(client.get(HQ).await.ok()["cliName"], "");
}

#[tokio::test]
async fn answers_may_carry_keys_that_nobody_documented() {
    let (platform, client) = acme_hq().await;
    assert_eq!(client.get(HQ).await.ok().get("_record_internal_id"), None);
    platform.edit(|s| s.settings.assumptions.extra_response_keys = true);
    assert!(client.get(HQ).await.ok()["_record_internal_id"].is_i64());
}
