//! Groups: create, read, change, delete, list (platform contract, section 4).

use serde_json::{Map, Value, json};

use super::access::{self, group, reseller_to_write, sees_group, tenant};
use super::accounts::Account;
use super::filters::{Filterable, Filters, with_keys};
use super::limits::{self, GROUP, Verb};
use super::reply::{Answer, Reply, already_exists, invalid, not_empty, not_found};
use super::settings::Settings;
use super::state::{Deletion, Group, State, object, reseller_of, take};
use super::{domains, resellers};

const LIST: Filterable = Filterable {
    fields: &[("GroupId", "groupId"), ("GroupName", "groupName"), ("TenantId", "tenantId")],
    exact: &[],
    size: "responseSizeLimit",
};

/// What a group has that was created without saying otherwise.
pub(super) fn defaults() -> Value {
    json!({"userLimit": 25, "timeZone": "Europe/Brussels"})
}

pub(super) fn list(state: &State, caller: &Account, of: &str, input: &Map<String, Value>) -> Answer {
    tenant(state, caller, of)?;
    let filters = Filters::read(input, &LIST, state.settings.assumptions.refuse_unknown_keys)?;
    Ok(listed(state, caller, &filters, Some(of)))
}

pub(super) fn search(state: &State, caller: &Account, input: &Map<String, Value>) -> Answer {
    let filters = Filters::read(input, &LIST, state.settings.assumptions.refuse_unknown_keys)?;
    if state.settings.assumptions.refuse_broad_searches && !filters.has_criteria() {
        return Err(invalid("the search is too broad"));
    }
    Ok(listed(state, caller, &filters, None))
}

fn listed(state: &State, caller: &Account, filters: &Filters, of: Option<&str>) -> Reply {
    let mut items = Vec::new();
    for (tenant_id, tenant) in state.tenants.iter().filter(|(id, _)| of.is_none_or(|of| of == *id)) {
        if !access::sees_tenant(&state.settings, caller, tenant) {
            continue;
        }
        for (id, group) in tenant.groups.iter().filter(|(_, group)| sees_group(&state.settings, caller, group)) {
            let mut item = view(&state.settings, group);
            item.insert("tenantId".to_owned(), json!(tenant_id));
            item.insert("groupId".to_owned(), json!(id));
            items.push(item);
        }
    }
    let groups = with_keys(filters.apply(items), &["groupId", "groupName", "userLimit", "tenantId"]);
    Reply::ok(json!({"groups": groups}))
}

pub(super) fn get(state: &State, caller: &Account, of: &str, id: &str) -> Answer {
    Ok(Reply::ok(Value::Object(view(&state.settings, group(state, caller, of, id)?))))
}

pub(super) fn create(state: &mut State, caller: &Account, of: &str, body: Map<String, Value>) -> Answer {
    let parent = tenant(state, caller, of)?;
    let mut input = checked(state, Verb::Create, limits::with_documented_names(body))?;
    let id = taken_text(&mut input, "groupId").unwrap_or_default();
    limits::checked_id("groupId", &id)?;
    if parent.groups.contains_key(&id) {
        return Err(already_exists(&format!("group {id} of tenant {of}")));
    }
    let tenant_domain = parent.default_domain().to_owned();
    let change = Change::new(state, caller, of, &id, input, Some(tenant_domain))?;
    let group = Group { attributes: object(defaults()), ..Group::default() };
    if let Some(tenant) = state.tenants.get_mut(of) {
        tenant.groups.insert(id.clone(), group);
    }
    change.carry_out(state, of, &id);
    let mut answer = view(&state.settings, access::group(state, caller, of, &id)?);
    answer.insert("groupId".to_owned(), json!(id));
    Ok(Reply::created(Value::Object(answer)))
}

pub(super) fn change(state: &mut State, caller: &Account, of: &str, id: &str, body: Map<String, Value>) -> Answer {
    let users = group(state, caller, of, id)?.users.len();
    let mut input = checked(state, Verb::Update, body)?;
    if taken_text(&mut input, "groupId").is_some_and(|given| given != id) {
        return Err(invalid("groupId can not be changed"));
    }
    let change = Change::new(state, caller, of, id, input, None)?;
    let limit = change.attributes.get("userLimit").and_then(Value::as_u64);
    if limit.is_some_and(|limit| limit < users as u64) {
        return Err(invalid(&format!("userLimit is below the {users} users of the group")));
    }
    change.carry_out(state, of, id);
    // Not get(): he may just have handed the group to another reseller.
    let group = state.group(of, id).ok_or_else(|| not_found(id))?;
    Ok(Reply::ok(Value::Object(view(&state.settings, group))))
}

