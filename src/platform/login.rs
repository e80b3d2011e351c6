//! One login: what opens a session, and the session that it gives (platform contract, 1.2 and 1.3).

use std::sync::{Arc, atomic::AtomicBool};

use reqwest::{
    Url,
    cookie::{CookieStore, Jar},
    header::HeaderValue,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{
    errors,
    http::{self, Address, Mode, Transport},
    secrets::Secrets,
};
use crate::engine::failure::{Cause, Failure};

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
    /// Whether there is a login with them at this front door; if not, they are not even sent.
    pub fn fit(&self, mode: Mode) -> bool {
        mode == Mode::Core || !self.username.is_empty()
    }
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
    pub client: reqwest::Client,
    cookies: Arc<Jar>,
    pub bearer: Option<SecretString>,
    /// A reseller's account sees filtered lists.
    pub restricted: bool,
    /// Whether the platform ever accepted it.
    pub proven: AtomicBool,
    /// Whether it was answered 401 and not replaced.
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
        let client = http::client(transport, cookies.clone())?;
        let mut login = Self {
            credentials: credentials.clone(),
            client,
            cookies,
            bearer: credentials.token.clone(),
            restricted: false,
            proven: AtomicBool::new(false),
            kept_out: AtomicBool::new(false),
            ended_by,
            judged: AtomicBool::new(false),
        };
        if login.bearer.is_some() && address.mode() == Mode::Core {
            return Ok(login);
        }
        if !credentials.fit(address.mode()) {
            let message = "the gateway takes no token: the credentials Secret needs the keys username and password";
            return Err(Failure::new(Cause::LoginRefused, message));
        }
        let url = match address.mode() {
            Mode::Gateway => address.url("/login/"),
            Mode::Core => address.outside("/api/v01/auth/login"),
        };
        let body = json!({"username": credentials.username, "password": credentials.password.expose_secret()});
        let reply = http::send(login.client.post(url).json(&body), false, None).await?;
        // The form of the platform's 401 is not documented; a page with another status may be that of something in between.
        if reply.status == 401 || matches!(reply.status, 400 | 403) && errors::is_own(&reply) {
            let message = format!("the platform refuses the login of {}", credentials.username);
            return Err(Failure::new(Cause::LoginRefused, message));
        }
        let answer = errors::accepted(reply, "the login", false).map_err(|failure| {
            // What a login answers may repeat what was sent.
            let message = format!("the platform did not answer the login of {} as documented", credentials.username);
            // Nothing in a spec can mend it.
            let is_refusal = matches!(failure.cause, Cause::Rejected | Cause::Forbidden);
            let cause = if is_refusal { Cause::Unreadable } else { failure.cause };
            // Nobody gets on without it: it is about no single object.
            Failure { cause, message, is_own: false, ..failure }
        })?;
        login.restricted = errors::is_restricted(&answer);
        if address.mode() == Mode::Core {
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
