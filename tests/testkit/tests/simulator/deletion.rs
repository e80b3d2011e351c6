use serde_json::json;
use testkit::simulator::{CheckGroup, Simulator};

use crate::client::{Client, HQ, acme_hq};

/// A group with one of each kind, under these protections.
async fn full_group(check: CheckGroup) -> (Simulator, Client) {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| {
        s.settings.check_group = check;
        s.add_user("Acme", "HQ", "user@sip.acme.example", false);
        s.add_user("Acme", "HQ", "trunk@sip.acme.example", true);
        s.add_trunk_group("Acme", "HQ", "TG1");
        s.add_ivr("Acme", "HQ", "Main");
        s.add_call_center("Acme", "HQ", "Sales");
        s.add_hunt_group("Acme", "HQ", "Desk");
    });
    (platform, client)
}

async fn assert_refused(client: &Client, reason: &str) {
    let answer = client.delete(HQ).await;
    assert_eq!((answer.status, answer.code()), (400, Some(29)), "{answer:?}");
    assert_eq!(answer.body["errors"][0]["message"], "CAN_NOT_DELETE_NON_EMPTY");
    assert_eq!(answer.reason(), reason);
    assert_eq!(client.get(HQ).await.status, 200);
}

#[tokio::test]
async fn a_non_empty_group_is_deleted_with_its_users_when_all_checks_are_off() {
    let (platform, client) = full_group(CheckGroup::default()).await;
    assert_eq!(client.delete(HQ).await.status, 200);
    assert_eq!(client.get(HQ).await.status, 404);
    assert!(platform.edit(|s| s.group("Acme", "HQ").is_none()));
    assert_eq!(client.get("/search/users/").await.ok()["users"], json!([]));
}

#[tokio::test]
async fn deleting_a_group_with_users_is_refused_with_code_29_when_check_users_is_on() {
    let (platform, client) = full_group(CheckGroup { users: true, ..CheckGroup::default() }).await;
    assert_refused(&client, "group contains users").await;
    platform.edit(|s| _ = s.group_mut("Acme", "HQ").expect("HQ").users.remove("user@sip.acme.example"));
    assert_eq!(client.delete(HQ).await.status, 200, "the trunk user is not protected by CHECK_USERS");
}

#[tokio::test]
async fn deleting_a_group_with_trunk_users_is_refused_when_check_trunk_users_is_on() {
    let (platform, client) = full_group(CheckGroup { trunk_users: true, ..CheckGroup::default() }).await;
    assert_refused(&client, "group contains trunk users").await;
    platform.edit(|s| _ = s.group_mut("Acme", "HQ").expect("HQ").users.remove("trunk@sip.acme.example"));
    assert_eq!(client.delete(HQ).await.status, 200);
}

#[tokio::test]
async fn each_kind_of_service_user_refuses_the_deletion_when_check_service_users_is_on() {
    let (platform, client) = full_group(CheckGroup { service_users: true, ..CheckGroup::default() }).await;
    let seeds: [fn(&mut testkit::simulator::State); 3] = [
        |s| s.add_ivr("Acme", "HQ", "x"),
        |s| s.add_call_center("Acme", "HQ", "x"),
        |s| s.add_hunt_group("Acme", "HQ", "x"),
    ];
    for seed in seeds {
        platform.edit(|s| {
            s.clear_contents("Acme", "HQ");
            seed(s);
        });
        assert_refused(&client, "group contains service users").await;
    }
    platform.edit(|s| {
        s.clear_contents("Acme", "HQ");
        s.add_user("Acme", "HQ", "u", false);
        s.add_trunk_group("Acme", "HQ", "TG1");
    });
    assert_eq!(client.delete(HQ).await.status, 200);
}

#[tokio::test]
async fn deleting_a_group_with_trunk_groups_is_refused_when_check_trunk_groups_is_on() {
    let (platform, client) = full_group(CheckGroup { trunk_groups: true, ..CheckGroup::default() }).await;
    assert_refused(&client, "group contains trunk groups").await;
    platform.edit(|s| s.group_mut("Acme", "HQ").expect("HQ").trunk_groups.clear());
    assert_eq!(client.delete(HQ).await.status, 200);
}

#[tokio::test]
async fn an_empty_group_is_deleted_when_all_checks_are_on() {
    let check = CheckGroup { users: true, trunk_users: true, service_users: true, trunk_groups: true };
    let (platform, client) = full_group(check).await;
    platform.edit(|s| s.clear_contents("Acme", "HQ"));
    assert_eq!(client.delete(HQ).await.status, 200);
}

#[tokio::test]
async fn a_deletion_may_name_the_applications_whose_data_stays() {
    let (platform, client) = acme_hq().await;
    let body = json!({"_excludedAppIds": ["portal"]});
    assert_eq!(client.call("DELETE", HQ, Some(body)).await.status, 200);
    let deletions = platform.edit(|s| s.deletions.clone());
    assert_eq!(deletions.len(), 1);
    assert_eq!(
        (deletions[0].group.as_str(), deletions[0].excluded_app_ids.as_slice()),
        ("HQ", &["portal".to_owned()][..])
    );
}

#[tokio::test]
async fn excluded_applications_are_an_array_of_strings() {
    let (_platform, client) = acme_hq().await;
    let answer = client.call("DELETE", HQ, Some(json!({"_excludedAppIds": "portal"}))).await;
    answer.assert_invalid("_excludedAppIds");
    assert_eq!(client.get(HQ).await.status, 200);
}
