//! `APIO_OBJECT_CREATION.RESELLER`: resellers that a Group or a Tenant names by id.

use apio_operator::api::{Group, Reseller, Tenant};
use serde_json::json;
use testkit::simulator::Fault;

use crate::{
    fixtures::{acme, hq, manifest},
    world::{World, has, is_held, message},
};

const RESELLERS: &str = "/local/resellers/";
const ON: &str = "APIO_OBJECT_CREATION: {RESELLER: true}";

async fn with_acme(settings: &str) -> World {
    let world = World::with_settings(settings).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world
}

#[tokio::test]
async fn an_unknown_reseller_of_a_group_is_created_by_its_name() {
    let world = with_acme(ON).await;
    world.apply(&hq("resellerId: Best"));
    let group = world.group("hq").await;
    assert_eq!(world.writes(), ["POST /local/resellers/", "POST /tenants/Acme/groups/"]);
    assert_eq!(world.bodies("POST", RESELLERS), [json!({"name": "Best"})]);
    assert_eq!(group.status.unwrap().auto_created.unwrap().resellers, ["Best"]);
    world.told("hq", "ResellerCreated").await;
}

#[tokio::test]
async fn an_unknown_reseller_of_a_tenant_is_created_for_an_update_too() {
    let world = World::with_settings(ON).await;
    world.apply(&acme(""));
    world.ready::<Tenant>("acme").await;
    world.apply(&acme("resellerId: Best"));
    world.ready::<Tenant>("acme").await;
    assert_eq!(world.writes(), ["POST /tenants/", "POST /local/resellers/", "PUT /tenants/Acme/"]);
    assert_eq!(world.bodies("PUT", "/tenants/Acme/"), [json!({"resellerId": "Best"})]);
}

#[tokio::test]
async fn switched_off_an_unknown_reseller_is_waited_for_and_nothing_is_written() {
    let world = with_acme("APIO_OBJECT_CREATION: {RESELLER: false, GROUP_DATA: true}").await;
    world.apply(&hq("resellerId: Best"));
    let group: Group = world.reason("hq", "Ready", "ResellerNotFound").await;
    assert!(has(&group, "Reconciling") && !has(&group, "Stalled") && !is_held(&group));
    let said = message(&group, "Ready");
    assert!(said.contains("resellerId Best") && said.contains("APIO_OBJECT_CREATION.RESELLER"), "{said}");
    assert_eq!(world.writes(), [""; 0]);
    // The resource comes later, and wakes the group.
    world.apply(&manifest("Reseller", "best", "resellerName: Best"));
    world.group("hq").await;
    assert_eq!(world.writes(), ["POST /local/resellers/", "POST /tenants/Acme/groups/"]);
}

#[tokio::test]
async fn a_reseller_that_a_resource_describes_is_left_to_that_resource() {
    let world = with_acme(ON).await;
    world.platform.inject(Fault::status(503).on("POST", RESELLERS));
    world.apply(&manifest("Reseller", "best", "resellerName: Best, externalName: Best SA"));
    world.reason::<Reseller>("best", "Ready", "PlatformUnreachable").await;
    world.apply(&hq("resellerId: Best"));
    let group = world.group("hq").await;
    let body = json!({"name": "Best", "externalName": "Best SA"});
    assert_eq!(world.bodies("POST", RESELLERS), [body.clone(), body]);
    assert!(group.status.unwrap().auto_created.is_none());
}

#[tokio::test]
async fn a_resource_takes_over_the_reseller_that_a_group_created_on_its_way() {
    let world = with_acme(ON).await;
    world.apply(&hq("resellerId: Best"));
    world.group("hq").await;
    world.apply(&manifest("Reseller", "best", "resellerName: Best, externalName: Best SA"));
    world.ready::<Reseller>("best").await;
    assert_eq!(world.bodies("PUT", "/local/resellers/Best/"), [json!({"externalName": "Best SA"})]);
    assert_eq!(world.bodies("POST", RESELLERS).len(), 1);
}

#[tokio::test]
async fn a_reseller_that_was_created_on_the_way_is_never_removed() {
    let world = with_acme(ON).await;
    world.apply(&hq("resellerId: Best"));
    world.group("hq").await;
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    assert!(world.platform.edit(|state| state.resellers.contains_key("Best")));
}
