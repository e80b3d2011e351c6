//! One shared session. It is opened when it is first needed, renewed once when the platform answers 401, and never in a
//! loop: repeated bad passwords lock the account (platform contract, 1.3).

use std::{
    sync::{
        Arc, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{
    Method, Url,
    cookie::{CookieStore, Jar},
    header::HeaderValue,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::{Mutex, Notify, watch};

use super::{
    errors,
    http::{self, Address, Call, Mode, Reply, Transport},
    secrets::Secrets,
};
use crate::engine::failure::{Cause, Failure};

/// How long the second new session in a row that the platform refuses is not replaced. One may have ended by chance between
/// its login and its first call: a platform that restarts forgets them all.
const COOL_DOWN: Duration = Duration::from_secs(60);

/// What the credentials Secret holds.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Account name; not needed with a token.
    pub username: String,
    /// Password.
    pub password: SecretString,
    /// A machine token of APIO core, used instead of a login.
    pub token: Option<SecretString>,
}

/// Equal when a login with one is a login with the other: other changes of the Secret are no reason to try again.
impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        let token = |credentials: &Self| credentials.token.as_ref().map(|token| token.expose_secret().to_owned());
        self.username == other.username
            && self.password.expose_secret() == other.password.expose_secret()
            && token(self) == token(other)
    }
}

/// A session of the platform, shared by every call.
pub struct Session {
    address: Address,
    transport: Transport,
    credentials: watch::Receiver<Option<Credentials>>,
    state: Mutex<State>,
    lets_in_again: Notify,
    /// Credentials that the platform refused, and its words: no second try before they change.
    refused: std::sync::Mutex<Option<(Credentials, String)>>,
}

#[derive(Default)]
struct State {
    login: Option<Arc<Login>>,
    /// When it was last said that the platform lets in again.
    said: Option<Instant>,
}

struct Login {
    credentials: Credentials,
    client: reqwest::Client,
    cookies: Arc<Jar>,
    bearer: Option<SecretString>,
    /// A reseller's account sees filtered lists.
    restricted: bool,
    opened: Instant,
    /// Whether the platform ever accepted it.
    proven: AtomicBool,
    /// Whether it replaces one that the platform never accepted.
    is_second_try: bool,
    /// Whether somebody was told that no other one is opened.
    kept_out: AtomicBool,
}

impl Login {
    fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    /// What must not be told of a call: the session as it was when the call was sent and as it is now, and what opened it.
    fn secrets(&self, sent: Option<HeaderValue>, url: &str) -> Secrets {
        let headers = [sent, self.cookies_for(url)];
        let cookies = headers.iter().flatten().filter_map(|header| header.to_str().ok());
        let token = self.credentials.token.iter().map(|token| token.expose_secret());
        let chosen = token.chain([self.credentials.password.expose_secret()]);
        Secrets::new(cookies, self.bearer.as_ref().map(|bearer| bearer.expose_secret()), chosen)
    }

    fn cookies_for(&self, url: &str) -> Option<HeaderValue> {
        self.cookies.cookies(&Url::parse(url).ok()?)
    }

    fn is_of_others(&self, credentials: Option<&Credentials>) -> bool {
        Some(&self.credentials) != credentials
    }
}

impl Session {
    /// A session that is not open yet.
    pub fn new(address: Address, transport: Transport, credentials: watch::Receiver<Option<Credentials>>) -> Self {
        Self {
            address,
            transport,
            credentials,
            state: Mutex::default(),
            lets_in_again: Notify::new(),
            refused: std::sync::Mutex::default(),
        }
    }

    /// Longest single call.
    pub fn longest_call(&self) -> Duration {
        self.transport.total
    }

