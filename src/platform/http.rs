//! One HTTP call: address, transport, and what came back.

use std::{
    fmt,
    io::{self, BufReader, Cursor, Read},
    path::Path,
    sync::Arc,
    time::Duration,
};

use reqwest::{Certificate, Method, Url};
use serde_json::Value;
use tokio::sync::mpsc::{Receiver, channel};

use super::{
    errors,
    listing::{List, Listing},
    wire::{Body, Http, Lost, Network, Request, Response, Wire},
};
use crate::{
    engine::{
        failure::{Cause, Failure},
        ids::Object,
        size::Readable,
    },
    surroundings::Surroundings,
};

/// Which front door of the platform is used (platform contract, 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// The gateway itself: a session cookie.
    Gateway,
    /// APIO core in front of it: a bearer token.
    Core,
}

impl Mode {
    /// Path prefix of the API, unless told otherwise.
    pub const fn default_prefix(self) -> &'static str {
        match self {
            Self::Gateway => "/api/v1",
            Self::Core => "/api/v01/p1",
        }
    }
}

/// Where the platform is.
#[derive(Clone, Debug)]
pub struct Address {
    base: Url,
    prefix: String,
    mode: Mode,
}

impl Address {
    /// An address, and the path prefix if it is not the mode's own.
    ///
    /// # Errors
    /// One sentence when the URL is not absolute HTTP, or carries credentials, a query or a fragment.
    pub fn new(base: &str, prefix: Option<&str>, mode: Mode) -> Result<Self, String> {
        if base.contains('@') {
            return Err("the platform URL must not carry credentials; put them into the credentials Secret".to_owned());
        }
        let url = Url::parse(base).map_err(|error| format!("the platform URL {base:?} is not a URL: {error}"))?;
        if !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
            return Err(format!("the platform URL {base:?} must begin with https:// or http://"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("the platform URL {base:?} must end before ? and #"));
        }
        let prefix = prefix.unwrap_or(mode.default_prefix()).trim_matches('/').to_owned();
        Ok(Self { base: url, prefix, mode })
    }

    /// The front door.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The base URL without a slash at its end.
    pub fn base(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    /// What ownership records call the platform: its base URL, with the prefix if that is not the front door's own, because
    /// behind one APIO core may be several gateways. Both doors of a platform have one name.
    pub fn name(&self) -> String {
        let own = self.mode.default_prefix().trim_matches('/');
        if self.prefix == own { self.base() } else { self.url("") }
    }

    /// URL of a path of the contract.
    pub fn url(&self, path: &str) -> String {
        format!("{}/{}{path}", self.base(), self.prefix)
    }

    /// URL of a path outside the prefix.
    pub fn outside(&self, path: &str) -> String {
        format!("{}{path}", self.base())
    }
}

/// How calls are made.
#[derive(Clone, Debug)]
pub struct Transport {
    /// What carries them.
    pub network: Arc<dyn Network>,
    /// Longest call in all.
    pub total: Duration,
    /// Shortest time between two logins.
    pub login_interval: Duration,
    /// The clock that dates in answers are held against.
    pub surroundings: Surroundings,
}

impl Transport {
    /// Calls over the network of this machine.
    pub fn http(http: Http, login_interval: Duration) -> Self {
        Self { total: http.total, network: Arc::new(http), login_interval, surroundings: Surroundings::default() }
    }
}

/// The certificate authorities of a PEM file.
///
/// # Errors
/// One sentence when it cannot be read or holds none.
pub fn authorities(file: &Path) -> Result<Vec<Certificate>, String> {
    let shown = file.display();
    let bytes = std::fs::read(file).map_err(|error| format!("cannot read the CA bundle {shown}: {error}"))?;
    match Certificate::from_pem_bundle(&bytes) {
        Ok(authorities) if !authorities.is_empty() => Ok(authorities),
        _ => Err(format!("the CA bundle {shown} holds no certificate; it must be PEM text with BEGIN CERTIFICATE")),
    }
}

/// A call to make.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Verb.
    pub method: Method,
    /// Path below the prefix, encoded.
    pub path: String,
    /// JSON body.
    pub body: Option<&'a Object>,
    /// What it lists, if it does: an answer that says yes is then counted and not kept.
    pub list: Option<List>,
}

