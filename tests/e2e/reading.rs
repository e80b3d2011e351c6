//! What the platform holds, as a user reads it: `status.observed`, `status.usage`, the columns.

use apio_operator::api::{Group, Reseller, Tenant};
use serde_json::{Value, json};

use crate::{
    fixtures::{acme, hq, manifest},
    world::{HasStatus, World, is},
};

/// A platform that knows more than the contract, and adds a key of its own bookkeeping to each answer, which is not shown.
async fn newer_platform() -> World {
    let world = World::new().await;
    world.platform.edit(|state| {
        state.settings.assumptions.extra_response_keys = true;
        state.settings.assumptions.undocumented_keys = ["mobile", "billingCode"].map(str::to_owned).to_vec();
        state.settings.object_creation.tenant_data = true;
        state.add_reseller("Best");
        state.add_tenant("Acme");
    });
    world
}

fn observed(object: &impl HasStatus) -> Value {
    Value::Object(object.conditions().observed.unwrap_or_default().values())
}

/// The cells of a table of `kubectl get`, line by line; every cell must hold something.
fn cells(world: &World, args: &[&str]) -> Vec<Vec<String>> {
    let text = world.kubectl(&[&["get"], args].concat());
    let cells = |line: &str| line.split("   ").map(|c| c.trim().to_owned()).filter(|c| !c.is_empty()).collect();
    text.lines().map(cells).collect()
}

