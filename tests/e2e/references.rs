//! Resources that refer to each other, in whatever order they come and go.

use apio_operator::api::{Group, Reseller, Tenant};
use testkit::simulator::Fault;

use crate::{
    fixtures::{acme, manifest},
    world::{World, has, is_held, message},
};

fn hq() -> String {
    manifest("Group", "hq", "tenantRef: {name: acme}, groupId: HQ, groupName: Head office")
}

fn best() -> String {
    manifest("Reseller", "best", "resellerName: Best")
}

#[tokio::test]
async fn a_group_waits_for_its_tenant_and_is_woken_by_it() {
    let world = World::new().await;
    world.apply(&hq());
    let group: Group = world.reason("hq", "Ready", "WaitingForTenant").await;
    assert!(has(&group, "Reconciling") && !has(&group, "Stalled") && !is_held(&group));
    assert!(message(&group, "Ready").contains("Tenant resource acme"), "{}", message(&group, "Ready"));
    let asked = world.platform.journal().into_iter().find(|call| !call.is_login());
    assert!(asked.is_none(), "nothing is asked for a group that has no id yet: {asked:?}");
    world.apply(&acme(""));
    world.group("hq").await;
    assert_eq!(world.writes(), ["POST /tenants/", "POST /tenants/Acme/groups/"]);
}

#[tokio::test]
async fn a_group_waits_for_a_tenant_that_cannot_be_created_yet() {
    let world = World::new().await;
    world.platform.inject(Fault::status(503).on("POST", "/tenants/"));
    world.apply(&(acme("") + &hq()));
    world.ready::<Tenant>("acme").await;
    world.group("hq").await;
    assert_eq!(world.writes(), ["POST /tenants/", "POST /tenants/", "POST /tenants/Acme/groups/"]);
}

#[tokio::test]
async fn a_tenant_waits_for_its_reseller_and_is_woken_by_it() {
    let world = World::new().await;
    world.apply(&acme("resellerRef: {name: best}"));
    let tenant: Tenant = world.reason("acme", "Ready", "WaitingForReseller").await;
    assert!(message(&tenant, "Ready").contains("Reseller resource best"), "{}", message(&tenant, "Ready"));
    world.apply(&best());
    let tenant: Tenant = world.ready("acme").await;
    assert_eq!(tenant.status.unwrap().observed.unwrap()["resellerId"], "Best");
    assert_eq!(world.writes(), ["POST /local/resellers/", "POST /tenants/"]);
}

#[tokio::test]
async fn a_tenant_waits_for_the_deletion_of_its_group_and_names_it() {
    let world = World::new().await;
    world.apply(&(acme("") + &hq()));
    world.group("hq").await;
    world.delete("tenant/acme");
    let tenant: Tenant = world.reason("acme", "DeletionBlocked", "TenantInUse").await;
    assert!(message(&tenant, "DeletionBlocked").contains("HQ"), "{}", message(&tenant, "DeletionBlocked"));
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    world.until_gone::<Tenant>("acme").await;
    assert_eq!(world.writes()[2..], ["DELETE /tenants/Acme/groups/HQ/", "DELETE /tenants/Acme/"]);
}

#[tokio::test]
async fn nothing_is_created_under_a_tenant_that_is_being_deleted() {
    let world = World::new().await;
    world.apply(&acme(""));
    world.ready::<Tenant>("acme").await;
    world.platform.edit(|state| state.add_group("Acme", "Depot", serde_json::json!({})));
    world.delete("tenant/acme");
    world.reason::<Tenant>("acme", "DeletionBlocked", "TenantInUse").await;
    world.apply(&hq());
    let group: Group = world.reason("hq", "Ready", "WaitingForTenant").await;
    assert!(message(&group, "Ready").contains("being deleted"), "{}", message(&group, "Ready"));
    assert_eq!(world.writes(), ["POST /tenants/"]);
}

#[tokio::test]
async fn a_set_that_is_applied_at_once_converges_and_so_does_its_deletion() {
    let world = World::new().await;
    let groups = ["a", "b", "c"];
    let spec = "tenantRef: {name: acme}, resellerRef: {name: best}, groupName: G";
    let set = groups.map(|name| manifest("Group", name, spec)).concat() + &acme("resellerRef: {name: best}") + &best();
    world.apply(&set);
    for name in groups {
        world.group(name).await;
    }
    world.ready::<Tenant>("acme").await;
    world.ready::<Reseller>("best").await;
    assert_eq!(world.writes().len(), 5, "{}", world.story());
    assert!(world.writes().iter().all(|write| write.starts_with("POST")));

    world.kubectl(&["delete", "apio", "--all", "--wait=false"]);
    for name in groups {
        world.until_gone::<Group>(name).await;
    }
    world.until_gone::<Tenant>("acme").await;
    world.until_gone::<Reseller>("best").await;
    assert!(world.platform.edit(|state| state.tenants.is_empty() && state.resellers.is_empty()));
}

#[tokio::test]
async fn a_reference_that_leads_elsewhere_moves_nothing() {
    let world = World::new().await;
    world.apply(&(acme("") + &hq()));
    world.group("hq").await;
    world.kubectl(&["annotate", "tenant/acme", "apio.netaxis.be/deletion=Orphan"]);
    world.delete("tenant/acme");
    world.until_gone::<Tenant>("acme").await;
    world.apply(&manifest("Tenant", "acme", "tenantId: Other, type: Enterprise"));
    world.ready::<Tenant>("acme").await;
    let group: Group = world.reason("hq", "Ready", "IdentityChanged").await;
    assert!(has(&group, "Stalled"));
    let said = message(&group, "Ready");
    assert!(said.contains("group HQ of tenant Acme") && said.contains("group HQ of tenant Other"), "{said}");
    assert_eq!(world.writes(), ["POST /tenants/", "POST /tenants/Acme/groups/", "POST /tenants/"]);
    // The record rules the deletion: the group of Acme goes.
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.writes().last().unwrap(), "DELETE /tenants/Acme/groups/HQ/");
}
