//! Bad days of the platform.

use std::time::{Duration, Instant};

use apio_operator::api::{Group, OwnershipState};
use testkit::simulator::{Call, Fault};

use crate::{
    fixtures::{acme, hq, manifest},
    world::{SOON, Wish, World, has, is, is_held, message, own_plane},
};

const GROUPS: &str = "/tenants/Acme/groups/";

async fn with_acme(wish: Wish<'_>) -> World {
    let world = World::with(wish).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world
}

fn posts(calls: &[Call]) -> usize {
    calls.iter().filter(|call| call.method == "POST" && call.path == GROUPS).count()
}

#[tokio::test]
async fn a_platform_that_is_down_at_the_start_is_waited_for() {
    let world = with_acme(Wish { platform_is_down: true, ..Wish::default() }).await;
    world.apply(&hq(""));
    let group: Group = world.reason("hq", "Ready", "PlatformUnreachable").await;
    assert!(has(&group, "Reconciling") && !has(&group, "Stalled") && !is_held(&group));
    assert_eq!(world.page("/readyz").await.unwrap().0, 200, "the operator itself is ready");
    world.platform.resume().await.unwrap();
    world.group("hq").await;
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
}

#[tokio::test]
async fn a_short_outage_leaves_a_ready_group_ready() {
    let world = with_acme(Wish::default()).await;
    world.apply(&hq(""));
    world.group("hq").await;
    let before: Group = world.looked("hq").await;
    world.platform.stop().await;
    world.nudge::<Group>("hq").await;
    world
        .poll("a failed pass", || async {
            world.metric(r#"apio_operator_reconciles_total{kind="Group",result="failed"}"#).await > 0
        })
        .await;
    let during: Group = world.api().get("hq").await.unwrap();
    assert_eq!(during.status, before.status);
    world.platform.resume().await.unwrap();
    world.looked::<Group>("hq").await;
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
}

#[tokio::test]
async fn a_platform_without_time_is_left_alone_for_as_long_as_it_asks() {
    let world = with_acme(Wish::default()).await;
    world.platform.inject(Fault::status(503).retry_after(3).on("POST", GROUPS));
    world.apply(&hq(""));
    world.platform.wait_for("a POST", SOON, |calls, _| posts(calls) == 1).await;
    let first = Instant::now();
    world.platform.wait_for("the next POST", SOON, |calls, _| posts(calls) == 2).await;
    assert!(first.elapsed() >= Duration::from_millis(2900), "{:?}", first.elapsed());
    world.group("hq").await;
}

#[tokio::test]
async fn a_creation_whose_answer_is_lost_is_looked_for_and_not_repeated() {
    for fault in [Fault::drop_after(), Fault::partial(), Fault::truncated()] {
        let world = with_acme(Wish::default()).await;
        world.platform.inject(fault.on("POST", GROUPS));
        world.apply(&hq(""));
        let group = world.group("hq").await;
        assert_eq!(group.status.unwrap().ownership.unwrap().state, OwnershipState::Created);
        assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"], "{}", world.story());
    }
}

#[tokio::test]
async fn a_creation_that_was_not_carried_out_is_sent_again() {
    for fault in [Fault::drop_before(), Fault::status(502), Fault::status(429)] {
        let world = with_acme(Wish::default()).await;
        world.platform.inject(fault.on("POST", GROUPS));
        world.apply(&hq(""));
        let group = world.group("hq").await;
        assert_eq!(group.status.unwrap().ownership.unwrap().state, OwnershipState::Created);
        assert_eq!(posts(&world.platform.journal()), 2);
    }
}

#[tokio::test]
async fn a_platform_that_does_not_answer_is_given_up_after_the_timeout() {
    let world = with_acme(Wish { arguments: &["--platform-timeout", "1s"], ..Wish::default() }).await;
    world.platform.inject(Fault::stuck().on("GET", "/tenants/Acme/groups/HQ/"));
    world.apply(&hq(""));
    let group: Group = world.reason("hq", "Ready", "PlatformUnreachable").await;
    assert!(message(&group, "Ready").contains("cannot be reached"), "{}", message(&group, "Ready"));
    world.group("hq").await;
}

#[tokio::test]
async fn a_page_of_a_proxy_is_never_taken_for_an_answer() {
    let world = with_acme(Wish::default()).await;
    world.platform.inject(Fault::html(404).on("GET", "/tenants/Acme/groups/HQ/").forever());
    world.apply(&hq(""));
    let group: Group = world.reason("hq", "Ready", "PlatformUnreachable").await;
    assert!(message(&group, "Ready").contains("404"), "{}", message(&group, "Ready"));
    assert_eq!(world.writes(), [""; 0], "nothing is created from a 404 that is not the platform's");
}

#[tokio::test]
async fn an_expired_session_is_renewed_once_and_nobody_notices() {
    let world = with_acme(Wish::default()).await;
    world.apply(&hq(""));
    world.group("hq").await;
    world.platform.expire_sessions();
    let group: Group = world.looked("hq").await;
    assert!(is(&group.status.unwrap(), "Ready", "True"));
    let logins = world.platform.journal().iter().filter(|call| call.is_login()).count();
    assert_eq!(logins, 2);
}

#[tokio::test]
async fn the_front_door_of_apio_core_works_too() {
    let world = with_acme(Wish { arguments: &["--platform-mode", "core"], ..Wish::default() }).await;
    world.apply(&hq(""));
    world.group("hq").await;
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/", "DELETE /tenants/Acme/groups/HQ/"]);
}

#[tokio::test]
async fn an_operator_that_is_killed_after_every_write_creates_everything_once() {
    let world = World::new().await;
    world.platform.set_latency(Duration::from_millis(20));
    let spec = "tenantRef: {name: acme}, resellerRef: {name: best}, groupName: G";
    let groups = ["a", "b", "c"];
    let set = groups.map(|name| manifest("Group", name, spec)).concat()
        + &acme("resellerRef: {name: best}")
        + &manifest("Reseller", "best", "externalName: Best SA");
    world.apply(&set);
    for writes in 1..=5 {
        world
            .platform
            .wait_for("the next write", SOON, |calls, _| calls.iter().filter(|c| c.is_write()).count() >= writes)
            .await;
        world.operator.kill();
        world.operator.start_again().unwrap();
    }
    for name in groups {
        let group = world.group(name).await;
        assert_eq!(group.status.unwrap().ownership.unwrap().state, OwnershipState::Created);
    }
    let refused = world.platform.writes().into_iter().find(|call| call.method != "POST" || call.status == Some(400));
    assert!(refused.is_none(), "{}", world.story());
}

#[tokio::test]
async fn an_api_server_that_restarts_is_survived() {
    let world = with_acme(Wish { plane: Some(own_plane().await), ..Wish::default() }).await;
    world.apply(&hq(""));
    world.group("hq").await;
    let pid = world.operator.pid();
    let plane = world.plane;
    tokio::task::spawn_blocking(move || {
        plane.stop_apiserver();
        plane.start_apiserver().unwrap();
    })
    .await
    .unwrap();
    world.apply(&hq("userLimit: 30"));
    world.group("hq").await;
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/", "PUT /tenants/Acme/groups/HQ/"]);
    assert_eq!(world.operator.pid(), pid);
    assert!(!world.operator.log().contains("panicked"));
}
