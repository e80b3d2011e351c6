//! Writes of a status that fail, or that come too late.

use std::time::Duration;

use apio_operator::api::{Group, OwnershipState};
use futures::{StreamExt, TryStreamExt};
use kube::{
    ResourceExt,
    api::{WatchEvent, WatchParams},
};
use serde_json::json;
use testkit::simulator::Fault;

use crate::{
    fixtures::{hq, manifest},
    in_process::{InProcess, Moment},
    world::World,
};

const HQ: &str = "/tenants/Acme/groups/HQ/";

/// The writes to the API server of a group that is created: the finalizer, its record, and what it led to.
const RECORD: usize = 1;
const REPORT: usize = 2;

/// A group whose creation meets a refusal at this write to the API server.
async fn refused_at(write: usize, meanwhile: impl FnOnce(&World)) -> (World, InProcess) {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    assert_eq!(world.operator.stop(), Some(0));
    let operator = InProcess::like(&world.operator);
    operator.failpoint.arm(write, Moment::Refused);
    operator.start();
    world.apply(&hq(""));
    operator.failpoint.reached().await;
    let refused = operator.failpoint.take();
    assert!(refused[write].1.ends_with("/groups/hq/status"), "{refused:?}");
    meanwhile(&world);
    (world, operator)
}

#[tokio::test]
async fn what_could_not_be_told_with_its_status_is_told_when_that_is_written() {
    let (world, operator) = refused_at(REPORT, |_| ()).await;
    world.group("hq").await;
    world.told("hq", "Created").await;
    world.told("hq", "Synced").await;
    assert_eq!(world.events("hq").await["Created"], 1);
    operator.stop();
}

#[tokio::test]
async fn a_record_that_was_refused_is_none_of_what_somebody_else_creates() {
    let colleague = |world: &World| {
        world.platform.edit(|state| state.add_group("Acme", "HQ", json!({"groupName": "Head office"})));
    };
    let (world, operator) = refused_at(RECORD, colleague).await;
    let group = world.group("hq").await;
    assert_eq!(group.status.unwrap().ownership.unwrap().state, OwnershipState::Adopted);
    assert!(!world.writes().iter().any(|write| write.starts_with("POST")), "{}", world.story());
    operator.stop();
}

#[tokio::test]
async fn a_pass_writes_no_status_to_another_resource_of_the_same_name() {
    let world = World::new().await;
    world.platform.edit(|state| {
        state.add_tenant("Acme");
        state.add_group("Acme", "HQ", json!({"userLimit": 25}));
    });
    let observed = |id: &str| {
        manifest("Group", "hq", &format!("tenantId: Acme, groupId: {id}, userLimit: 25, managementPolicy: Observe"))
    };
    let slow = Duration::from_secs(2);
    world.apply(&observed("HQ"));
    world.group("hq").await;
    world.platform.clear_journal();
    world.platform.inject(Fault::delay(slow).on("GET", HQ).times(1));
    world
        .platform
        .edit(|state| drop(state.group_mut("Acme", "HQ").unwrap().attributes.insert("userLimit".into(), 7.into())));
    world.nudge::<Group>("hq").await;
    world.poll("its question", || async { world.platform.journal().iter().any(|call| call.path == HQ) }).await;
    world.delete("group/hq");
    world.apply(&observed("BR1"));
    let uid = world.api::<Group>().get("hq").await.unwrap().uid();
    let versions = world.api::<Group>().watch(&WatchParams::default(), "0").await.unwrap();
    let seen = versions.try_filter_map(async |event| match event {
        WatchEvent::Added(group) | WatchEvent::Modified(group) if group.uid() == uid => {
            Ok(group.status.filter(|status| status.observed_generation != Some(-1)))
        }
        _ => Ok(None),
    });
    let first = seen.boxed().next().await.unwrap().unwrap();
    assert_eq!(first.drift, [], "{first:?}");
}
