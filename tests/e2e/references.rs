//! Resources that refer to each other, in whatever order they come and go.

use apio_operator::api::{Group, Reseller, Tenant};
use serde_json::json;
use testkit::simulator::Fault;

use crate::{
    fixtures::{acme, manifest},
    world::{World, has, is, is_held, message},
};

const CREATED: [&str; 2] = ["POST /tenants/", "POST /tenants/Acme/groups/"];
/// How a group moves to the new name of its Tenant resource.
const HINT: &str = "set spec.tenantRef to the resource of tenant Acme, or spec.tenantId to Acme in its place";

fn hq() -> String {
    manifest("Group", "hq", "tenantRef: {name: acme}, groupId: HQ, groupName: Head office")
}

fn best() -> String {
    manifest("Reseller", "best", "resellerName: Best")
}

/// A Tenant resource of another name for tenant Acme.
fn acme_be() -> String {
    manifest("Tenant", "acme-be", "tenantId: Acme, type: Enterprise")
}

/// Waits until the group hq says this in its Ready condition, and not that.
async fn says(world: &World, this: &[&str], not_that: &[&str]) -> Group {
    let is_so = |group: &Group| {
        let status = group.status.clone().unwrap_or_default();
        let ready = status.conditions.into_iter().find(|condition| condition.type_ == "Ready");
        let said = ready.map(|ready| ready.message).unwrap_or_default();
        this.iter().all(|words| said.contains(words)) && !not_that.iter().any(|words| said.contains(words))
    };
    world.until("hq", &format!("says {this:?} and not {not_that:?}"), is_so).await
}

