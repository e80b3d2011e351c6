use serde_json::json;

use crate::client::{GROUPS, HQ, acme, acme_hq};

#[tokio::test]
async fn strings_of_a_group_have_the_documented_maximum_length() {
    let (_platform, client) = acme_hq().await;
    for (key, max) in
        [("groupName", 80), ("cliName", 80), ("cliPhoneNumber", 23), ("locationDialingCode", 15), ("timeZone", 127)]
    {
        client.put(HQ, json!({key: "é".repeat(max)})).await.ok();
        client.put(HQ, json!({key: "é".repeat(max + 1)})).await.assert_invalid(key);
    }
}

#[tokio::test]
async fn strings_of_contact_and_address_have_their_maximum_length_too() {
    let (_platform, client) = acme_hq().await;
    let contact = [("name", 30), ("phoneNumber", 30), ("emailAddress", 80)].map(|(k, m)| ("contactInformation", k, m));
    let address = [
        ("addressLine1", 80),
        ("addressLine2", 80),
        ("city", 50),
        ("stateDisplayName", 50),
        ("postalCode", 50),
        ("country", 50),
    ];
    for (part, key, max) in contact.into_iter().chain(address.map(|(k, m)| ("addressInformation", k, m))) {
        client.put(HQ, json!({part: {key: "x".repeat(max)}})).await.ok();
        client.put(HQ, json!({part: {key: "x".repeat(max + 1)}})).await.assert_invalid(key);
    }
}

#[tokio::test]
async fn a_group_id_has_1_to_30_characters_and_no_space_around_it() {
    let (_platform, client) = acme().await;
    client.post(GROUPS, json!({"groupId": "x".repeat(30), "groupName": "x"})).await.ok();
    for id in ["x".repeat(31), String::new(), " x".to_owned(), "x ".to_owned()] {
        client.post(GROUPS, json!({"groupId": id, "groupName": "x"})).await.assert_invalid("groupId");
    }
}

#[tokio::test]
async fn a_user_limit_is_an_integer_from_1_to_999999() {
    let (_platform, client) = acme_hq().await;
    for good in [1, 999_999] {
        client.put(HQ, json!({"userLimit": good})).await.ok();
    }
    for bad in [json!(0), json!(1_000_000), json!("5"), json!(2.5), json!(null)] {
        client.put(HQ, json!({"userLimit": bad})).await.assert_invalid("userLimit");
    }
}

#[tokio::test]
async fn values_of_the_wrong_type_are_refused() {
    let (_platform, client) = acme_hq().await;
    for (key, value) in [
        ("groupName", json!(5)),
        ("cliName", json!(null)),
        ("contactInformation", json!("Jo")),
        ("autoCreateDomain", json!("true")),
    ] {
        client.put(HQ, json!({key: value})).await.assert_invalid(key);
    }
}

#[tokio::test]
async fn an_unknown_key_is_refused_unless_the_platform_is_lenient() {
    let (platform, client) = acme_hq().await;
    client.put(HQ, json!({"groupNam": "x"})).await.assert_invalid("groupNam");
    client.put(HQ, json!({"contactInformation": {"mail": "x"}})).await.assert_invalid("mail");
    platform.edit(|s| s.settings.assumptions.refuse_unknown_keys = false);
    assert_eq!(client.put(HQ, json!({"groupNam": "x"})).await.ok().get("groupNam"), None);
}
