//! How hard the platform is asked.

use std::time::{Duration, Instant};

use apio_operator::api::Group;
use serde_json::json;
use testkit::simulator::{Call, Fault};

use crate::{
    fixtures::manifest,
    world::{SOON, Wish, World, message},
};

const HELD_BACK: &str = "apio_operator_platform_calls_total{operation=\"get_group\",outcome=\"held_back\"}";

fn groups(count: usize) -> (Vec<String>, String) {
    let names: Vec<_> = (0..count).map(|n| format!("g{n}")).collect();
    let all = names.iter().map(|name| manifest("Group", name, "tenantId: Acme, groupName: G")).collect();
    (names, all)
}

#[tokio::test]
async fn a_platform_that_does_not_answer_is_only_probed_and_all_go_on_when_it_is_back() {
    let world = World::with(Wish { arguments: &["--platform-concurrency", "2"], ..Wish::default() }).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.platform.inject(Fault::status(503).on("*", "*").forever());
    let began = Instant::now();
    let (names, all) = groups(20);
    world.apply(&all);
    for name in &names {
        world.reason::<Group>(name, "Ready", "PlatformUnreachable").await;
    }
    world.poll("many passes that are held back", || async { world.metric(HELD_BACK).await >= 40 }).await;
    // Five in a row stop it, two more may be under way; then one probe after 1 second, 2 seconds, 4 seconds and so on.
    let most = 5 + 2 + began.elapsed().as_secs() as usize;
    let calls = world.platform.journal().iter().filter(|call| !call.is_login()).count();
    assert!(calls <= most, "{calls} calls in {:?}\n{}", began.elapsed(), world.story());
    world.platform.clear_faults();
    for name in &names {
        world.group(name).await;
    }
    assert_eq!(world.writes().len(), names.len());
}

/// What the platform says of a tenant whose backend is down, in its own form.
fn backend_down() -> Fault {
    Fault::error(504, 99, "BACKEND_TIMEOUT", "no answer from behind").forever()
}

#[tokio::test]
async fn a_tenant_that_is_down_keeps_no_other_waiting() {
    let world = World::with(Wish { arguments: &["--drift-interval", "2s"], ..Wish::default() }).await;
    world.platform.edit(|state| {
        state.add_tenant("Acme");
        state.add_tenant("Bad");
    });
    let of = |tenant: &str, name: &str| manifest("Group", name, &format!("tenantId: {tenant}, groupName: G"));
    let bad: Vec<_> = (0..20).map(|n| format!("b{n}")).collect();
    world.apply(&bad.iter().map(|name| of("Bad", name)).collect::<String>());
    for name in &bad {
        world.group(name).await;
    }
    world.platform.inject(backend_down().on("*", "/tenants/Bad/*"));
    world.poll("the tenant is stopped", || async { world.metric("apio_operator_stopped_tenants").await == 1 }).await;
    world.platform.clear_journal();
    let began = Instant::now();
    for name in ["one", "two", "three"] {
        world.apply(&of("Acme", name));
        world.group(name).await;
    }
    world.change::<Group>("one", json!({"spec": {"userLimit": 7}})).await;
    world.group("one").await;
    let took = began.elapsed();
    let asked = world.platform.journal().iter().filter(|call| call.path.starts_with("/tenants/Bad/")).count();
    assert!(took < Duration::from_secs(15), "{took:?}\n{}", world.story());
    // A probe after 1 second, 2 seconds, 4 seconds and so on; some calls were under way.
    assert!(asked <= 12 + took.as_secs() as usize, "{asked} calls in {took:?}\n{}", world.story());
    assert_eq!(world.metric("apio_operator_platform_answers").await, 1);
    world.apply(&of("Bad", "waits"));
    let waits: Group = world.reason("waits", "Ready", "PlatformUnreachable").await;
    let said = message(&waits, "Ready");
    assert!(said.contains("tenant Bad") || said.contains("BACKEND_TIMEOUT"), "{said}");
    world.platform.clear_faults();
    world.group("waits").await;
    world.poll("the tenant goes on", || async { world.metric("apio_operator_stopped_tenants").await == 0 }).await;
}

