//! The API server as its driver has it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody, to_bytes};
use axum::http::{Method, Request as HttpRequest, Response, header};
use axum::{BoxError, http};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower_service::Service;

use super::delete;
use super::kinds::{Kind, Kinds};
use super::read;
use super::request::Request;
use super::state::{Answered, Denial, Name, State};
use super::status::Refusal;
use super::watch;
use super::write::Write;

/// No body is larger.
const MOST: usize = 3 * 1024 * 1024;

pub(super) struct Inner {
    state: Mutex<State>,
}

impl Inner {
    pub fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An API server in memory. Clones are the same server.
#[derive(Clone)]
pub struct ApiServer {
    inner: Arc<Inner>,
}

impl ApiServer {
    /// One with the namespace `default` and the definitions. Of the clock, whole seconds are kept.
    #[must_use]
    pub fn new(kinds: Arc<Kinds>, clock: impl Fn() -> Timestamp + Send + 'static) -> Self {
        let server =
            Self { inner: Arc::new(Inner { state: Mutex::new(State::new(Arc::clone(&kinds), Box::new(clock))) }) };
        server.edit(
            "POST",
            "/api/v1/namespaces",
            &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}),
        );
        for definition in &kinds.definitions {
            server.edit("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition);
        }
        server.inner.with(|state| state.journal.clear());
        server
    }

    /// What a client takes.
    #[must_use]
    pub fn service(&self) -> ApiService {
        ApiService { inner: Arc::clone(&self.inner) }
    }

    /// A request of a user, who is denied nothing: the code and the body of the answer. PATCH is a merge patch, and an apply
    /// if the path says `fieldManager`.
    pub fn edit(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let content =
            if path.contains("fieldManager") { "application/apply-patch+yaml" } else { "application/merge-patch+json" };
        let request = http::Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, content);
        let request = request.header(header::USER_AGENT, "kubectl/1").body(());
        let Ok((parts, ())) = request.map(http::Request::into_parts) else { return (400, Value::Null) };
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let Some(request) = Request::parse(&parts, body) else { return (404, Value::Null) };
        self.inner.with(|state| answer(state, &request, false).unwrap_or_else(|refusal| (refusal.code, refusal.body)))
    }

    /// Forgets the history: watches that have not seen all of it are told so.
    pub fn compact(&self) {
        self.inner.with(|state| {
            let version = state.version;
            for shelf in state.shelves.values_mut() {
                shelf.history.clear();
                shelf.compacted = version;
                shelf.changed.notify_waiters();
            }
        });
    }

    /// Ends the open watches of a kind.
    pub fn cut_watches(&self, plural: &str) {
        self.each(plural, |shelf| {
            shelf.epoch += 1;
            shelf.changed.notify_waiters();
        });
    }

    /// Lets the watches of a kind show what happens this much later.
    pub fn lag(&self, plural: &str, by: Duration) {
        self.each(plural, |shelf| shelf.lag = by);
    }

    /// Lets a namespace hold no more objects of a kind than this.
    pub fn limit(&self, plural: &str, quota: Option<usize>) {
        self.each(plural, |shelf| shelf.quota = quota);
    }

    /// Forbids these requests, and no others.
    pub fn deny(&self, denials: Vec<Denial>) {
        self.inner.with(|state| state.denials = denials);
    }

    /// The requests that were answered.
    #[must_use]
    pub fn journal(&self) -> Vec<Answered> {
        self.inner.with(|state| state.journal.clone())
    }

    /// An object as it is now.
    #[must_use]
    pub fn object(&self, group: &str, plural: &str, name: (&str, &str)) -> Option<Value> {
        let name = (name.0.to_owned(), name.1.to_owned());
        self.inner.with(|state| state.get(Arc::clone(&state.kinds).get(group, plural)?, &name).cloned())
    }

    /// The version of the last change of any of these kinds.
    #[must_use]
    pub fn last_change(&self, plurals: &[&str]) -> u64 {
        self.inner.with(|state| {
            let asked = state.shelves.iter().filter(|((_, plural), _)| plurals.contains(&plural.as_str()));
            asked.filter_map(|(_, shelf)| shelf.history.last()).map(|change| change.version).max().unwrap_or_default()
        })
    }

    /// Waits until the objects are so, looking at each change.
    pub async fn until<T>(&self, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        loop {
            let changed = self.inner.with(|state| Arc::clone(&state.changed));
            let notified = changed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if let Some(seen) = look(self) {
                return seen;
            }
            notified.await;
        }
    }

    fn each(&self, plural: &str, change: impl Fn(&mut super::state::Shelf)) {
        self.inner.with(|state| {
            state.shelves.iter_mut().filter(|((_, of), _)| of == plural).for_each(|(_, shelf)| change(shelf));
        });
    }
}

