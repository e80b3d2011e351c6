//! What was asked of the platform, in order.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

/// The way a call came in (platform contract, section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Door {
    /// The gateway itself: `/api/v1/`, cookie session.
    Gateway,
    /// Through APIO core: `/api/v01/p1/`, bearer token.
    Core,
}

/// One call of the platform, as it arrived and as it was answered.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// Counts the calls of this simulator, from 1.
    pub seq: u64,
    /// When it arrived.
    #[serde(skip)]
    pub at: Instant,
    /// When it was answered.
    #[serde(skip)]
    pub answered: Option<Instant>,
    /// `GET`, `PUT`, ...
    pub method: String,
    /// Without the front door, segments percent-decoded, always with a final slash: `/tenants/Acme/groups/HQ/`.
    pub path: String,
    /// The path as it stood in the request line.
    pub raw_path: String,
    /// The query string as it stood in the request line, without the `?`.
    pub query: String,
    /// The JSON body, passwords blanked; a body that is not JSON is kept as a string.
    pub body: Option<Value>,
    /// None while the call is under way, and for good when it got no answer.
    pub status: Option<u16>,
    /// Whether it reaches the platform: not when a fault answers in its place.
    pub is_performed: bool,
    /// The front door it came through.
    pub door: Door,
    /// The account whose session it ran in, if any.
    pub user: Option<String>,
}

impl Call {
    /// A login, a token refresh or a logout, at either door.
    pub fn is_login(&self) -> bool {
        self.path == "/login/" || self.path.starts_with("/auth/")
    }

    /// A call that asks for a change of the platform's objects.
    pub fn is_write(&self) -> bool {
        self.method != "GET" && self.method != "HEAD" && !self.is_login()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        if !self.query.is_empty() {
            write!(f, "?{}", self.query)?;
        }
        if let Some(body) = &self.body {
            write!(f, " {body}")?;
        }
        match self.status {
            Some(status) => write!(f, " -> {status}"),
            None => write!(f, " -> (no answer)"),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Journal {
    pub(super) calls: Vec<Call>,
    last: u64,
}

impl Journal {
    /// Notes a call on arrival, so that one which never gets an answer shows too; returns its number.
    pub(super) fn open(&mut self, mut call: Call) -> u64 {
        self.last += 1;
        call.seq = self.last;
        self.calls.push(call);
        self.last
    }

    pub(super) fn close(&mut self, seq: u64, status: u16) {
        // The journal may have been cleared in between.
        if let Some(call) = self.calls.iter_mut().rev().find(|call| call.seq == seq) {
            call.status = Some(status);
            call.answered = Some(Instant::now());
        }
    }
}
