//! What may not be in a resource that has come to rest: whatever it says is compared with the platform.

use std::collections::{BTreeMap, BTreeSet};

use kube::api::DynamicObject;
use serde_json::{Map, Value, json};
use testkit::simulator::State;

use super::{
    actions::{CREATES_DOMAINS, CREATES_RESELLERS, DELETION, NEWER, is_orphan},
    attributes::NOT_ATTRIBUTES,
    contents::forbid_deletion,
    targets::{Id, Target},
};

type Resources = BTreeMap<Target, DynamicObject>;

/// The attributes that a spec declares.
pub fn declared(target: &Target, spec: &Map<String, Value>) -> Map<String, Value> {
    let is_attribute = |key: &str| !NOT_ATTRIBUTES.contains(&key);
    let mut declared: Map<String, Value> =
        spec.iter().filter(|(key, _)| is_attribute(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
    if let Some(name) = spec.get("resellerRef").and_then(|reference| reference["name"].as_str()) {
        declared.insert("resellerId".to_owned(), json!(format!("{}-{name}", target.place)));
    }
    declared
}

fn on_platform<'a>(state: &'a State, id: &Id) -> Option<&'a Map<String, Value>> {
    match id {
        Id::Tenant(tenant) => state.tenants.get(tenant).map(|tenant| &tenant.attributes),
        Id::Group(tenant, group) => state.group(tenant, group).map(|group| &group.attributes),
        Id::Reseller(name) => state.resellers.get(name),
    }
}

fn condition<'a>(object: &'a DynamicObject, kind: &str) -> Option<&'a Value> {
    object.data["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

fn reason<'a>(object: &'a DynamicObject, kind: &str) -> Option<&'a str> {
    condition(object, kind)?["reason"].as_str()
}

/// Whether it says that it is Ready and is not going.
pub fn is_ready(object: &DynamicObject) -> bool {
    object.metadata.deletion_timestamp.is_none() && condition(object, "Ready").is_some_and(|is| is["status"] == "True")
}

/// What the resources are compared with.
pub struct World<'a> {
    /// Every resource of the round.
    pub all: &'a [Target],
    /// Those that are there.
    pub resources: &'a Resources,
    /// The platform.
    pub state: &'a State,
    /// What may be left on it.
    pub orphans: &'a BTreeSet<Id>,
    /// The settings in force.
    pub settings: &'a str,
}

/// Everything that is wrong with the resources, one sentence each; with a token, they must have been looked at since.
pub fn wrong(world: &World<'_>, token: Option<&str>) -> Vec<String> {
    let World { all, resources, state, orphans, .. } = *world;
    let mut wrong = Vec::new();
    for (target, object) in resources {
        let mut problem = |what: String| wrong.push(format!("{target}: {what}; status {}", object.data["status"]));
        if token.is_some() && object.data["status"]["lastHandledRequestedAt"].as_str() != token {
            problem("was not looked at".to_owned());
        } else if object.metadata.deletion_timestamp.is_some() {
            if !is_blocked(target, object, world) {
                problem("is going, and nothing that it says keeps it".to_owned());
            }
        } else if let Err(what) = lives(target, object, world) {
            problem(what);
        }
    }
    for target in all {
        let id = target.id();
        let is_there = resources.keys().any(|one| one.id() == id);
        if !is_there && on_platform(state, &id).is_some() && !orphans.contains(&id) && !target.is_old() {
            wrong.push(format!("{target} is gone and left {id:?} on the platform"));
        }
    }
    wrong
}

fn lives(target: &Target, object: &DynamicObject, world: &World<'_>) -> Result<(), String> {
    let World { resources, state, .. } = *world;
    let status = &object.data["status"];
    let spec = object.data["spec"].as_object().cloned().unwrap_or_default();
    if status["observedGeneration"].as_i64() != object.metadata.generation {
        return Err("speaks of another generation".to_owned());
    }
    let there = on_platform(state, &target.id());
    let mut declared = declared(target, &spec);
    let reseller = spec.get("resellerRef").and_then(|reference| reference["name"].as_str());
    let is_there =
        |name: &str| resources.keys().any(|it| it.kind == "Reseller" && it.place == target.place && it.name == name);
    if !reseller.is_none_or(is_there) {
        // It keeps the reseller that it has.
        declared.remove("resellerId");
    }
    if !is_ready(object) {
        let explained = reason(object, "Ready").is_some_and(|reason| is_true(reason, target, &spec, world));
        let told = condition(object, "Reconciling").is_some() || condition(object, "Stalled").is_some();
        return if explained && told { Ok(()) } else { Err("is not Ready, and what it says is not so".to_owned()) };
    }
    if spec.get("driftPolicy") == Some(&json!(NEWER)) {
        return Err("is Ready with a policy that nobody can read".to_owned());
    }
    let Some(there) = there else { return Err("is Ready and not on the platform".to_owned()) };
    let found = differences(&declared, there);
    if !found.is_empty() {
        let told: Vec<_> =
            status["drift"].as_array().into_iter().flatten().filter_map(|drift| drift["path"].as_str()).collect();
        let reports = spec.get("driftPolicy") == Some(&json!("Report")) && reason(object, "Synced") == Some("Drifted");
        return if reports && told == found { Ok(()) } else { Err(format!("is Ready and differs in {found:?}")) };
    }
    if condition(object, "Synced").is_none_or(|synced| synced["status"] != "True") {
        return Err("does not differ and is not Synced".to_owned());
    }
    let shown = status["observed"].as_object().cloned().unwrap_or_default();
    let stale = differences(&declared, &shown);
    if stale.is_empty() { Ok(()) } else { Err(format!("shows other values of {stale:?} than the platform")) }
}

