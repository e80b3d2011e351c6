//! Two releases that were given the same namespace: each resource is one operator's, and the other leaves it alone.

use std::collections::BTreeSet;

use apio_operator::api::{Group, Status};
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use testkit::{
    deployment::{Operator, rights},
    simulator::{PASSWORD, Simulator, USERNAME},
};

use crate::{
    fixtures::{credentials, hq, manifest, settings},
    world::{RULES, SETTINGS, World, has, is, is_held, new_name, operator, program},
};

/// Another release, in a namespace of its own, that serves the namespace of the world.
struct Second {
    own: String,
    platform: Simulator,
    operator: Operator,
}

impl Second {
    async fn beside(world: &World) -> Self {
        let (own, platform) = (new_name(), Simulator::start().await.unwrap());
        world.plane.run(&["create", "namespace", &own]).unwrap();
        world.plane.apply(&rights(RULES, &own, Some(&world.namespace))).unwrap();
        world.plane.apply_in(&own, &(settings(SETTINGS) + &credentials(USERNAME, PASSWORD))).unwrap();
        let operator = Self::start(world, &own, &platform.url(), &[]);
        world
            .poll("the second is ready", || async { metric(&operator, "apio_operator_credentials_valid").await == 1 })
            .await;
        Self { own, platform, operator }
    }

    fn start(world: &World, own: &str, url: &str, more: &[&str]) -> Operator {
        let places = ["--namespace", own, "--watch-namespaces", &world.namespace];
        operator(program(), world.plane, own, url, &[&places[..], more].concat())
    }
}

async fn metric(operator: &Operator, begin: &str) -> usize {
    let Ok(answer) = reqwest::get(operator.url("/metrics")).await else { return 0 };
    let text = answer.text().await.unwrap_or_default();
    let values = text.lines().filter(|line| line.starts_with(begin)).filter_map(|line| line.rsplit(' ').next());
    values.filter_map(|value| value.parse::<usize>().ok()).sum()
}

const FOREIGN: &str = r#"apio_operator_resources{kind="Group",state="foreign"}"#;

/// The operators that manage anything of a resource.
fn operators(group: &Group) -> BTreeSet<String> {
    let managers = group.managed_fields().iter().filter_map(|entry| entry.manager.clone());
    managers.filter(|name| name.starts_with("apio-operator")).collect()
}

fn manager(namespace: &str) -> String {
    format!("apio-operator/{namespace}/apio-operator")
}

fn groups(platform: &Simulator) -> Vec<String> {
    platform.edit(|state| state.tenants["Acme"].groups.keys().cloned().collect())
}

