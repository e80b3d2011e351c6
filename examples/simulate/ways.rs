//! The ways of an operator to the API server and to the platform, in process. Each life has its own: from the moment of its
//! death nothing of it is carried out, and it hears nothing.

use std::{
    collections::BTreeSet,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
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

/// In one round of so many, one way of so many to the API server takes so long.
const SLOW: u64 = 5;
const FAR: u64 = 60;
const LONGEST_WAY: Duration = Duration::from_secs(4);
/// So many answers to writes of an operator are lost in a storm.
const LOST: u64 = 50;

/// What all ways of a round share.
#[derive(Clone)]
pub struct Shared {
    pub server: ApiServer,
    pub platform: Simulator,
    pub journal: Journal,
    random: Arc<Mutex<Random>>,
    /// The API server is away.
    is_away: Arc<AtomicBool>,
    is_stormy: Arc<AtomicBool>,
    /// How long every way to it takes at least, in milliseconds.
    slow: Arc<AtomicU64>,
    /// The longest time on the way to the API server or back, now and then in a storm.
    longest: Duration,
}

/// What was asked, when and by whom, in order.
#[derive(Clone, Default)]
pub struct Journal(Arc<Mutex<Asked>>);

#[derive(Default)]
struct Asked {
    lines: Vec<String>,
    /// Those with which an operator wrote something that is no lease.
    written: Vec<usize>,
}

impl Journal {
    fn add(&self, line: String, is_written: bool) {
        let mut asked = locked(&self.0);
        if is_written {
            let at = asked.lines.len();
            asked.written.push(at);
        }
        asked.lines.push(line);
    }

    /// All of it.
    pub fn text(&self) -> String {
        locked(&self.0).lines.join("\n")
    }

    /// What operators wrote to the API server that is no lease.
    pub fn written(&self) -> Vec<String> {
        let asked = locked(&self.0);
        asked.written.iter().map(|&at| asked.lines[at].clone()).collect()
    }

    /// The same for two rounds only if they were the same.
    pub fn digest(&self, platform: &Simulator) -> u64 {
        let mut hasher = DefaultHasher::new();
        locked(&self.0).lines.hash(&mut hasher);
        platform.journal().iter().map(ToString::to_string).collect::<Vec<_>>().hash(&mut hasher);
        hasher.finish()
    }
}

impl Shared {
    pub fn new(server: ApiServer, platform: Simulator, seed: u64) -> Self {
        // Another sequence than that of the actions.
        let random = Arc::new(Mutex::new(Random(!seed)));
        let longest = if seed.is_multiple_of(SLOW) { LONGEST_WAY } else { Duration::ZERO };
        let (is_away, is_stormy, slow) = (Arc::default(), Arc::default(), Arc::default());
        Self { server, platform, journal: Journal::default(), random, is_away, is_stormy, slow, longest }
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

    /// One that now and then takes very long.
    async fn travel_far(&self) {
        self.travel().await;
        let slow = self.slow.load(Ordering::Relaxed);
        if slow > 0 {
            sleep(Duration::from_millis(slow / 2)).await;
        }
        if self.is_in_storm(FAR) && !self.longest.is_zero() {
            sleep(self.longest.mul_f64(self.below(1000) as f64 / 1000.0)).await;
        }
    }

    /// Now and then in a storm.
    fn is_in_storm(&self, one_of: u64) -> bool {
        self.is_stormy.load(Ordering::Relaxed) && self.below(one_of) == 0
    }

    /// The longest time on the way.
    pub fn longest_way(&self) -> Duration {
        self.longest
    }

    pub fn be_stormy(&self, is_stormy: bool) {
        self.is_stormy.store(is_stormy, Ordering::Relaxed);
    }

    pub fn be_slow(&self, by: Duration) {
        self.slow.store(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
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
    /// What befalls operators only.
    is_operator: bool,
}

impl Life {
    /// One of an operator.
    pub fn new(name: String, shared: Shared, revoked: Arc<Mutex<BTreeSet<String>>>, began: Instant) -> Self {
        Self { name, shared, is_over: Arc::default(), revoked, began, is_operator: true }
    }

    /// A person's.
    pub fn person(shared: Shared, began: Instant) -> Self {
        Self { is_operator: false, ..Self::new("person".to_owned(), shared, Arc::default(), began) }
    }

    async fn travels(&self) {
        if self.is_operator { self.shared.travel_far().await } else { self.shared.travel().await }
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

    fn note(&self, what: &str, is_write: bool) {
        let at = self.began.elapsed().as_millis();
        self.shared.journal.add(format!("{at} {} {what}", self.name), is_write && self.is_operator);
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
            let is_write = *request.method() != http::Method::GET && !request.uri().path().contains("/leases/");
            let is_lost = life.is_operator && *request.method() != http::Method::GET && life.shared.is_in_storm(LOST);
            life.travels().await;
            life.lives().await;
            if life.shared.is_away.load(Ordering::Relaxed) {
                return Err("connection refused".into());
            }
            let answer = if life.is_denied(request.uri().path()) { Ok(forbidden()) } else { inner.call(request).await };
            life.lives().await;
            let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
            life.note(&format!("{what} -> {status}{}", if is_lost { ", lost" } else { "" }), is_write);
            life.travels().await;
            life.lives().await;
            if is_lost { Err("connection reset".into()) } else { answer }
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
            self.life.note(&format!("platform {what} -> {status}"), false);
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
