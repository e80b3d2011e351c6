//! What the platform's objects are called.

use std::fmt;

use serde_json::Value;

use crate::api::{Identity, text};

/// Most characters of an id that cannot be one in a message.
const SHOWN: usize = 100;

/// A JSON object as it goes over the wire.
pub type Object = serde_json::Map<String, Value>;

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

    /// Its ids, under the names that the platform's objects carry them by.
    fn ids(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Tenant(tenant) => vec![("tenantId", tenant)],
            Self::Group(tenant, group) => vec![("tenantId", tenant), ("groupId", group)],
            Self::Reseller(name) => vec![("name", name)],
        }
    }

    /// Why it is never asked for: one of its ids could lead to another object.
    pub fn misplaced(&self) -> Option<String> {
        self.ids().into_iter().find_map(|(_, id)| misplaced(id))
    }

    /// What an answer says to be the object of, if that is not this one.
    pub fn contradiction(&self, answer: &Object) -> Option<String> {
        let other = |(name, id): &(&str, &str)| answer.get(*name).is_some_and(|there| !there.is_null() && there != id);
        let (name, _) = self.ids().into_iter().find(other)?;
        Some(format!("{name} {}", text::shortened(&answer[name].to_string(), SHOWN)))
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

/// Key of the owning reseller in a tenant and in a group.
pub const RESELLER_ID: &str = "resellerId";
/// Key of the default domain of a tenant and of a group.
pub const DEFAULT_DOMAIN: &str = "defaultDomain";

/// Whether two names are of one domain: case does not matter in them.
pub fn is_same_domain(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// A whole number, in either way that JSON writes it: 3 and 3.0 are one.
pub fn whole(value: &Value) -> Option<i64> {
    // The largest that a float holds exactly.
    const MOST: f64 = 9_007_199_254_740_992.0;
    let from_float = |number: f64| (number.fract() == 0.0 && number.abs() <= MOST).then_some(number as i64);
    value.as_i64().or_else(|| value.as_f64().and_then(from_float))
}

/// Why this is never part of a URL, in a sentence.
pub fn misplaced(id: &str) -> Option<String> {
    (!text::is_id(id))
        .then(|| format!("the id \"{}\" could lead to another object: an id {}", text::shortened(id, SHOWN), text::ID))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_that_names_another_object_contradicts_its_question() {
        let group = || Key::Group("Acme".into(), "HQ".into());
        for (key, answer, expected) in [
            (Key::Tenant("Acme".into()), json!({"tenantId": "Acme", "name": "Globex"}), None),
            (Key::Tenant("Acme".into()), json!({"tenantId": "acme"}), Some("tenantId \"acme\"")),
            (Key::Tenant("Acme".into()), json!({"tenantId": 7}), Some("tenantId 7")),
            (group(), json!({"groupName": "x"}), None),
            (group(), json!({"tenantId": null, "groupId": "HQ"}), None),
            (group(), json!({"tenantId": "Acme", "groupId": "Other"}), Some("groupId \"Other\"")),
            (group(), json!({"tenantId": "Globex", "groupId": "HQ"}), Some("tenantId \"Globex\"")),
            (Key::Reseller("R".into()), json!({"name": "R", "tenantId": "x"}), None),
            (Key::Reseller("R".into()), json!({"name": "S\u{a0}"}), Some("name \"S\\u00a0\"")),
        ] {
            let found = key.contradiction(answer.as_object().unwrap());
            assert_eq!(found.as_deref(), expected, "{key}: {answer}");
        }
    }
}
