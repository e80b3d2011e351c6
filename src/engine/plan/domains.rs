//! The default domain of a group: known, created on the way, or missing (design, section 4).

use super::{Next, Refusal, Step};
use crate::engine::{facts::Facts, ids::Level, reason::Reason};

/// What must happen before a write that sets `domain` as the default domain: for an existing group, it has to be assigned
/// to the group too; the platform does that itself for a new one.
pub(super) fn prerequisites(
    domain: &str,
    tenant: &str,
    existing: Option<&str>,
    create: bool,
    facts: &Facts,
) -> Next<Vec<Step>> {
    let at_tenant = Level::Tenant(tenant.to_owned());
    let mut steps = Vec::new();
    if !facts.domains(at_tenant.clone())?.contains(domain) {
        let at_system = facts.domains(Level::System)?.contains(domain);
        if !create {
            let place = if at_system {
                format!("is not assigned to tenant {tenant}")
            } else {
                "is unknown to the platform".to_owned()
            };
            return missing(domain, &place);
        }
        if !at_system {
            if !facts.cluster.may_create_domains() {
                return not_granted(domain);
            }
            steps.push(Step::CreateDomain(domain.to_owned()));
        }
        steps.push(Step::AssignDomain(at_tenant, domain.to_owned()));
    }
    if let Some(group) = existing {
        let at_group = Level::Group(tenant.to_owned(), group.to_owned());
        if !facts.domains(at_group.clone())?.contains(domain) {
            if !create {
                return missing(domain, &format!("is not assigned to group {group} of tenant {tenant}"));
            }
            steps.push(Step::AssignDomain(at_group, domain.to_owned()));
        }
    }
    Ok(steps)
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
