//! `AUTO_CREATE.GROUP_DEFAULT_DOMAIN` and `spec.autoCreateDomain`.

use apio_operator::api::{Group, Tenant};
use serde_json::json;
use testkit::simulator::{Account, Fault};

use crate::{
    fixtures::{acme, credentials, hq, manifest},
    world::{Wish, World, has, is_held, message},
};

const GROUPS: &str = "/tenants/Acme/groups/";
const HQ: &str = "/tenants/Acme/groups/HQ/";
const ON: &str = "AUTO_CREATE: {GROUP_DEFAULT_DOMAIN: true}";

async fn with_acme(settings: &str) -> World {
    let world = World::with_settings(settings).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world
}

#[tokio::test]
async fn an_unknown_domain_is_created_assigned_and_then_used() {
    for (settings, more) in [(ON, ""), ("AUTO_CREATE: {}", "autoCreateDomain: true, ")] {
        let world = with_acme(settings).await;
        world.apply(&hq(&format!("{more}defaultDomain: new.example")));
        let group = world.group("hq").await;
        assert_eq!(
            world.writes(),
            ["POST /system/domains/", "PUT /tenants/Acme/domains/", "POST /tenants/Acme/groups/"]
        );
        assert_eq!(world.bodies("POST", "/system/domains/"), [json!({"domain": "new.example"})]);
        assert_eq!(world.bodies("PUT", "/tenants/Acme/domains/"), [json!({"domains": ["new.example"]})]);
        let body = &world.bodies("POST", GROUPS)[0];
        assert_eq!((&body["defaultDomain"], &body["autoCreateDomain"]), (&json!("new.example"), &json!(true)));
        assert_eq!(group.status.unwrap().auto_created.unwrap().domains, ["new.example"]);
        world.told("hq", "DomainCreated").await;
    }
}

#[tokio::test]
async fn for_a_group_that_is_there_the_domain_is_assigned_to_the_group_too() {
    let world = with_acme(ON).await;
    world.apply(&hq(""));
    world.group("hq").await;
    world.apply(&hq("defaultDomain: new.example"));
    world.group("hq").await;
    assert_eq!(
        world.writes()[1..],
        [
            "POST /system/domains/",
            "PUT /tenants/Acme/domains/",
            "PUT /tenants/Acme/groups/HQ/domains/",
            "PUT /tenants/Acme/groups/HQ/"
        ]
    );
    assert_eq!(world.bodies("PUT", HQ), [json!({"defaultDomain": "new.example", "autoCreateDomain": true})]);
}

#[tokio::test]
async fn a_domain_that_the_platform_knows_is_assigned_and_not_created() {
    let world = with_acme(ON).await;
    world.platform.edit(|state| state.add_system_domain("known.example"));
    world.apply(&hq("defaultDomain: known.example"));
    world.group("hq").await;
    assert_eq!(world.writes(), ["PUT /tenants/Acme/domains/", "POST /tenants/Acme/groups/"]);
}

#[tokio::test]
async fn switched_off_an_unknown_domain_is_waited_for_and_nothing_is_written() {
    for (settings, more) in [("AUTO_CREATE: {}", ""), (ON, "autoCreateDomain: false, ")] {
        let world = with_acme(settings).await;
        // The platform's own setting never decides behind ours.
        world.platform.edit(|state| state.settings.auto_create.group_default_domain = true);
        world.apply(&hq(&format!("{more}defaultDomain: new.example")));
        let group: Group = world.reason("hq", "Ready", "DomainNotFound").await;
        assert!(has(&group, "Reconciling") && !has(&group, "Stalled") && !is_held(&group));
        let said = message(&group, "Ready");
        for word in ["new.example", "spec.autoCreateDomain", "AUTO_CREATE.GROUP_DEFAULT_DOMAIN"] {
            assert!(said.contains(word), "{said}");
        }
        assert_eq!(world.writes(), [""; 0]);
        world.platform.edit(|state| state.add_tenant_domain("Acme", "new.example"));
        world.looked::<Group>("hq").await;
        assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
        assert_eq!(world.bodies("POST", GROUPS)[0]["autoCreateDomain"], json!(false));
    }
}

#[tokio::test]
async fn switched_off_a_group_that_is_there_keeps_its_domain() {
    let world = with_acme("AUTO_CREATE: {}").await;
    world.apply(&hq("userLimit: 5"));
    world.group("hq").await;
    world.apply(&hq("userLimit: 6, defaultDomain: new.example"));
    world.reason::<Group>("hq", "Ready", "DomainNotFound").await;
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
}

#[tokio::test]
async fn an_account_that_may_not_create_domains_is_told_what_it_lacks() {
    let world = with_acme(ON).await;
    world.platform.edit(|state| state.add_account("admin", Account::tenant_admin("pw", "Acme")));
    world.apply(&credentials("admin", "pw"));
    world.apply(&hq("defaultDomain: new.example"));
    let group: Group = world.reason("hq", "Ready", "Denied").await;
    assert!(has(&group, "Stalled"));
    assert!(message(&group, "Ready").contains("needs System Admin"), "{}", message(&group, "Ready"));
    assert_eq!(world.bodies("POST", GROUPS).len(), 0);
    assert!(group.status.unwrap().auto_created.is_none());
}

#[tokio::test]
async fn a_domain_that_was_created_before_the_group_failed_is_not_created_twice() {
    let world = with_acme(ON).await;
    world.platform.inject(Fault::status(503).on("POST", GROUPS));
    world.apply(&hq("defaultDomain: new.example"));
    let group = world.group("hq").await;
    assert_eq!(world.bodies("POST", "/system/domains/").len(), 1);
    assert_eq!(world.bodies("POST", GROUPS).len(), 2);
    assert_eq!(group.status.unwrap().auto_created.unwrap().domains, ["new.example"]);
}

#[tokio::test]
async fn groups_that_need_the_same_new_domain_at_once_all_get_it() {
    let world = with_acme(ON).await;
    let names = ["a", "b", "c", "d"];
    let spec = "tenantId: Acme, groupName: G, defaultDomain: new.example";
    world.apply(&names.map(|name| manifest("Group", name, spec)).concat());
    for name in names {
        world.group(name).await;
    }
    assert_eq!(world.bodies("POST", GROUPS).len(), 4);
}

#[tokio::test]
async fn the_domain_of_a_tenant_is_never_created() {
    let world = World::with(Wish { settings: Some(ON), ..Wish::default() }).await;
    world.apply(&acme("defaultDomain: new.example"));
    let tenant: Tenant = world.reason("acme", "Ready", "Invalid").await;
    assert!(message(&tenant, "Ready").contains("domain new.example is unknown"), "{}", message(&tenant, "Ready"));
    assert_eq!(world.writes(), ["POST /tenants/"]);
}
