//! What a steady state costs, and what one new group costs.

use std::time::Duration;

use apio_operator::api::{Group, Tenant};
use kube::{
    ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;
use testkit::simulator::Call;

use crate::{
    fixtures::{acme, manifest},
    world::{SOON, Wish, World, own_plane},
};

const HQ: &str = "/tenants/Acme/groups/HQ/";

fn hq() -> String {
    manifest("Group", "hq", "tenantRef: {name: acme}, groupId: HQ, groupName: Head office, userLimit: 25")
}

fn looks(calls: &[Call]) -> usize {
    calls.iter().filter(|call| call.method == "GET" && call.path == HQ).count()
}

#[tokio::test]
async fn in_a_steady_state_nothing_is_written_anywhere() {
    let world = World::with(Wish { arguments: &["--drift-interval", "1s"], ..Wish::default() }).await;
    world.apply(&(acme("") + &hq()));
    world.group("hq").await;
    let (group, tenant): (Group, Tenant) = (world.looked("hq").await, world.looked("acme").await);
    let (events, written) = (world.events("hq").await, world.metric("apio_operator_status_writes").await);
    world.platform.clear_journal();
    world.platform.wait_for("ten more looks", SOON, |calls, _| looks(calls) >= 10).await;
    assert_eq!(world.writes(), [""; 0]);
    let (same_group, same_tenant): (Group, Tenant) =
        (world.api().get("hq").await.unwrap(), world.api().get("acme").await.unwrap());
    assert_eq!(same_group.resource_version(), group.resource_version());
    assert_eq!(same_tenant.resource_version(), tenant.resource_version());
    assert_eq!(world.events("hq").await, events);
    assert_eq!(world.metric("apio_operator_status_writes").await, written);
    let other = world.platform.journal().iter().find(|call| call.path != HQ && call.path != "/tenants/Acme/").cloned();
    assert!(other.is_none(), "a poll is one GET: {other:?}");
}

/// How often the API server was asked for each kind of write to our resources and to events.
async fn api_writes(world: &World) -> Vec<String> {
    let text = world.plane.run(&["get", "--raw", "/metrics"]).unwrap();
    let ours = |line: &&str| {
        let is =
            |label: &str, values: &[&str]| values.iter().any(|value| line.contains(&format!("{label}=\"{value}\"")));
        line.starts_with("apiserver_request_total{")
            && is("group", &["apio.netaxis.be", "events.k8s.io"])
            && !is("verb", &["GET", "LIST", "WATCH"])
    };
    text.lines().filter(ours).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_synced_groups_are_quiet_for_fifty_poll_intervals() {
    const GROUPS: usize = 200;
    let plane = Some(own_plane().await);
    let arguments = &["--drift-interval", "1s", "--log", "info"];
    let world = World::with(Wish { arguments, plane, ..Wish::default() }).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    let names: Vec<_> = (0..GROUPS).map(|n| format!("g{n}")).collect();
    let spec = "tenantId: Acme, groupName: G, userLimit: 5";
    world.apply(&names.iter().map(|name| manifest("Group", name, spec)).collect::<String>());
    for name in &names {
        world.group(name).await;
    }
    let last: Group = world.looked("g199").await;
    world.told("g199", "Synced").await;
    let before = api_writes(&world).await;
    assert!(before.iter().any(|line| line.contains("verb=\"APPLY\"")), "{before:?}");
    world.platform.clear_journal();
    let all_looks = |calls: &[Call]| calls.iter().filter(|call| call.method == "GET").count();
    let long = Duration::from_secs(300);
    world.platform.wait_for("fifty looks at each", long, |calls, _| all_looks(calls) >= 50 * GROUPS).await;
    assert_eq!(world.writes(), [""; 0]);
    assert_eq!(api_writes(&world).await, before);
    assert_eq!(world.api::<Group>().get("g199").await.unwrap().resource_version(), last.resource_version());
}

/// Passes and status writes of a kind so far.
async fn spent(world: &World, kind: &str) -> (u64, u64) {
    let of = |metric: &str| format!("apio_operator_{metric}_total{{kind=\"{kind}\"");
    (world.metric(&of("reconciles")).await, world.metric(&of("status_writes")).await)
}

#[tokio::test]
async fn one_new_group_costs_one_pass_four_calls_and_two_status_writes() {
    let world = World::new().await;
    world.apply(&acme(""));
    world.ready::<Tenant>("acme").await;
    world.looked::<Tenant>("acme").await;
    world.platform.clear_journal();
    let (group, tenant) = (spent(&world, "Group").await, spent(&world, "Tenant").await);
    assert_eq!(group, (0, 0));

    world.apply(&hq());
    world.group("hq").await;
    // The creation causes no pass of its tenant, and what follows is only what is asked for: each look is one pass, one
    // status write for the echo, and one call.
    world.looked::<Group>("hq").await;
    world.looked::<Tenant>("acme").await;
    // One pass; a status write that records the ownership before the create, and one that tells the end.
    assert_eq!(spent(&world, "Group").await, (1 + 1, 2 + 1));
    assert_eq!(spent(&world, "Tenant").await, (tenant.0 + 1, tenant.1 + 1));
    let calls: Vec<_> = world.platform.journal().iter().map(|call| format!("{} {}", call.method, call.path)).collect();
    assert_eq!(
        calls,
        [
            "GET /tenants/Acme/groups/HQ/", // is it there?
            "GET /tenants/Acme/",           // its tenant is readable: so it is absent
            "POST /tenants/Acme/groups/",   //
            "GET /tenants/Acme/groups/HQ/", // what the platform made of it
            "GET /tenants/Acme/groups/HQ/", // the look that was asked for
            "GET /tenants/Acme/",           // and that at the tenant
        ]
    );
    let platform_calls = world.metric("apio_operator_platform_calls_total").await;
    // Before: a tenant is looked for, created, read back and looked at.
    assert_eq!(platform_calls, 4 + calls.len() as u64);
    assert_eq!(world.events("hq").await.values().sum::<usize>(), 2, "{:?}", world.events("hq").await);
}

/// A version before this one wrote the conditions in the order in which they came.
#[tokio::test]
async fn conditions_stand_in_one_order_and_one_that_is_older_costs_no_write() {
    let mut world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    let group = |name: &str| {
        manifest("Group", "hq", &format!("tenantId: Acme, groupId: HQ, groupName: {name}, driftPolicy: Report"))
    };
    let kinds = |group: &Group| -> Vec<_> {
        group.status.iter().flat_map(|status| &status.conditions).map(|condition| condition.type_.clone()).collect()
    };
    world.platform.edit(|state| state.add_group("Acme", "HQ", json!({"groupName": "Depot"})));
    world.apply(&group("A"));
    assert_eq!(kinds(&world.reason("hq", "Stalled", "NotOwned").await), ["Ready", "Stalled"]);
    world.apply(&group("Depot"));
    let ready = world.group("hq").await;
    assert_eq!(kinds(&ready), ["Ready", "Synced"]);

    assert_eq!(world.operator.stop(), Some(0));
    let mut status = ready.status.unwrap();
    status.conditions.reverse();
    let status = json!({"apiVersion": "apio.netaxis.be/v1alpha1", "kind": "Group", "status": status});
    let operator = PatchParams::apply("apio-operator").force();
    let old = world.api::<Group>().patch_status("hq", &operator, &Patch::Apply(&status)).await.unwrap();
    assert_eq!(kinds(&old), ["Synced", "Ready"]);
    world.platform.clear_journal();
    let url = world.platform.url();
    world.start_operator(&url, &["--drift-interval", "1s"]);
    world.platform.wait_for("looks", SOON, |calls, _| looks(calls) >= 3).await;
    let same: Group = world.api().get("hq").await.unwrap();
    assert_eq!(same.resource_version(), old.resource_version());
    assert_eq!(world.metric("apio_operator_status_writes").await, 0);

    // The next thing to say puts them in order.
    let other = ("groupName".to_owned(), json!("Other"));
    world.platform.edit(|state| state.group_mut("Acme", "HQ").unwrap().attributes.extend([other]));
    assert_eq!(kinds(&world.reason("hq", "Synced", "Drifted").await), ["Ready", "Synced"]);
}