impl Call<'_> {
    /// A call without a body.
    pub fn get(path: String) -> Self {
        Self { method: Method::GET, path, body: None, list: None }
    }

    /// A call that lists.
    pub fn list(path: String, list: List) -> Self {
        Self { list: Some(list), ..Self::get(path) }
    }

    /// Whether it changes something, so that a lost answer leaves the result unknown.
    pub fn is_write(&self) -> bool {
        self.method != Method::GET
    }
}

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The body as JSON; `Err` with the text when it is none, or null when it was counted.
    pub body: Result<Value, String>,
    /// What was counted.
    pub listing: Option<Listing>,
    /// How long the platform asks to wait.
    pub retry_after: Option<Duration>,
    /// Whether lists may be filtered for the account that asked.
    pub restricted: bool,
    /// Who was asked.
    pub mode: Mode,
}

impl Reply {
    /// Whether it says yes.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Longest answer that is kept: 100,000 domains of 80 characters, and more than any object that a status could show. With as
/// many calls at once as there may be by default it still fits into the memory that the chart gives.
const LONGEST: usize = 8 << 20;
/// Longest answer that is only counted: a million users, the most that a group may hold, at 500 bytes each.
const LONGEST_COUNTED: usize = 512 << 20;
/// How much is told of an answer that is not read.
const HEAD: usize = 1024;

/// Sends a request and reads the answer: as a list to count, if one is asked for and the answer says yes.
///
/// # Errors
/// [`Cause::Unreachable`] when nothing was sent; for what was lost later, [`Cause::Ambiguous`] for a write and
/// [`Cause::TimedOut`] or [`Cause::Unreachable`] otherwise; [`Cause::Unreadable`] for an answer that is too long.
pub async fn send(
    wire: &dyn Wire,
    request: Request,
    write: bool,
    list: Option<List>,
    surroundings: &Surroundings,
) -> Result<Reply, Failure> {
    let lost = |lost: Lost| {
        let cause = match (lost.unsent, write, lost.timed_out) {
            (true, ..) => Cause::Unreachable,
            (false, true, _) => Cause::Ambiguous,
            (false, false, true) => Cause::TimedOut,
            (false, false, false) => Cause::Unreachable,
        };
        Failure::new(cause, lost.words)
    };
    let Response { status, headers, body } = wire.send(request).await.map_err(lost)?;
    let wait = headers.get("retry-after").and_then(|value| value.to_str().ok());
    let retry_after = wait.and_then(|wait| errors::retry_after(wait, surroundings.now()));
    let mut reply =
        Reply { status, body: Ok(Value::Null), listing: None, retry_after, restricted: false, mode: Mode::Gateway };
    match list.filter(|_| reply.is_success()) {
        Some(list) => match counted(body, list).await.map_err(lost)? {
            Ok(listing) => reply.listing = Some(listing),
            Err(NotRead::NoJson(text)) => reply.body = Err(text),
            Err(NotRead::TooLong) => return Err(too_long(list.longest())),
        },
        None => match kept(body).await.map_err(lost)? {
            Ok(body) => reply.body = Ok(body),
            Err(NotRead::NoJson(text)) => reply.body = Err(text),
            Err(NotRead::TooLong) if reply.is_success() => return Err(too_long(LONGEST)),
            // The status says enough.
            Err(NotRead::TooLong) => reply.body = Err(format!("more than {} MiB", LONGEST >> 20)),
        },
    }
    Ok(reply)
}

fn too_long(longest: usize) -> Failure {
    let words = format!("the platform answered with more than {} MiB, which is the most that is read", longest >> 20);
    Failure::new(Cause::Unreadable, words)
}

/// Why a body is none.
enum NotRead {
    NoJson(String),
    TooLong,
}

impl List {
    /// Longest answer that is read of it.
    const fn longest(self) -> usize {
        match self {
            Self::Part(_) => LONGEST_COUNTED,
            Self::Groups => LONGEST,
        }
    }
}

/// The whole body as JSON.
async fn kept(mut body: Body) -> Result<Result<Value, NotRead>, Lost> {
    let mut bytes = Vec::new();
    while let Some(piece) = body.piece().await? {
        if bytes.len() + piece.len() > LONGEST {
            return Ok(Err(NotRead::TooLong));
        }
        bytes.extend_from_slice(&piece);
    }
    let body = serde_json::from_slice(&bytes).map(|Readable(body)| body);
    Ok(body.map_err(|_| NotRead::NoJson(String::from_utf8_lossy(&bytes).into_owned())))
}

/// The body as a list. It is read on a thread that may wait for its pieces, of which few are there at a time.
async fn counted(mut body: Body, list: List) -> Result<Result<Listing, NotRead>, Lost> {
    if let Body::Whole(bytes) = body {
        return Ok(counted_whole(&bytes, list));
    }
    let (pieces, received) = channel(2);
    let pieces_read = Pieces { received, now: None };
    let reading = tokio::task::spawn_blocking(move || Listing::read(BufReader::new(pieces_read), list));
    let (mut head, mut length) = (Vec::new(), 0_usize);
    while let Some(piece) = body.piece().await? {
        length += piece.len();
        if length > list.longest() {
            return Ok(Err(NotRead::TooLong));
        }
        head.extend(piece.iter().take(HEAD.saturating_sub(head.len())));
        if pieces.send(piece).await.is_err() {
            // What is no JSON is not read to its end.
            break;
        }
    }
    drop(pieces);
    let no_json = || NotRead::NoJson(String::from_utf8_lossy(&head).into_owned());
    Ok(reading.await.ok().and_then(Result::ok).ok_or_else(no_json))
}

/// The same where nothing is waited for, so without a thread.
fn counted_whole(bytes: &[u8], list: List) -> Result<Listing, NotRead> {
    if bytes.len() > list.longest() {
        return Err(NotRead::TooLong);
    }
    let head = &bytes[..bytes.len().min(HEAD)];
    Listing::read(bytes, list).map_err(|_| NotRead::NoJson(String::from_utf8_lossy(head).into_owned()))
}

/// The pieces of a body, as they arrive.
struct Pieces<B> {
    received: Receiver<B>,
    now: Option<Cursor<B>>,
}

impl<B: AsRef<[u8]>> Read for Pieces<B> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(now) = &mut self.now {
                let read = now.read(into)?;
                if read > 0 || into.is_empty() {
                    return Ok(read);
                }
            }
            match self.received.blocking_recv() {
                Some(piece) => self.now = Some(Cursor::new(piece)),
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_work_is_refused_in_one_sentence() {
        for (base, word) in [
            ("platform.example", "not a URL"),
            ("ftp://platform.example", "https://"),
            ("https://u:p@platform.example", "credentials"),
            ("ftp://u:p@platform.example", "credentials"),
            ("u:p@platform.example", "credentials"),
            ("https://platform.example?x=1", "must end before"),
        ] {
            let error = Address::new(base, None, Mode::Gateway).unwrap_err();
            assert!(error.contains(word), "{base}: {error}");
        }
    }

    #[test]
    fn slashes_at_the_joints_do_not_matter() {
        for (base, prefix) in [("https://p.example/", "/api/v1/"), ("https://p.example", "api/v1")] {
            let address = Address::new(base, Some(prefix), Mode::Gateway).unwrap();
            assert_eq!(address.url("/tenants/"), "https://p.example/api/v1/tenants/");
        }
        let named = |prefix| Address::new("https://p.example", prefix, Mode::Core).unwrap().name();
        assert_eq!(
            (named(None).as_str(), named(Some("/api/v01/p2")).as_str()),
            ("https://p.example", "https://p.example/api/v01/p2")
        );
        let behind_a_path = Address::new("https://p.example/apio/", None, Mode::Core).unwrap();
        assert_eq!(behind_a_path.url("/tenants/"), "https://p.example/apio/api/v01/p1/tenants/");
    }
}