#[tokio::test]
async fn one_group_that_is_down_keeps_no_other_of_its_tenant_waiting() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    let (names, all) = groups(3);
    world.apply(&all);
    for name in &names {
        world.group(name).await;
    }
    let path = "/tenants/Acme/groups/g1/";
    world.platform.inject(backend_down().on("*", path));
    let asked = || world.platform.journal().iter().filter(|call| call.path == path && call.status == Some(504)).count();
    // More often in a row than stops anything, when nothing else is asked in between.
    for times in 1..=7 {
        world.nudge::<Group>("g1").await;
        world.poll("it is asked", || async { asked() >= times }).await;
    }
    let began = Instant::now();
    world.apply(&manifest("Group", "new", "tenantId: Acme, groupName: G"));
    world.group("new").await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}\n{}", began.elapsed(), world.story());
    let metrics =
        (world.metric("apio_operator_stopped_tenants").await, world.metric("apio_operator_platform_answers").await);
    assert_eq!(metrics, (0, 1), "{}", world.story());
}

/// Of two turns polls have one. A poll that the platform never answers keeps it, so the others wait from the start on.
#[tokio::test]
async fn what_is_changed_or_deleted_while_it_waits_among_polls_leaves_them_at_once() {
    let mut world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    let (names, all) = groups(3);
    world.apply(&all);
    for name in &names {
        world.group(name).await;
    }
    let url = world.platform.url();
    world.platform.clear_journal();
    world.platform.inject(Fault::stuck().on("GET", "/tenants/Acme/groups/*"));
    let patient = ["--platform-read-timeout", "120s", "--platform-timeout", "120s"];
    world.replace_operator(&url, &[&["--platform-concurrency", "2"], &patient[..]].concat());
    let asks_a_group = |call: &&Call| call.path.contains("/groups/");
    world.platform.wait_for("a poll", SOON, |calls, _| calls.iter().any(|call| asks_a_group(&call))).await;
    let stuck = world.platform.journal().iter().find(asks_a_group).unwrap().path.clone();
    let path = |name: &str| format!("/tenants/Acme/groups/{name}/");
    let waiting: Vec<_> = names.iter().filter(|name| path(name) != stuck).collect();
    world.change::<Group>(waiting[0], json!({"spec": {"userLimit": 7}})).await;
    world.ready::<Group>(waiting[0]).await;
    world.delete(&format!("group/{}", waiting[1]));
    world.until_gone::<Group>(waiting[1]).await;
    let written = [format!("PUT {}", path(waiting[0])), format!("DELETE {}", path(waiting[1]))];
    assert_eq!(world.writes(), written, "{}", world.story());
    let asked = world.platform.journal().iter().filter(|call| call.path == stuck).count();
    assert_eq!(asked, 1, "the poll still has its turn\n{}", world.story());
}

#[tokio::test]
async fn the_turn_of_what_is_deleted_before_its_pass_goes_to_the_next() {
    let arguments = ["--platform-concurrency", "1", "--platform-timeout", "4s"];
    let world = World::with(Wish { arguments: &arguments, ..Wish::default() }).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.platform.inject(Fault::stuck().on("GET", "/tenants/Acme/groups/first/"));
    let group = |name| manifest("Group", name, "tenantId: Acme, groupName: G");
    world.apply(&group("first"));
    world.platform.wait_for("its look", SOON, |calls, _| calls.iter().any(|call| call.path.contains("/first/"))).await;
    let (names, all) = groups(5);
    world.apply(&all);
    let waiting = "apio_operator_resources{kind=\"Group\",state=\"progressing\"}";
    world.poll("groups that wait", || async { world.metric(waiting).await == 6 }).await;
    world.kubectl(&[&["delete", "groups"], &names.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
    world.apply(&group("last"));
    for name in ["first", "last"] {
        world.group(name).await;
    }
    let asked = |name: &String| world.platform.journal().iter().any(|call| call.path.contains(&format!("/{name}/")));
    assert!(!names.iter().any(asked), "{}", world.story());
}

#[tokio::test]
async fn a_rate_is_never_exceeded() {
    let rate = 10;
    let world = World::with(Wish { arguments: &["--platform-rate", "10"], ..Wish::default() }).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    let began = Instant::now();
    let (names, all) = groups(10);
    world.apply(&all);
    for name in &names {
        world.group(name).await;
    }
    let took = began.elapsed();
    let calls = world.platform.journal().iter().filter(|call| !call.is_login()).count();
    let least = Duration::from_secs(calls as u64 - 1) / rate;
    assert!(calls >= 3 * names.len() && took >= least, "{calls} calls in {took:?}");
}