    /// Makes a call, with one new login if the session was refused, and a second one if the new session was never accepted.
    /// A deletion is not sent again: whoever wants it looks first.
    ///
    /// # Errors
    /// No usable credentials, no answer, or a deletion whose session had ended. Any answer is a success here.
    pub async fn send(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let mut login = self.login(None).await?;
        let mut reply = self.once(&login, call).await?;
        for is_second in [false, true] {
            if reply.status != 401 || is_second && login.is_proven() {
                return Ok(reply);
            }
            login = self.login(Some(&login)).await?;
            if call.method == Method::DELETE {
                // It follows its own count at once, or another one.
                let message =
                    "the session ended right before the deletion, so what forbids it is looked at again first";
                return Err(Failure::new(Cause::HeldBack, message));
            }
            reply = self.once(&login, call).await?;
        }
        Ok(reply)
    }

    /// Makes a call and takes a yes for an answer.
    ///
    /// # Errors
    /// Everything else.
    pub async fn expect(&self, call: &Call<'_>) -> Result<Value, Failure> {
        errors::accepted(self.send(call).await?, &call.to_string(), call.is_write())
    }

    async fn once(&self, login: &Login, call: &Call<'_>) -> Result<Reply, Failure> {
        let url = self.address.url(&call.path);
        let sent = login.cookies_for(&url);
        let mut request = login.client.request(call.method.clone(), &url);
        if let Some(bearer) = &login.bearer {
            request = request.bearer_auth(bearer.expose_secret());
        }
        request = match call.body {
            Some(body) => request.json(body),
            None => request.header("content-type", "application/json"),
        };
        let reply = http::send(request, call.is_write()).await?;
        if reply.status != 401 && !login.proven.swap(true, Ordering::Relaxed) {
            self.proven(login).await;
        }
        let secrets = login.secrets(sent, &url);
        if reply.is_success() && reply.body.as_ref().is_ok_and(|body| secrets.are_repeated_in(body)) {
            // Data that would be told, and nothing that the platform keeps.
            let cause = if call.is_write() { Cause::Ambiguous } else { Cause::Unreadable };
            return Err(Failure::new(cause, format!("{call} was answered with the request itself")));
        }
        Ok(Reply { restricted: login.restricted, ..secrets.hidden_in(reply) })
    }

    /// Resolves each time that the platform accepts a session after it had accepted none for a while.
    pub async fn lets_in_again(&self) {
        self.lets_in_again.notified().await;
    }

    /// Said once in a while only: a platform that refuses some calls with 401 must not see new logins for each that it allows.
    async fn proven(&self, login: &Login) {
        if !login.kept_out.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.state.lock().await;
        if state.said.is_none_or(|said| said.elapsed() >= COOL_DOWN) {
            state.said = Some(Instant::now());
            self.lets_in_again.notify_one();
        }
    }

    /// Logs in with the credentials of this moment, unless that was done.
    ///
    /// # Errors
    /// Why they cannot be used. A session that was opened with the ones before stays in use as long as it lasts.
    pub async fn log_in(&self) -> Result<(), Failure> {
        let open = self.login(None).await?;
        match self.refused().as_ref() {
            Some((_, message)) if open.is_of_others(self.credentials.borrow().as_ref()) => {
                let message = format!("{message}; the session of the credentials before stays in use");
                Err(Failure::new(Cause::LoginRefused, message))
            }
            _ => Ok(()),
        }
    }

    /// Forgets that credentials were refused: whoever took them away and gives them again wants them tried again.
    pub fn forgive(&self) {
        *self.refused() = None;
    }

    /// Whether there are credentials that the platform did not refuse.
    pub fn has_credentials(&self) -> bool {
        self.credentials.borrow().as_ref().is_some_and(|credentials| self.refusal_of(credentials).is_none())
    }

