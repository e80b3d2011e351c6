//! What lives inside groups, as far as it can be counted (platform contract, section 9).

use serde_json::{Map, Value, json};

use super::access::{group, sees_group, sees_tenant, tenant};
use super::accounts::Account;
use super::filters::{Filterable, Filters};
use super::reply::{Answer, Reply, invalid, not_found};
use super::state::{Group, State, object};

const USERS: Filterable = Filterable {
    fields: &[
        ("UserId", "userId"),
        ("UserFirstName", "firstName"),
        ("UserLastName", "lastName"),
        ("UserInTrunkGroup", "inTrunkGroup"),
        ("GroupId", "groupId"),
        ("TenantId", "tenantId"),
    ],
    exact: &[],
    size: "responseSizeLimit",
};

const SERVICE_USERS: Filterable = Filterable {
    fields: &[("GroupId", "groupId"), ("UserId", "serviceUserId"), ("Name", "name")],
    exact: &[("exactServiceType", "serviceType")],
    size: "responseSizeLimit",
};

const TRUNKS: Filterable =
    Filterable { fields: &[], exact: &[("trunkingMode", "trunkingMode")], size: "responseSizeLimit" };

pub(super) fn users(state: &State, caller: &Account, of: &str, id: &str, input: &Map<String, Value>) -> Answer {
    let items = users_of(group(state, caller, of, id)?);
    filtered(state, input, &USERS, "users", items)
}

pub(super) fn search_users(state: &State, caller: &Account, of: Option<&str>, input: &Map<String, Value>) -> Answer {
    let items = everywhere(state, caller, of, users_of)?;
    filtered(state, input, &USERS, "users", items)
}

pub(super) fn search_service_users(state: &State, caller: &Account, of: &str, input: &Map<String, Value>) -> Answer {
    let items = everywhere(state, caller, Some(of), service_users_of)?;
    filtered(state, input, &SERVICE_USERS, &state.settings.assumptions.service_users_key, items)
}

pub(super) fn trunk_groups(state: &State, caller: &Account, of: &str, id: &str, input: &Map<String, Value>) -> Answer {
    let mut input = input.clone();
    input.remove("includeEnterpriseTrunkGroups");
    let items = group(state, caller, of, id)?.trunk_groups.iter().map(|name| {
        object(json!({
            "name": name, "department": "", "deviceName": format!("{name} device"), "deviceLevel": "Group",
            "groupId": id, "trunkingMode": "normal",
        }))
    });
    filtered(state, &input, &TRUNKS, "trunks", items.collect())
}

/// The users of one trunk group; the simulator keeps all trunk users of a group in its first one.
pub(super) fn trunk_numbers(state: &State, caller: &Account, of: &str, id: &str, name: &str) -> Answer {
    let group = group(state, caller, of, id)?;
    if !group.trunk_groups.contains(name) {
        return Err(not_found(&format!("trunk group {name}")));
    }
    let first = group.trunk_groups.first().is_some_and(|first| first == name);
    let users = users_of(group).into_iter().filter(|user| first && user["inTrunkGroup"] == true);
    Ok(Reply::ok(json!({"users": users.collect::<Vec<_>>(), "numbers": []})))
}

/// The three kinds of service users, each in a list of its own.
pub(super) fn services(state: &State, caller: &Account, of: &str, id: &str, kind: &str) -> Answer {
    let group = group(state, caller, of, id)?;
    let assumptions = &state.settings.assumptions;
    let (key, names, kind) = match kind {
        "ivrs" => ("ivrs", &group.ivrs, "Basic"),
        "call_centers" => (assumptions.call_centers_key.as_str(), &group.call_centers, "Basic"),
        "hunt_groups" => (assumptions.hunt_groups_key.as_str(), &group.hunt_groups, ""),
        other => return Err(invalid(&format!("{other} is no kind of service"))),
    };
    let items = names.iter().map(|name| {
        let mut item = service_user(group, name);
        item.insert("active".to_owned(), json!(true));
        if !kind.is_empty() {
            item.insert("type".to_owned(), json!(kind));
        }
        item
    });
    Ok(Reply::ok(json!({key: items.collect::<Vec<_>>()})))
}

type Items = Vec<Map<String, Value>>;

fn filtered(state: &State, input: &Map<String, Value>, list: &Filterable, key: &str, items: Items) -> Answer {
    let filters = Filters::read(input, list, state.settings.assumptions.refuse_unknown_keys)?;
    Ok(Reply::ok(json!({key: filters.apply(items)})))
}

/// The items of all groups that the caller sees; search results also name tenant and group.
fn everywhere(state: &State, caller: &Account, of: Option<&str>, items: fn(&Group) -> Items) -> Result<Items, Reply> {
    if let Some(of) = of {
        tenant(state, caller, of)?;
    }
    let mut found = Vec::new();
    for (tenant_id, tenant) in state.tenants.iter().filter(|(id, _)| of.is_none_or(|of| of == *id)) {
        if !sees_tenant(&state.settings, caller, tenant) {
            continue;
        }
        for (group_id, group) in tenant.groups.iter().filter(|(_, group)| sees_group(&state.settings, caller, group)) {
            for mut item in items(group) {
                item.insert("tenantId".to_owned(), json!(tenant_id));
                item.insert("groupId".to_owned(), json!(group_id));
                found.push(item);
            }
        }
    }
    Ok(found)
}

fn users_of(group: &Group) -> Items {
    let users = group.users.iter().map(|(id, user)| {
        object(json!({
            "userId": id, "lastName": id.split('@').next(), "firstName": "", "phoneNumber": "", "extension": "",
            "emailAddress": "", "department": "", "inTrunkGroup": user.in_trunk_group,
        }))
    });
    users.collect()
}

fn service_users_of(group: &Group) -> Items {
    let kinds =
        [("Auto Attendant", &group.ivrs), ("Call Center", &group.call_centers), ("Hunt Group", &group.hunt_groups)];
    let mut items = Vec::new();
    for (kind, names) in kinds {
        for name in names {
            let mut item = service_user(group, name);
            item.insert("serviceType".to_owned(), json!(kind));
            items.push(item);
        }
    }
    items
}

fn service_user(group: &Group, name: &str) -> Map<String, Value> {
    let id = format!("{name}@{}", group.default_domain());
    object(json!({"serviceUserId": id, "name": name, "phoneNumber": "", "extension": "", "department": ""}))
}
