//! One shared session. It is opened when it is first needed, and renewed when the platform answers 401; [`Logins`] says when,
//! because repeated bad passwords lock the account (platform contract, 1.3).

use std::{
    sync::{Arc, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::{
    sync::{Mutex, Notify, watch},
    time::Instant,
};

use super::{
    errors,
    http::{self, Address, Call, Reply, Transport},
    listing::Listing,
    login::{Credentials, Login},
    secrets::Text,
    wire::Request,
};
use crate::{
    api::REQUESTED_AT,
    engine::{
        failure::{Cause, Failure},
        login::{Logins, Next},
    },
};

/// A session of the platform, shared by every call.
pub struct Session {
    address: Address,
    transport: Transport,
    credentials: watch::Receiver<Option<Credentials>>,
    state: Mutex<State>,
    began: Instant,
    logins: std::sync::Mutex<Logins>,
    lets_in_again: Notify,
    /// That there is something to tell of the credentials, or that the time of the next login was set.
    news: Notify,
    /// Credentials that the platform refused, and why.
    refused: std::sync::Mutex<Option<(Credentials, String)>>,
}

/// What is new about the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// They may have been refused, or accepted again.
    Told,
    /// A login that was not to be made before may be made now.
    Due,
}

/// A session that is open. What is sent by it waits for no login, nor for somebody else's: it goes at once, or is answered 401.
pub struct Open<'a> {
    session: &'a Session,
    login: Arc<Login>,
}

impl Open<'_> {
    /// Makes a call, as [`Session::send`] does.
    ///
    /// # Errors
    /// No answer, or a write whose session had ended. Any answer is a success here.
    pub async fn send(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let Self { session, login } = self;
        let reply = session.once(login, call).await?;
        if reply.status != 401 {
            return Ok(reply);
        }
        let Some(renewed) = session.renewed(login, call).await? else {
            login.kept_out.store(true, Ordering::Relaxed);
            return Ok(reply);
        };
        if call.is_write() {
            let message = "the session ended right before the write, so what decided it is looked at again first";
            return Err(Failure::new(Cause::HeldBack, message));
        }
        session.once(&renewed, call).await
    }

    /// Hides what gives access here in words that quote an answer which says yes.
    pub fn hide(&self, words: &mut String) {
        self.login.secrets(None, &self.session.address.url("/")).hide(words, Text::Cut);
    }

    /// Makes a call and takes a yes for an answer.
    ///
    /// # Errors
    /// Everything else.
    pub async fn expect(&self, call: &Call<'_>) -> Result<Value, Failure> {
        errors::accepted(self.send(call).await?, &call.to_string(), call.is_write())
    }
}

#[derive(Default)]
struct State {
    login: Option<Arc<Login>>,
    /// The credentials that were tried last.
    tried: Option<Credentials>,
}

impl Session {
    /// A session that is not open yet.
    pub fn new(address: Address, transport: Transport, credentials: watch::Receiver<Option<Credentials>>) -> Self {
        let logins = std::sync::Mutex::new(Logins::new(transport.login_interval));
        Self {
            address,
            transport,
            credentials,
            state: Mutex::default(),
            began: Instant::now(),
            logins,
            lets_in_again: Notify::new(),
            news: Notify::new(),
            refused: std::sync::Mutex::default(),
        }
    }

    /// Longest single call.
    pub fn longest_call(&self) -> Duration {
        self.transport.total
    }

    /// Makes a call, with one new login if its session has ended. A write is not sent again: a login takes time, so whoever
    /// decided on it looks first.
    ///
    /// # Errors
    /// No usable credentials, no answer, or a write whose session had ended. Any answer is a success here.
    pub async fn send(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        self.opened().await?.send(call).await
    }

    async fn once(&self, login: &Login, call: &Call<'_>) -> Result<Reply, Failure> {
        let url = self.address.url(&call.path);
        let sent = login.cookies_for(&url);
        let mut request = Request::new(call.method.clone(), &url)?;
        if let Some(bearer) = &login.bearer {
            request = request.with_bearer(bearer.expose_secret())?;
        }
        // Without a body too: every call says what it speaks.
        let request = request.with_json(call.body)?;
        let surroundings = &self.transport.surroundings;
        let reply = http::send(&*login.wire, request, call.is_write(), call.list, surroundings).await?;
        let let_in = reply.status != 401;
        if let_in && !login.proven.swap(true, Ordering::Relaxed) && login.kept_out.swap(false, Ordering::Relaxed) {
            self.lets_in_again.notify_one();
        }
        if login.ended_by.as_ref() == Some(&call.to_string()) && !login.judged.swap(true, Ordering::Relaxed) {
            self.logins().helped(let_in);
        }
        let secrets = login.secrets(sent, &url);
        let is_repeated = |reply: &Reply| {
            let mut ids = reply.listing.iter().flat_map(Listing::groups);
            reply.body.as_ref().is_ok_and(|body| secrets.are_repeated_in(body))
                || ids.any(|id| secrets.is_repeated_in(id))
        };
        if reply.is_success() && is_repeated(&reply) {
            // Data that would be told, and nothing that the platform keeps.
            let cause = if call.is_write() { Cause::Ambiguous } else { Cause::Unreadable };
            return Err(Failure::new(cause, format!("{call} was answered with the request itself")));
        }
        Ok(Reply { restricted: login.restricted, mode: self.address.mode(), ..secrets.hidden_in(reply) })
    }

    /// Resolves each time that the platform accepts a session that it had not accepted at first.
    pub async fn lets_in_again(&self) {
        self.lets_in_again.notified().await;
    }

