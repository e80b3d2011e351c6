use apio_operator::api::{Group, OwnershipState};
use serde_json::json;

use crate::world::{World, is_held, message};

const HQ: &str = "
apiVersion: apio.netaxis.be/v1alpha1
kind: Group
metadata:
  name: hq
spec:
  tenantId: Acme
  groupId: HQ
  groupName: Head office
  userLimit: 25
";

#[tokio::test]
async fn an_applied_group_is_created_on_the_platform_and_told_as_ready() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme").clone());
    world.apply(HQ);
    let group = world.group("hq").await;
    assert_eq!(
        world.bodies("POST", "/tenants/Acme/groups/"),
        [json!({"groupId": "HQ", "groupName": "Head office", "userLimit": 25})]
    );
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"], "{}", world.story());
    assert!(is_held(&group));
    let status = group.status.clone().unwrap();
    assert_eq!(status.ownership.unwrap().state, OwnershipState::Created);
    assert_eq!(status.usage.as_deref(), Some("0/25"));
    assert_eq!(status.observed.unwrap().get("groupName"), Some(&json!("Head office")));
    assert_eq!(world.events("hq").await.get("Created"), Some(&1));
}

#[tokio::test]
async fn a_group_with_users_stays_says_how_many_and_goes_once_they_are_gone() {
    let world = World::new().await;
    world.platform.edit(|state| {
        state.add_tenant("Acme");
    });
    world.apply(HQ);
    world.group("hq").await;
    world.platform.edit(|state| {
        state.add_user("Acme", "HQ", "a@x", false);
        state.add_user("Acme", "HQ", "b@x", false);
    });
    world.delete("group/hq");
    let blocked: Group = world.reason("hq", "DeletionBlocked", "GroupNotEmpty").await;
    assert!(message(&blocked, "DeletionBlocked").contains("2 users"), "{}", message(&blocked, "DeletionBlocked"));
    assert_eq!(world.platform.edit(|state| state.group("Acme", "HQ").is_some()), true);
    world.platform.edit(|state| state.clear_contents("Acme", "HQ"));
    world.kubectl(&["annotate", "group/hq", "apio.netaxis.be/requested-at=now"]);
    world.until_gone::<Group>("hq").await;
    assert!(world.platform.edit(|state| state.group("Acme", "HQ").is_none()));
}