/// The declared paths whose value differs; unset, empty and absent are equal.
fn differences(declared: &Map<String, Value>, there: &Map<String, Value>) -> Vec<String> {
    let unset = |value: &Value| value.is_null() || value == "" || value == &json!({});
    let differ = |a: &Value, b: &Value| a != b && !(unset(a) && unset(b));
    let mut found = Vec::new();
    for (key, value) in declared {
        let observed = there.get(key).unwrap_or(&Value::Null);
        match value.as_object().filter(|_| key == "contactInformation") {
            Some(inner) => {
                let paths = inner.iter().filter(|(name, value)| differ(value, &observed[name.as_str()]));
                found.extend(paths.map(|(name, _)| format!("{key}.{name}")));
            }
            None if differ(value, observed) => found.push(key.clone()),
            None => {}
        }
    }
    found
}

/// Whether the reason why a resource is not Ready is so.
fn is_true(reason: &str, target: &Target, spec: &Map<String, Value>, world: &World<'_>) -> bool {
    let World { resources, state, settings, .. } = *world;
    let here = |kind: &'static str, name: &str| Target { kind, place: target.place, name: name.to_owned() };
    let missing = |target: Target| {
        let lives = resources.get(&target).is_some_and(|object| object.metadata.deletion_timestamp.is_none());
        !lives || on_platform(state, &target.id()).is_none()
    };
    let referred = |key: &str| spec.get(key).and_then(|reference| reference["name"].as_str());
    let text = |key: &str| spec.get(key).and_then(Value::as_str);
    let id = target.id();
    match reason {
        "WaitingForTenant" => referred("tenantRef").is_some_and(|name| missing(here("Tenant", name))),
        "WaitingForReseller" => referred("resellerRef").is_some_and(|name| missing(here("Reseller", name))),
        "ResellerNotFound" => {
            !settings.contains(CREATES_RESELLERS)
                && text("resellerId").is_some_and(|name| !state.resellers.contains_key(name))
        }
        "DomainNotFound" if spec.get("autoCreateDomain") == Some(&json!(true)) => false,
        "DomainNotFound" if settings.contains(CREATES_DOMAINS) => false,
        "DomainNotFound" => match (&id, text("defaultDomain")) {
            (Id::Group(tenant, group), Some(domain)) => {
                let known = |domains: &BTreeSet<String>| domains.contains(domain);
                let at_tenant = state.tenants.get(tenant).is_some_and(|tenant| known(&tenant.domains));
                let at_group = state.group(tenant, group).is_none_or(|group| known(&group.domains));
                !(at_tenant && at_group)
            }
            _ => false,
        },
        "NotOwned" => {
            text("adoptionPolicy") != Some("Always") && on_platform(state, &id).is_some()
                || rivals(target, resources).next().is_some()
        }
        "Unreadable" => text("driftPolicy") == Some(NEWER),
        "Removed" => text("driftPolicy") == Some("Report") && on_platform(state, &id).is_none(),
        _ => false,
    }
}

/// The other resources that stand for the object.
fn rivals<'a>(target: &'a Target, resources: &'a Resources) -> impl Iterator<Item = &'a DynamicObject> {
    let others = resources.iter().filter(move |(other, _)| *other != target && other.id() == target.id());
    others.map(|(_, object)| object)
}

/// Whether a deletion waits for what it says.
fn is_blocked(target: &Target, object: &DynamicObject, world: &World<'_>) -> bool {
    let World { resources, state, settings, .. } = *world;
    let names = |key: &str| {
        resources.iter().any(|(other, object)| {
            other.place == target.place && object.data["spec"][key]["name"].as_str() == Some(&target.name)
        })
    };
    let Some(reason) = reason(object, "DeletionBlocked") else { return false };
    let asked = object.metadata.annotations.as_ref().and_then(|all| all.get(DELETION));
    match (reason, target.id()) {
        ("Unreadable", _) => object.data["spec"]["driftPolicy"] == NEWER,
        // Whatever keeps the other one from it, such as a reseller that is not there, is checked with that one.
        ("NotTakenOver", _) => rivals(target, resources).any(|rival| !is_ready(rival)),
        ("AnnotationUnreadable", _) => asked.is_some_and(|value| !is_orphan(value)),
        ("GroupNotEmpty", Id::Group(tenant, group)) => {
            state.group(&tenant, &group).is_some_and(|group| forbid_deletion(group, settings))
        }
        ("TenantInUse", Id::Tenant(tenant)) => {
            state.tenants.get(&tenant).is_some_and(|tenant| !tenant.groups.is_empty()) || names("tenantRef")
        }
        ("ResellerInUse", Id::Reseller(_)) => names("resellerRef"),
        ("PlatformRefused", Id::Reseller(name)) => {
            let is_owner = |attributes: &Map<String, Value>| attributes.get("resellerId") == Some(&json!(name));
            state.tenants.values().any(|tenant| {
                is_owner(&tenant.attributes) || tenant.groups.values().any(|group| is_owner(&group.attributes))
            })
        }
        _ => false,
    }
}
