//! What of the platform each namespace may use. Kubernetes can say who may write a Group in a namespace, but not which tenant
//! it names; without limits every namespace that is watched may use everything.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
    sync::Arc,
};

use serde_yaml::Value;

use super::{ids::Key, spelling};
use crate::api::text;

/// Every tenant or reseller, or every namespace that is not named.
const ANY: &str = "*";
/// What the value of the flag looks like.
const EXAMPLE: &str = r#"write it as {"team-a": ["Acme"], "team-b": {"tenants": ["Globex"], "resellers": ["Best"], "systemDomains": true}, "*": []}"#;

/// Longest words about what cannot be read, in characters.
const SHOWN: usize = 300;

/// What one namespace may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    tenants: BTreeSet<String>,
    resellers: BTreeSet<String>,
    system_domains: bool,
}

impl Grant {
    /// Whether it holds an object: what is in a tenant is the tenant's.
    pub fn allows(&self, key: &Key) -> bool {
        let (names, name) = match key {
            Key::Tenant(tenant) | Key::Group(tenant, _) => (&self.tenants, tenant),
            Key::Reseller(name) => (&self.resellers, name),
        };
        names.contains(name) || names.contains(ANY)
    }

    /// Whether domains may be created for the whole platform.
    pub fn allows_system_domains(&self) -> bool {
        self.system_domains
    }
}

/// The grants of all namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(BTreeMap<String, Arc<Grant>>);

impl Grants {
    /// The grant of a namespace; `None` when there is no limit at all.
    pub fn of(&self, namespace: &str) -> Option<Arc<Grant>> {
        let named = self.0.get(namespace).or_else(|| self.0.get(ANY));
        (!self.0.is_empty()).then(|| named.cloned().unwrap_or_default())
    }
}

impl FromStr for Grants {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let told = |problem: String| format!("{}; {EXAMPLE}", text::shortened(&problem, SHOWN));
        let namespaces = match serde_yaml::from_str(text).map_err(|error| told(error.to_string()))? {
            Value::Null => return Ok(Self::default()),
            Value::Mapping(namespaces) => namespaces,
            _ => return Err(told("namespaces and their grants are expected".to_owned())),
        };
        let grants = namespaces.into_iter().map(|(namespace, value)| {
            let Value::String(namespace) = namespace else { return Err("a namespace is a text".to_owned()) };
            let grant = grant(value).map_err(|problem| format!("{namespace}: {problem}"))?;
            Ok((namespace, Arc::new(grant)))
        });
        grants.collect::<Result<_, _>>().map(Self).map_err(told)
    }
}

/// A list is of tenants; a mapping names what it grants.
fn grant(value: Value) -> Result<Grant, String> {
    let mut grant = Grant::default();
    match value {
        Value::Sequence(_) => grant.tenants = names("it", value)?,
        Value::Mapping(parts) => {
            for (part, value) in parts {
                match part.as_str() {
                    Some("tenants") => grant.tenants = names("tenants", value)?,
                    Some("resellers") => grant.resellers = names("resellers", value)?,
                    Some("systemDomains") => {
                        grant.system_domains = value.as_bool().ok_or("systemDomains must be true or false")?;
                    }
                    part => return Err(unknown(part.unwrap_or_default())),
                }
            }
        }
        _ => return Err("a list of tenants, or a mapping, is expected".to_owned()),
    }
    Ok(grant)
}

fn names(what: &str, value: Value) -> Result<BTreeSet<String>, String> {
    serde_yaml::from_value(value).map_err(|error| format!("{what} must be a list of names: {error}"))
}

fn unknown(part: &str) -> String {
    let known = ["tenants", "resellers", "systemDomains"];
    format!("unknown key {part}; {}", spelling::remedy(part, &known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(id: &str) -> Key {
        Key::Tenant(id.into())
    }

    fn reseller(name: &str) -> Key {
        Key::Reseller(name.into())
    }

    fn of(text: &str, namespace: &str) -> Arc<Grant> {
        text.parse::<Grants>().unwrap().of(namespace).unwrap()
    }

    #[test]
    fn without_an_entry_there_is_no_limit() {
        for text in ["{}", ""] {
            assert_eq!(text.parse::<Grants>().unwrap().of("a"), None, "{text:?}");
        }
    }

    #[test]
    fn a_namespace_has_its_tenants_with_what_is_in_them_and_one_that_is_not_named_has_none() {
        let limits = r#"{"a": ["Acme", "Globex"], "b": []}"#;
        assert!(of(limits, "a").allows(&tenant("Acme")) && of(limits, "a").allows(&tenant("Globex")));
        assert!(of(limits, "a").allows(&Key::Group("Acme".into(), "HQ".into())));
        for (namespace, id) in [("a", "acme"), ("a", "Other"), ("b", "Acme"), ("c", "Acme")] {
            assert!(!of(limits, namespace).allows(&tenant(id)), "{namespace} {id}");
        }
    }

    #[test]
    fn a_star_stands_for_every_name_and_for_every_other_namespace() {
        let limits = "{a: [Acme], '*': {tenants: ['*'], resellers: ['*']}}";
        assert!(of(limits, "a").allows(&tenant("Acme")) && !of(limits, "a").allows(&tenant("Globex")));
        assert!(of(limits, "b").allows(&tenant("Globex")) && of(limits, "b").allows(&reseller("Best")));
    }

    #[test]
    fn a_list_of_tenants_grants_neither_a_reseller_nor_a_domain_whatever_the_tenants_are_called() {
        let listed = of("{a: ['*', Best, resellers, systemDomains]}", "a");
        assert!(listed.allows(&tenant("Best")) && !listed.allows(&reseller("Best")) && !listed.allows_system_domains());
        let granted = of("{a: {resellers: [Best], systemDomains: true}}", "a");
        assert!(granted.allows(&reseller("Best")) && granted.allows_system_domains());
        assert!(!granted.allows(&reseller("Other")) && !granted.allows(&tenant("Best")));
        assert!(!of("{a: {systemDomains: false}}", "a").allows_system_domains());
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place_and_an_example() {
        for (text, words) in [
            ("team-a=Acme", "namespaces and their grants"),
            ("[]", "namespaces and their grants"),
            ("{a: Acme}", "a: a list of tenants, or a mapping"),
            ("{a: }", "a: a list of tenants, or a mapping"),
            ("{a: [1]}", "a: it must be a list of names"),
            ("{1: [Acme]}", "a namespace is a text"),
            ("{a: [Acme], a: ['*']}", "duplicate"),
            ("{a: {tenants: Acme}}", "a: tenants must be a list of names"),
            ("{a: {systemDomains: 'yes'}}", "a: systemDomains must be true or false"),
            ("{a: {reseller: [Best]}}", "a: unknown key reseller; did you mean resellers?"),
            ("{a: {system_domains: true}}", "a: unknown key system_domains; did you mean systemDomains?"),
            ("{\"a\\e[2J\": Acme}", "a\\u001b[2J: a list"),
            ("{a: {zz: true}}", "a: unknown key zz; known are tenants, resellers, systemDomains"),
        ] {
            let problem = text.parse::<Grants>().unwrap_err();
            assert!(problem.contains(words) && problem.ends_with(EXAMPLE), "{text}: {problem}");
        }
    }
}
