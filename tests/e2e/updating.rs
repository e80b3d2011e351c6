//! Each attribute, changed alone, cleared, and with all the others: what the platform is sent, and what it holds then. The
//! platform replaces contacts and addresses by what a write carries, and has keys in them that nobody here knows.

use apio_operator::api::{Group, Reseller, Tenant, crds};
use serde_json::{Map, Value, json};
use testkit::simulator::State;

use crate::{
    fixtures::resource,
    world::{HasStatus, Watchable, World, is},
};

/// The attributes of a kind, and what becomes of each.
struct Table {
    kind: &'static str,
    path: fn(&str) -> String,
    stored: for<'a> fn(&'a mut State, &str) -> &'a mut Map<String, Value>,
    /// What a spec needs besides.
    needed: Value,
    /// What every spec declares at first.
    declared: Value,
    /// Another value for each attribute; of a contact and an address, for one of its keys.
    changed: Value,
    /// What the platform holds in them besides.
    undeclared: Value,
    /// What the platform can clear.
    clearable: &'static [&'static str],
    /// The fields of a spec that are no attributes to update, policies apart.
    others: &'static [&'static str],
}

const POLICIES: [&str; 4] = ["managementPolicy", "adoptionPolicy", "driftPolicy", "deletionPolicy"];

/// Objects key by key, anything else as a whole.
fn laid(onto: &Value, change: &Value) -> Value {
    let (Value::Object(onto), Value::Object(change)) = (onto, change) else { return change.clone() };
    let mut whole = onto.clone();
    for (key, value) in change {
        let there = onto.get(key).unwrap_or(&Value::Null);
        whole.insert(key.clone(), laid(there, value));
    }
    Value::Object(whole)
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

impl Table {
    /// Each attribute alone, each cleared, and all of them at once.
    fn changes(&self) -> Vec<Value> {
        let alone = self.changed.as_object().unwrap().iter().map(|(key, value)| json!({key: value}));
        let cleared = self.clearable.iter().map(|path| match path.split_once('.') {
            Some((key, inner)) => json!({key: {inner: ""}}),
            None => json!({*path: ""}),
        });
        alone.chain(cleared).chain([self.changed.clone()]).collect()
    }

    fn held(&self) -> Value {
        laid(&self.declared, &self.undeclared)
    }

    /// The changed keys only; contact and address with all that the platform held in them.
    fn sent(&self, change: &Value) -> Value {
        let held = self.held();
        let mut sent = json!({});
        for key in keys(change) {
            sent[key] = laid(&held[key], &change[key]);
        }
        if self.kind == "Group" && change.get("defaultDomain").is_some() {
            sent["autoCreateDomain"] = json!(false);
        }
        sent
    }

    /// The definition has no attribute that is missing here, and none that can be cleared without a case.
    fn is_complete(&self) {
        let definition = crds().into_iter().find(|definition| definition.spec.names.kind == self.kind).unwrap();
        let schema = serde_json::to_value(&definition.spec.versions[0].schema).unwrap();
        let mut spec = schema["openAPIV3Schema"]["properties"]["spec"]["properties"].as_object().unwrap().clone();
        for field in self.others.iter().chain(&POLICIES) {
            assert!(spec.remove(*field).is_some(), "{} has no field {field}", self.kind);
        }
        let attributes: Vec<_> = spec.keys().map(String::as_str).collect();
        assert_eq!(attributes, keys(&self.declared), "each needs a value here, and below");
        assert_eq!(attributes, keys(&self.changed));
        let mut clearable = Vec::new();
        for (name, schema) in &spec {
            match schema["properties"].as_object() {
                Some(inner) => clearable.extend(inner.iter().map(|(key, schema)| (format!("{name}.{key}"), schema))),
                None => clearable.push((name.clone(), schema)),
            }
        }
        clearable.retain(|(_, schema)| schema["type"] == "string" && schema.get("minLength").is_none());
        let mut listed = self.clearable.to_vec();
        listed.sort_unstable();
        assert_eq!(clearable.into_iter().map(|(path, _)| path).collect::<Vec<_>>(), listed);
    }

    /// One resource per change.
    async fn holds<K: Watchable + HasStatus>(&self, world: &World) {
        self.is_complete();
        let changes: Vec<_> =
            self.changes().into_iter().enumerate().map(|(n, change)| (format!("c{n}"), change)).collect();
        let spec = laid(&self.needed, &self.declared);
        world.apply(&changes.iter().map(|(name, _)| resource(self.kind, name, &spec)).collect::<String>());
        for (name, _) in &changes {
            world.ready::<K>(name).await;
            world.platform.edit(|state| {
                let stored = (self.stored)(state, name);
                *stored = laid(&Value::Object(stored.clone()), &self.undeclared).as_object().unwrap().clone();
            });
        }
        world.platform.clear_journal();
        for (name, change) in &changes {
            world.change::<K>(name, json!({"spec": change})).await;
        }
        for (name, change) in &changes {
            let object = world.ready::<K>(name).await;
            let sent = self.sent(change);
            assert_eq!(world.bodies("PUT", &(self.path)(name)), [sent], "{change}");
            let status = object.conditions();
            assert!(is(&status, "Synced", "True"), "{change}");
            let observed = status.observed.unwrap().values();
            let stored = world.platform.edit(|state| (self.stored)(state, name).clone());
            let expected = laid(&self.held(), change);
            for key in keys(&expected) {
                assert_eq!(observed[key], expected[key], "{key} after {change}");
                assert_eq!(stored[key], expected[key], "{key} after {change}");
            }
        }
        for (name, _) in &changes {
            world.looked::<K>(name).await;
        }
        assert_eq!(
            world.writes().len(),
            changes.len(),
            "one write for each change, and never again: {}",
            world.story()
        );
    }
}

async fn platform() -> World {
    let world = World::new().await;
    world.platform.edit(|state| {
        state.settings.assumptions.replace_nested_objects = true;
        state.settings.assumptions.undocumented_keys = ["mobile", "floor"].map(str::to_owned).to_vec();
        state.settings.object_creation.tenant_data = true;
        for reseller in ["Best", "Better"] {
            state.add_reseller(reseller);
        }
        state.add_tenant("Acme");
        for domain in ["one.example", "two.example"] {
            state.add_tenant_domain("Acme", domain);
        }
    });
    world
}

#[tokio::test]
async fn each_attribute_of_a_group_is_pushed_alone_and_all_of_them_in_one_put() {
    let table = Table {
        kind: "Group",
        path: |id| format!("/tenants/Acme/groups/{id}/"),
        stored: |state, id| {
            // A group may get only a domain that is assigned to it.
            state.add_group_domain("Acme", id, "two.example");
            &mut state.group_mut("Acme", id).unwrap().attributes
        },
        needed: json!({"tenantId": "Acme"}),
        declared: json!({
            "groupName": "Head office", "userLimit": 25, "defaultDomain": "one.example", "cliName": "HQ",
            "cliPhoneNumber": "+3225550100", "locationDialingCode": "2", "timeZone": "Europe/Brussels",
            "contactInformation": {"name": "Jo", "emailAddress": "jo@acme.example"},
            "addressInformation": {"addressLine1": "Street 1", "city": "Brussels", "postalCode": "1000", "country": "Belgium"},
            "resellerId": "Best",
        }),
        changed: json!({
            "groupName": "Seat", "userLimit": 26, "defaultDomain": "two.example", "cliName": "Seat",
            "cliPhoneNumber": "+3225550101", "locationDialingCode": "3", "timeZone": "Europe/Paris",
            "contactInformation": {"name": "Al"}, "addressInformation": {"city": "Ghent"}, "resellerId": "Better",
        }),
        undeclared: json!({
            "contactInformation": {"phoneNumber": "+3225550199", "mobile": "+324"},
            "addressInformation": {"addressLine2": "b", "stateDisplayName": "BXL", "floor": 7},
        }),
        clearable: &[
            "cliName",
            "cliPhoneNumber",
            "locationDialingCode",
            "contactInformation.name",
            "contactInformation.phoneNumber",
            "contactInformation.emailAddress",
            "addressInformation.addressLine1",
            "addressInformation.addressLine2",
            "addressInformation.city",
            "addressInformation.stateDisplayName",
            "addressInformation.postalCode",
            "addressInformation.country",
        ],
        others: &[
            "tenantRef",
            "tenantId",
            "groupId",
            "resellerRef",
            "autoCreateDomain",
            "templateName",
            "excludedAppIds",
        ],
    };
    table.holds::<Group>(&platform().await).await;
}

#[tokio::test]
async fn each_attribute_of_a_tenant_is_pushed_alone_and_all_of_them_in_one_put() {
    let table = Table {
        kind: "Tenant",
        path: |id| format!("/tenants/{id}/"),
        stored: |state, id| &mut state.tenants.get_mut(id).unwrap().attributes,
        needed: json!({"type": "Enterprise"}),
        declared: json!({
            "name": "Acme SA", "defaultDomain": "one.example", "supportEmail": "it@acme.example",
            "contactInformation": {"name": "Jo", "emailAddress": "jo@acme.example"},
            "addressInformation": {"addressLine1": "Street 1", "city": "Brussels", "postalCode": "1000", "country": "Belgium"},
            "useTenantLanguages": false, "resellerId": "Best",
            "externalId1": "1", "externalId2": "2", "externalId3": "3", "externalId4": "4",
        }),
        changed: json!({
            "name": "Acme NV", "defaultDomain": "two.example", "supportEmail": "help@acme.example",
            "contactInformation": {"name": "Al"}, "addressInformation": {"city": "Ghent"},
            "useTenantLanguages": true, "resellerId": "Better",
            "externalId1": "I", "externalId2": "II", "externalId3": "III", "externalId4": "IV",
        }),
        undeclared: json!({
            "contactInformation": {"phoneNumber": "+3225550199", "mobile": "+324"},
            "addressInformation": {"addressLine2": "b", "stateDisplayName": "BXL", "floor": 7},
        }),
        clearable: &[
            "supportEmail",
            "externalId1",
            "externalId2",
            "externalId3",
            "externalId4",
            "contactInformation.name",
            "contactInformation.phoneNumber",
            "contactInformation.emailAddress",
            "addressInformation.addressLine1",
            "addressInformation.addressLine2",
            "addressInformation.city",
            "addressInformation.stateDisplayName",
            "addressInformation.postalCode",
            "addressInformation.country",
        ],
        others: &["tenantId", "type", "useCustomRoutingProfile", "resellerRef"],
    };
    table.holds::<Tenant>(&platform().await).await;
}

#[tokio::test]
async fn each_attribute_of_a_reseller_is_pushed_alone_and_all_of_them_in_one_put() {
    let table = Table {
        kind: "Reseller",
        path: |id| format!("/local/resellers/{id}/"),
        stored: |state, id| state.resellers.get_mut(id).unwrap(),
        needed: json!({}),
        declared: json!({"externalName": "Best SA", "extraData": {"tier": "gold", "since": 2019}}),
        changed: json!({"externalName": "Best NV", "extraData": {"tier": "silver"}}),
        undeclared: json!({}),
        clearable: &["externalName"],
        others: &["resellerName"],
    };
    table.holds::<Reseller>(&platform().await).await;
}
