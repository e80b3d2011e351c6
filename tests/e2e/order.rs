//! Everything in one file, in any order: nothing is stuck that need not be, and what waits says for whom.

use std::collections::BTreeSet;

use apio_operator::api::{Group, Reseller, Tenant};
use testkit::simulator::{PASSWORD, USERNAME};

use crate::{
    fixtures::{acme, credentials, hq, manifest, settings},
    world::{HasStatus, SETTINGS, Watchable, Wish, World, own_plane},
};

/// The orders of three.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

fn kinds() -> [String; 3] {
    [
        manifest("Reseller", "best", "resellerName: Best"),
        acme("resellerRef: {name: best}"),
        manifest("Group", "hq", "tenantRef: {name: acme}, groupId: HQ, groupName: G, resellerRef: {name: best}"),
    ]
}

/// All orders of the three kinds, with the Secret and the ConfigMap each before or after all of them. A rule concerns two
/// of the five at a time, or the three kinds: every such order is among these 24 of 120.
fn files() -> Vec<[String; 5]> {
    let (secret, map) = (credentials(USERNAME, PASSWORD), settings(SETTINGS));
    let places = |[a, b, c]: [String; 3]| {
        let (secret, map) = (secret.clone(), map.clone());
        [
            [secret.clone(), map.clone(), a.clone(), b.clone(), c.clone()],
            [secret.clone(), a.clone(), b.clone(), c.clone(), map.clone()],
            [map.clone(), a.clone(), b.clone(), c.clone(), secret.clone()],
            [a, b, c, map, secret],
        ]
    };
    ORDERS.into_iter().flat_map(|order| places(order.map(|at| kinds()[at].clone()))).collect()
}

async fn empty_world() -> World {
    World::with(Wish { no_settings: true, no_credentials: true, ..Wish::default() }).await
}

async fn all_ready(world: &World) {
    world.ready::<Reseller>("best").await;
    world.ready::<Tenant>("acme").await;
    world.group("hq").await;
}

/// Waits until a resource is gone, or says what its deletion waits for; what it says.
async fn gone_or_blocked<K: Watchable + HasStatus>(world: &World, name: &str) -> Option<String> {
    let said = async || {
        let found = world.api::<K>().get_opt(name).await.unwrap()?;
        let blocked = |found: &K| {
            let conditions = found.conditions().conditions.into_iter();
            conditions.filter(|one| one.type_ == "DeletionBlocked").map(|one| one.reason).next()
        };
        Some(blocked(&found).unwrap_or_default())
    };
    world
        .poll(&format!("{name} is gone or blocked"), || async { said().await.is_none_or(|why| !why.is_empty()) })
        .await;
    said().await
}

/// One file is applied and deleted in its order. Both the Secret and the ConfigMap go with it, so a deletion may have to
/// wait for them, or for a child that does; with them back, everything goes.
async fn comes_and_goes(world: &World, file: &[String; 5], down: bool) {
    let text = file.concat();
    world.platform.clear_journal();
    if down {
        world.operator.kill();
    }
    world.apply(&text);
    if down {
        world.operator.start_again().unwrap();
    }
    all_ready(world).await;
    assert_eq!(world.writes(), ["POST /local/resellers/", "POST /tenants/", "POST /tenants/Acme/groups/"], "{text}");

    if down {
        world.operator.kill();
    }
    world.plane.delete_in(&world.namespace, &text).unwrap();
    if down {
        world.operator.start_again().unwrap();
    }
    let said = [
        gone_or_blocked::<Reseller>(world, "best").await,
        gone_or_blocked::<Tenant>(world, "acme").await,
        gone_or_blocked::<Group>(world, "hq").await,
    ];
    let allowed = ["CredentialsUnavailable", "SettingsUnavailable", "TenantInUse", "ResellerInUse"];
    for reason in said.into_iter().flatten() {
        assert!(allowed.contains(&reason.as_str()), "{reason}: {text}");
    }
    world.apply(&(credentials(USERNAME, PASSWORD) + &settings(SETTINGS)));
    world.until_gone::<Group>("hq").await;
    world.until_gone::<Tenant>("acme").await;
    world.until_gone::<Reseller>("best").await;
    let deletes = ["DELETE /tenants/Acme/groups/HQ/", "DELETE /tenants/Acme/", "DELETE /local/resellers/Best/"];
    assert_eq!(world.writes()[3..], deletes, "{text}");
    world.kubectl(&["delete", "secret/apio-credentials", "configmap/apio-settings"]);
}

#[tokio::test]
async fn a_file_in_any_order_is_created_and_deleted_parents_and_children_at_once() {
    let world = empty_world().await;
    let all = files();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 24);
    for file in &all {
        comes_and_goes(&world, file, false).await;
    }
}

#[tokio::test]
async fn the_order_does_not_matter_to_an_operator_that_was_down_meanwhile() {
    let world = empty_world().await;
    for file in files().iter().step_by(4) {
        comes_and_goes(&world, file, true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_deleted_takes_everything_with_it_children_first() {
    let plane = own_plane().await;
    if !plane.needs_controller_manager("a_namespace_that_is_deleted") {
        return;
    }
    let world = World::with(Wish { plane: Some(plane), everywhere: true, ..Wish::default() }).await;
    plane.create_namespace("team").unwrap();
    plane
        .apply_in("team", &(kinds().concat() + &hq("").replace("name: hq", "name: other").replace("HQ", "B")))
        .unwrap();
    let all = ["reseller/best", "tenant/acme", "group/hq", "group/other"];
    let wait = &["-n", "team", "wait", "--for=condition=Ready", "--timeout=60s"];
    plane.run(&[&wait[..], &all].concat()).unwrap_or_else(|error| panic!("{error}\n{}", world.story()));
    world.platform.clear_journal();
    plane.run(&["delete", "namespace", "team", "--timeout=60s"]).unwrap();
    let writes = world.writes();
    let groups: BTreeSet<_> = writes[..2].iter().map(String::as_str).collect();
    assert_eq!(groups, BTreeSet::from(["DELETE /tenants/Acme/groups/B/", "DELETE /tenants/Acme/groups/HQ/"]));
    assert_eq!(writes[2..], ["DELETE /tenants/Acme/", "DELETE /local/resellers/Best/"], "{}", world.story());
}
