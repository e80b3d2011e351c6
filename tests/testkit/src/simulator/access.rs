//! Which objects exist for whom: restricted users see only what references their reseller (platform contract, 1.4).

use super::accounts::Account;
use super::reply::{Reply, forbidden, not_found};
use super::settings::Settings;
use super::state::{Group, State, Tenant};

pub(super) fn sees_tenant(settings: &Settings, caller: &Account, tenant: &Tenant) -> bool {
    !settings.reseller_tenant || caller.reseller.is_none() || caller.reseller.as_deref() == tenant.reseller()
}

pub(super) fn sees_group(settings: &Settings, caller: &Account, group: &Group) -> bool {
    !settings.reseller_group || caller.reseller.is_none() || caller.reseller.as_deref() == group.reseller()
}

pub(super) fn tenant<'s>(state: &'s State, caller: &Account, id: &str) -> Result<&'s Tenant, Reply> {
    let what = format!("tenant {id}");
    let tenant = state.tenants.get(id).ok_or_else(|| not_found(&what))?;
    if sees_tenant(&state.settings, caller, tenant) { Ok(tenant) } else { Err(hidden(&state.settings, &what)) }
}

pub(super) fn tenant_mut<'s>(state: &'s mut State, caller: &Account, id: &str) -> Result<&'s mut Tenant, Reply> {
    tenant(state, caller, id)?;
    state.tenants.get_mut(id).ok_or_else(|| not_found(&format!("tenant {id}")))
}

pub(super) fn group<'s>(state: &'s State, caller: &Account, of: &str, id: &str) -> Result<&'s Group, Reply> {
    let what = format!("group {id} of tenant {of}");
    let group = tenant(state, caller, of)?.groups.get(id).ok_or_else(|| not_found(&what))?;
    if sees_group(&state.settings, caller, group) { Ok(group) } else { Err(hidden(&state.settings, &what)) }
}

pub(super) fn group_mut<'s>(
    state: &'s mut State,
    caller: &Account,
    of: &str,
    id: &str,
) -> Result<&'s mut Group, Reply> {
    group(state, caller, of, id)?;
    state.group_mut(of, id).ok_or_else(|| not_found(&format!("group {id} of tenant {of}")))
}

/// The reseller that an object written by this caller references. A restricted user can name no other than his own, and
/// what he creates is his (the contract does not say so; otherwise he could not see what he just created).
pub(super) fn reseller_to_write(
    checked: bool,
    caller: &Account,
    given: Option<String>,
    creating: bool,
) -> Result<Option<String>, Reply> {
    match (&caller.reseller, given) {
        (Some(own), None) if checked && creating => Ok(Some(own.clone())),
        (Some(own), Some(other)) if checked && *own != other => Err(forbidden("not your reseller")),
        (_, given) => Ok(given),
    }
}

fn hidden(settings: &Settings, what: &str) -> Reply {
    match settings.assumptions.hidden_object_status {
        403 => forbidden(&format!("no access to {what}")),
        _ => not_found(what),
    }
}
