//! The ways of an operator to the API server and to the platform, in process. Each life has its own: from the moment of its
//! death nothing of it is carried out, and it hears nothing.

use std::{
    collections::BTreeSet,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use apio_operator::{
    engine::failure::Failure,
    platform::{Body, Lost, Network, Request, Response, Wire},
};
use axum::{BoxError, http};
use bytes::Bytes;
use futures::future::BoxFuture;
use reqwest::cookie::{CookieStore, Jar};
use serde_json::json;
use testkit::{
    apiserver::{ApiServer, ApiService},
    simulator::{NoAnswer, Simulator},
};
use tokio::time::{Instant, sleep};
use tower::Service;

use super::storms::{actions::Random, ground::LONGEST_CALL};

/// What all ways of a round share.
#[derive(Clone)]
pub struct Shared {
    pub server: ApiServer,
    pub platform: Simulator,
    pub journal: Journal,
    random: Arc<Mutex<Random>>,
    /// The API server is away.
    is_away: Arc<AtomicBool>,
}

/// What was asked, when and by whom, in order.
#[derive(Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    fn add(&self, line: String) {
        locked(&self.0).push(line);
    }

    /// All of it.
    pub fn text(&self) -> String {
        locked(&self.0).join("\n")
    }

    /// The same for two rounds only if they were the same.
    pub fn digest(&self, platform: &Simulator) -> u64 {
        let mut hasher = DefaultHasher::new();
        locked(&self.0).hash(&mut hasher);
        platform.journal().iter().map(ToString::to_string).collect::<Vec<_>>().hash(&mut hasher);
        hasher.finish()
    }
}

impl Shared {
    pub fn new(server: ApiServer, platform: Simulator, seed: u64) -> Self {
        // Another sequence than that of the actions.
        let random = Arc::new(Mutex::new(Random(!seed)));
        Self { server, platform, journal: Journal::default(), random, is_away: Arc::default() }
    }

    /// A number below an end.
    pub fn below(&self, end: u64) -> u64 {
        locked(&self.random).below(end)
    }

    /// A time on the way: mostly none, sometimes long enough that others come first.
    async fn travel(&self) {
        let time = match self.below(8) {
            0 => self.below(40),
            1..4 => self.below(4),
            _ => 0,
        };
        if time > 0 {
            sleep(Duration::from_millis(time)).await;
        }
    }

    pub fn be_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }
}

/// One life of somebody who asks.
#[derive(Clone)]
pub struct Life {
    pub name: String,
    pub shared: Shared,
    is_over: Arc<AtomicBool>,
    /// The namespaces in which it may do nothing; they outlast a life.
    revoked: Arc<Mutex<BTreeSet<String>>>,
    began: Instant,
}

impl Life {
    pub fn new(name: String, shared: Shared, revoked: Arc<Mutex<BTreeSet<String>>>, began: Instant) -> Self {
        Self { name, shared, is_over: Arc::default(), revoked, began }
    }

    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Goes on, as long as it lives.
    async fn lives(&self) {
        if self.is_over.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    fn note(&self, what: &str) {
        let at = self.began.elapsed().as_millis();
        self.shared.journal.add(format!("{at} {} {what}", self.name));
    }

    fn is_denied(&self, path: &str) -> bool {
        locked(&self.revoked).iter().any(|namespace| path.contains(&format!("/namespaces/{namespace}/")))
    }
}

/// The way to the API server.
#[derive(Clone)]
pub struct Way {
    pub life: Life,
    pub inner: ApiService,
}

impl Service<http::Request<kube::client::Body>> for Way {
    type Response = http::Response<axum::body::Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<kube::client::Body>) -> Self::Future {
        let Self { life, mut inner } = self.clone();
        Box::pin(async move {
            life.lives().await;
            let what = format!("{} {}", request.method(), request.uri());
            life.shared.travel().await;
            life.lives().await;
            if life.shared.is_away.load(Ordering::Relaxed) {
                return Err("connection refused".into());
            }
            let answer = if life.is_denied(request.uri().path()) { Ok(forbidden()) } else { inner.call(request).await };
            life.lives().await;
            let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
            life.note(&format!("{what} -> {status}"));
            life.shared.travel().await;
            life.lives().await;
            answer
        })
    }
}

fn forbidden() -> http::Response<axum::body::Body> {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Forbidden", "code": 403,
        "message": "forbidden: there is no such right in this namespace", "details": {},
    });
    let mut response = http::Response::new(body.to_string().into());
    *response.status_mut() = http::StatusCode::FORBIDDEN;
    response
}

/// The network to the platform.
#[derive(Clone)]
pub struct ToPlatform(pub Life);

impl fmt::Debug for ToPlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ToPlatform").field(&self.0.name).finish()
    }
}

impl Network for ToPlatform {
    fn open(&self, cookies: Arc<Jar>) -> Result<Arc<dyn Wire>, Failure> {
        Ok(Arc::new(Line { life: self.0.clone(), cookies }))
    }
}

struct Line {
    life: Life,
    cookies: Arc<Jar>,
}

impl Wire for Line {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Lost>> {
        Box::pin(async move {
            self.life.lives().await;
            let what = format!("{} {}", request.method, request.url.path());
            let answer = tokio::time::timeout(LONGEST_CALL, self.travels(request)).await;
            self.life.lives().await;
            let answer = answer.unwrap_or(Err(lost(false, true, "it took too long")));
            let status = answer.as_ref().map_or(0, |answer| answer.status);
            self.life.note(&format!("platform {what} -> {status}"));
            answer
        })
    }
}

impl Line {
    async fn travels(&self, request: Request) -> Result<Response, Lost> {
        let Request { method, url, headers, body } = request;
        let mut asked = http::Request::builder().method(method).uri(url.as_str());
        if let Some(cookies) = self.cookies.cookies(&url) {
            asked = asked.header("cookie", cookies);
        }
        if let Some(all) = asked.headers_mut() {
            all.extend(headers);
        }
        let asked = asked.body(Bytes::from(body.unwrap_or_default())).map_err(|_| lost(true, false, "no request"))?;
        self.life.shared.travel().await;
        self.life.lives().await;
        let answer = self.life.shared.platform.answer(asked).await.map_err(|why| match why {
            NoAnswer::Refused => lost(true, false, "connection refused"),
            NoAnswer::Cut => lost(false, false, "connection reset"),
        })?;
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| lost(false, false, "no body"))?;
        self.cookies.set_cookies(&mut parts.headers.get_all("set-cookie").iter(), &url);
        self.life.shared.travel().await;
        Ok(Response { status: parts.status.as_u16(), headers: parts.headers, body: Body::Whole(body) })
    }
}

fn lost(unsent: bool, timed_out: bool, why: &str) -> Lost {
    Lost { unsent, timed_out, words: format!("the platform cannot be reached: {why}") }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
