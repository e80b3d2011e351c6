//! The platform's server settings, and the readings of the contract that a test can switch.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::state::merge;

/// The settings of platform contract 4.4, each with its documented default, under their own names in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields)]
pub struct Settings {
    /// `APIO_OBJECT_CREATION`: what the platform creates by itself.
    #[serde(rename = "APIO_OBJECT_CREATION")]
    pub object_creation: ObjectCreation,
    /// `AUTO_CREATE`.
    pub auto_create: AutoCreate,
    /// `CHECK_GROUP`: what forbids the deletion of a group.
    pub check_group: CheckGroup,
    /// `RESELLER_GROUP`: restricted users see only the groups of their reseller.
    pub reseller_group: bool,
    /// `RESELLER_TENANT`: restricted users see only the tenants of their reseller.
    pub reseller_tenant: bool,
    /// Not of the platform: the readings of an incomplete contract.
    #[serde(rename = "SIMULATOR")]
    pub assumptions: Assumptions,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            object_creation: ObjectCreation::default(),
            auto_create: AutoCreate::default(),
            check_group: CheckGroup::default(),
            reseller_group: true,
            reseller_tenant: false,
            assumptions: Assumptions::default(),
        }
    }
}

impl Settings {
    /// These settings with the given JSON laid over them; an unknown name is told rather than ignored.
    pub fn merged(&self, changes: &Value) -> Result<Settings, String> {
        let mut whole = serde_json::to_value(self).map_err(|e| e.to_string())?;
        merge(&mut whole, changes);
        serde_json::from_value(whole).map_err(|e| e.to_string())
    }
}

/// `APIO_OBJECT_CREATION`; all false by default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields)]
pub struct ObjectCreation {
    /// Create GroupData if missing (it is always created when a resellerId is given).
    pub group_data: bool,
    /// An unknown resellerId: true creates a reseller of that name, false rejects the call.
    pub reseller: bool,
    /// Enables the tenant's externalId1..4.
    pub tenant_data: bool,
}

/// `AUTO_CREATE`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields)]
pub struct AutoCreate {
    /// An unknown defaultDomain is created at system and tenant level and assigned to the group.
    pub group_default_domain: bool,
}

/// `CHECK_GROUP`: each forbids DELETE of a group (400, code 29) while that kind exists in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckGroup {
    /// Users outside trunk groups.
    #[serde(rename = "CHECK_USERS")]
    pub users: bool,
    /// Users inside a trunk group.
    #[serde(rename = "CHECK_TRUNK_USERS")]
    pub trunk_users: bool,
    /// IVRs, call centers and hunt groups.
    #[serde(rename = "CHECK_SERVICE_USERS")]
    pub service_users: bool,
    /// Trunk groups.
    #[serde(rename = "CHECK_TRUNK_GROUPS")]
    pub trunk_groups: bool,
}

/// Where the contract is silent, the recommended reading (platform contract, section 12) by default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Assumptions {
    /// A new resellerId of a tenant goes to its groups that have none or had the old one (assumption 16).
    pub propagate_tenant_reseller: bool,
    /// Every answered object carries `_record_internal_id`, which clients must tolerate (contract, section 10).
    pub extra_response_keys: bool,
    /// An unknown key in a body or filter is refused. On by default, so that a client's misspelling shows.
    pub refuse_unknown_keys: bool,
    /// A group's PUT may only name a domain that the group already has; otherwise one of its tenant is enough.
    pub default_domain_must_be_assigned: bool,
    /// Contact and address are replaced by what a write carries of them; otherwise they are merged key by key (assumption 8).
    pub replace_nested_objects: bool,
    /// Keys beyond the contract that groups and tenants, their contacts and their addresses have on this platform too.
    pub undocumented_keys: Vec<String>,
    /// `stateDisplayName` of an address is ignored on writes, as its name suggests.
    pub state_display_name_read_only: bool,
    /// A search over the whole system without any criterion is refused (contract, section 3).
    pub refuse_broad_searches: bool,
    /// List key of `services/hunt_groups/` (assumption 12).
    pub hunt_groups_key: String,
    /// List key of `services/call_centers/` (assumption 12).
    pub call_centers_key: String,
    /// List key of `search/service_users/` (assumption 12).
    pub service_users_key: String,
    /// What a restricted user gets for an object he may not see: 404 or 403 (contract, 1.4).
    pub hidden_object_status: u16,
    /// So many bad passwords in a row lock an account (contract, 1.3); null never does.
    pub lock_after_bad_passwords: Option<u32>,
    /// A session counts only together with the load balancer's cookie: all cookies are to be replayed (contract, 1.2).
    pub require_all_cookies: bool,
    /// The cookies of door A are marked Secure, as those of a gateway behind TLS may be.
    pub secure_cookies: bool,
}

impl Default for Assumptions {
    fn default() -> Assumptions {
        Assumptions {
            propagate_tenant_reseller: true,
            extra_response_keys: false,
            refuse_unknown_keys: true,
            default_domain_must_be_assigned: false,
            replace_nested_objects: false,
            undocumented_keys: Vec::new(),
            state_display_name_read_only: false,
            refuse_broad_searches: false,
            hunt_groups_key: "huntGroups".into(),
            call_centers_key: "callCenters".into(),
            service_users_key: "users".into(),
            hidden_object_status: 404,
            lock_after_bad_passwords: Some(5),
            require_all_cookies: true,
            secure_cookies: false,
        }
    }
}
