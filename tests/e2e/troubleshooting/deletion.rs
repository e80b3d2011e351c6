//! What keeps a resource that is being deleted.

use std::sync::Arc;

use apio_operator::{
    api::{Group, Reseller, Tenant},
    engine::reason::Reason::*,
};
use testkit::simulator::Fault;

use super::{
    page::Page,
    stage::{Shown, Stage, meets},
};
use crate::{
    fixtures::{manifest, settings},
    world::World,
};

pub async fn scenarios(page: Arc<Page>) -> Shown {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    let stage = Stage::of(page, &world);
    slow(&world, &stage).await;
    full(&world, &stage).await;
    parents(&world, &stage).await;
    refused_by_the_platform(&world, &stage).await;
    misspelt(&world, &stage).await;
    renamed(&world, &stage).await;
    stage.end()
}

/// A group whose good end was told, with one user.
async fn with_user(world: &World, name: &str) {
    world.apply(&manifest("Group", name, &format!("tenantId: Acme, groupName: {name}")));
    world.group(name).await;
    world.told(name, "Synced").await;
    world.platform.edit(|state| state.add_user("Acme", name, "jo@acme.example", false));
}

fn is_there(world: &World, name: &str) -> bool {
    world.platform.edit(|state| state.group("Acme", name).is_some())
}

async fn slow(world: &World, stage: &Stage) {
    world.apply(&manifest("Group", "aalst", "tenantId: Acme, groupName: aalst"));
    world.group("aalst").await;
    world.told("aalst", "Synced").await;
    world.platform.inject(Fault::empty(200).on("DELETE", "/tenants/Acme/groups/aalst/").forever());
    world.delete("group/aalst");
    meets::<Group>(world, "aalst", "Ready", Deleting).await;
    stage.play("deleting");
    world.platform.clear_faults();
    world.until_gone::<Group>("aalst").await;
}

async fn full(world: &World, stage: &Stage) {
    world.apply(&manifest("Group", "aarschot", "tenantId: Acme, groupName: aarschot"));
    world.group("aarschot").await;
    with_user(world, "binche").await;
    world.delete("group/binche");
    meets::<Group>(world, "binche", "DeletionBlocked", GroupNotEmpty).await;
    stage.play("reading");
    world
        .until("aarschot", "looked at", |group: &Group| {
            group.status.as_ref().unwrap().last_handled_requested_at.is_some()
        })
        .await;
    stage.play("group-not-empty");
    world.until_gone::<Group>("binche").await;
    // The page says how to undo a deletion.
    world.platform.clear_journal();
    world.apply(&manifest("Group", "binche", "tenantId: Acme, groupName: binche"));
    world.group("binche").await;
    assert_eq!(world.writes(), [""; 0]);
}

async fn parents(world: &World, stage: &Stage) {
    world.apply(&manifest("Reseller", "best", "resellerName: Best"));
    world.ready::<Reseller>("best").await;
    world.apply(&manifest("Tenant", "globex", "tenantId: Globex, type: Enterprise, resellerRef: {name: best}"));
    world.ready::<Tenant>("globex").await;
    world.apply(&manifest("Group", "couvin", "tenantRef: {name: globex}, groupName: couvin"));
    world.group("couvin").await;
    for parent in ["tenant/globex", "reseller/best"] {
        world.delete(parent);
    }
    meets::<Tenant>(world, "globex", "DeletionBlocked", TenantInUse).await;
    meets::<Reseller>(world, "best", "DeletionBlocked", ResellerInUse).await;
    stage.play("reseller-in-use");
    stage.play("tenant-in-use");
    world.until_gone::<Group>("couvin").await;
    world.until_gone::<Tenant>("globex").await;
    world.until_gone::<Reseller>("best").await;
}

async fn refused_by_the_platform(world: &World, stage: &Stage) {
    with_user(world, "damme").await;
    world.apply(&settings("CHECK_GROUP: {CHECK_USERS: false}"));
    world.platform.edit(|state| state.settings.check_group.users = true);
    world.delete("group/damme");
    meets::<Group>(world, "damme", "DeletionBlocked", PlatformRefused).await;
    stage.play("platform-refused");
    world.until_gone::<Group>("damme").await;
    assert!(is_there(world, "damme"), "{}", world.story());
}

async fn renamed(world: &World, stage: &Stage) {
    world.apply(&manifest("Group", "fleurus", "tenantId: Acme, groupName: fleurus"));
    world.group("fleurus").await;
    world.told("fleurus", "Synced").await;
    world.apply(&manifest("Group", "fleurus-new", "tenantId: Acme, groupId: fleurus, groupName: Depot"));
    world.reason::<Group>("fleurus-new", "Ready", NotOwned.name()).await;
    world.delete("group/fleurus");
    meets::<Group>(world, "fleurus", "DeletionBlocked", NotTakenOver).await;
    stage.play("not-taken-over");
    world.until_gone::<Group>("fleurus").await;
    world.group("fleurus-new").await;
}

async fn misspelt(world: &World, stage: &Stage) {
    world.apply(&manifest("Group", "enghien", "tenantId: Acme, groupName: enghien"));
    world.group("enghien").await;
    world.told("enghien", "Synced").await;
    world.kubectl(&["annotate", "group/enghien", "apio.netaxis.be/deletion=Orphaned"]);
    world.reason::<Group>("enghien", "AnnotationUnreadable", AnnotationUnreadable.name()).await;
    world.delete("group/enghien");
    meets::<Group>(world, "enghien", "DeletionBlocked", AnnotationUnreadable).await;
    stage.play("annotation-unreadable");
    world.until_gone::<Group>("enghien").await;
    assert!(is_there(world, "enghien"), "{}", world.story());
}
