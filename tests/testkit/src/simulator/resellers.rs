//! Resellers: objects of APIO alone, which groups and tenants reference by name (platform contract, section 7).

use serde_json::{Map, Value, json};

use super::reply::{Answer, Reply, already_exists, in_use, invalid, not_found};
use super::state::State;

pub(super) fn list(state: &State) -> Reply {
    Reply::ok(json!({"resellers": state.resellers.values().collect::<Vec<_>>()}))
}

pub(super) fn get(state: &State, name: &str) -> Answer {
    let reseller = state.resellers.get(name).ok_or_else(|| missing(name))?;
    Ok(Reply::ok(Value::Object(reseller.clone())))
}

pub(super) fn create(state: &mut State, body: &Map<String, Value>) -> Answer {
    checked(state, body)?;
    let name = body.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| invalid("name is missing"))?;
    if state.resellers.contains_key(name) {
        return Err(already_exists(&format!("reseller {name}")));
    }
    state.resellers.insert(name.to_owned(), named(name));
    change(state, name, body).map(|reply| Reply { status: 201, ..reply })
}

pub(super) fn change(state: &mut State, name: &str, body: &Map<String, Value>) -> Answer {
    checked(state, body)?;
    if body.get("name").is_some_and(|given| given != name) {
        return Err(invalid("name can not be changed"));
    }
    let reseller = state.resellers.get_mut(name).ok_or_else(|| missing(name))?;
    for key in ["externalName", "extraData"] {
        if let Some(value) = body.get(key) {
            reseller.insert(key.to_owned(), value.clone());
        }
    }
    Ok(Reply::ok(Value::Object(reseller.clone())))
}

/// A reseller that is referenced stays (assumption 21).
pub(super) fn delete(state: &mut State, name: &str) -> Answer {
    if !state.resellers.contains_key(name) {
        return Err(missing(name));
    }
    for (id, tenant) in &state.tenants {
        let group = tenant.groups.iter().find(|(_, group)| group.reseller() == Some(name));
        if tenant.reseller() == Some(name) {
            return Err(in_use(&format!("reseller {name} is referenced by tenant {id}")));
        }
        if let Some((group, _)) = group {
            return Err(in_use(&format!("reseller {name} is referenced by group {group} of tenant {id}")));
        }
    }
    state.resellers.remove(name);
    Ok(Reply::ok(json!({})))
}

/// Whether a group or a tenant may reference this reseller.
pub(super) fn check_reference(state: &State, name: &str) -> Result<(), Reply> {
    if state.resellers.contains_key(name) || state.settings.object_creation.reseller {
        return Ok(());
    }
    Err(invalid(&format!("resellerId {name} is unknown")))
}

/// `APIO_OBJECT_CREATION.RESELLER`: an unknown reseller is created with the name it was referenced by.
pub(super) fn provide(state: &mut State, name: &str) {
    state.resellers.entry(name.to_owned()).or_insert_with(|| named(name));
}

fn named(name: &str) -> Map<String, Value> {
    let mut reseller = Map::new();
    reseller.insert("name".to_owned(), json!(name));
    reseller.insert("externalName".to_owned(), json!(""));
    reseller.insert("extraData".to_owned(), json!({}));
    reseller
}

fn checked(state: &State, body: &Map<String, Value>) -> Result<(), Reply> {
    for (key, value) in body {
        let sound = match key.as_str() {
            "name" | "externalName" => value.is_string(),
            "extraData" => value.is_object(),
            _ => !state.settings.assumptions.refuse_unknown_keys,
        };
        if !sound {
            return Err(invalid(&format!("{key} is unknown or of the wrong type")));
        }
    }
    Ok(())
}

fn missing(name: &str) -> Reply {
    not_found(&format!("reseller {name}"))
}
