//! Bad days of the platform.

use std::time::{Duration, Instant};

use apio_operator::api::{Group, OwnershipState};
use serde_json::json;
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

/// Each loses the answer to a write that was carried out.
fn lost() -> [(&'static str, Fault); 3] {
    [("dropped", Fault::drop_after()), ("partial", Fault::partial()), ("truncated", Fault::truncated())]
}

/// A world with a Ready group HQ in a tenant of its own for each lost answer.
async fn with_groups_to_lose() -> World {
    let world = World::new().await;
    world.platform.edit(|state| lost().iter().for_each(|(name, _)| state.add_tenant(name)));
    world.apply(&lost().map(|(name, _)| to_lose(name, "")).concat());
    for (name, _) in lost() {
        world.group(name).await;
    }
    world
}

fn to_lose(name: &str, more: &str) -> String {
    manifest("Group", name, &format!("tenantId: {name}, groupId: HQ, groupName: G, {more}"))
}

#[tokio::test]
async fn an_update_whose_answer_is_lost_is_looked_for_and_not_repeated() {
    let world = with_groups_to_lose().await;
    for (name, fault) in lost() {
        world.platform.inject(fault.on("PUT", &format!("/tenants/{name}/groups/HQ/")));
    }
    world.apply(&lost().map(|(name, _)| to_lose(name, "userLimit: 7")).concat());
    for (name, _) in lost() {
        world.group(name).await;
        let sent = world.bodies("PUT", &format!("/tenants/{name}/groups/HQ/"));
        assert_eq!(sent, [json!({"userLimit": 7})], "{name}: {}", world.story());
    }
}

#[tokio::test]
async fn a_deletion_whose_answer_is_lost_is_looked_for_and_not_repeated() {
    let world = with_groups_to_lose().await;
    for (name, fault) in lost() {
        world.platform.inject(fault.on("DELETE", &format!("/tenants/{name}/groups/HQ/")));
        world.delete(&format!("group/{name}"));
    }
    for (name, _) in lost() {
        world.until_gone::<Group>(name).await;
        assert_eq!(world.bodies("DELETE", &format!("/tenants/{name}/groups/HQ/")).len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_refused_connection_stops_everything_for_as_long_as_it_lasts() {
    let world = with_acme(Wish::default()).await;
    let group = |name: &str, more: &str| manifest("Group", name, &format!("tenantId: Acme, groupName: G, {more}"));
    world.apply(&(group("changed", "") + &group("deleted", "")));
    for name in ["changed", "deleted"] {
        world.group(name).await;
    }
    world.platform.stop().await;
    world.apply(&(group("changed", "userLimit: 7") + &group("new", "")));
    world.delete("group/deleted");
    for (name, condition) in [("changed", "Ready"), ("deleted", "DeletionBlocked"), ("new", "Ready")] {
        let group: Group = world.reason(name, condition, "PlatformUnreachable").await;
        let said = message(&group, condition);
        assert!(has(&group, "Reconciling") && said.contains("cannot be reached"), "{said}");
        assert!(world.kubectl(&["describe", &format!("group/{name}")]).contains(&said));
    }
    assert!(
        world.metric(r#"apio_operator_platform_calls_total{operation="get_group",outcome="unreachable"}"#).await >= 3
    );
    world.platform.resume().await.unwrap();
    world.group("changed").await;
    world.group("new").await;
    world.until_gone::<Group>("deleted").await;
    let mut writes = world.writes();
    writes[2..].sort();
    let of = |id: &str| format!("/tenants/Acme/groups/{id}");
    let expected = ["POST ", "POST ", "DELETE ", "POST ", "PUT "].iter().zip(["", "", "deleted/", "", "changed/"]);
    assert_eq!(writes, expected.map(|(verb, id)| verb.to_string() + &of(id)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_for_as_long_as_it_asks_and_no_longer() {
    let world = World::new().await;
    let asked = Duration::from_secs(5);
    let silent = ("is-silent", Fault::status(429), Duration::ZERO);
    let asking = ("asks", Fault::status(429).retry_after(asked.as_secs()), asked);
    for (name, fault, least) in [silent, asking] {
        let path = format!("/tenants/{name}/groups/");
        world.platform.edit(|state| state.add_tenant(name));
        world.platform.inject(fault.on("POST", &path));
        let begin = Instant::now();
        world.apply(&to_lose(name, ""));
        world.group(name).await;
        assert!(begin.elapsed() >= least, "{name}: {:?}", begin.elapsed());
        assert_eq!(world.bodies("POST", &path).len(), 2, "{}", world.story());
    }
}

#[tokio::test]
async fn a_platform_that_answers_401_for_ever_is_not_asked_for_one_session_after_the_other() {
    let world = with_acme(Wish::default()).await;
    let logins = || world.platform.journal().iter().filter(|call| call.is_login()).count();
    world.platform.inject(Fault::status(401).on("*", "*").forever());
    world.apply(&hq(""));
    let group: Group = world.reason("hq", "Ready", "Denied").await;
    let words = "GET /tenants/Acme/groups/HQ/ was answered with 401: INJECTED";
    assert!(has(&group, "Stalled") && message(&group, "Ready").contains(words), "{}", message(&group, "Ready"));
    world.told("hq", "Denied").await;
    world.nudge::<Group>("hq").await;
    let denied = r#"apio_operator_platform_calls_total{operation="get_group",outcome="unauthorized"}"#;
    world.poll("another refused look", || async { world.metric(denied).await == 2 }).await;
    assert_eq!((logins(), world.writes().len()), (1, 0), "{}", world.story());
    world.platform.clear_faults();
    world.nudge::<Group>("hq").await;
    world.group("hq").await;
    // An account that may log in and not write is no reason for a session per write either.
    world.platform.inject(Fault::status(401).on("PUT", "*").forever());
    world.apply(&hq("userLimit: 7"));
    let group: Group = world.reason("hq", "Ready", "Denied").await;
    assert!(message(&group, "Ready").contains("PUT /tenants/Acme/groups/HQ/ was answered with 401: INJECTED"));
    assert_eq!((logins(), world.bodies("PUT", "/tenants/Acme/groups/HQ/").len()), (1, 1), "{}", world.story());
}

/// An account that may not see one of two tenants, which the platform says with 401.
#[tokio::test]
async fn a_tenant_that_is_denied_with_401_costs_no_session_for_each_look_and_keeps_no_other_waiting() {
    let world = with_acme(Wish { arguments: &["--drift-interval", "1s"], ..Wish::default() }).await;
    world.platform.edit(|state| state.add_tenant("Denied"));
    world.platform.inject(Fault::error(401, 8, "NOT_YOURS", "no").on("*", "/tenants/Denied/*").forever());
    let group = |name: &str, tenant: &str| manifest("Group", name, &format!("tenantId: {tenant}, groupName: G"));
    let denied = ["d1", "d2", "d3", "d4"];
    world.apply(&(denied.map(|name| group(name, "Denied")).concat() + &group("hq", "Acme")));
    world.group("hq").await;
    for name in denied {
        world.reason::<Group>(name, "Stalled", "Denied").await;
    }
    let looks = || world.platform.journal().iter().filter(|call| call.status == Some(401)).count();
    world.poll("many looks", || async { looks() >= 12 }).await;
    let logins = world.platform.journal().iter().filter(|call| call.is_login()).count();
    assert!(logins <= 2, "{logins} logins\n{}", world.story());
}

#[tokio::test]
async fn what_no_session_was_accepted_for_goes_on_as_soon_as_one_is() {
    let world = with_acme(Wish::default()).await;
    let names = ["one", "two", "three"];
    world.platform.inject(Fault::status(401).on("*", "*").forever());
    world.apply(&names.map(|name| manifest("Group", name, "tenantId: Acme, groupName: G")).concat());
    for name in names {
        world.reason::<Group>(name, "Stalled", "Denied").await;
    }
    world.platform.clear_faults();
    // Each would look again by itself after ten minutes only.
    world.nudge::<Group>("two").await;
    for name in names {
        world.group(name).await;
    }
    assert_eq!(world.platform.journal().iter().filter(|call| call.is_login()).count(), 1, "{}", world.story());
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
    let world = with_acme(Wish { arguments: &["--platform-login-interval", "100ms"], ..Wish::default() }).await;
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
