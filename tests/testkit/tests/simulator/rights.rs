use serde_json::json;
use testkit::simulator::{Account, Simulator};

use crate::client::{Client, GROUPS, HQ, acme_hq};

async fn with_account(account: Account) -> (Simulator, Client) {
    let (platform, _) = acme_hq().await;
    platform.edit(|s| {
        s.add_tenant("Other");
        s.add_reseller("Best");
        s.add_group("Acme", "Theirs", json!({"resellerId": "Best"}));
        s.add_account("someone", account);
    });
    let client = Client::login(&platform, "someone", "secret").await;
    (platform, client)
}

async fn statuses(client: &Client, calls: &[(&str, &str)]) -> Vec<u16> {
    let mut found = Vec::new();
    for (method, path) in calls {
        found.push(client.call(method, path, Some(json!({}))).await.status);
    }
    found
}

#[tokio::test]
async fn a_tenant_admin_is_refused_at_system_level_and_in_other_tenants() {
    let (_platform, client) = with_account(Account::tenant_admin("secret", "Acme")).await;
    let refused = [
        ("GET", "/tenants/"),
        ("POST", "/tenants/"),
        ("DELETE", "/tenants/Acme/"),
        ("POST", "/system/domains/"),
        ("GET", "/local/resellers/"),
        ("GET", "/search/groups/"),
        ("GET", "/tenants/Other/"),
        ("GET", "/tenants/Other/groups/"),
    ];
    assert_eq!(statuses(&client, &refused).await, [403; 8]);
    let allowed =
        [("GET", "/system/domains/"), ("GET", "/tenants/Acme/"), ("GET", GROUPS), ("PUT", HQ), ("DELETE", HQ)];
    assert_eq!(statuses(&client, &allowed).await, [200; 5]);
}

#[tokio::test]
async fn a_refusal_for_lack_of_rights_is_platform_shaped() {
    let (_platform, client) = with_account(Account::tenant_admin("secret", "Acme")).await;
    let answer = client.get("/tenants/").await;
    assert!(answer.code().is_some(), "{answer:?}");
}

#[tokio::test]
async fn a_login_tells_level_and_ids_of_the_account() {
    let (_platform, client) = with_account(Account::tenant_admin("secret", "Acme")).await;
    let login = client.post("/login/", json!({"username": "someone", "password": "secret"})).await.ok();
    assert_eq!(login, json!({"ids": {"tenant_id": "Acme"}, "profile": {"user_level": 12, "is_first_login": false}}));
}

#[tokio::test]
async fn a_group_admin_manages_his_group_only() {
    let (_platform, client) = with_account(Account::group_admin("secret", "Acme", "HQ")).await;
    let calls = [("GET", HQ), ("PUT", HQ), ("GET", "/tenants/Acme/groups/Theirs/"), ("GET", GROUPS), ("DELETE", HQ)];
    assert_eq!(statuses(&client, &calls).await, [200, 200, 403, 403, 403]);
}

#[tokio::test]
async fn a_restricted_user_sees_only_the_groups_of_his_reseller() {
    let (platform, client) = with_account(Account::restricted_to("secret", "Best")).await;
    let groups = client.get(GROUPS).await.ok();
    assert_eq!(groups["groups"].as_array().map(Vec::len), Some(1));
    assert_eq!(groups["groups"][0]["groupId"], "Theirs");
    assert_eq!(client.get(HQ).await.status, 404);
    platform.edit(|s| s.settings.assumptions.hidden_object_status = 403);
    assert_eq!(client.get(HQ).await.status, 403);
    platform.edit(|s| s.settings.reseller_group = false);
    assert_eq!(client.get(HQ).await.status, 200);
}

#[tokio::test]
async fn creating_an_invisible_group_answers_already_exists() {
    let (_platform, client) = with_account(Account::restricted_to("secret", "Best")).await;
    assert_eq!(client.get(HQ).await.status, 404);
    assert_eq!(client.post(GROUPS, json!({"groupId": "HQ", "groupName": "x"})).await.code(), Some(11));
}

#[tokio::test]
async fn what_a_restricted_user_creates_is_his() {
    let (_platform, client) = with_account(Account::restricted_to("secret", "Best")).await;
    let created = client.post(GROUPS, json!({"groupId": "New", "groupName": "x"})).await.ok();
    assert_eq!(created["resellerId"], "Best");
    let other = json!({"groupId": "Newer", "groupName": "x", "resellerId": "Worst"});
    assert_eq!(client.post(GROUPS, other).await.status, 403);
}

#[tokio::test]
async fn tenants_are_restricted_only_when_reseller_tenant_is_on() {
    let (platform, client) = with_account(Account::restricted_to("secret", "Best")).await;
    assert_eq!(client.get("/tenants/Acme/").await.status, 200);
    platform.edit(|s| s.settings.reseller_tenant = true);
    assert_eq!(client.get("/tenants/Acme/").await.status, 404);
    assert_eq!(client.get("/tenants/").await.ok(), json!({"tenants": []}));
    assert_eq!(client.get("/tenants/Acme/groups/Theirs/").await.status, 404, "his group, but not his tenant");
}