/// Deletes a group with all that is in it, unless a `CHECK_GROUP` setting protects it (platform contract, 4.3 and 4.4).
pub(super) fn delete(state: &mut State, caller: &Account, of: &str, id: &str, body: &Map<String, Value>) -> Answer {
    let group = group(state, caller, of, id)?;
    let excluded_app_ids = excluded(body, state.settings.assumptions.refuse_unknown_keys)?;
    let check = &state.settings.check_group;
    let trunk_users = group.users.values().filter(|user| user.in_trunk_group).count();
    let service_users = group.ivrs.len() + group.call_centers.len() + group.hunt_groups.len();
    let protections = [
        (check.users, group.users.len() - trunk_users, "users"),
        (check.trunk_users, trunk_users, "trunk users"),
        (check.service_users, service_users, "service users"),
        (check.trunk_groups, group.trunk_groups.len(), "trunk groups"),
    ];
    if let Some((.., kind)) = protections.iter().find(|(on, count, _)| *on && *count > 0) {
        return Err(not_empty(&format!("group contains {kind}")));
    }
    if let Some(tenant) = state.tenants.get_mut(of) {
        tenant.groups.remove(id);
    }
    state.deletions.push(Deletion { tenant: of.to_owned(), group: id.to_owned(), excluded_app_ids });
    Ok(Reply::ok(json!({})))
}

/// A group as GET shows it. `resellerId` is kept in GroupData: without that it is absent, without a reseller `""`.
pub(super) fn view(settings: &Settings, group: &Group) -> Map<String, Value> {
    let mut view = limits::shown(GROUP, &group.attributes, &settings.assumptions);
    view.insert("userCount".to_owned(), json!(group.users.len()));
    view.insert("timeZoneDisplayName".to_owned(), view.get("timeZone").cloned().unwrap_or_default());
    if group.has_group_data {
        view.insert("resellerId".to_owned(), json!(group.reseller().unwrap_or_default()));
    }
    view
}

/// A change that was found sound as a whole and can be carried out without a refusal halfway.
struct Change {
    attributes: Map<String, Value>,
    domain: Option<String>,
    reseller: Option<String>,
}

impl Change {
    fn new(
        state: &State,
        caller: &Account,
        of: &str,
        id: &str,
        mut input: Map<String, Value>,
        default_domain: Option<String>,
    ) -> Result<Change, Reply> {
        let creating = default_domain.is_some();
        if let Some(name) = taken_text(&mut input, "templateName") {
            fill(state, &name, of, id, &mut input)?;
        }
        let auto_create = input.remove("autoCreateDomain").and_then(|value| value.as_bool());
        let auto_create = auto_create.unwrap_or(state.settings.auto_create.group_default_domain);
        if let Some(domain) = default_domain {
            input.entry("defaultDomain").or_insert(json!(domain));
        }
        let parent = tenant(state, caller, of)?;
        let domain = input.get("defaultDomain").and_then(Value::as_str).map(str::to_owned);
        if let Some(domain) = &domain {
            domains::check_default(state, parent, parent.groups.get(id), domain, auto_create)?;
        }
        let given = reseller_of(&input).map(str::to_owned);
        let reseller = reseller_to_write(state.settings.reseller_group, caller, given, creating)?;
        if let Some(name) = &reseller {
            resellers::check_reference(state, name)?;
            input.insert("resellerId".to_owned(), json!(name));
        }
        Ok(Change { attributes: input, domain, reseller })
    }

    fn carry_out(self, state: &mut State, of: &str, id: &str) {
        if let Some(domain) = &self.domain {
            domains::provide(state, of, id, domain);
        }
        if let Some(name) = &self.reseller {
            resellers::provide(state, name);
        }
        let group_data = state.settings.object_creation.group_data || self.reseller.is_some();
        let replace = state.settings.assumptions.replace_nested_objects;
        if let Some(group) = state.group_mut(of, id) {
            take(&mut group.attributes, self.attributes, replace);
            group.has_group_data |= group_data;
        }
    }
}

fn checked(state: &State, verb: Verb, body: Map<String, Value>) -> Result<Map<String, Value>, Reply> {
    let assumptions = &state.settings.assumptions;
    let body = limits::with_documented_state(body, assumptions.state_display_name_read_only);
    limits::checked(GROUP, verb, &body, assumptions)
}

/// A template's default values fill the keys that the call left out (platform contract, 4.5).
fn fill(state: &State, template: &str, of: &str, id: &str, input: &mut Map<String, Value>) -> Result<(), Reply> {
    let values =
        state.templates.get(template).ok_or_else(|| invalid(&format!("templateName {template} is unknown")))?;
    for (key, value) in values {
        let value = match value {
            Value::String(text) => json!(text.replace("{{tenant_id}}", of).replace("{{group_id}}", id)),
            other => other.clone(),
        };
        input.entry(key.clone()).or_insert(value);
    }
    Ok(())
}

fn taken_text(input: &mut Map<String, Value>, key: &str) -> Option<String> {
    input.remove(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn excluded(body: &Map<String, Value>, refuse_unknown: bool) -> Result<Vec<String>, Reply> {
    if let Some(key) = body.keys().find(|key| *key != "_excludedAppIds")
        && refuse_unknown
    {
        return Err(invalid(&format!("{key} is not a known key")));
    }
    let Some(ids) = body.get("_excludedAppIds") else { return Ok(Vec::new()) };
    serde_json::from_value(ids.clone()).map_err(|_| invalid("_excludedAppIds is not an array of strings"))
}
