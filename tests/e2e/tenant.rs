use apio_operator::api::Tenant;
use serde_json::json;

use crate::{
    fixtures::{acme, manifest},
    world::{World, has, is_held, message},
};

const ACME: &str = "/tenants/Acme/";

#[tokio::test]
async fn a_tenant_is_created_changed_corrected_and_deleted() {
    let world = World::new().await;
    world.apply(&acme("name: Acme SA, supportEmail: it@acme.example, useTenantLanguages: true"));
    let tenant: Tenant = world.ready("acme").await;
    assert!(is_held(&tenant));
    world.apply(&acme("name: Acme NV, supportEmail: it@acme.example, useTenantLanguages: true"));
    world.ready::<Tenant>("acme").await;
    world.platform.edit(|state| {
        let tenant = state.tenants.get_mut("Acme").unwrap();
        tenant.attributes.insert("supportEmail".into(), json!("x@acme.example"));
    });
    world.looked::<Tenant>("acme").await;
    world.delete("tenant/acme");
    world.until_gone::<Tenant>("acme").await;
    assert_eq!(
        world.bodies("POST", "/tenants/"),
        [json!({"tenantId": "Acme", "type": "Enterprise", "name": "Acme SA", "supportEmail": "it@acme.example",
            "useTenantLanguages": true})]
    );
    assert_eq!(world.bodies("PUT", ACME), [json!({"name": "Acme NV"}), json!({"supportEmail": "it@acme.example"})]);
    assert_eq!(world.writes(), ["POST /tenants/", "PUT /tenants/Acme/", "PUT /tenants/Acme/", "DELETE /tenants/Acme/"]);
    assert!(world.platform.edit(|state| state.tenants.is_empty()));
}

#[tokio::test]
async fn a_routing_profile_is_set_at_creation_only_and_never_compared() {
    let world = World::new().await;
    let tenant = |more: &str| manifest("Tenant", "sp", &format!("type: ServiceProvider, {more}"));
    world.apply(&tenant("useCustomRoutingProfile: true"));
    world.ready::<Tenant>("sp").await;
    world.apply(&tenant("useCustomRoutingProfile: false"));
    world.ready::<Tenant>("sp").await;
    let body = json!({"tenantId": "sp", "type": "ServiceProvider", "useCustomRoutingProfile": true});
    assert_eq!(world.bodies("POST", "/tenants/"), [body]);
    assert_eq!(world.writes().len(), 1, "{}", world.story());
}

#[tokio::test]
async fn a_tenant_with_groups_that_no_resource_describes_stays_and_names_them() {
    let world = World::new().await;
    world.apply(&acme(""));
    world.ready::<Tenant>("acme").await;
    world.platform.edit(|state| state.add_group("Acme", "Depot", json!({})));
    world.delete("tenant/acme");
    let tenant: Tenant = world.reason("acme", "DeletionBlocked", "TenantInUse").await;
    assert!(message(&tenant, "DeletionBlocked").contains("Depot"), "{}", message(&tenant, "DeletionBlocked"));
    assert_eq!(world.writes(), ["POST /tenants/"]);
    world.platform.edit(|state| state.tenants.get_mut("Acme").unwrap().groups.clear());
    world.nudge::<Tenant>("acme").await;
    world.until_gone::<Tenant>("acme").await;
    assert_eq!(world.writes(), ["POST /tenants/", "DELETE /tenants/Acme/"]);
}

#[tokio::test]
async fn a_tenant_of_another_type_cannot_be_taken_over_and_is_not_written_to() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&manifest(
        "Tenant",
        "acme",
        "tenantId: Acme, type: ServiceProvider, name: New, adoptionPolicy: Always",
    ));
    let tenant: Tenant = world.reason("acme", "Ready", "Invalid").await;
    assert!(has(&tenant, "Stalled"));
    assert!(message(&tenant, "Ready").contains("type of tenant Acme"), "{}", message(&tenant, "Ready"));
    assert_eq!(world.writes(), [""; 0]);
}
