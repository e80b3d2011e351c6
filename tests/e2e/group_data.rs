//! `APIO_OBJECT_CREATION.GROUP_DATA`: the platform keeps the companion of a group, which holds its reseller. It has no
//! endpoint and no parameter, so the operator's setting changes nothing; what the platform shows of it is told.

use apio_operator::api::{Group, Tenant};
use serde_json::{Value, json};

use crate::{
    fixtures::{acme, manifest},
    world::{HasStatus, World, is},
};

fn path(name: &str) -> String {
    format!("/tenants/Acme/groups/{name}/")
}

fn has_companion(world: &World, name: &str) -> bool {
    world.platform.edit(|state| state.group("Acme", name).unwrap().has_group_data)
}

/// What a status that is in step with the platform says of the reseller.
fn reseller(group: &Group) -> Option<Value> {
    let status = group.conditions();
    assert!(is(&status, "Ready", "True") && is(&status, "Synced", "True") && status.drift.is_empty());
    status.observed.unwrap().values().get("resellerId").cloned()
}

#[tokio::test]
async fn the_setting_group_data_changes_no_write_whatever_the_platform_does() {
    for ours in [true, false] {
        let world = World::with_settings(&format!("APIO_OBJECT_CREATION: {{GROUP_DATA: {ours}}}")).await;
        world.platform.edit(|state| {
            state.add_tenant("Acme");
            state.add_reseller("Best");
        });
        for theirs in [true, false] {
            world.platform.edit(|state| state.settings.object_creation.group_data = theirs);
            let (plain, sold) = (format!("plain-{theirs}"), format!("sold-{theirs}"));
            let spec = "tenantId: Acme, groupName: G";
            world.apply(&manifest("Group", &plain, spec));
            let group = world.group(&plain).await;
            // An empty text is a companion without a reseller.
            assert_eq!((has_companion(&world, &plain), reseller(&group)), (theirs, theirs.then(|| json!(""))));
            world.apply(&manifest("Group", &sold, &format!("{spec}, resellerId: Best")));
            let group = world.group(&sold).await;
            assert_eq!((has_companion(&world, &sold), reseller(&group)), (true, Some(json!("Best"))));
            assert_eq!(
                world.bodies("POST", "/tenants/Acme/groups/")[if theirs { 0 } else { 2 }..],
                [
                    json!({"groupId": plain, "groupName": "G"}),
                    json!({"groupId": sold, "groupName": "G", "resellerId": "Best"})
                ]
            );
        }
        // A companion that comes with a later write is no difference.
        world.platform.edit(|state| state.settings.object_creation.group_data = true);
        world.change::<Group>("plain-false", json!({"spec": {"cliName": "G"}})).await;
        let group = world.group("plain-false").await;
        assert_eq!((has_companion(&world, "plain-false"), reseller(&group)), (true, Some(json!(""))));
        world.change::<Group>("plain-false", json!({"spec": {"resellerId": "Best"}})).await;
        let group = world.group("plain-false").await;
        assert_eq!(reseller(&group), Some(json!("Best")));
        assert_eq!(world.bodies("PUT", &path("plain-false")), [json!({"cliName": "G"}), json!({"resellerId": "Best"})]);
        world.looked::<Group>("plain-false").await;
        assert_eq!(world.writes().len(), 6, "{}", world.story());
    }
}

#[tokio::test]
async fn the_reseller_that_a_tenant_hands_down_is_left_to_groups_that_declare_none() {
    let world = World::new().await;
    world.platform.edit(|state| {
        for reseller in ["Best", "Better", "Own"] {
            state.add_reseller(reseller);
        }
    });
    let group =
        |name: &str, more: &str| manifest("Group", name, &format!("tenantRef: {{name: acme}}, groupName: G, {more}"));
    world.apply(&(acme("") + &group("none", "") + &group("own", "resellerId: Own") + &group("same", "")));
    for name in ["none", "own", "same"] {
        world.group(name).await;
    }
    world.platform.clear_journal();
    world.apply(&acme("resellerId: Best"));
    world.ready::<Tenant>("acme").await;
    for (name, expected) in [("none", "Best"), ("own", "Own"), ("same", "Best")] {
        assert_eq!(reseller(&world.looked(name).await), Some(json!(expected)), "{name}");
    }
    // What was handed down may be declared: nothing differs then, until the tenant hands down another one.
    world.apply(&group("same", "resellerId: Best"));
    world.group("same").await;
    assert_eq!(world.writes(), ["PUT /tenants/Acme/"]);
    world.apply(&acme("resellerId: Better"));
    world.ready::<Tenant>("acme").await;
    for (name, expected) in [("none", "Better"), ("own", "Own"), ("same", "Best")] {
        for _ in 0..2 {
            assert_eq!(reseller(&world.looked(name).await), Some(json!(expected)), "{name}");
        }
    }
    assert_eq!(world.bodies("PUT", "/tenants/Acme/"), [json!({"resellerId": "Best"}), json!({"resellerId": "Better"})]);
    assert_eq!(world.bodies("PUT", &path("same")), [json!({"resellerId": "Best"})]);
    assert_eq!(world.writes().len(), 3, "{}", world.story());
}