    /// Resolves each time that there may be news of the credentials.
    pub async fn news(&self) -> News {
        let due = self.logins().due(self.now());
        let due = async {
            match due {
                Some(due) => tokio::time::sleep(due.saturating_sub(self.now())).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.news.notified() => News::Told,
            () = due => {
                self.logins().told();
                News::Due
            }
        }
    }

    /// Logs in with the credentials of this moment, unless that was done.
    ///
    /// # Errors
    /// Why they cannot be used. A session that was opened with the ones before stays in use as long as it lasts.
    pub async fn log_in(&self) -> Result<(), Failure> {
        let open = self.login().await?;
        match self.refusal() {
            Some(message) if open.is_of_others(self.credentials.borrow().as_ref()) => {
                let message = format!("{message}; the session of the credentials before stays in use");
                Err(Failure::new(Cause::LoginRefused, message))
            }
            _ => Ok(()),
        }
    }

    /// Lets the credentials be tried again now: somebody wants it.
    pub fn try_again(&self) {
        self.logins().asked();
    }

    /// Whether there are credentials that the platform did not refuse.
    pub fn has_credentials(&self) -> bool {
        self.credentials.borrow().is_some() && self.refusal().is_none()
    }

    /// Why the platform refuses the credentials of this moment, if it does.
    pub fn refusal(&self) -> Option<String> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, message) = refused.as_ref()?;
        (self.credentials.borrow().as_ref() == Some(of)).then(|| message.clone())
    }

    fn refuse(&self, refused: Option<(Credentials, String)>) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
        self.news.notify_one();
    }

    fn logins(&self) -> MutexGuard<'_, Logins> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits until a session is open.
    ///
    /// # Errors
    /// Why none is.
    pub async fn opened(&self) -> Result<Open<'_>, Failure> {
        Ok(Open { session: self, login: self.login().await? })
    }

    /// The open session, or a new one.
    async fn login(&self) -> Result<Arc<Login>, Failure> {
        match self.session(None).await? {
            Some(login) => Ok(login),
            None => {
                let message = "the last login opened no session that lasts, and the next one may not be made yet";
                let wait = self.logins().due(self.now()).map(|due| due.saturating_sub(self.now()));
                Err(Failure { retry_after: wait, ..Failure::new(Cause::HeldBack, message) })
            }
        }
    }

    /// The session that replaces one that was just answered with 401; `None` when that was the answer to the call, and not to
    /// the session.
    async fn renewed(&self, ended: &Arc<Login>, call: &Call<'_>) -> Result<Option<Arc<Login>>, Failure> {
        self.session(Some((ended, call))).await
    }

    /// The open session but the one that has ended, or a new one; `None` when it is too early for one.
    async fn session(&self, ended: Option<(&Arc<Login>, &Call<'_>)>) -> Result<Option<Arc<Login>>, Failure> {
        let mut state = self.state.lock().await;
        let Some(credentials) = self.credentials.borrow().clone() else {
            let message = "the operator has no credentials for the platform; create or repair the credentials Secret";
            return Err(Failure::new(Cause::NoCredentials, message));
        };
        let open = state.login.clone().filter(|login| ended.is_none_or(|(ended, _)| !Arc::ptr_eq(login, ended)));
        if let Some(open) = open.as_ref().filter(|open| open.credentials == credentials) {
            return Ok(Some(open.clone()));
        }
        if state.tried.as_ref() != Some(&credentials) {
            state.tried = Some(credentials.clone());
            self.logins().changed();
        }
        let next = self.logins().next(self.now());
        if next != Next::Now {
            let Some(message) = self.refusal() else {
                self.logins().turned_away();
                self.news.notify_one();
                return Ok(open);
            };
            // One that has ended is forgotten: its credentials may come back, and then open a new one.
            state.login = open.clone();
            return open.map(Some).ok_or(Failure::new(Cause::LoginRefused, message));
        }
        let before = ended.filter(|(ended, _)| ended.credentials == credentials);
        let ended_by = before.map(|(_, call)| call.to_string());
        match Login::open(&self.address, &self.transport, &credentials, ended_by).await {
            Ok(login) => {
                // Whoever was kept out by the one before is told by this one, even when somebody else had it opened.
                let kept_out = state.login.as_ref().is_some_and(|before| before.kept_out.load(Ordering::Relaxed));
                login.kept_out.store(kept_out, Ordering::Relaxed);
                let login = Arc::new(login);
                state.login = Some(login.clone());
                self.logins().accepted(self.now());
                self.refuse(None);
                Ok(Some(login))
            }
            Err(failure) if failure.cause == Cause::LoginRefused => {
                state.login = open.clone();
                let message = self.refused(&credentials, &failure.message);
                self.refuse(Some((credentials, message.clone())));
                open.map(Some).ok_or(Failure { message, ..failure })
            }
            Err(failure) => {
                match failure.cause {
                    Cause::Unreadable | Cause::NotFound | Cause::WrongEndpoint => self.logins().unclear(self.now()),
                    _ => self.logins().unanswered(self.now()),
                }
                self.news.notify_one();
                Err(failure)
            }
        }
    }

    /// Why credentials are refused, and when they are tried again.
    fn refused(&self, credentials: &Credentials, why: &str) -> String {
        let now = self.now();
        let mut logins = self.logins();
        if credentials.unfit(self.address.mode()).is_some() {
            logins.unusable();
            return why.to_owned();
        }
        logins.refused(now);
        let otherwise =
            format!("when the credentials Secret changes or its annotation {REQUESTED_AT} gets a new value");
        match logins.next(now) {
            Next::At(at) => {
                let at = (self.transport.surroundings.now() + (at - now)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                format!(
                    "{why}; repeated logins lock the account, so the next one is made at {at}, or at once {otherwise}"
                )
            }
            Next::Now | Next::Asked => {
                format!("{why}; repeated logins lock the account, so the next one is made {otherwise}")
            }
        }
    }
}
