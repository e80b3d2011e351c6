//! How the operator ends when it is told to: soon, as a success, without its lease, and never in the middle of a write.

use std::process::Command;

use apio_operator::api::{Group, OwnershipState};
use serde_json::Value;
use testkit::{
    deployment::Operator,
    simulator::{Call, Fault},
};
use tokio::net::TcpListener;

use crate::{
    fixtures::hq,
    world::{SOON, Wish, World, new_name, plane, program},
};

const GROUPS: &str = "/tenants/Acme/groups/";
/// Longer than the chart's pods may take to end.
const SLOW: [&str; 4] = ["--platform-timeout", "100s", "--platform-read-timeout", "100s"];

/// An operator whose call for a new group has reached the platform, and has no answer yet.
async fn waits_for(method: &str, path: &str, fault: Fault) -> World {
    let world = World::with(Wish { arguments: &SLOW, ..Wish::default() }).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.platform.inject(fault.on(method, path));
    world.apply(&hq(""));
    world.platform.wait_for("the call", SOON, |calls, _| calls.iter().any(|call| is(call, method, path))).await;
    world
}

fn is(call: &Call, method: &str, path: &str) -> bool {
    call.method == method && call.path == path
}

fn terminate(operator: &Operator) {
    let pid = operator.pid().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
}

fn holder(world: &World) -> String {
    world.kubectl(&["get", "lease", "apio-operator", "-o", "jsonpath={.spec.holderIdentity}"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_waits_for_the_platform_does_not_keep_an_operator_that_is_to_end() {
    let world = waits_for("GET", "/tenants/Acme/groups/HQ/", Fault::stuck()).await;
    assert_ne!(holder(&world), "");
    assert_eq!(world.operator.stop(), Some(0), "{}", world.operator.log());
    assert_eq!(holder(&world), "");
    let told = world.api::<Group>().get("hq").await.unwrap().status.unwrap();
    assert_eq!(told.conditions, [], "a pass that was ended says nothing");
    assert_eq!(world.writes(), [""; 0]);
    world.operator.start_again().unwrap();
    world.group("hq").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_under_way_is_waited_for_and_the_lease_is_kept_until_then() {
    // Longer than passes may go on.
    let world = waits_for("POST", GROUPS, Fault::delay(std::time::Duration::from_secs(22))).await;
    terminate(&world.operator);
    world
        .poll("the lease is given back", || async {
            let is_free = holder(&world).is_empty();
            let journal = world.platform.journal();
            let answered = journal.iter().find(|call| is(call, "POST", GROUPS)).unwrap().status;
            assert!(!is_free || answered.is_some(), "another operator could write already\n{}", world.story());
            is_free
        })
        .await;
    assert_eq!(world.operator.ended(SOON), Some(0), "{}", world.operator.log());
    assert!(world.platform.edit(|state| state.group("Acme", "HQ").is_some()), "{}", world.story());
    world.operator.start_again().unwrap();
    let group = world.group("hq").await;
    assert_eq!(group.status.unwrap().ownership.unwrap().state, OwnershipState::Created);
    assert_eq!(world.writes(), [format!("POST {GROUPS}")]);
}

#[tokio::test]
async fn an_operator_that_waits_for_the_api_server_ends_as_soon_as_it_is_told_to() {
    let namespace = new_name();
    plane().create_namespace(&namespace).unwrap();
    let kubeconfig = plane().service_account_kubeconfig(&namespace, "default").unwrap();
    // It takes the connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(&kubeconfig).unwrap()).unwrap();
    config["clusters"][0]["cluster"]["server"] = format!("https://{}", silent.local_addr().unwrap()).into();
    std::fs::write(&kubeconfig, config.to_string()).unwrap();
    let log = plane().folder().join(format!("{namespace}.log"));
    let operator = Operator::start(&program(), &kubeconfig, "http://127.0.0.1:1", &[], &log).unwrap();
    let _connection = tokio::time::timeout(SOON, silent.accept()).await.unwrap().unwrap();
    assert_eq!(operator.stop(), Some(0), "{}", operator.log());
}
