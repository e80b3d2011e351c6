//! The default domain of a group: known, created on the way, or missing (design, section 4).

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Next, Refusal, Step};
use crate::engine::{
    facts::{Answer, Facts, Query},
    ids::{DEFAULT_DOMAIN, Key, Level, Object, is_same_domain},
    reason::Reason,
};

/// What must happen before a write that sets `domain` as the default domain: for an existing group, it has to be assigned
/// to the group too; the platform does that itself for a new one. One that is known is called as it is known.
pub(super) fn prerequisites(
    domain: &str,
    tenant: &str,
    existing: Option<&str>,
    create: bool,
    facts: &Facts,
) -> Next<Vec<Step>> {
    let at_tenant = Level::Tenant(tenant.to_owned());
    let mut steps = Vec::new();
    let mut name = domain;
    match spelling(facts.domains(at_tenant.clone())?, domain) {
        Some(known) => name = known,
        None => {
            let at_system = spelling(facts.domains(Level::System)?, domain);
            if !create {
                let place = match at_system {
                    Some(_) => format!("is not assigned to tenant {tenant}"),
                    None => "is unknown to the platform".to_owned(),
                };
                return missing(domain, &place);
            }
            match at_system {
                Some(known) => name = known,
                None if !facts.cluster.may_create_domains() => return not_granted(domain),
                None => steps.push(Step::CreateDomain(domain.to_owned())),
            }
            steps.push(Step::AssignDomain(at_tenant, name.to_owned()));
        }
    }
    if let Some(group) = existing {
        let at_group = Level::Group(tenant.to_owned(), group.to_owned());
        if spelling(facts.domains(at_group.clone())?, domain).is_none() {
            if !create {
                return missing(domain, &format!("is not assigned to group {group} of tenant {tenant}"));
            }
            steps.push(Step::AssignDomain(at_group, name.to_owned()));
        }
    }
    Ok(steps)
}

/// How a domain is spelt where it is known.
fn spelling<'a>(known: &'a BTreeSet<String>, domain: &str) -> Option<&'a str> {
    let same = || known.iter().find(|there| is_same_domain(there, domain));
    known.get(domain).or_else(same).map(String::as_str)
}

/// A body whose default domain is spelt as the platform spells it, as far as that is known: to a platform that tells case apart
/// another spelling is another domain, which it may create.
pub(super) fn spelt_as_known(mut body: Object, key: &Key, facts: &Facts) -> Object {
    let Some(Value::String(domain)) = body.get_mut(DEFAULT_DOMAIN) else { return body };
    let there = facts.seen(key).and_then(|there| there.get(DEFAULT_DOMAIN)?.as_str());
    let levels = key.tenant().map(|tenant| Level::Tenant(tenant.to_owned())).into_iter().chain([Level::System]);
    let listed = |level| match facts.answer(&Query::Domains(level)) {
        Some(Ok(Answer::Domains(known))) => spelling(known, domain),
        _ => None,
    };
    let known = there.filter(|there| is_same_domain(there, domain)).or_else(|| levels.filter_map(listed).next());
    if let Some(known) = known {
        *domain = known.to_owned();
    }
    body
}

fn missing<T>(domain: &str, place: &str) -> Next<T> {
    let message = format!(
        "defaultDomain {domain} {place}; create and assign it there, set spec.autoCreateDomain to true, or enable AUTO_CREATE.GROUP_DEFAULT_DOMAIN in the settings"
    );
    Refusal::new(Reason::DomainNotFound, message).refuse()
}

fn not_granted<T>(domain: &str) -> Next<T> {
    let message = format!(
        "this namespace may not have defaultDomain {domain} created at system level; create the domain there, or have systemDomains granted in the operator's --tenants-by-namespace"
    );
    Refusal::new(Reason::NotPermitted, message).refuse()
}
