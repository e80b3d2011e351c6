//! One login: what opens a session, and the session that it gives (platform contract, 1.2 and 1.3).

use std::sync::{Arc, atomic::AtomicBool};

use reqwest::{
    Method, Url,
    cookie::{CookieStore, Jar},
    header::HeaderValue,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{
    errors,
    http::{self, Address, Mode, Reply, Transport},
    secrets::Secrets,
    wire::{Request, Wire},
};
use crate::{
    api::text::shortened,
    engine::failure::{Cause, Failure, Speaker},
};

/// A list that every account may read (platform contract, 3).
const WHAT_ALL_MAY_READ: &str = "/system/domains/";
/// How the cookie of a session begins (platform contract, 1.2).
const SESSION: &str = "sessionid=";
/// Most characters of the name of an account in a message.
const SHOWN: usize = 100;

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

impl Credentials {
    /// Those of a Secret with these values.
    ///
    /// # Errors
    /// One sentence that names a key and never a value.
    pub fn of<'a>(value: impl Fn(&str) -> Option<&'a [u8]>) -> Result<Self, String> {
        let text = |key: &str| -> Result<Option<String>, String> {
            let Some(bytes) = value(key) else { return Ok(None) };
            let text = std::str::from_utf8(bytes).map_err(|_| format!("the key {key} is not UTF-8 text"))?;
            // An editor's, and no part of it.
            Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()).filter(|text| !text.is_empty()))
        };
        let token = text("token")?.map(SecretString::from);
        let (username, password) = (text("username")?, text("password")?);
        if token.is_none() && (username.is_none() || password.is_none()) {
            return Err("the Secret needs the keys username and password, or the key token".to_owned());
        }
        let (username, password) = (username.unwrap_or_default(), password.unwrap_or_default());
        Ok(Self { username, password: SecretString::from(password), token })
    }

    /// The name of the account, for a message.
    fn shown(&self) -> String {
        shortened(&self.username, SHOWN)
    }

    /// Why there is no login with them at this front door: they are not even sent.
    pub fn unfit(&self, mode: Mode) -> Option<&'static str> {
        match (mode, &self.token) {
            (Mode::Core, Some(token)) if !fits_a_header(token.expose_secret()) => Some(
                "the key token of the credentials Secret holds a line break, a blank or another character that no token has; \
                 write it in one line, as base64 does with -w0",
            ),
            (Mode::Gateway, _) if self.username.is_empty() => {
                Some("the gateway takes no token: the credentials Secret needs the keys username and password")
            }
            _ => None,
        }
    }
}

