//! How hard the platform is asked.

use std::time::{Duration, Instant};

use apio_operator::api::Group;
use serde_json::json;
use testkit::simulator::{Call, Fault};

use crate::{
    fixtures::manifest,
    world::{SOON, Wish, World},
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
