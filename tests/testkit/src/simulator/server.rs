//! From an HTTP request to an answer: the journal, the faults, the doors, then the platform itself.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State as Extracted};
use axum::http::{HeaderMap, Method, Response, Uri};
use axum::{Router, extract::connect_info::IntoMakeServiceWithConnectInfo};
use serde_json::{Value, json};
use tokio::{sync::Notify, time::Instant};

use super::faults::{Effect, Faults, cut};
use super::journal::{Call, Journal};
use super::line::{Line, Lines};
use super::reply::{Payload, Reply};
use super::request::{Content, Request};
use super::state::State;
use super::{admin, doors, route};

/// Everything that is behind the lock.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) state: State,
    pub(super) journal: Journal,
    pub(super) faults: Faults,
    pub(super) latency: Duration,
}

/// What the server and the handles share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    world: Mutex<World>,
    /// Told after every change of the world.
    pub(super) changed: Notify,
    pub(super) lines: Arc<Lines>,
}

impl Shared {
    /// Looks at the world, or changes it: whoever waits for something looks again.
    pub(super) fn with<R>(&self, f: impl FnOnce(&mut World) -> R) -> R {
        let result = f(&mut self.lock());
        self.changed.notify_waiters();
        result
    }

    /// Looks at the world without waking those who wait for a change.
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        // A test's closure that panicked under the lock fails that test; the platform goes on.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn service(shared: Arc<Shared>) -> IntoMakeServiceWithConnectInfo<Router, Line> {
    Router::new().fallback(serve).with_state(shared).into_make_service_with_connect_info()
}

pub(super) async fn serve(
    Extracted(shared): Extracted<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let request = Request::new(&method, &uri, headers, &body);
    if let Some(path) = request.raw_path.strip_prefix("/_sim/") {
        return shared.with(|world| admin::answer(world, path, &request)).into_response();
    }
    let Some(entry) = doors::entry(&request.raw_path) else {
        return Reply::html(404).into_response();
    };
    let (seq, effect, latency) = shared.with(|world| {
        let mut call = opened(&world.state, &entry, &request);
        let effect = world.faults.take(&call);
        call.is_performed = effect.as_ref().is_none_or(Effect::performs);
        (world.journal.open(call), effect, world.latency)
    });
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let Some(reply) = afflicted(&shared, seq, effect, &entry, request).await else {
        line.cut();
        return Reply::empty(500).into_response();
    };
    shared.with(|world| world.journal.close(seq, reply.status));
    reply.into_response()
}

/// The call under a fault, if there is one. None: the connection is to be dropped.
async fn afflicted(
    shared: &Shared,
    seq: u64,
    effect: Option<Effect>,
    entry: &doors::Entry,
    request: Request,
) -> Option<Reply> {
    let perform = |request: &Request| shared.with(|world| performed(&mut world.state, entry, request));
    match effect {
        None => Some(perform(&request)),
        Some(Effect::Answer(reply)) => Some(reply),
        Some(Effect::DropBefore) => None,
        Some(Effect::DropAfter) => {
            perform(&request);
            None
        }
        Some(Effect::Stuck) => pending().await,
        Some(Effect::StuckAfter) => {
            let reply = perform(&request);
            shared.with(|world| world.journal.close(seq, reply.status));
            pending().await
        }
        Some(Effect::Delay(time)) => {
            tokio::time::sleep(time).await;
            Some(perform(&request))
        }
        Some(Effect::Truncated) => Some(cut(perform(&request))),
        Some(Effect::Partial) => {
            let reply = perform(&request);
            Some(if reply.is_success() { Reply { status: 207, ..reply } } else { reply })
        }
        Some(Effect::EchoPage(status)) => {
            let page = format!("<html><pre>{}</pre></html>", repeated(&request));
            Some(Reply { payload: Payload::Text("text/html", page), ..Reply::empty(status) })
        }
        Some(Effect::EchoJson(status)) => Some(Reply::json(status, json!({"details": repeated(&request)}))),
        Some(Effect::RefuseValue(key)) => Some(perform(&without(request, &key))),
    }
}

fn performed(state: &mut State, entry: &doors::Entry, request: &Request) -> Reply {
    if let Some(reply) = doors::login(state, entry, request) {
        return reply;
    }
    let username = doors::username(state, entry.door, request);
    let caller = match doors::account(state, entry.door, username.as_deref()) {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let reply = route::route(state, &caller, &entry.segments, request).unwrap_or_else(|refusal| refusal);
    if reply.is_success() && state.settings.assumptions.extra_response_keys {
        return route::with_extra_keys(reply);
    }
    reply
}

fn opened(state: &State, entry: &doors::Entry, request: &Request) -> Call {
    let mut body = match &request.body {
        Content::Absent => None,
        Content::Json(value) => Some(value.clone()),
        Content::Garbage(text) => Some(Value::String(text.clone())),
    };
    if let Some(password) = body.as_mut().and_then(|body| body.get_mut("password")) {
        *password = Value::from("***");
    }
    Call {
        seq: 0,
        at: Instant::now(),
        answered: None,
        method: request.method.clone(),
        path: format!("/{}/", entry.segments.join("/")),
        raw_path: request.raw_path.clone(),
        query: request.raw_query.clone(),
        body,
        status: None,
        is_performed: true,
        door: entry.door,
        user: doors::username(state, entry.door, request),
    }
}

/// The request as a proxy that is asked to debug would show it.
fn repeated(request: &Request) -> String {
    let headers =
        request.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap_or_default()));
    let body = match &request.body {
        Content::Absent => String::new(),
        Content::Json(value) => value.to_string(),
        Content::Garbage(text) => text.clone(),
    };
    format!("{}{body}\n{} {}", headers.collect::<String>(), request.method, request.raw_path)
}

/// The request without one key of its body, `a.b` for a key of an object in it.
fn without(mut request: Request, key: &str) -> Request {
    if let Content::Json(body) = &mut request.body {
        let (parent, last) = key.rsplit_once('.').unwrap_or(("", key));
        let mut at = Some(body);
        for name in parent.split('.').filter(|name| !name.is_empty()) {
            at = at.and_then(|value| value.get_mut(name));
        }
        if let Some(Value::Object(map)) = at {
            map.remove(last);
        }
    }
    request
}
