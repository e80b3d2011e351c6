//! Which call goes where, and the right it needs: the endpoint table (platform contract, section 3).

use super::access;
use super::accounts::Account;
use super::reply::{Answer, Reply, unknown_uri};
use super::request::Request;
use super::state::State;
use super::{contents, domains, groups, resellers, tenants};

/// Carries out one call of the gateway for a caller who is known. A refusal has changed nothing.
pub(super) fn route(state: &mut State, caller: &Account, segments: &[String], request: &Request) -> Answer {
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let method = request.method.as_str();
    match segments.as_slice() {
        ["tenants"] | ["search", ..] | ["local", ..] => {
            caller.needs_system()?;
            platform(state, caller, method, &segments, request)
        }
        ["system", "domains"] => system_domains(state, caller, method, request),
        ["tenants", of, "groups", id, rest @ ..] if !id.is_empty() => {
            caller.needs_group(of, id)?;
            group(state, caller, (of, id), method, rest, request)
        }
        ["tenants", of, rest @ ..] if !of.is_empty() => {
            caller.needs_tenant(of)?;
            tenant(state, caller, of, method, rest, request)
        }
        _ => Err(unknown_uri()),
    }
}

fn platform(state: &mut State, caller: &Account, method: &str, segments: &[&str], request: &Request) -> Answer {
    match (method, segments) {
        ("GET", ["tenants"]) => tenants::list(state, caller, &request.filters()?),
        ("POST", ["tenants"]) => tenants::create(state, caller, request.object()?),
        ("GET", ["search", "groups"]) => groups::search(state, caller, &request.filters()?),
        ("GET", ["search", "users"]) => contents::search_users(state, caller, None, &request.filters()?),
        ("GET", ["local", "resellers"]) => Ok(resellers::list(state)),
        ("POST", ["local", "resellers"]) => resellers::create(state, &request.object()?),
        ("GET", ["local", "resellers", name]) => resellers::get(state, name),
        ("PUT", ["local", "resellers", name]) => resellers::change(state, name, &request.object()?),
        ("DELETE", ["local", "resellers", name]) => resellers::delete(state, name),
        _ => Err(unknown_uri()),
    }
}

fn system_domains(state: &mut State, caller: &Account, method: &str, request: &Request) -> Answer {
    if method == "GET" {
        return Ok(domains::system(state));
    }
    caller.needs_system()?;
    match method {
        "POST" => domains::create(state, &request.object()?),
        "DELETE" => domains::delete(state, &request.object()?),
        _ => Err(unknown_uri()),
    }
}

fn tenant(state: &mut State, caller: &Account, of: &str, method: &str, rest: &[&str], request: &Request) -> Answer {
    match (method, rest) {
        ("GET", []) => tenants::get(state, caller, of),
        ("PUT", []) => tenants::change(state, caller, of, request.object()?),
        ("DELETE", []) => {
            caller.needs_system()?;
            tenants::delete(state, caller, of)
        }
        ("GET", ["groups"]) => groups::list(state, caller, of, &request.filters()?),
        ("POST", ["groups"]) => groups::create(state, caller, of, request.object()?),
        ("GET", ["domains"]) => Ok(domains::of_tenant(access::tenant(state, caller, of)?)),
        ("PUT", ["domains"]) => {
            let above = state.system_domains.clone();
            domains::assign_to_tenant(&above, access::tenant_mut(state, caller, of)?, &request.object()?)
        }
        ("DELETE", ["domains"]) => {
            domains::remove_from_tenant(access::tenant_mut(state, caller, of)?, &request.object()?)
        }
        ("GET", ["search", "users"]) => contents::search_users(state, caller, Some(of), &request.filters()?),
        ("GET", ["search", "service_users"]) => contents::search_service_users(state, caller, of, &request.filters()?),
        _ => Err(unknown_uri()),
    }
}

fn group(
    state: &mut State,
    caller: &Account,
    (of, id): (&str, &str),
    method: &str,
    rest: &[&str],
    request: &Request,
) -> Answer {
    match (method, rest) {
        ("GET", []) => groups::get(state, caller, of, id),
        ("PUT", []) => groups::change(state, caller, of, id, request.object()?),
        ("DELETE", []) => {
            caller.needs_tenant(of)?;
            groups::delete(state, caller, of, id, &request.optional_object()?)
        }
        ("GET", ["domains"]) => Ok(domains::of_group(access::group(state, caller, of, id)?)),
        ("PUT", ["domains"]) => {
            let above = access::tenant(state, caller, of)?.domains.clone();
            domains::assign_to_group(&above, access::group_mut(state, caller, of, id)?, &request.object()?)
        }
        ("DELETE", ["domains"]) => {
            domains::remove_from_group(access::group_mut(state, caller, of, id)?, &request.object()?)
        }
        ("GET", ["users"]) => contents::users(state, caller, of, id, &request.filters()?),
        ("GET", ["services", "trunk_groups"]) => contents::trunk_groups(state, caller, of, id, &request.filters()?),
        ("GET", ["services", "trunk_groups", name, "numbers"]) => contents::trunk_numbers(state, caller, of, id, name),
        ("GET", ["services", kind @ ("ivrs" | "call_centers" | "hunt_groups")]) => {
            contents::services(state, caller, of, id, kind)
        }
        _ => Err(unknown_uri()),
    }
}

/// Extra keys in answers are to be tolerated (platform contract, section 10).
pub(super) fn with_extra_keys(mut reply: Reply) -> Reply {
    if let super::reply::Payload::Json(serde_json::Value::Object(body)) = &mut reply.payload {
        body.insert("_record_internal_id".to_owned(), serde_json::json!(4711));
    }
    reply
}
