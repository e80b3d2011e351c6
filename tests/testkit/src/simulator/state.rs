//! What the platform holds, and the means to seed it and to change it behind the operator's back.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::accounts::{Account, Sessions};
use super::settings::Settings;

/// Everything the platform holds. Tests read and change it at will: nothing is checked here.
#[derive(Debug, Serialize)]
pub struct State {
    /// Server settings and readings of the contract.
    pub settings: Settings,
    /// Tenants by id.
    pub tenants: BTreeMap<String, Tenant>,
    /// Resellers by name; each with `name`, `externalName`, `extraData`.
    pub resellers: BTreeMap<String, Map<String, Value>>,
    /// Domains at system level.
    pub system_domains: BTreeSet<String>,
    /// The default domain at system level; tenants without one of their own get it.
    pub default_system_domain: String,
    /// Templates of category `group` by name: values for the keys that a call leaves out (platform contract, 4.5).
    pub templates: BTreeMap<String, Map<String, Value>>,
    /// The accounts that can log in, by user name.
    pub users: BTreeMap<String, Account>,
    /// Machine-to-machine tokens of door B and whose they are; these do not expire.
    pub m2m_tokens: BTreeMap<String, String>,
    /// The groups deleted through the API, in order.
    pub deletions: Vec<Deletion>,
    #[serde(skip)]
    pub(super) sessions: Sessions,
}

/// A tenant.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tenant {
    /// Attributes by the platform's keys, `tenantId` included.
    pub attributes: Map<String, Value>,
    /// Domains assigned to it.
    pub domains: BTreeSet<String>,
    /// Its groups by id.
    pub groups: BTreeMap<String, Group>,
    /// Whether it has a TenantData companion.
    pub has_tenant_data: bool,
}

/// A group.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Group {
    /// Attributes by the platform's keys, as far as set; `groupId` is the key in the tenant's map.
    pub attributes: Map<String, Value>,
    /// Domains assigned to it.
    pub domains: BTreeSet<String>,
    /// Users by user id.
    pub users: BTreeMap<String, User>,
    /// Names of its trunk groups. All trunk users are listed with the first of them.
    pub trunk_groups: BTreeSet<String>,
    /// Names of its IVRs.
    pub ivrs: BTreeSet<String>,
    /// Names of its call centers.
    pub call_centers: BTreeSet<String>,
    /// Names of its hunt groups.
    pub hunt_groups: BTreeSet<String>,
    /// Whether it has a GroupData companion.
    pub has_group_data: bool,
}

/// A telephony user of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct User {
    /// Whether he sits in a trunk group: a trunk user.
    pub in_trunk_group: bool,
}

/// A group that was deleted through the API.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deletion {
    /// Of which tenant.
    pub tenant: String,
    /// The group's id.
    pub group: String,
    /// `_excludedAppIds` of the call.
    pub excluded_app_ids: Vec<String>,
}

impl Default for State {
    fn default() -> State {
        State {
            settings: Settings::default(),
            tenants: BTreeMap::new(),
            resellers: BTreeMap::new(),
            system_domains: BTreeSet::from([super::SYSTEM_DOMAIN.to_owned()]),
            default_system_domain: super::SYSTEM_DOMAIN.to_owned(),
            templates: BTreeMap::new(),
            users: BTreeMap::from([(super::USERNAME.to_owned(), Account::system(super::PASSWORD))]),
            m2m_tokens: BTreeMap::from([(super::M2M_TOKEN.to_owned(), super::USERNAME.to_owned())]),
            deletions: Vec::new(),
            sessions: Sessions::default(),
        }
    }
}

impl State {
    /// Adds a tenant of type `Enterprise` whose default domain is the system's.
    pub fn add_tenant(&mut self, id: &str) {
        let domain = self.default_system_domain.clone();
        let attributes = json!({"tenantId": id, "type": "Enterprise", "name": id, "defaultDomain": domain});
        let tenant = Tenant { attributes: object(attributes), domains: BTreeSet::from([domain]), ..Tenant::default() };
        self.tenants.insert(id.to_owned(), tenant);
    }

    /// Adds a group with these attributes; the rest as after a POST with a name only. Its default domain is put on all
    /// three levels; a `resellerId` brings GroupData.
    pub fn add_group(&mut self, tenant: &str, id: &str, attributes: Value) {
        let parent = self.existing_tenant(tenant);
        let mut whole = json!({"groupName": id, "defaultDomain": parent.default_domain()});
        merge(&mut whole, &super::groups::defaults());
        merge(&mut whole, &attributes);
        let attributes = object(whole);
        let has_group_data = reseller_of(&attributes).is_some();
        let group = Group { attributes, has_group_data, ..Group::default() };
        let domain = group.default_domain().to_owned();
        parent.groups.insert(id.to_owned(), group);
        self.add_group_domain(tenant, id, &domain);
    }

    /// Adds a reseller.
    pub fn add_reseller(&mut self, name: &str) {
        let reseller = json!({"name": name, "externalName": name, "extraData": {}});
        self.resellers.insert(name.to_owned(), object(reseller));
    }

    /// Adds a domain at system level.
    pub fn add_system_domain(&mut self, domain: &str) {
        self.system_domains.insert(domain.to_owned());
    }

