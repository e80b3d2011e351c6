use serde_json::{Value, json};
use testkit::simulator::Simulator;

use crate::client::{Client, GROUPS, acme};

async fn three_groups() -> (Simulator, Client) {
    let (platform, client) = acme().await;
    platform.edit(|s| {
        s.add_group("Acme", "A1", json!({"groupName": "North", "userLimit": 5}));
        s.add_group("Acme", "a2", json!({"groupName": "south"}));
        s.add_group("Acme", "B1", json!({"groupName": "Northwest"}));
        s.add_tenant("Other");
        s.add_group("Other", "A1", json!({"groupName": "Elsewhere"}));
    });
    (platform, client)
}

fn ids(answer: &Value) -> Vec<&str> {
    let groups = answer["groups"].as_array().expect("groups");
    groups.iter().map(|group| group["groupId"].as_str().expect("an id")).collect()
}

/// The groups under a filter in the body, having checked that nothing else comes with it in the query.
async fn by_body(client: &Client, filter: Value) -> Vec<String> {
    let answer = client.call("GET", GROUPS, Some(filter)).await.ok();
    ids(&answer).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn list_items_of_groups_have_the_documented_keys_only() {
    let (_platform, client) = three_groups().await;
    let groups = client.get(GROUPS).await.ok();
    assert_eq!(groups["groups"][0], json!({"tenantId": "Acme", "groupId": "A1", "groupName": "North", "userLimit": 5}));
    assert_eq!(ids(&groups), ["A1", "B1", "a2"]);
}

#[tokio::test]
async fn filters_are_taken_from_the_body_and_from_the_query() {
    let (_platform, client) = three_groups().await;
    assert_eq!(by_body(&client, json!({"sensitiveGroupIdEquals": "B1"})).await, ["B1"]);
    let by_query = client.get(&format!("{GROUPS}?insensitiveGroupNameContains=NORTH&sensitiveGroupIdStarts=B")).await;
    assert_eq!(ids(&by_query.ok()), ["B1"]);
}

#[tokio::test]
async fn filters_are_sensitive_or_insensitive_and_all_of_them_count() {
    let (_platform, client) = three_groups().await;
    assert_eq!(by_body(&client, json!({"sensitiveGroupIdStarts": "A"})).await, ["A1"]);
    assert_eq!(by_body(&client, json!({"insensitiveGroupIdStarts": "A"})).await, ["A1", "a2"]);
    let both = json!({"insensitiveGroupIdStarts": "A", "insensitiveGroupNameContains": "OUT"});
    assert_eq!(by_body(&client, both).await, ["a2"]);
    assert_eq!(by_body(&client, json!({"sensitiveGroupNameEquals": "north"})).await, [""; 0]);
}

#[tokio::test]
async fn pages_begin_at_1_and_end_with_a_short_one() {
    let (_platform, client) = three_groups().await;
    let page = |start: u32| json!({"pagingControl": {"startIndex": start, "pageSize": 2}});
    assert_eq!(by_body(&client, page(1)).await, ["A1", "B1"]);
    assert_eq!(by_body(&client, page(3)).await, ["a2"]);
    for bad in [json!({"startIndex": 0, "pageSize": 2}), json!({"startIndex": 1, "pageSize": 2001})] {
        assert_eq!(client.call("GET", GROUPS, Some(json!({"pagingControl": bad}))).await.status, 400);
    }
}

#[tokio::test]
async fn a_response_size_limit_cuts_the_list() {
    let (_platform, client) = three_groups().await;
    assert_eq!(ids(&client.get(&format!("{GROUPS}?responseSizeLimit=2")).await.ok()), ["A1", "B1"]);
    client.get(&format!("{GROUPS}?responseSizeLimit=0")).await.assert_invalid("responseSizeLimit");
}

#[tokio::test]
async fn sort_orders_are_names_in_an_array() {
    let (_platform, client) = three_groups().await;
    let sorted = |order: &str| json!({"sortOrders": [order]});
    assert_eq!(by_body(&client, sorted("insensitiveDescendingGroupName")).await, ["a2", "B1", "A1"]);
    assert_eq!(by_body(&client, sorted("sensitiveAscendingGroupName")).await, ["A1", "B1", "a2"]);
    assert_eq!(client.call("GET", GROUPS, Some(sorted("byHeart"))).await.status, 400);
}

#[tokio::test]
async fn an_unknown_filter_is_refused_unless_the_platform_is_lenient() {
    let (platform, client) = three_groups().await;
    client.get(&format!("{GROUPS}?groupId=A1")).await.assert_invalid("groupId");
    platform.edit(|s| s.settings.assumptions.refuse_unknown_keys = false);
    assert_eq!(ids(&client.get(&format!("{GROUPS}?groupId=A1")).await.ok()).len(), 3);
}

#[tokio::test]
async fn a_get_with_a_body_that_is_no_object_answers_416() {
    let (_platform, client) = three_groups().await;
    assert_eq!(client.call("GET", GROUPS, Some(json!([1]))).await.status, 416);
}

#[tokio::test]
async fn a_search_of_groups_crosses_tenants() {
    let (platform, client) = three_groups().await;
    let found = client.get("/search/groups/?sensitiveGroupIdEquals=A1").await.ok();
    assert_eq!(ids(&found), ["A1", "A1"]);
    let found = client.get("/search/groups/?sensitiveGroupIdEquals=A1&sensitiveTenantIdEquals=Other").await.ok();
    assert_eq!(found["groups"][0]["groupName"], "Elsewhere");
    assert_eq!(client.get("/search/groups/").await.status, 200);
    platform.edit(|s| s.settings.assumptions.refuse_broad_searches = true);
    assert_eq!(client.get("/search/groups/").await.status, 400);
}

#[tokio::test]
async fn tenants_are_listed_with_id_name_and_type_and_filtered() {
    let (platform, client) = three_groups().await;
    platform.edit(|s| {
        s.settings.object_creation.tenant_data = true;
        s.tenants.get_mut("Other").expect("Other").attributes.insert("externalId2".into(), json!("X-17"));
    });
    let all = client.get("/tenants/").await.ok();
    assert_eq!(all["tenants"][0], json!({"tenantId": "Acme", "name": "Acme", "type": "Enterprise"}));
    let found = client.get("/tenants/?insensitiveExternalId2Starts=x-").await.ok();
    assert_eq!(found, json!({"tenants": [{"tenantId": "Other", "name": "Other", "type": "Enterprise"}]}));
    assert_eq!(client.get("/tenants/?type=ServiceProvider").await.ok(), json!({"tenants": []}));
    assert_eq!(client.get("/tenants/?sizeLimit=1").await.ok()["tenants"].as_array().map(Vec::len), Some(1));
}
