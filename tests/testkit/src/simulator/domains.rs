//! Domains on their three levels: system, tenant, group (platform contract, section 6).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::reply::{Answer, Reply, already_exists, in_use, invalid, unknown_domain};
use super::state::{Group, State, Tenant};

pub(super) fn system(state: &State) -> Reply {
    Reply::ok(view(&state.default_system_domain, &state.system_domains))
}

pub(super) fn create(state: &mut State, body: &Map<String, Value>) -> Answer {
    let domain = body.get("domain").and_then(Value::as_str).ok_or_else(|| invalid("domain is not a string"))?;
    checked(domain)?;
    if !state.system_domains.insert(domain.to_owned()) {
        return Err(already_exists(&format!("domain {domain}")));
    }
    Ok(Reply::created(json!({})))
}

/// The documented table says `domains`, the sample `domain`: both are read (assumption 22).
pub(super) fn delete(state: &mut State, body: &Map<String, Value>) -> Answer {
    let domains = match body.get("domain").and_then(Value::as_str) {
        Some(domain) => vec![domain.to_owned()],
        None => named(body)?,
    };
    for domain in &domains {
        if !state.system_domains.contains(domain) {
            return Err(unknown_domain(domain, "system"));
        }
        let assigned = state.tenants.values().any(|tenant| tenant.domains.contains(domain));
        if assigned || *domain == state.default_system_domain {
            return Err(in_use(&format!("domain {domain} is in use")));
        }
    }
    state.system_domains.retain(|domain| !domains.contains(domain));
    Ok(Reply::ok(json!({})))
}

pub(super) fn of_tenant(tenant: &Tenant) -> Reply {
    Reply::ok(view(tenant.default_domain(), &tenant.domains))
}

/// Adds assignments, all of them or none; each domain must exist at system level.
pub(super) fn assign_to_tenant(above: &BTreeSet<String>, tenant: &mut Tenant, body: &Map<String, Value>) -> Answer {
    tenant.domains.extend(known(above, "system", body)?);
    Ok(of_tenant(tenant))
}

pub(super) fn remove_from_tenant(tenant: &mut Tenant, body: &Map<String, Value>) -> Answer {
    let domains = named(body)?;
    for domain in &domains {
        if !tenant.domains.contains(domain) {
            return Err(unknown_domain(domain, "tenant"));
        }
        let assigned = tenant.groups.values().any(|group| group.domains.contains(domain));
        if assigned || tenant.default_domain() == domain {
            return Err(in_use(&format!("domain {domain} is in use")));
        }
    }
    tenant.domains.retain(|domain| !domains.contains(domain));
    Ok(Reply::ok(json!({})))
}

pub(super) fn of_group(group: &Group) -> Reply {
    Reply::ok(view(group.default_domain(), &group.domains))
}

/// Adds assignments, all of them or none; each domain must be the tenant's.
pub(super) fn assign_to_group(above: &BTreeSet<String>, group: &mut Group, body: &Map<String, Value>) -> Answer {
    group.domains.extend(known(above, "tenant", body)?);
    Ok(of_group(group))
}

pub(super) fn remove_from_group(group: &mut Group, body: &Map<String, Value>) -> Answer {
    let domains = named(body)?;
    for domain in &domains {
        if !group.domains.contains(domain) {
            return Err(unknown_domain(domain, "group"));
        }
        let used = group.users.keys().any(|id| id.rsplit_once('@').is_some_and(|(_, of)| of == domain));
        if used || group.default_domain() == domain {
            return Err(in_use(&format!("domain {domain} is in use")));
        }
    }
    group.domains.retain(|domain| !domains.contains(domain));
    Ok(Reply::ok(json!({})))
}

/// Whether a group may have this default domain: it has it already, or its tenant has it, or it is created on the way.
pub(super) fn check_default(
    state: &State,
    tenant: &Tenant,
    group: Option<&Group>,
    domain: &str,
    auto_create: bool,
) -> Result<(), Reply> {
    checked(domain)?;
    let assigned = group.is_some_and(|group| group.domains.contains(domain));
    let strict = group.is_some() && state.settings.assumptions.default_domain_must_be_assigned;
    let assignable = tenant.domains.contains(domain) && !strict;
    if assigned || assignable || auto_create {
        return Ok(());
    }
    Err(unknown_domain(domain, if strict { "group" } else { "tenant" }))
}

/// Puts a domain on all three levels, as far as it is missing.
pub(super) fn provide(state: &mut State, tenant: &str, group: &str, domain: &str) {
    state.system_domains.insert(domain.to_owned());
    if let Some(tenant) = state.tenants.get_mut(tenant) {
        tenant.domains.insert(domain.to_owned());
        if let Some(group) = tenant.groups.get_mut(group) {
            group.domains.insert(domain.to_owned());
        }
    }
}

fn checked(domain: &str) -> Result<(), Reply> {
    if (1..=80).contains(&domain.chars().count()) { Ok(()) } else { Err(invalid("a domain has 1 to 80 characters")) }
}

fn named(body: &Map<String, Value>) -> Result<Vec<String>, Reply> {
    let domains = body.get("domains").and_then(Value::as_array).ok_or_else(|| invalid("domains is not an array"))?;
    let names = domains.iter().map(|domain| domain.as_str().map(str::to_owned));
    names.collect::<Option<_>>().ok_or_else(|| invalid("domains is not an array of strings"))
}

fn known(above: &BTreeSet<String>, level: &str, body: &Map<String, Value>) -> Result<Vec<String>, Reply> {
    let domains = named(body)?;
    match domains.iter().find(|domain| !above.contains(*domain)) {
        Some(domain) => Err(unknown_domain(domain, level)),
        None => Ok(domains),
    }
}

fn view(default: &str, domains: &BTreeSet<String>) -> Value {
    json!({"defaultDomain": default, "domains": domains})
}