/// The server as a tower service, for `kube::Client::new`.
#[derive(Clone)]
pub struct ApiService {
    inner: Arc<Inner>,
}

impl<B> Service<HttpRequest<B>> for ApiService
where
    B: HttpBody<Data = axum::body::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest<B>) -> Self::Future {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(Body::new(body), MOST).await?.to_vec();
            let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
            let (code, body) = respond(&inner, Request::parse(&parts, body));
            let answered = Answered { method: parts.method.to_string(), path, status: code };
            inner.with(|state| state.journal.push(answered));
            Ok(Response::builder().status(code).header(header::CONTENT_TYPE, "application/json").body(body)?)
        })
    }
}

fn respond(inner: &Arc<Inner>, request: Option<Request>) -> (u16, Body) {
    let is_served = |request: &Request| inner.with(|state| state.kinds.get(&request.group, &request.plural).is_some());
    // The real one has no object for that.
    let Some(request) = request.filter(is_served) else { return (404, Body::from("404 page not found\n")) };
    let answer = inner.with(|state| answer(state, &request, true));
    match answer {
        Ok(_) if request.is_watch() => {
            let kind = (request.group.clone(), request.plural.clone());
            (200, watch::body(Arc::clone(inner), kind, request))
        }
        Ok((code, body)) => (code, Body::from(body.to_string())),
        Err(refusal) => (refusal.code, Body::from(refusal.body.to_string())),
    }
}

/// Answers a request; of a watch, whether it may be.
fn answer(state: &mut State, request: &Request, is_denied: bool) -> Result<(u16, Value), Refusal> {
    let kinds = Arc::clone(&state.kinds);
    let Some(kind) = kinds.get(&request.group, &request.plural) else {
        return Err(Refusal::new(404, "NotFound", "the server could not find the requested resource"));
    };
    if is_denied {
        check(state, kind, request)?;
    }
    let name: Name = (request.namespace.clone(), request.name.clone());
    let (code, body) = match (&request.method, request.name.is_empty()) {
        (&Method::GET, _) if request.is_watch() => (200, Value::Null),
        (&Method::GET, true) => return read::list(state, kind, request),
        (&Method::GET, false) => read::get(state, kind, &name)?,
        (&Method::DELETE, false) => delete::delete(state, kind, &name, request)?,
        (&Method::POST, true) | (&Method::PUT | &Method::PATCH, false) => {
            Write { kind, request, name, now: state.now() }.run(state)?
        }
        _ => {
            return Err(Refusal::new(
                405,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            ));
        }
    };
    Ok((code, read::shown(&body, request.wants_metadata)))
}

fn check(state: &State, kind: &Kind, request: &Request) -> Result<(), Refusal> {
    let resource = match request.subresource.as_str() {
        "" => request.plural.clone(),
        subresource => format!("{}/{subresource}", request.plural),
    };
    let is = |asked: &str, denied: &str| denied == "*" || denied == asked;
    let is_denied = |denial: &Denial| is(request.verb(), &denial.verb) && is(&resource, &denial.resource);
    if !state.denials.iter().any(is_denied) {
        return Ok(());
    }
    let place = match request.namespace.as_str() {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace {namespace:?}"),
    };
    let (verb, group) = (request.verb(), &kind.group);
    let why = format!("User \"operator\" cannot {verb} resource {resource:?} in API group {group:?} {place}");
    Err(Refusal::forbidden(kind, &request.name, &why))
}