    fn refused(&self) -> MutexGuard<'_, Option<(Credentials, String)>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refusal_of(&self, credentials: &Credentials) -> Option<String> {
        self.refused().as_ref().filter(|(refused, _)| refused == credentials).map(|(_, message)| message.clone())
    }

    /// The open login, or a new one; never `expired`, the one that was just answered with 401.
    async fn login(&self, expired: Option<&Arc<Login>>) -> Result<Arc<Login>, Failure> {
        let mut state = self.state.lock().await;
        let Some(credentials) = self.credentials.borrow().clone() else {
            let message = "the operator has no credentials for the platform; create or repair the credentials Secret";
            return Err(Failure::new(Cause::NoCredentials, message));
        };
        let open = state.login.clone().filter(|login| expired.is_none_or(|expired| !Arc::ptr_eq(login, expired)));
        if let Some(message) = self.refusal_of(&credentials) {
            let refused = Failure::new(Cause::LoginRefused, message);
            // One that has ended is forgotten: its credentials may come back, and then open a new one.
            state.login = open.clone();
            return open.ok_or(refused);
        }
        if let Some(login) = state.login.as_ref().filter(|login| login.credentials == credentials) {
            if let Some(open) = open {
                return Ok(open);
            }
            if !login.is_proven() && login.is_second_try && login.opened.elapsed() < COOL_DOWN {
                login.kept_out.store(true, Ordering::Relaxed);
                let message = "the platform answers 401 to a session that it has just opened";
                return Err(Failure::new(Cause::Unauthorized, message));
            }
        }
        match self.open(&credentials).await {
            Ok(mut login) => {
                let before = state.login.as_ref().filter(|before| before.credentials == credentials);
                login.is_second_try = before.is_some_and(|before| !before.is_proven());
                let login = Arc::new(login);
                state.login = Some(login.clone());
                self.forgive();
                Ok(login)
            }
            Err(failure) if failure.cause == Cause::LoginRefused => {
                state.login = open.clone();
                *self.refused() = Some((credentials, failure.message.clone()));
                open.ok_or(failure)
            }
            Err(failure) => Err(failure),
        }
    }

    async fn open(&self, credentials: &Credentials) -> Result<Login, Failure> {
        let cookies = Arc::new(Jar::default());
        let client = http::client(&self.transport, cookies.clone())?;
        let mut login = Login {
            credentials: credentials.clone(),
            client,
            cookies,
            bearer: credentials.token.clone(),
            restricted: false,
            opened: Instant::now(),
            proven: AtomicBool::new(false),
            is_second_try: false,
            kept_out: AtomicBool::new(false),
        };
        if login.bearer.is_some() && self.address.mode() == Mode::Core {
            return Ok(login);
        }
        if credentials.username.is_empty() {
            let message = "the gateway takes no token: the credentials Secret needs the keys username and password";
            return Err(Failure::new(Cause::LoginRefused, message));
        }
        let url = match self.address.mode() {
            Mode::Gateway => self.address.url("/login/"),
            Mode::Core => self.address.outside("/api/v01/auth/login"),
        };
        let body = json!({"username": credentials.username, "password": credentials.password.expose_secret()});
        let reply = http::send(login.client.post(url).json(&body), false).await?;
        // The form of the platform's 401 is not documented; a page with another status may be that of something in between.
        if reply.status == 401 || matches!(reply.status, 400 | 403) && errors::is_own(&reply) {
            return Err(Failure::new(Cause::LoginRefused, refusal(&credentials.username)));
        }
        let answer = errors::accepted(reply, "the login", false).map_err(|failure| {
            // What a login answers may repeat what was sent.
            let message = format!("the platform did not answer the login of {} as documented", credentials.username);
            // Nothing in a spec can mend it.
            let is_refusal = matches!(failure.cause, Cause::Rejected | Cause::Forbidden);
            let cause = if is_refusal { Cause::Unreadable } else { failure.cause };
            Failure { cause, message, ..failure }
        })?;
        login.restricted = answer.pointer("/profile/access_type") == Some(&json!(1));
        if self.address.mode() == Mode::Core {
            login.bearer = Some(bearer(&answer).ok_or_else(|| {
                let message = format!(
                    "the login of {} asks for a second factor or gives no token; use an account without it, or put a machine token into the key token of the Secret",
                    credentials.username
                );
                Failure::new(Cause::LoginRefused, message)
            })?);
        }
        Ok(login)
    }
}

fn bearer(answer: &Value) -> Option<SecretString> {
    let token = answer.get("access_token").or_else(|| answer.get("token"))?.as_str()?;
    Some(SecretString::from(token.to_owned()))
}

fn refusal(username: &str) -> String {
    format!(
        "the platform refuses the login of {username}; no second try is made until the credentials Secret changes or is created anew, because repeated ones lock the account"
    )
}
