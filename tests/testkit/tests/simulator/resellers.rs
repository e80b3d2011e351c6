use serde_json::json;

use crate::client::{GROUPS, HQ, acme, acme_hq};

const RESELLERS: &str = "/local/resellers/";
const BEST: &str = "/local/resellers/Best/";

#[tokio::test]
async fn a_reseller_is_created_read_changed_and_deleted_by_name() {
    let (_platform, client) = acme().await;
    let created =
        client.post(RESELLERS, json!({"name": "Best", "externalName": "Best Ltd", "extraData": {"a": 1}})).await;
    let best = json!({"name": "Best", "externalName": "Best Ltd", "extraData": {"a": 1}});
    assert_eq!((created.status, &created.body), (201, &best));
    assert_eq!(client.get(RESELLERS).await.ok(), json!({"resellers": [best]}));
    client.put(BEST, json!({"externalName": "Better"})).await.ok();
    assert_eq!(client.get(BEST).await.ok(), json!({"name": "Best", "externalName": "Better", "extraData": {"a": 1}}));
    assert_eq!(client.delete(BEST).await.status, 200);
    for method in ["GET", "PUT", "DELETE"] {
        assert_eq!(client.call(method, BEST, Some(json!({}))).await.status, 404, "{method}");
    }
}

#[tokio::test]
async fn a_duplicate_reseller_answers_400_with_code_11() {
    let (platform, client) = acme().await;
    platform.edit(|s| s.add_reseller("Best"));
    let answer = client.post(RESELLERS, json!({"name": "Best"})).await;
    assert_eq!((answer.status, answer.code()), (400, Some(11)));
}

#[tokio::test]
async fn a_reseller_needs_a_name_and_extra_data_is_an_object() {
    let (_platform, client) = acme().await;
    client.post(RESELLERS, json!({"externalName": "x"})).await.assert_invalid("name");
    client.post(RESELLERS, json!({"name": "x", "extraData": []})).await.assert_invalid("extraData");
}

#[tokio::test]
async fn an_unknown_reseller_of_a_group_is_rejected_by_default() {
    let (platform, client) = acme_hq().await;
    let body = json!({"groupId": "New", "groupName": "x", "resellerId": "Best"});
    client.post(GROUPS, body).await.assert_invalid("resellerId");
    client.put(HQ, json!({"resellerId": "Best", "cliName": "x"})).await.assert_invalid("resellerId");
    assert!(platform.edit(|s| s.resellers.is_empty() && s.group("Acme", "New").is_none()));
    assert_eq!(client.get(HQ).await.ok()["cliName"], "");
}

#[tokio::test]
async fn the_setting_creates_an_unknown_reseller_with_that_name() {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| s.settings.object_creation.reseller = true);
    assert_eq!(client.put(HQ, json!({"resellerId": "Best"})).await.ok()["resellerId"], "Best");
    assert_eq!(client.get(BEST).await.ok()["name"], "Best");
    client.put("/tenants/Acme/", json!({"resellerId": "Other"})).await.ok();
    assert_eq!(client.get("/local/resellers/Other/").await.status, 200);
}

#[tokio::test]
async fn group_data_is_created_when_a_reseller_is_given() {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| s.add_reseller("Best"));
    let has_group_data = || platform.edit(|s| s.group("Acme", "HQ").expect("HQ").has_group_data);
    assert_eq!(client.put(HQ, json!({"cliName": "x"})).await.ok().get("resellerId"), None);
    assert!(!has_group_data());
    client.put(HQ, json!({"resellerId": "Best"})).await.ok();
    assert!(has_group_data());
}

#[tokio::test]
async fn the_setting_creates_group_data_without_a_reseller_too() {
    let (platform, client) = acme().await;
    platform.edit(|s| s.settings.object_creation.group_data = true);
    let created = client.post(GROUPS, json!({"groupId": "HQ", "groupName": "x"})).await.ok();
    assert_eq!(created["resellerId"], "");
    assert!(platform.edit(|s| s.group("Acme", "HQ").expect("HQ").has_group_data));
}

#[tokio::test]
async fn a_referenced_reseller_can_not_be_deleted() {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| s.add_reseller("Best"));
    client.put(HQ, json!({"resellerId": "Best"})).await.ok();
    client.delete(BEST).await.assert_invalid("HQ");
    client.delete(HQ).await.ok();
    client.put("/tenants/Acme/", json!({"resellerId": "Best"})).await.ok();
    client.delete(BEST).await.assert_invalid("Acme");
    client.delete("/tenants/Acme/").await.ok();
    client.delete(BEST).await.ok();
}

#[tokio::test]
async fn a_tenants_new_reseller_goes_to_its_groups_that_have_none_or_had_the_old_one() {
    let (platform, client) = acme().await;
    platform.edit(|s| {
        for name in ["Old", "New", "Own"] {
            s.add_reseller(name);
        }
        s.add_group("Acme", "none", json!({}));
        s.add_group("Acme", "old", json!({"resellerId": "Old"}));
        s.add_group("Acme", "own", json!({"resellerId": "Own"}));
        s.settings.assumptions.propagate_tenant_reseller = false;
    });
    client.put("/tenants/Acme/", json!({"resellerId": "Old"})).await.ok();
    assert_eq!(client.get("/tenants/Acme/groups/none/").await.ok().get("resellerId"), None, "switched off");
    platform.edit(|s| s.settings.assumptions.propagate_tenant_reseller = true);
    client.put("/tenants/Acme/", json!({"resellerId": "New"})).await.ok();
    for (group, reseller) in [("none", "New"), ("old", "New"), ("own", "Own")] {
        assert_eq!(client.get(&format!("{GROUPS}{group}/")).await.ok()["resellerId"], reseller, "{group}");
    }
}