#[tokio::test]
async fn every_value_of_a_group_is_in_its_status_declared_or_not_and_follows_the_platform() {
    let world = newer_platform().await;
    let contact = json!({"name": "Jo", "phoneNumber": "+32", "emailAddress": "jo@acme.example", "mobile": "+324"});
    let address = json!({"addressLine1": "Street 1", "addressLine2": "b", "city": "Brussels", "stateDisplayName": "BXL",
        "postalCode": "1000", "country": "Belgium"});
    world.platform.edit(|state| {
        state.add_group(
            "Acme",
            "HQ",
            json!({"groupName": "Head office", "userLimit": 25, "defaultDomain": "hq.example", "cliName": "HQ",
                "cliPhoneNumber": "+3225550100", "locationDialingCode": "2", "resellerId": "Best",
                "contactInformation": contact, "addressInformation": address, "billingCode": {"centre": 7, "until": null}}),
        );
        state.add_user("Acme", "HQ", "a@hq.example", false);
        state.add_user("Acme", "HQ", "b@hq.example", true);
    });
    world.apply(&hq(""));
    let group = world.group("hq").await;
    let mut expected = json!({
        "groupName": "Head office", "userLimit": 25, "userCount": 2, "defaultDomain": "hq.example", "cliName": "HQ",
        "cliPhoneNumber": "+3225550100", "locationDialingCode": "2", "timeZone": "Europe/Brussels",
        "timeZoneDisplayName": "Europe/Brussels", "resellerId": "Best",
        "contactInformation": contact, "addressInformation": address,
        "billingCode": {"centre": 7, "until": null},
    });
    assert_eq!(observed(&group), expected);

    for (path, value) in [
        ("/cliName", json!("")),
        ("/contactInformation/mobile", json!("+325")),
        ("/addressInformation/city", json!("Ghent")),
        ("/billingCode", json!([1, "two"])),
    ] {
        world.platform.edit(|state| {
            let group = &mut state.group_mut("Acme", "HQ").unwrap().attributes;
            let mut whole = Value::Object(std::mem::take(group));
            *whole.pointer_mut(path).unwrap() = value.clone();
            *group = whole.as_object().unwrap().clone();
        });
        *expected.pointer_mut(path).unwrap() = value;
    }
    let group: Group = world.looked("hq").await;
    assert_eq!(observed(&group), expected);
    assert!(is(&group.conditions(), "Synced", "True"), "what is not declared is no difference");
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn every_value_of_a_tenant_and_of_a_reseller_is_in_its_status() {
    let world = newer_platform().await;
    world.platform.edit(|state| {
        let tenant = &mut state.tenants.get_mut("Acme").unwrap().attributes;
        tenant.insert("contactInformation".into(), json!({"name": "Jo", "mobile": "+324"}));
        tenant.insert("externalId2".into(), json!("crm-7"));
        tenant.insert("billingCode".into(), json!(7));
        let reseller = state.resellers.get_mut("Best").unwrap();
        reseller.insert("extraData".into(), json!({"tier": {"name": "gold"}, "since": 2019}));
        reseller.insert("logo".into(), json!(null));
    });
    world.apply(&(acme("") + &manifest("Reseller", "best", "resellerName: Best")));
    let nothing = json!({"addressLine1": "", "addressLine2": "", "city": "", "stateDisplayName": "", "postalCode": "",
        "country": ""});
    assert_eq!(
        observed(&world.ready::<Tenant>("acme").await),
        json!({
            "tenantId": "Acme", "type": "Enterprise", "name": "Acme", "defaultDomain": "sip.example.net",
            "supportEmail": "", "useCustomRoutingProfile": false, "useTenantLanguages": false,
            "contactInformation": {"name": "Jo", "phoneNumber": "", "emailAddress": "", "mobile": "+324"},
            "addressInformation": nothing, "billingCode": 7,
            "externalId1": "", "externalId2": "crm-7", "externalId3": "", "externalId4": "",
        })
    );
    assert_eq!(
        observed(&world.ready::<Reseller>("best").await),
        json!({"name": "Best", "externalName": "Best", "extraData": {"tier": {"name": "gold"}, "since": 2019},
            "logo": null})
    );
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn the_usage_of_a_group_is_its_users_and_its_limit_if_it_has_one() {
    let world = newer_platform().await;
    world.apply(&hq("userLimit: 25"));
    assert_eq!(world.group("hq").await.status.unwrap().usage.as_deref(), Some("0/25"));
    world.platform.edit(|state| {
        for user in ["a", "b", "c"] {
            state.add_user("Acme", "HQ", &format!("{user}@acme.example"), user == "c");
        }
    });
    let group: Group = world.looked("hq").await;
    assert_eq!(group.status.unwrap().usage.as_deref(), Some("3/25"));
    world.apply(&hq(""));
    world.group("hq").await;
    world.platform.edit(|state| state.group_mut("Acme", "HQ").unwrap().attributes.remove("userLimit"));
    let group: Group = world.looked("hq").await;
    assert_eq!(group.status.unwrap().usage.as_deref(), Some("3"));
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
}

#[tokio::test]
async fn the_columns_say_what_a_user_looks_for() {
    let world = World::new().await;
    let best = manifest("Reseller", "best", "externalName: Best SA");
    world.apply(&(acme("name: Acme SA, resellerId: best") + &hq("userLimit: 25, resellerId: best") + &best));
    world.group("hq").await;
    world.ready::<Tenant>("acme").await;
    world.ready::<Reseller>("best").await;
    let said = "the platform holds what the spec declares";

    let [head, row] = &cells(&world, &["groups"])[..] else { panic!() };
    assert_eq!(head[..], ["NAME", "TENANT", "GROUP-ID", "DOMAIN", "USERS", "READY", "REASON", "AGE"]);
    assert_eq!(row[..7], ["hq", "Acme", "HQ", "sip.example.net", "0/25", "True", "Synced"]);
    let [head, row] = &cells(&world, &["group", "hq", "-o", "wide"])[..] else { panic!() };
    assert_eq!(
        (&head[8..], &row[8..]),
        (&["RESELLER", "MESSAGE"].map(String::from)[..], &["best", said].map(String::from)[..])
    );

    let [head, row] = &cells(&world, &["tenants"])[..] else { panic!() };
    assert_eq!(head[..], ["NAME", "TENANT-ID", "TYPE", "DOMAIN", "READY", "REASON", "AGE"]);
    assert_eq!(row[..6], ["acme", "Acme", "Enterprise", "sip.example.net", "True", "Synced"]);
    let [head, row] = &cells(&world, &["tenants", "-o", "wide"])[..] else { panic!() };
    assert_eq!(
        (&head[7..], &row[7..]),
        (&["RESELLER", "MESSAGE"].map(String::from)[..], &["best", said].map(String::from)[..])
    );

    let [head, row] = &cells(&world, &["resellers"])[..] else { panic!() };
    assert_eq!(head[..], ["NAME", "RESELLER", "EXTERNAL-NAME", "READY", "REASON", "AGE"]);
    assert_eq!(row[..5], ["best", "best", "Best SA", "True", "Synced"]);
    let [head, row] = &cells(&world, &["resellers", "-o", "wide"])[..] else { panic!() };
    assert_eq!((&head[6..], &row[6..]), (&["MESSAGE".to_owned()][..], &[said.to_owned()][..]));

    let all = world.kubectl(&["get", "apio", "-o", "name"]);
    for name in ["group.apio.netaxis.be/hq", "tenant.apio.netaxis.be/acme", "reseller.apio.netaxis.be/best"] {
        assert!(all.contains(name), "{all}");
    }
}