/// A group whose Tenant resource was renamed: the new one took the tenant over.
async fn renamed() -> World {
    let world = World::new().await;
    world.apply(&acme(""));
    world.ready::<Tenant>("acme").await;
    world.apply(&hq());
    world.group("hq").await;
    world.apply(&acme_be());
    world.delete("tenant/acme");
    world.until_gone::<Tenant>("acme").await;
    world.ready::<Tenant>("acme-be").await;
    says(&world, &[HINT], &[]).await;
    world
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
    assert_eq!(tenant.status.unwrap().observed.unwrap().values()["resellerId"], "Best");
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
async fn by_id_or_by_name_parents_that_come_late_are_waited_for_one_after_the_other() {
    let world = World::new().await;
    let names = ["by-id", "by-name"];
    let parents = ["tenantId: Acme, resellerId: Best", "tenantRef: {name: acme}, resellerRef: {name: best}"];
    let groups = [0, 1].map(|n| manifest("Group", names[n], &format!("groupName: G, {}", parents[n])));
    world.apply(&groups.concat());
    let wait = async |name: &str, reason: &str, words: &str| {
        let group: Group = world.reason(name, "Ready", reason).await;
        assert!(has(&group, "Reconciling") && !has(&group, "Stalled") && !is_held(&group));
        assert!(message(&group, "Ready").contains(words), "{}", message(&group, "Ready"));
    };
    wait("by-id", "WaitingForTenant", "tenant Acme, which is not on the platform").await;
    wait("by-name", "WaitingForTenant", "Tenant resource acme, which does not exist").await;
    world.apply(&acme(""));
    wait("by-id", "ResellerNotFound", "resellerId Best is unknown to the platform").await;
    wait("by-name", "WaitingForReseller", "Reseller resource best, which does not exist").await;
    world.apply(&best());
    for name in names {
        world.group(name).await;
    }
    let mut writes = world.writes();
    writes[2..].sort();
    let of_groups = "POST /tenants/Acme/groups/";
    assert_eq!(writes, ["POST /tenants/", "POST /local/resellers/", of_groups, of_groups]);
    let bodies = world.bodies("POST", "/tenants/Acme/groups/");
    assert!(bodies.iter().all(|body| body["resellerId"] == "Best"), "{bodies:?}");
}

#[tokio::test]
async fn a_parent_whose_resource_is_deleted_and_comes_back_costs_no_write() {
    let world = World::new().await;
    let group =
        manifest("Group", "hq", "tenantRef: {name: acme}, resellerRef: {name: best}, groupId: HQ, groupName: G");
    world.apply(&(acme("") + &best() + &group));
    world.group("hq").await;
    for parent in ["tenant/acme", "reseller/best"] {
        world.kubectl(&["annotate", parent, "apio.netaxis.be/deletion=Orphan"]);
        world.delete(parent);
    }
    world.until_gone::<Tenant>("acme").await;
    world.until_gone::<Reseller>("best").await;
    let [of_acme, of_best] = ["to the resource of tenant Acme", "to the resource of reseller Best"];
    let group = says(&world, &[of_acme, of_best], &[]).await;
    assert!(is_held(&group) && is(group.status.as_ref().unwrap(), "Ready", "True"), "{}", message(&group, "Ready"));
    world.apply(&acme(""));
    says(&world, &[of_best], &[of_acme]).await;
    world.apply(&best());
    says(&world, &[], &[of_acme, of_best]).await;
    assert_eq!(world.writes().len(), 3, "{}", world.story());
    assert!(world.writes().iter().all(|write| write.starts_with("POST")));
}

#[tokio::test]
async fn by_id_or_by_name_nothing_is_created_for_a_parent_that_is_being_deleted() {
    let world = World::new().await;
    world.apply(&(acme("") + &best()));
    world.ready::<Tenant>("acme").await;
    world.ready::<Reseller>("best").await;
    world.platform.edit(|state| {
        state.add_tenant("Other");
        // What keeps both of them.
        state.add_group("Acme", "Depot", serde_json::json!({"resellerId": "Best"}));
    });
    world.delete("tenant/acme");
    world.delete("reseller/best");
    world.reason::<Tenant>("acme", "DeletionBlocked", "TenantInUse").await;
    world.reason::<Reseller>("best", "DeletionBlocked", "PlatformRefused").await;
    let group = |name: &str, spec: &str| manifest("Group", name, &format!("groupName: G, {spec}"));
    world.apply(
        &(group("tenant-id", "tenantId: Acme")
            + &group("reseller-id", "tenantId: Other, resellerId: Best")
            + &group("reseller-ref", "tenantId: Other, resellerRef: {name: best}")
            + &manifest("Tenant", "new", "type: Enterprise, resellerId: Best")),
    );
    for (name, reason, words) in [
        ("tenant-id", "WaitingForTenant", "tenant Acme is being deleted"),
        ("reseller-id", "WaitingForReseller", "reseller Best is being deleted"),
        ("reseller-ref", "WaitingForReseller", "reseller Best is being deleted"),
    ] {
        let group: Group = world.reason(name, "Ready", reason).await;
        assert!(message(&group, "Ready").contains(words), "{}", message(&group, "Ready"));
    }
    world.reason::<Tenant>("new", "Ready", "WaitingForReseller").await;
    let created = world.writes().iter().filter(|write| write.starts_with("POST")).count();
    assert_eq!(created, 2, "{}", world.story());
    // Once they are gone, there is nothing to wait for but others of that name.
    world.platform.edit(|state| state.tenants.get_mut("Acme").unwrap().groups.clear());
    world.nudge::<Tenant>("acme").await;
    world.nudge::<Reseller>("best").await;
    world.until_gone::<Tenant>("acme").await;
    world.until_gone::<Reseller>("best").await;
    world.apply(&(acme("") + &best()));
    for name in ["tenant-id", "reseller-id", "reseller-ref"] {
        world.group(name).await;
    }
    world.ready::<Tenant>("new").await;
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

#[tokio::test]
async fn a_group_whose_tenant_resource_is_renamed_stays_managed_and_moves_to_the_new_name_without_a_write() {
    let world = renamed().await;
    let before = world.looked::<Group>("hq").await.status.unwrap().conditions;
    assert!(before.iter().all(|it| ["Ready", "Synced"].contains(&&*it.type_) && it.status == "True"), "{before:?}");
    let group: Group = world.looked("hq").await;
    assert_eq!((group.status.unwrap().conditions, world.writes()), (before, CREATED.map(str::to_owned).to_vec()));
    let events = world.events("hq").await;
    assert_eq!((events.get("Synced"), events.keys().any(|it| it.starts_with("Waiting"))), (Some(&1), false));

    world.platform.edit(|state| {
        state.group_mut("Acme", "HQ").unwrap().attributes.insert("groupName".into(), json!("Edited"));
    });
    world.looked::<Group>("hq").await;
    let path = "/tenants/Acme/groups/HQ/";
    assert_eq!(world.bodies("PUT", path), [json!({"groupName": "Head office"})]);
    world.change::<Group>("hq", json!({"spec": {"userLimit": 30}})).await;
    world.group("hq").await;
    assert_eq!(world.bodies("PUT", path)[1..], [json!({"userLimit": 30})]);

    for (by, gone) in [
        ("tenantRef", json!({"tenantRef": {"name": "acme-be"}})),
        ("tenantId", json!({"tenantId": "Acme", "tenantRef": null})),
    ] {
        world.change::<Group>("hq", json!({ "spec": gone })).await;
        let group = world.group("hq").await;
        assert_eq!(message(&group, "Ready"), "the platform holds what the spec declares", "by {by}");
    }
    assert_eq!(world.writes().len(), 4, "{}", world.story());
}

#[tokio::test]
async fn a_group_whose_tenant_resource_is_renamed_is_deleted_after_its_checks_and_keeps_the_tenant_until_then() {
    let world = renamed().await;
    world.platform.edit(|state| state.add_user("Acme", "HQ", "a@acme.example", false));
    world.delete("tenant/acme-be");
    world.reason::<Tenant>("acme-be", "DeletionBlocked", "TenantInUse").await;
    world.delete("group/hq");
    world.reason::<Group>("hq", "DeletionBlocked", "GroupNotEmpty").await;
    assert_eq!(world.writes(), CREATED);
    world.platform.edit(|state| state.group_mut("Acme", "HQ").unwrap().users.clear());
    world.nudge::<Group>("hq").await;
    world.until_gone::<Group>("hq").await;
    world.until_gone::<Tenant>("acme-be").await;
    assert_eq!(world.writes()[2..], ["DELETE /tenants/Acme/groups/HQ/", "DELETE /tenants/Acme/"]);
}

#[tokio::test]
async fn a_group_on_record_may_name_its_tenant_otherwise_and_moves_to_no_other_one() {
    let world = renamed().await;
    world.apply(&manifest("Tenant", "globex", "tenantId: Globex, type: Enterprise"));
    world.ready::<Tenant>("globex").await;
    let spec = "groupId: HQ, groupName: Head office";
    let refused =
        world.plane.apply_in(&world.namespace, &manifest("Group", "hq", &format!("tenantId: Globex, {spec}")));
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("tenantId is immutable, but for the id of the tenant that status.ownership names"),
        "{refused}"
    );
    world.apply(&manifest("Group", "hq", &format!("tenantRef: {{name: globex}}, {spec}")));
    let group: Group = world.reason("hq", "Ready", "IdentityChanged").await;
    assert!(has(&group, "Stalled"));
    world.apply(&manifest("Group", "hq", &format!("tenantRef: {{name: acme-be}}, {spec}")));
    world.group("hq").await;
    assert_eq!(world.writes(), [&CREATED[..], &["POST /tenants/"]].concat());
}

#[tokio::test]
async fn a_group_that_is_lost_with_its_tenant_is_created_again_only_for_a_tenant_resource() {
    let world = renamed().await;
    world.platform.edit(|state| state.tenants.get_mut("Acme").unwrap().groups.clear());
    world.looked::<Group>("hq").await;
    let group: Group = world.reason("hq", "Ready", "WaitingForTenant").await;
    let said = message(&group, "Ready");
    assert!(
        said.starts_with("group HQ of tenant Acme is not on the platform; waiting for the Tenant resource acme"),
        "{said}"
    );
    assert!(said.ends_with(HINT) && has(&group, "Reconciling"), "{said}");
    world.told("hq", "Vanished").await;
    // It is a child of the tenant all the same.
    world.delete("tenant/acme-be");
    let tenant: Tenant = world.reason("acme-be", "DeletionBlocked", "TenantInUse").await;
    let said = message(&tenant, "DeletionBlocked");
    assert!(said.contains(&format!("named by Group {}/hq", world.namespace)), "{said}");
    world.kubectl(&["annotate", "tenant/acme-be", "apio.netaxis.be/deletion=Orphan"]);
    world.until_gone::<Tenant>("acme-be").await;
    world.apply(&acme_be());
    world.ready::<Tenant>("acme-be").await;
    world.looked::<Group>("hq").await;
    assert_eq!(world.writes(), CREATED);
    world.change::<Group>("hq", json!({"spec": {"tenantRef": {"name": "acme-be"}}})).await;
    world.group("hq").await;
    assert_eq!(world.writes()[2..], CREATED[1..]);
}

#[tokio::test]
async fn a_tenant_whose_reseller_resource_is_renamed_keeps_its_reseller_and_moves_without_a_write() {
    let world = World::new().await;
    world.apply(&(acme("resellerRef: {name: best}") + &best()));
    world.ready::<Tenant>("acme").await;
    world.apply(&manifest("Reseller", "best-be", "resellerName: Best"));
    world.delete("reseller/best");
    world.until_gone::<Reseller>("best").await;
    world.ready::<Reseller>("best-be").await;
    let how = "set spec.resellerRef to the resource of reseller Best, or spec.resellerId to Best in its place";
    let tells = |tenant: &Tenant| message(tenant, "Ready").ends_with(how);
    world.until("acme", "says how to move", tells).await;
    world.change::<Tenant>("acme", json!({"spec": {"name": "Acme & Co"}})).await;
    assert!(tells(&world.ready("acme").await));
    assert_eq!(world.bodies("PUT", "/tenants/Acme/"), [json!({"name": "Acme & Co"})]);
    world.delete("reseller/best-be");
    let reseller: Reseller = world.reason("best-be", "DeletionBlocked", "ResellerInUse").await;
    let said = message(&reseller, "DeletionBlocked");
    assert!(said.contains(&format!("Tenant {}/acme", world.namespace)), "{said}");
    for to in [json!({"resellerRef": {"name": "best-be"}}), json!({"resellerRef": null, "resellerId": "Best"})] {
        world.change::<Tenant>("acme", json!({ "spec": to })).await;
        assert!(!tells(&world.ready("acme").await));
    }
    assert_eq!(world.writes().len(), 3, "{}", world.story());
}
