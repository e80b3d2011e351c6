//! What the platform's objects are called.

use std::fmt;

use crate::api::Identity;

/// A JSON object as it goes over the wire.
pub type Object = serde_json::Map<String, serde_json::Value>;

/// The object on the platform that a resource stands for: all that a deletion needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A tenant by id.
    Tenant(String),
    /// A group by the ids of its tenant and of itself.
    Group(String, String),
    /// A reseller by name.
    Reseller(String),
}

impl Key {
    /// The key that a status records; `None` when it names no object.
    pub fn of(identity: &Identity) -> Option<Self> {
        match (&identity.tenant_id, &identity.group_id, &identity.reseller_name) {
            (Some(tenant), Some(group), None) => Some(Self::Group(tenant.clone(), group.clone())),
            (Some(tenant), None, None) => Some(Self::Tenant(tenant.clone())),
            (None, None, Some(name)) => Some(Self::Reseller(name.clone())),
            _ => None,
        }
    }

    /// The tenant that it is or belongs to.
    pub fn tenant(&self) -> Option<&str> {
        match self {
            Self::Tenant(tenant) | Self::Group(tenant, _) => Some(tenant),
            Self::Reseller(_) => None,
        }
    }

    /// The key as a status records it.
    pub fn identity(&self) -> Identity {
        match self.clone() {
            Self::Tenant(tenant) => Identity { tenant_id: Some(tenant), ..Identity::default() },
            Self::Group(tenant, group) => {
                Identity { tenant_id: Some(tenant), group_id: Some(group), ..Identity::default() }
            }
            Self::Reseller(name) => Identity { reseller_name: Some(name), ..Identity::default() },
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(tenant) => write!(f, "tenant {tenant}"),
            Self::Group(tenant, group) => write!(f, "group {group} of tenant {tenant}"),
            Self::Reseller(name) => write!(f, "reseller {name}"),
        }
    }
}

/// Where a domain can be known (platform contract, 6): each level only holds what the one above holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The whole platform.
    System,
    /// One tenant.
    Tenant(String),
    /// One group, by tenant and group id.
    Group(String, String),
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system level"),
            Self::Tenant(tenant) => write!(f, "tenant {tenant}"),
            Self::Group(tenant, group) => write!(f, "group {group} of tenant {tenant}"),
        }
    }
}
