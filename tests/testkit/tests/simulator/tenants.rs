use serde_json::json;

use crate::client::{acme, acme_hq};

const TENANTS: &str = "/tenants/";
const ACME: &str = "/tenants/Acme/";

#[tokio::test]
async fn a_tenant_is_created_with_201_and_unset_strings_come_back_empty() {
    let (_platform, client) = acme().await;
    let created = client.post(TENANTS, json!({"tenantId": "New", "type": "Enterprise"})).await;
    assert_eq!((created.status, &created.body["tenantId"]), (201, &json!("New")));
    assert_eq!(
        client.get("/tenants/New/").await.ok(),
        json!({
            "tenantId": "New", "type": "Enterprise", "name": "", "defaultDomain": "sip.example.net", "supportEmail": "",
            "contactInformation": {"name": "", "phoneNumber": "", "emailAddress": ""},
            "addressInformation": {"addressLine1": "", "addressLine2": "", "city": "", "stateDisplayName": "",
                "postalCode": "", "country": ""},
            "useCustomRoutingProfile": false, "useTenantLanguages": false,
        })
    );
}

#[tokio::test]
async fn a_tenant_needs_an_id_and_a_known_type() {
    let (_platform, client) = acme().await;
    client.post(TENANTS, json!({"type": "Enterprise"})).await.assert_invalid("tenantId");
    client.post(TENANTS, json!({"tenantId": "x"})).await.assert_invalid("type");
    client.post(TENANTS, json!({"tenantId": "x", "type": "Other"})).await.assert_invalid("type");
    client.post(TENANTS, json!({"tenantId": "x".repeat(31), "type": "Enterprise"})).await.assert_invalid("tenantId");
}

#[tokio::test]
async fn a_duplicate_tenant_answers_400_with_code_11() {
    let (_platform, client) = acme().await;
    let answer = client.post(TENANTS, json!({"tenantId": "Acme", "type": "Enterprise"})).await;
    assert_eq!((answer.status, answer.code()), (400, Some(11)));
}

#[tokio::test]
async fn a_tenants_default_domain_must_exist_at_system_level() {
    let (platform, client) = acme().await;
    let body = json!({"tenantId": "New", "type": "Enterprise", "defaultDomain": "new.example"});
    client.post(TENANTS, body.clone()).await.assert_invalid("new.example");
    client.put(ACME, json!({"defaultDomain": "new.example"})).await.assert_invalid("new.example");
    platform.edit(|s| s.add_system_domain("new.example"));
    client.post(TENANTS, body).await.ok();
    assert_eq!(client.get("/tenants/New/domains/").await.ok()["domains"], json!(["new.example"]));
}

#[tokio::test]
async fn a_put_of_a_tenant_changes_only_the_keys_it_carries() {
    let (_platform, client) = acme().await;
    let mut expected = client.get(ACME).await.ok();
    expected["supportEmail"] = json!("it@acme.example");
    assert_eq!(client.put(ACME, json!({"supportEmail": "it@acme.example"})).await.ok(), expected);
    assert_eq!(client.get(ACME).await.ok(), expected);
}

#[tokio::test]
async fn the_type_of_a_tenant_may_not_be_in_a_put() {
    let (_platform, client) = acme().await;
    client.put(ACME, json!({"type": "Enterprise"})).await.assert_invalid("type");
    client.put(ACME, json!({"useCustomRoutingProfile": true})).await.assert_invalid("useCustomRoutingProfile");
}

#[tokio::test]
async fn a_custom_routing_profile_needs_a_service_provider() {
    let (_platform, client) = acme().await;
    let body = |kind: &str| json!({"tenantId": "New", "type": kind, "useCustomRoutingProfile": true});
    client.post(TENANTS, body("Enterprise")).await.assert_invalid("useCustomRoutingProfile");
    assert_eq!(client.post(TENANTS, body("ServiceProvider")).await.ok()["useCustomRoutingProfile"], true);
}

#[tokio::test]
async fn external_ids_exist_only_with_tenant_data() {
    let (platform, client) = acme().await;
    client.put(ACME, json!({"externalId1": "x"})).await.assert_invalid("externalId1");
    assert_eq!(client.get(ACME).await.ok().get("externalId1"), None);
    platform.edit(|s| s.settings.object_creation.tenant_data = true);
    let tenant = client.put(ACME, json!({"externalId1": "x"})).await.ok();
    assert_eq!((&tenant["externalId1"], &tenant["externalId2"]), (&json!("x"), &json!("")));
    assert!(platform.edit(|s| s.tenants["Acme"].has_tenant_data));
}

#[tokio::test]
async fn a_tenant_with_groups_can_not_be_deleted() {
    let (_platform, client) = acme_hq().await;
    let answer = client.delete(ACME).await;
    assert_eq!((answer.status, answer.code()), (400, Some(29)));
    client.delete("/tenants/Acme/groups/HQ/").await.ok();
    assert_eq!(client.delete(ACME).await.status, 200);
    assert_eq!(client.get(ACME).await.status, 404);
    assert_eq!(client.delete(ACME).await.status, 404);
}
