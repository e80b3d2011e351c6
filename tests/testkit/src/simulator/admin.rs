//! The simulator's own door, `/_sim/`: for people with curl, for the sandbox. It is not journaled and asks for no session.

use serde_json::{Map, Value, json};

use super::reply::{Reply, invalid, not_found, unknown_uri};
use super::request::{Request, segments};
use super::server::World;
use super::state::{Group, User, merge_object, reseller_of};

pub(super) fn answer(world: &mut World, path: &str, request: &Request) -> Reply {
    admin(world, path, request).unwrap_or_else(|refusal| refusal)
}

fn admin(world: &mut World, path: &str, request: &Request) -> Result<Reply, Reply> {
    let segments = segments(path).ok_or_else(unknown_uri)?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["state"]) => shown(&world.state),
        ("GET", ["journal"]) => shown(&world.journal.calls),
        ("GET", ["settings"]) => shown(&world.state.settings),
        ("POST", ["settings"]) => {
            let changes = Value::Object(request.object()?);
            world.state.settings = world.state.settings.merged(&changes).map_err(|error| invalid(&error))?;
            shown(&world.state.settings)
        }
        ("POST", ["expire"]) => {
            world.state.sessions.expire();
            Ok(done())
        }
        ("PUT", ["tenants", tenant]) => {
            world.state.add_tenant(tenant);
            Ok(done())
        }
        ("PUT", ["tenants", tenant, "groups", id]) if world.state.tenants.contains_key(*tenant) => {
            world.state.add_group(tenant, id, Value::Object(request.object()?));
            Ok(done())
        }
        (method, ["tenants", tenant, "groups", id, rest @ ..]) => {
            let group = world.state.group_mut(tenant, id);
            let group = group.ok_or_else(|| not_found(&format!("group {id} of tenant {tenant}")))?;
            match (method, rest) {
                ("PATCH", []) => Ok(patched(group, &request.object()?)),
                ("DELETE", ["contents"]) => {
                    group.clear_contents();
                    Ok(done())
                }
                ("PUT" | "DELETE", [kind, name]) => content(group, method == "PUT", kind, name, request),
                _ => Err(unknown_uri()),
            }
        }
        _ => Err(unknown_uri()),
    }
}

/// Changes attributes behind everybody's back, checking nothing.
fn patched(group: &mut Group, changes: &Map<String, Value>) -> Reply {
    merge_object(&mut group.attributes, changes);
    group.has_group_data |= reseller_of(&group.attributes).is_some();
    Reply::ok(Value::Object(group.attributes.clone()))
}

/// Puts one thing into a group or takes it out.
fn content(group: &mut Group, put: bool, kind: &str, name: &str, request: &Request) -> Result<Reply, Reply> {
    let names = match kind {
        "users" => {
            let in_trunk_group = request.query.iter().any(|(key, value)| key == "inTrunkGroup" && value == "true");
            if put {
                group.users.insert(name.to_owned(), User { in_trunk_group });
            } else {
                group.users.remove(name);
            }
            return Ok(done());
        }
        "trunk_groups" => &mut group.trunk_groups,
        "ivrs" => &mut group.ivrs,
        "call_centers" => &mut group.call_centers,
        "hunt_groups" => &mut group.hunt_groups,
        _ => return Err(unknown_uri()),
    };
    if put {
        names.insert(name.to_owned());
    } else {
        names.remove(name);
    }
    Ok(done())
}

fn shown(value: &impl serde::Serialize) -> Result<Reply, Reply> {
    serde_json::to_value(value).map(Reply::ok).map_err(|error| Reply::error(500, 500, "INTERNAL", &error.to_string()))
}

fn done() -> Reply {
    Reply::ok(json!({}))
}
