//! What a spec, its references and the platform's objects lead to.

use std::{sync::Arc, time::Duration};

use apio_operator::{
    api::{Group, Tenant},
    engine::reason::Reason::*,
};
use serde_json::json;
use testkit::simulator::Fault;

use super::{
    page::Page,
    stage::{Shown, Stage, meets},
};
use crate::{
    fixtures::manifest,
    world::{World, has, is},
};

const GROUPS: &str = "/tenants/Acme/groups/";

pub async fn scenarios(page: Arc<Page>) -> Shown {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    let stage = Stage::of(page, &world);
    slow(&world, &stage).await;
    settled(&world, &stage).await;
    waiting(&world, &stage).await;
    missing(&world, &stage).await;
    of_others(&world, &stage).await;
    refused(&world, &stage).await;
    moved(&world, &stage).await;
    world.group("dinant").await;
    stage.end()
}

fn group(name: &str, more: &str) -> String {
    manifest("Group", name, &format!("tenantId: Acme, groupName: {name}, {more}"))
}

/// A group whose good end was told.
async fn ready(world: &World, name: &str, more: &str) {
    world.apply(&group(name, more));
    world.group(name).await;
    world.told(name, "Synced").await;
}

fn set(world: &World, name: &str, key: &str, value: &str) {
    world.platform.edit(|state| {
        state.group_mut("Acme", name).unwrap().attributes.insert(key.into(), json!(value));
    });
}

fn removed(world: &World, name: &str) {
    world.platform.edit(|state| state.tenants.get_mut("Acme").unwrap().groups.remove(name)).unwrap();
}

/// Its creation ends while the others are played.
async fn slow(world: &World, stage: &Stage) {
    world.platform.inject(Fault::delay(Duration::from_secs(8)).on("POST", GROUPS));
    world.apply(&group("dinant", ""));
    world.reason::<Group>("dinant", "Ready", Creating.name()).await;
    stage.play("creating");
}

async fn settled(world: &World, stage: &Stage) {
    ready(world, "antwerp", "userLimit: 25").await;
    stage.play("synced");
    world
        .until("antwerp", "looked at again", |group: &Group| {
            group.status.as_ref().unwrap().last_handled_requested_at.is_some()
        })
        .await;

    ready(world, "bruges", "driftPolicy: Report").await;
    set(world, "bruges", "groupName", "changed in the portal");
    world.looked::<Group>("bruges").await;
    world.told("bruges", "Drifted").await;
    stage.play("drifted");
    world.until("bruges", "corrected", |group: &Group| is(group.status.as_ref().unwrap(), "Synced", "True")).await;

    ready(world, "charleroi", "").await;
    world.kubectl(&["annotate", "group/charleroi", "apio.netaxis.be/paused=true"]);
    meets::<Group>(world, "charleroi", "Ready", Paused).await;
    stage.play("paused");
    world.group("charleroi").await;
}

async fn waiting(world: &World, stage: &Stage) {
    world.apply(&manifest("Group", "eupen", "tenantRef: {name: globex}, groupName: eupen"));
    meets::<Group>(world, "eupen", "Ready", WaitingForTenant).await;
    stage.play("waiting-for-tenant");
    world.group("eupen").await;

    world.apply(&group("ghent", "resellerRef: {name: best}"));
    meets::<Group>(world, "ghent", "Ready", WaitingForReseller).await;
    stage.play("waiting-for-reseller");
    world.group("ghent").await;

    world.apply(&group("hasselt", "managementPolicy: Observe"));
    meets::<Group>(world, "hasselt", "Ready", NotFound).await;
    stage.play("not-found");
    let group = world.group("hasselt").await;
    assert!(group.status.unwrap().ownership.is_some());
}

async fn missing(world: &World, stage: &Stage) {
    world.apply(&group("ieper", "defaultDomain: ieper.example"));
    meets::<Group>(world, "ieper", "Ready", DomainNotFound).await;
    stage.play("domain-not-found");
    world.group("ieper").await;

    world.apply(&group("jette", "resellerId: Better"));
    meets::<Group>(world, "jette", "Ready", ResellerNotFound).await;
    stage.play("reseller-not-found");
    world.group("jette").await;
}

async fn of_others(world: &World, stage: &Stage) {
    world.platform.edit(|state| state.add_group("Acme", "kortrijk", json!({"groupName": "Depot"})));
    world.apply(&group("kortrijk", ""));
    meets::<Group>(world, "kortrijk", "Ready", NotOwned).await;
    stage.play("not-owned");
    world.group("kortrijk").await;

    world.apply(&manifest("Group", "kortrijk-copy", "tenantId: Acme, groupId: kortrijk, groupName: Copy"));
    meets::<Group>(world, "kortrijk-copy", "Ready", NotOwned).await;
    stage.play("not-owned-because-of-another-resource");
    world.until_gone::<Group>("kortrijk-copy").await;
    assert!(world.platform.edit(|state| state.group("Acme", "kortrijk").is_some()));
}

async fn refused(world: &World, stage: &Stage) {
    ready(world, "leuven", "userLimit: 25").await;
    for user in ["jo", "kim"] {
        world.platform.edit(|state| state.add_user("Acme", "leuven", &format!("{user}@acme.example"), false));
    }
    world.apply(&group("leuven", "userLimit: 1"));
    meets::<Group>(world, "leuven", "Ready", Invalid).await;
    stage.play("invalid");
    world.group("leuven").await;

    ready(world, "mechelen", "").await;
    world.platform.inject(Fault::refuse_value("timeZone").on("PUT", "/tenants/Acme/groups/mechelen/").forever());
    world.apply(&group("mechelen", "timeZone: Europe/Mechelen"));
    meets::<Group>(world, "mechelen", "Synced", NotAccepted).await;
    stage.play("not-accepted");
    world.group("mechelen").await;

    ready(world, "namur", "driftPolicy: Report").await;
    removed(world, "namur");
    world.looked::<Group>("namur").await;
    world.told("namur", "Removed").await;
    stage.play("removed");
    world.group("namur").await;
}

async fn moved(world: &World, stage: &Stage) {
    world.apply(&manifest("Tenant", "initech", "tenantId: Initech, type: Enterprise, deletionPolicy: Orphan"));
    world.ready::<Tenant>("initech").await;
    world.apply(&manifest("Group", "ostend", "tenantRef: {name: initech}, groupName: ostend"));
    world.group("ostend").await;
    world.delete("tenant/initech");
    world.until_gone::<Tenant>("initech").await;
    world.apply(&manifest("Tenant", "initech", "tenantId: Initrode, type: Enterprise"));
    meets::<Group>(world, "ostend", "Ready", IdentityChanged).await;
    stage.play("identity-changed");
    world.until_gone::<Group>("ostend").await;
    assert!(world.platform.edit(|state| state.group("Initech", "ostend").is_some()), "{}", world.story());
    assert!(has(&world.ready::<Tenant>("initech").await, "Ready"));
}
