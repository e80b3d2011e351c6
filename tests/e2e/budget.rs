//! How hard the platform is asked.

use std::time::{Duration, Instant};

use apio_operator::api::Group;
use testkit::simulator::Fault;

use crate::{
    fixtures::manifest,
    world::{Wish, World},
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
