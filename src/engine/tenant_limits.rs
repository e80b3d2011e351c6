//! Which namespaces may use which tenants of the platform. Kubernetes can say who may write a Group in a namespace, but not
//! which tenant it names; without limits every namespace that is watched may use them all.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

/// Every tenant, or every namespace that is not named.
const ANY: &str = "*";

/// The tenants of each namespace; without any entry there is no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantLimits(BTreeMap<String, BTreeSet<String>>);

impl TenantLimits {
    /// Whether a namespace may use a tenant.
    pub fn allow(&self, namespace: &str, tenant: &str) -> bool {
        let listed = |of: &BTreeSet<String>| of.contains(tenant) || of.contains(ANY);
        self.0.is_empty() || self.0.get(namespace).or_else(|| self.0.get(ANY)).is_some_and(listed)
    }
}

impl FromStr for TenantLimits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let remedy = r#"write it as {"team-a": ["Acme", "Globex"], "*": []}"#;
        serde_yaml::from_str(text).map(Self).map_err(|error| format!("{error}; {remedy}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_limits_every_namespace_may_use_every_tenant() {
        assert!(TenantLimits::default().allow("a", "Acme"));
        for text in ["{}", ""] {
            assert_eq!(text.parse(), Ok(TenantLimits::default()));
        }
    }

    #[test]
    fn a_namespace_has_its_tenants_and_one_that_is_not_named_has_none() {
        let limits: TenantLimits = r#"{"a": ["Acme", "Globex"], "b": []}"#.parse().unwrap();
        assert!(limits.allow("a", "Acme") && limits.allow("a", "Globex"));
        for (namespace, tenant) in [("a", "acme"), ("a", "Other"), ("b", "Acme"), ("c", "Acme")] {
            assert!(!limits.allow(namespace, tenant), "{namespace} {tenant}");
        }
    }

    #[test]
    fn a_star_stands_for_every_tenant_and_for_every_other_namespace() {
        let limits: TenantLimits = "{a: [Acme], '*': ['*']}".parse().unwrap();
        assert!(limits.allow("a", "Acme") && !limits.allow("a", "Globex") && limits.allow("b", "Globex"));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_an_example() {
        for text in ["team-a=Acme", "[]", "{a: Acme}"] {
            let problem = text.parse::<TenantLimits>().unwrap_err();
            assert!(problem.contains(r#"{"team-a": ["Acme", "Globex"]"#), "{text}: {problem}");
        }
    }
}