    /// Adds a domain at system level and assigns it to a tenant.
    pub fn add_tenant_domain(&mut self, tenant: &str, domain: &str) {
        self.add_system_domain(domain);
        self.existing_tenant(tenant).domains.insert(domain.to_owned());
    }

    /// Adds a domain at system level and assigns it to a tenant and to a group of it.
    pub fn add_group_domain(&mut self, tenant: &str, group: &str, domain: &str) {
        self.add_tenant_domain(tenant, domain);
        self.existing_group(tenant, group).domains.insert(domain.to_owned());
    }

    /// Adds a template of category `group`.
    pub fn add_template(&mut self, name: &str, default_values: Value) {
        self.templates.insert(name.to_owned(), object(default_values));
    }

    /// Adds an account that can log in.
    pub fn add_account(&mut self, username: &str, account: Account) {
        self.users.insert(username.to_owned(), account);
    }

    /// A group, if it exists.
    pub fn group(&self, tenant: &str, id: &str) -> Option<&Group> {
        self.tenants.get(tenant)?.groups.get(id)
    }

    /// A group to change, if it exists.
    pub fn group_mut(&mut self, tenant: &str, id: &str) -> Option<&mut Group> {
        self.tenants.get_mut(tenant)?.groups.get_mut(id)
    }

    /// Adds a user, or a trunk user.
    pub fn add_user(&mut self, tenant: &str, group: &str, user_id: &str, in_trunk_group: bool) {
        self.existing_group(tenant, group).users.insert(user_id.to_owned(), User { in_trunk_group });
    }

    /// Adds a trunk group.
    pub fn add_trunk_group(&mut self, tenant: &str, group: &str, name: &str) {
        self.existing_group(tenant, group).trunk_groups.insert(name.to_owned());
    }

    /// Adds an IVR.
    pub fn add_ivr(&mut self, tenant: &str, group: &str, name: &str) {
        self.existing_group(tenant, group).ivrs.insert(name.to_owned());
    }

    /// Adds a call center.
    pub fn add_call_center(&mut self, tenant: &str, group: &str, name: &str) {
        self.existing_group(tenant, group).call_centers.insert(name.to_owned());
    }

    /// Adds a hunt group.
    pub fn add_hunt_group(&mut self, tenant: &str, group: &str, name: &str) {
        self.existing_group(tenant, group).hunt_groups.insert(name.to_owned());
    }

    /// Takes everything out of a group: users, trunk groups, IVRs, call centers, hunt groups.
    pub fn clear_contents(&mut self, tenant: &str, group: &str) {
        self.existing_group(tenant, group).clear_contents();
    }

    /// From now on no refresh token of door B is good, as after its expiry.
    pub fn revoke_refresh_tokens(&mut self) {
        self.sessions.refresh.clear();
    }

    /// What lets a caller in besides a password: every session cookie and every token that is good now.
    pub fn keys(&self) -> Vec<String> {
        let sessions = [&self.sessions.cookies, &self.sessions.access, &self.sessions.refresh, &self.m2m_tokens];
        sessions.iter().flat_map(|tokens| tokens.keys().cloned()).collect()
    }

    fn existing_tenant(&mut self, id: &str) -> &mut Tenant {
        self.tenants.get_mut(id).unwrap_or_else(|| panic!("the simulator has no tenant {id:?} to seed"))
    }

    fn existing_group(&mut self, tenant: &str, id: &str) -> &mut Group {
        self.group_mut(tenant, id).unwrap_or_else(|| panic!("the simulator has no group {id:?} in {tenant:?} to seed"))
    }
}

impl Tenant {
    pub(super) fn default_domain(&self) -> &str {
        self.attributes.get("defaultDomain").and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn reseller(&self) -> Option<&str> {
        reseller_of(&self.attributes)
    }
}

impl Group {
    pub(super) fn default_domain(&self) -> &str {
        self.attributes.get("defaultDomain").and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn reseller(&self) -> Option<&str> {
        reseller_of(&self.attributes)
    }

    /// Takes everything out of it.
    pub fn clear_contents(&mut self) {
        self.users.clear();
        self.trunk_groups.clear();
        self.ivrs.clear();
        self.call_centers.clear();
        self.hunt_groups.clear();
    }
}

/// The reseller that attributes reference; `""` is none.
pub(super) fn reseller_of(attributes: &Map<String, Value>) -> Option<&str> {
    attributes.get("resellerId").and_then(Value::as_str).filter(|name| !name.is_empty())
}

/// Lays a value over another: objects key by key, anything else as a whole.
pub(super) fn merge(onto: &mut Value, changes: &Value) {
    match (onto, changes) {
        (Value::Object(onto), Value::Object(changes)) => merge_object(onto, changes),
        (onto, changes) => *onto = changes.clone(),
    }
}

pub(super) fn merge_object(onto: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (key, value) in changes {
        merge(onto.entry(key.clone()).or_insert(Value::Null), value);
    }
}

/// Takes the values that a write carries: objects are merged key by key, or replaced.
pub(super) fn take(onto: &mut Map<String, Value>, changes: Map<String, Value>, replace: bool) {
    if replace {
        onto.extend(changes);
    } else {
        merge_object(onto, &changes);
    }
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("the simulator was seeded with {other} where a JSON object is due"),
    }
}
