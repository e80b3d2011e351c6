//! Tenants: create, read, change, delete, list (platform contract, section 5).

use serde_json::{Map, Value, json};

use super::access::{self, reseller_to_write, sees_tenant};
use super::accounts::Account;
use super::filters::{Filterable, Filters, with_keys};
use super::limits::{self, EXTERNAL_IDS, TENANT, Verb};
use super::reply::{Answer, Reply, already_exists, invalid, not_empty, not_found, unknown_domain};
use super::resellers;
use super::settings::Settings;
use super::state::{State, Tenant, reseller_of, take};

const LIST: Filterable = Filterable {
    fields: &[
        ("ExternalId1", "externalId1"),
        ("ExternalId2", "externalId2"),
        ("ExternalId3", "externalId3"),
        ("ExternalId4", "externalId4"),
        ("ResellerId", "resellerId"),
    ],
    exact: &[("type", "type")],
    size: "sizeLimit",
};

pub(super) fn list(state: &State, caller: &Account, input: &Map<String, Value>) -> Answer {
    let filters = Filters::read(input, &LIST, state.settings.assumptions.refuse_unknown_keys)?;
    let seen = state.tenants.values().filter(|tenant| sees_tenant(&state.settings, caller, tenant));
    let items = seen.map(|tenant| view(&state.settings, tenant)).collect();
    Ok(Reply::ok(json!({"tenants": with_keys(filters.apply(items), &["tenantId", "name", "type"])})))
}

pub(super) fn get(state: &State, caller: &Account, id: &str) -> Answer {
    Ok(Reply::ok(Value::Object(view(&state.settings, access::tenant(state, caller, id)?))))
}

pub(super) fn create(state: &mut State, caller: &Account, body: Map<String, Value>) -> Answer {
    let mut input = checked(state, Verb::Create, limits::with_documented_names(body))?;
    let id = input.get("tenantId").and_then(Value::as_str).unwrap_or_default().to_owned();
    limits::checked_id("tenantId", &id)?;
    if input.contains_key("useCustomRoutingProfile") && input.get("type") != Some(&json!("ServiceProvider")) {
        return Err(invalid("useCustomRoutingProfile needs type ServiceProvider"));
    }
    if state.tenants.contains_key(&id) {
        return Err(already_exists(&format!("tenant {id}")));
    }
    input.entry("defaultDomain").or_insert(json!(state.default_system_domain));
    carry_out(state, caller, &id, input, true)?;
    let tenant = state.tenants.get(&id).ok_or_else(|| not_found(&id))?;
    Ok(Reply::created(Value::Object(view(&state.settings, tenant))))
}

pub(super) fn change(state: &mut State, caller: &Account, id: &str, body: Map<String, Value>) -> Answer {
    access::tenant(state, caller, id)?;
    let input = checked(state, Verb::Update, body)?;
    if input.get("tenantId").is_some_and(|given| given != id) {
        return Err(invalid("tenantId can not be changed"));
    }
    carry_out(state, caller, id, input, false)?;
    let tenant = state.tenants.get(id).ok_or_else(|| not_found(id))?;
    Ok(Reply::ok(Value::Object(view(&state.settings, tenant))))
}

/// A tenant with groups stays (assumption 17).
pub(super) fn delete(state: &mut State, caller: &Account, id: &str) -> Answer {
    if !access::tenant(state, caller, id)?.groups.is_empty() {
        return Err(not_empty("tenant contains groups"));
    }
    state.tenants.remove(id);
    Ok(Reply::ok(json!({})))
}

/// Everything is checked before anything is changed.
fn carry_out(
    state: &mut State,
    caller: &Account,
    id: &str,
    mut input: Map<String, Value>,
    creating: bool,
) -> Result<(), Reply> {
    let domain = input.get("defaultDomain").and_then(Value::as_str).map(str::to_owned);
    let assigned = |domain: &str| state.tenants.get(id).is_some_and(|tenant| tenant.domains.contains(domain));
    if let Some(domain) =
        domain.as_deref().filter(|domain| !state.system_domains.contains(*domain) && !assigned(domain))
    {
        return Err(unknown_domain(domain, "system"));
    }
    let given = reseller_of(&input).map(str::to_owned);
    let reseller = reseller_to_write(state.settings.reseller_tenant, caller, given, creating)?;
    if let Some(name) = &reseller {
        resellers::check_reference(state, name)?;
        resellers::provide(state, name);
        input.insert("resellerId".to_owned(), json!(name));
    }
    let tenant_data = state.settings.object_creation.tenant_data || reseller.is_some();
    let propagate = state.settings.assumptions.propagate_tenant_reseller;
    let replace = state.settings.assumptions.replace_nested_objects;
    let tenant = state.tenants.entry(id.to_owned()).or_default();
    if let Some(name) = reseller.filter(|_| propagate) {
        hand_down(tenant, &name);
    }
    tenant.domains.extend(domain);
    tenant.has_tenant_data |= tenant_data;
    take(&mut tenant.attributes, input, replace);
    Ok(())
}

/// The tenant's new reseller becomes that of its groups which have none or had the tenant's old one (assumption 16).
fn hand_down(tenant: &mut Tenant, reseller: &str) {
    let old = tenant.reseller().map(str::to_owned);
    for group in tenant.groups.values_mut() {
        if group.reseller().is_none() || group.reseller() == old.as_deref() {
            group.attributes.insert("resellerId".to_owned(), json!(reseller));
            group.has_group_data = true;
        }
    }
}

/// A tenant as GET shows it; TenantData holds `resellerId`, and the external ids if the setting enables them.
fn view(settings: &Settings, tenant: &Tenant) -> Map<String, Value> {
    let mut view = limits::shown(TENANT, &tenant.attributes, &settings.assumptions);
    if settings.object_creation.tenant_data {
        view.extend(limits::shown(EXTERNAL_IDS, &tenant.attributes, &settings.assumptions));
    }
    if tenant.has_tenant_data {
        view.insert("resellerId".to_owned(), json!(tenant.reseller().unwrap_or_default()));
    }
    view
}

fn checked(state: &State, verb: Verb, body: Map<String, Value>) -> Result<Map<String, Value>, Reply> {
    let settings = &state.settings;
    let mut list = TENANT.to_vec();
    if settings.object_creation.tenant_data {
        list.extend_from_slice(EXTERNAL_IDS);
    }
    let body = limits::with_documented_state(body, settings.assumptions.state_display_name_read_only);
    limits::checked(&list, verb, &body, &settings.assumptions)
}
