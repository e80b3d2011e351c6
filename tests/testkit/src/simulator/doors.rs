//! The two front doors: their paths, logins and credentials (platform contract, section 1).

use serde_json::{Map, Value, json};

use super::accounts::Account;
use super::journal::Door;
use super::reply::{Reply, unauthenticated};
use super::request::{Request, segments};
use super::state::State;

const LOAD_BALANCER_COOKIE: (&str, &str) = ("route", "node1");

/// The second factor that an account with two-factor login has to give.
pub const SECOND_FACTOR: &str = "123456";

/// Where a call knocked: the door, and what stands behind it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) door: Door,
    /// The path behind the front door, decoded. The logins of door B begin with `auth`.
    pub(super) segments: Vec<String>,
    /// It is for APIO core itself, not for the gateway behind it.
    pub(super) for_core: bool,
}

/// None: no front door has this path.
pub(super) fn entry(raw_path: &str) -> Option<Entry> {
    if let Some(rest) = raw_path.strip_prefix("/api/v1/") {
        return Some(Entry { door: Door::Gateway, segments: segments(rest)?, for_core: false });
    }
    if let Some(rest) = raw_path.strip_prefix("/api/v01/p1/") {
        return Some(Entry { door: Door::Core, segments: segments(rest)?, for_core: false });
    }
    let rest = raw_path.strip_prefix("/api/v01/")?;
    Some(Entry { door: Door::Core, segments: segments(rest)?, for_core: true })
}

/// The calls that need no session. None: this is not one of them.
pub(super) fn login(state: &mut State, entry: &Entry, request: &Request) -> Option<Reply> {
    let segments: Vec<&str> = entry.segments.iter().map(String::as_str).collect();
    match (entry.door, entry.for_core, request.method.as_str(), segments.as_slice()) {
        (Door::Gateway, _, "POST", ["login"]) => Some(gateway_login(state, request).unwrap_or_else(|refusal| refusal)),
        (Door::Core, true, "POST", ["auth", "login"]) => Some(core_login(state, request)),
        (Door::Core, true, "POST", ["auth", "2fa"]) => Some(second_factor(state, request)),
        (Door::Core, true, "GET", ["auth", "access_token"]) => Some(refresh(state, request)),
        (Door::Core, true, "GET", ["auth", "logout"]) => Some(Reply::ok(json!({}))),
        (Door::Core, true, "GET", ["health"]) => Some(Reply::ok(json!({"status": "ok"}))),
        (Door::Core, true, ..) => Some(Reply::core_error(404, "not found")),
        _ => None,
    }
}

/// Whose session a call runs in.
pub(super) fn username(state: &State, door: Door, request: &Request) -> Option<String> {
    let sessions = &state.sessions;
    match door {
        Door::Gateway => {
            // A token is none of its business: a client that sends one shows.
            if request.bearer().is_some() {
                return None;
            }
            let (name, value) = LOAD_BALANCER_COOKIE;
            if state.settings.assumptions.require_all_cookies && request.cookie(name) != Some(value) {
                return None;
            }
            sessions.cookies.get(request.cookie("sessionid")?).cloned()
        }
        Door::Core => {
            let token = request.bearer()?;
            sessions.access.get(token).or_else(|| state.m2m_tokens.get(token)).cloned()
        }
    }
}

/// The account behind a session, or the door's own 401.
pub(super) fn account(state: &State, door: Door, username: Option<&str>) -> Result<Account, Reply> {
    username.and_then(|name| state.users.get(name)).cloned().ok_or_else(|| match door {
        Door::Gateway => unauthenticated("no valid session"),
        Door::Core => Reply::core_error(401, "missing or invalid token"),
    })
}

fn gateway_login(state: &mut State, request: &Request) -> Result<Reply, Reply> {
    let body = request.object()?;
    let username = credentials(state, &body).ok_or_else(|| unauthenticated("bad credentials"))?;
    let profile = state.users[&username].profile(&username);
    let id = state.sessions.token("session");
    state.sessions.cookies.insert(id.clone(), username);
    let (name, value) = LOAD_BALANCER_COOKIE;
    let secure = if state.settings.assumptions.secure_cookies { "; Secure" } else { "" };
    Ok(Reply::ok(profile)
        .with_header("set-cookie", format!("sessionid={id}; Path=/; HttpOnly{secure}"))
        .with_header("set-cookie", format!("{name}={value}; Path=/{secure}")))
}

fn core_login(state: &mut State, request: &Request) -> Reply {
    let Ok(body) = request.object() else { return Reply::core_error(400, "the body is not a JSON object") };
    for (key, value) in &body {
        let max = match key.as_str() {
            "username" | "password" => 200,
            "proxy" => 70,
            _ => return Reply::core_error(400, &format!("{key} is not allowed")),
        };
        if value.as_str().is_none_or(|text| text.chars().count() > max) {
            return Reply::core_error(400, &format!("{key} is not a string of at most {max} characters"));
        }
    }
    let Some(username) = credentials(state, &body) else { return Reply::core_error(401, "bad credentials") };
    if state.users[&username].two_factor {
        let payload = state.sessions.token("2fa");
        state.sessions.second_factor.insert(payload.clone(), username);
        return Reply::ok(json!({"2fa_payload": payload, "option": "totp"}));
    }
    tokens(state, username)
}

fn second_factor(state: &mut State, request: &Request) -> Reply {
    let body = request.object().unwrap_or_default();
    let payload = body.get("2fa_payload").and_then(Value::as_str).unwrap_or_default();
    if body.get("code").and_then(Value::as_str) != Some(SECOND_FACTOR) {
        return Reply::core_error(401, "bad code");
    }
    match state.sessions.second_factor.remove(payload) {
        Some(username) => tokens(state, username),
        None => Reply::core_error(401, "unknown 2fa_payload"),
    }
}

fn tokens(state: &mut State, username: String) -> Reply {
    let (access, refresh) = (state.sessions.token("access"), state.sessions.token("refresh"));
    state.sessions.access.insert(access.clone(), username.clone());
    state.sessions.refresh.insert(refresh.clone(), username);
    Reply::ok(json!({"access_token": access, "refresh_token": refresh, "ui_profile": "", "email_set": false}))
}

fn refresh(state: &mut State, request: &Request) -> Reply {
    let Some(username) = request.bearer().and_then(|token| state.sessions.refresh.get(token)).cloned() else {
        return Reply::core_error(401, "missing or invalid refresh token");
    };
    let access = state.sessions.token("access");
    state.sessions.access.insert(access.clone(), username);
    Reply::ok(json!({"access_token": access}))
}

/// The user name if the password is right; counts the bad ones, which lock the account in the end.
fn credentials(state: &mut State, body: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let (username, password) = (text("username")?, text("password")?);
    let limit = state.settings.assumptions.lock_after_bad_passwords;
    let account = state.users.get_mut(username)?;
    if account.locked {
        return None;
    }
    if account.password != password {
        account.bad_passwords += 1;
        account.locked = limit.is_some_and(|limit| account.bad_passwords >= limit);
        return None;
    }
    account.bad_passwords = 0;
    Some(username.to_owned())
}