fn status(group: &Group) -> &Status {
    group.status.as_ref().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_resource_is_one_operators_and_each_object_on_one_platform_whoever_is_faster() {
    let world = World::new().await;
    let second = Second::beside(&world).await;
    for platform in [&world.platform, &second.platform] {
        platform.edit(|state| state.add_tenant("Acme"));
    }
    let names: Vec<_> = (0..12).map(|number| format!("both-{number}")).collect();
    let all: String = names.iter().map(|name| manifest("Group", name, "tenantId: Acme, groupName: Both")).collect();
    world.apply(&all);
    for name in &names {
        let group = world.group(name).await;
        assert_eq!(operators(&group).len(), 1, "{:?}", operators(&group));
    }
    let posts = || world.platform.writes().len() + second.platform.writes().len();
    assert_eq!(posts(), names.len(), "{}\n{}", world.story(), second.operator.log());
    let mut there = [groups(&world.platform), groups(&second.platform)].concat();
    there.sort();
    let mut wanted = names.clone();
    wanted.sort();
    assert_eq!(there, wanted);
    let foreign = || async { metric(&world.operator, FOREIGN).await + metric(&second.operator, FOREIGN).await };
    world.poll("each is foreign to one of them", || async { foreign().await == names.len() }).await;
    for name in &names {
        let told = world.events(name).await;
        assert_eq!(told.get("Created"), Some(&1), "{told:?}");
    }
    world.kubectl(&["delete", "groups", "--all", "--wait=false"]);
    for name in &names {
        world.until_gone::<Group>(name).await;
    }
    assert_eq!(groups(&world.platform).len() + groups(&second.platform).len(), 0, "{}", world.story());
    assert_eq!(posts(), 2 * names.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_operator_serves_is_left_alone_until_this_one_is_told_to_succeed_it() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq("userLimit: 5, driftPolicy: Report"));
    world.group("hq").await;
    // A difference that is reported, and gone by the time that somebody else looks.
    let limit = |users: i64| {
        let limit = ("userLimit".to_owned(), json!(users));
        world.platform.edit(|state| state.group_mut("Acme", "HQ").unwrap().attributes.extend([limit]));
    };
    limit(7);
    assert!(!status(&world.looked::<Group>("hq").await).drift.is_empty());
    let before = world.group("hq").await;

    let second = Second::beside(&world).await;
    world.poll("it is met", || async { metric(&second.operator, FOREIGN).await == 1 }).await;
    assert_eq!(world.operator.stop(), Some(0));
    limit(5);
    // Nothing that happens to it is a reason to touch it.
    world.apply(&hq("userLimit: 5, driftPolicy: Report, groupName: Changed"));
    world.change::<Group>("hq", json!({"metadata": {"annotations": {"apio.netaxis.be/requested-at": "now"}}})).await;
    second.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&manifest("Group", "own", "tenantId: Acme, groupName: Own"));
    world.group("own").await;
    world.kubectl(&["delete", "group", "hq", "--wait=false"]);
    let told = "another operator serves this resource";
    world.poll("it is told", || async { second.operator.log().contains(told) }).await;
    world.apply(&manifest("Group", "later", "tenantId: Acme, groupName: Later"));
    world.group("later").await;
    let now: Group = world.api().get("hq").await.unwrap();
    assert_eq!((&now.status, operators(&now)), (&before.status, [manager(&world.namespace)].into()));
    assert!(is_held(&now), "its deletion is the other's matter");
    assert_eq!(second.operator.log().matches(told).count(), 1, "{}", second.operator.log());
    assert!(second.operator.log().contains(&format!("--succeed {}/apio-operator", world.namespace)));
    assert_eq!(groups(&second.platform), ["later", "own"]);

    // Not a deletion, to see what a successor makes of it.
    world.kubectl(&["patch", "group", "hq", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
    world.until_gone::<Group>("hq").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_is_gone_is_succeeded_with_everything_that_it_managed() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    let before = drifted(&world).await;
    assert_eq!(operators(&before), [manager(&world.namespace)].into());
    let second = Second::beside(&world).await;
    assert_eq!(second.operator.stop(), Some(0));
    let gone = format!("{}/apio-operator", world.namespace);
    let successor = Second::start(&world, &second.own, &world.platform.url(), &["--succeed", &gone]);
    let after = synced(&world).await;
    assert_eq!(operators(&after), [manager(&second.own)].into(), "{}", successor.log());
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/", "DELETE /tenants/Acme/groups/HQ/"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_version_0_1_wrote_is_taken_over_without_a_write_to_the_platform() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    let before = drifted(&world).await;
    let entries: Vec<Value> = serde_json::from_value(json!(before.managed_fields())).unwrap();
    let as_it_was = entries.into_iter().map(|mut entry| {
        if entry["subresource"] == "status" {
            entry["manager"] = json!("apio-operator");
        } else if entry["manager"].as_str().is_some_and(|name| name.starts_with("apio-operator/")) {
            entry["manager"] = json!("unknown");
        }
        entry
    });
    let as_it_was: Vec<_> = as_it_was.collect();
    let patch = Patch::Merge(json!({"metadata": {"managedFields": as_it_was}}));
    let old = world.api::<Group>().patch("hq", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(operators(&old), ["apio-operator".to_owned()].into());
    world.operator.start_again().unwrap();
    let after = synced(&world).await;
    assert_eq!(operators(&after), [manager(&world.namespace)].into());
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
    assert_eq!(after.metadata.generation, before.metadata.generation);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_writes_into_a_status_is_taken_back() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq("userLimit: 5"));
    let before = world.group("hq").await;
    let theirs = r#"{"status": {"usage": "99/5", "identity": {"groupId": "OTHER"}}}"#;
    world.kubectl(&["patch", "group", "hq", "--subresource=status", "--type=merge", "-p", theirs]);
    let after = world.looked::<Group>("hq").await;
    assert_eq!((&status(&after).usage, &status(&after).identity), (&status(&before).usage, &status(&before).identity));
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
    let listed = Api::<Group>::namespaced(world.client.clone(), &world.namespace).list(&ListParams::default()).await;
    assert_eq!(listed.unwrap().items.len(), 1);
}

/// A group whose status shows a difference, of an operator that is stopped; the difference is gone since.
async fn drifted(world: &World) -> Group {
    world.apply(&hq("userLimit: 5, driftPolicy: Report"));
    world.group("hq").await;
    let limit = |users: i64| {
        let limit = ("userLimit".to_owned(), json!(users));
        world.platform.edit(|state| state.group_mut("Acme", "HQ").unwrap().attributes.extend([limit]));
    };
    limit(7);
    let group: Group = world.looked("hq").await;
    assert!(!status(&group).drift.is_empty());
    assert_eq!(world.operator.stop(), Some(0));
    limit(5);
    group
}

/// The group once a later operator finds no difference: the status says nothing any more that it does not send.
async fn synced(world: &World) -> Group {
    let is_synced = |group: &Group| is(status(group), "Synced", "True") && status(group).drift.is_empty();
    let group = world.until("hq", "the difference is gone", is_synced).await;
    assert!(!has(&group, "Reconciling") && !has(&group, "Stalled"));
    group
}
