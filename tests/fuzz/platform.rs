//! The operator's own client, and a platform that answers with what was drawn.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use apio_operator::{
    engine::{
        budget::{Class, pace::Limits},
        facts::{Answer, Query},
        failure::Failure,
        plan::Step,
    },
    platform::{
        Address, Body, Claim, Credentials, Lost, Mode, Network, Platform, Request, Response, Transport, Turn, Turns,
        Wire,
    },
    surroundings::Surroundings,
};
use futures::future::{BoxFuture, ready};
use reqwest::{
    Url,
    cookie::{CookieStore, Jar},
    header::{HeaderMap, HeaderName, HeaderValue},
};
use secrecy::SecretString;
use tokio::{sync::watch, time::Instant};

use super::told::MARK;

/// Longer than anything takes here.
const LONG: Duration = Duration::from_secs(3600);

/// An answer as it goes over the wire.
#[derive(Clone, Debug, Default)]
pub struct Given {
    pub status: u16,
    pub headers: Vec<(&'static str, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Given {
    /// An answer of JSON that says yes.
    pub fn yes(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into() }
    }

    /// The answer to a login at either door, with a session.
    pub fn session() -> Self {
        let cookie = format!("sessionid=session{MARK}; Path=/; HttpOnly");
        let body = format!(r#"{{"ids": {{}}, "profile": {{}}, "access_token": "bearer{MARK}"}}"#);
        Self { headers: vec![("set-cookie", cookie.into_bytes())], ..Self::yes(body) }
    }
}

/// What is answered next, and what was asked for.
#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<Given>,
    asked: Vec<Url>,
}

#[derive(Clone, Debug, Default)]
struct Scripted(Arc<Mutex<Script>>);

struct Line(Scripted, Arc<Jar>);

impl Network for Scripted {
    fn open(&self, cookies: Arc<Jar>) -> Result<Arc<dyn Wire>, Failure> {
        Ok(Arc::new(Line(self.clone(), cookies)))
    }
}

impl Wire for Line {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Lost>> {
        let mut script = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        super::told::is_no_secret(&format!("{request:?}"));
        script.asked.push(request.url.clone());
        let answer = script.answers.pop_front().map(|given| {
            let headers: HeaderMap = given
                .headers
                .iter()
                .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?)))
                .collect();
            // As the HTTP client does it.
            self.1.set_cookies(&mut headers.get_all("set-cookie").iter(), &request.url);
            Response { status: given.status, headers, body: Body::Whole(given.body.into()) }
        });
        Box::pin(ready(answer.ok_or(Lost { unsent: false, timed_out: true, words: "nothing more comes".to_owned() })))
    }
}

/// An operator's client, and what it was told and asked.
pub struct Client {
    script: Scripted,
    pub platform: Platform,
    claim: Claim,
}

impl Client {
    pub fn new(mode: Mode, credentials: Credentials, answers: impl IntoIterator<Item = Given>) -> Self {
        let script = Scripted::default();
        script.0.lock().unwrap().answers.extend(answers);
        let now = || "2026-10-21T07:28:00Z".parse().unwrap();
        let transport = Transport {
            network: Arc::new(script.clone()),
            total: LONG,
            login_interval: LONG,
            surroundings: Surroundings::new(now, || 0.5),
        };
        let address = Address::new("http://platform.invalid", None, mode).unwrap();
        let platform = Platform::new(address, transport, watch::channel(Some(credentials)).1);
        let claim = Claim::default();
        claim.extend(Instant::now() + LONG);
        Self { script, platform, claim }
    }

    pub async fn ask(&self, query: &Query) -> Result<Answer, Failure> {
        self.platform.ask(&turn(), query).await
    }

    pub async fn act(&self, step: &Step) -> Result<(), Failure> {
        self.platform.act(&turn(), &self.claim, step, ready(Ok(()))).await
    }

    /// Asks a question that is answered so; gives the addresses that were called too.
    pub async fn answered(&self, query: &Query, answer: Given) -> (Result<Answer, Failure>, Vec<Url>) {
        *self.script.0.lock().unwrap() = Script { answers: [answer].into(), asked: Vec::new() };
        let answer = self.ask(query).await;
        (answer, std::mem::take(&mut self.script.0.lock().unwrap().asked))
    }
}

/// A turn that nothing was heard in before.
fn turn() -> Turn {
    Turns::new(Limits { concurrency: 1, rate: None }).take("", Class::Change, "", || {}).unwrap()
}

/// Asks a question with a session that is open already.
pub fn asked(query: &Query, answer: Given) -> (Result<Answer, Failure>, Vec<Url>) {
    thread_local! {
        static CLIENT: Client = simulated(async {
            let client = Client::new(Mode::Gateway, account("password", None), [Given::session()]);
            client.platform.log_in().await.unwrap();
            client
        });
    }
    CLIENT.with(|client| simulated(client.answered(query, answer)))
}

/// The credentials of an account.
pub fn account(password: &str, token: Option<&str>) -> Credentials {
    let token = token.map(SecretString::from);
    Credentials { username: "operator".to_owned(), password: password.into(), token }
}

/// Runs it in simulated time, on a runtime without sockets and threads.
pub fn simulated<T>(what: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(what))
}