fn fits_a_header(token: &str) -> bool {
    token.chars().all(|c| c.is_ascii_graphic())
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

/// One open session.
pub struct Login {
    pub credentials: Credentials,
    pub wire: Arc<dyn Wire>,
    cookies: Arc<Jar>,
    pub bearer: Option<SecretString>,
    /// A reseller's account sees filtered lists.
    pub restricted: bool,
    /// Whether the platform ever accepted it.
    pub proven: AtomicBool,
    /// Whether it, or the one before, was answered 401 and not replaced.
    pub kept_out: AtomicBool,
    /// The call that ended the session before.
    pub ended_by: Option<String>,
    /// Whether that call was made again.
    pub judged: AtomicBool,
}

impl Login {
    /// What must not be told of a call: the session as it was when the call was sent and as it is now, and what opened it.
    pub fn secrets(&self, sent: Option<HeaderValue>, url: &str) -> Secrets {
        let headers = [sent, self.cookies_for(url)];
        let cookies = headers.iter().flatten().filter_map(|header| header.to_str().ok());
        let token = self.credentials.token.iter().map(|token| token.expose_secret());
        let chosen = token.chain([self.credentials.password.expose_secret()]);
        Secrets::new(cookies, self.bearer.as_ref().map(|bearer| bearer.expose_secret()), chosen)
    }

    pub fn cookies_for(&self, url: &str) -> Option<HeaderValue> {
        self.cookies.cookies(&Url::parse(url).ok()?)
    }

    pub fn is_of_others(&self, credentials: Option<&Credentials>) -> bool {
        Some(&self.credentials) != credentials
    }

    /// Logs in.
    ///
    /// # Errors
    /// [`Cause::LoginRefused`] when the credentials are of no use, and why the platform did not answer otherwise.
    pub async fn open(
        address: &Address,
        transport: &Transport,
        credentials: &Credentials,
        ended_by: Option<String>,
    ) -> Result<Self, Failure> {
        let cookies = Arc::new(Jar::default());
        let wire = transport.network.open(cookies.clone())?;
        let mut login = Self {
            credentials: credentials.clone(),
            wire,
            cookies,
            // The gateway is never sent it.
            bearer: credentials.token.clone().filter(|_| address.mode() == Mode::Core),
            restricted: false,
            proven: AtomicBool::new(false),
            kept_out: AtomicBool::new(false),
            ended_by,
            judged: AtomicBool::new(false),
        };
        if let Some(message) = credentials.unfit(address.mode()) {
            return Err(Failure::new(Cause::LoginRefused, message));
        }
        if let Some(token) = &login.bearer {
            login.try_token(address, transport, token).await?;
            return Ok(login);
        }
        let url = match address.mode() {
            Mode::Gateway => address.url("/login/"),
            Mode::Core => address.outside("/api/v01/auth/login"),
        };
        let body = json!({"username": credentials.username, "password": credentials.password.expose_secret()});
        let request = Request::new(Method::POST, &url)?.with_json(Some(&body))?;
        let reply = http::send(&*login.wire, request, false, None, &transport.surroundings).await?;
        // Whoever refuses a login in the form of either door is believed: it is not to be tried again and again.
        let reply = Reply { mode: Mode::Core, ..reply };
        // The form of the platform's 401 is not documented; a page with another status may be that of something in between.
        if reply.status == 401 || matches!(reply.status, 400 | 403) && errors::is_own(&reply) {
            let message = format!("the platform refuses the login of {}", credentials.shown());
            return Err(Failure::new(Cause::LoginRefused, message));
        }
        let answer = errors::accepted(reply, "the login", false).map_err(|failure| {
            // What a login answers may repeat what was sent.
            let message = format!("the platform did not answer the login of {} as documented", credentials.shown());
            // Nothing in a spec can mend it.
            let is_refusal = matches!(failure.cause, Cause::Rejected | Cause::Forbidden);
            let cause = if is_refusal { Cause::Unreadable } else { failure.cause };
            // Nobody gets on without it: it is about no single object.
            let is_page = failure.speaker == Speaker::Between;
            let speaker = if is_page { Speaker::Between } else { Speaker::Operator };
            Failure { cause, message, speaker, ..failure }
        })?;
        login.restricted = errors::is_restricted(&answer);
        if address.mode() == Mode::Core {
            login.bearer = Some(bearer(&answer).ok_or_else(|| {
                let message = format!(
                    "the login of {} asks for a second factor or gives no token; use an account without it, or put a machine token into the key token of the Secret",
                    credentials.shown()
                );
                Failure::new(Cause::LoginRefused, message)
            })?);
        } else if let Some(why) = login.is_cut_off(&address.url(WHAT_ALL_MAY_READ)) {
            let message = format!("the login of {} gave no session that can be used: {why}", credentials.shown());
            return Err(Failure::new(Cause::LoginRefused, message));
        }
        Ok(login)
    }

    /// Whether APIO core lets a token in shows in a call that every account may make; there is no login to tell.
    async fn try_token(&self, address: &Address, transport: &Transport, token: &SecretString) -> Result<(), Failure> {
        let request = Request::new(Method::GET, &address.url(WHAT_ALL_MAY_READ))?;
        let request = request.with_bearer(token.expose_secret())?;
        match http::send(&*self.wire, request, false, None, &transport.surroundings).await {
            Ok(reply) if reply.status == 401 => {
                let message = "APIO core refuses the token of the credentials Secret: it is wrong or has expired; put a good one into its key token";
                Err(Failure::new(Cause::LoginRefused, message))
            }
            // Whatever it answers, it lets the token in; a list may be longer than what is read.
            Ok(_) => Ok(()),
            Err(failure) if failure.cause == Cause::Unreadable => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Why no call of the gateway can tell that it belongs to this session.
    fn is_cut_off(&self, url: &str) -> Option<&'static str> {
        let has_session = |url: &str| {
            let cookies = self.cookies_for(url)?;
            Some(cookies.to_str().is_ok_and(|all| all.split("; ").any(|cookie| cookie.starts_with(SESSION))))
        };
        let secure = url.strip_prefix("http://").and_then(|rest| has_session(&format!("https://{rest}")));
        match (has_session(url), secure) {
            (Some(true), _) => None,
            (_, Some(true)) => {
                Some("its cookie is marked Secure and is not sent over http; let --platform-url begin with https://")
            }
            (Some(false), _) => None,
            (None, _) => Some("it set no cookie; look at --platform-url and --platform-mode"),
        }
    }
}

fn bearer(answer: &Value) -> Option<SecretString> {
    let token = answer.get("access_token").or_else(|| answer.get("token"))?.as_str()?;
    fits_a_header(token).then(|| SecretString::from(token.to_owned()))
}
