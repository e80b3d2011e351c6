//! The transport of a call to the platform: the network, or what stands for it in a simulation.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use reqwest::{
    Certificate, Method, Url,
    cookie::Jar,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
    redirect,
};

use crate::engine::failure::{Cause, Failure, chain};

/// Opens ways to the platform.
pub trait Network: fmt::Debug + Send + Sync {
    /// A way that sends these cookies and keeps those that it is given there.
    ///
    /// # Errors
    /// When it cannot be set up.
    fn open(&self, cookies: Arc<Jar>) -> Result<Arc<dyn Wire>, Failure>;
}

/// One way to the platform.
pub trait Wire: Send + Sync {
    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// When no answer came.
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Lost>>;
}

/// A request, but for its cookies.
#[derive(Clone)]
pub struct Request {
    /// Verb.
    pub method: Method,
    /// The whole of it.
    pub url: Url,
    /// Headers; the one with a token is marked sensitive.
    pub headers: HeaderMap,
    /// JSON, if there is any.
    pub body: Option<Vec<u8>>,
}

impl Request {
    /// A request without headers and body.
    ///
    /// # Errors
    /// When the URL is none.
    pub fn new(method: Method, url: &str) -> Result<Self, Failure> {
        let url = Url::parse(url).map_err(|error| unwritten(&error))?;
        Ok(Self { method, url, headers: HeaderMap::new(), body: None })
    }

    /// The same with a body of JSON, or with the word that it would be one.
    ///
    /// # Errors
    /// When the body cannot be written.
    pub fn with_json(mut self, body: Option<&impl serde::Serialize>) -> Result<Self, Failure> {
        self.body = body.map(serde_json::to_vec).transpose().map_err(|error| unwritten(&error))?;
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(self)
    }

    /// The same with a token.
    ///
    /// # Errors
    /// When it fits into no header.
    pub fn with_bearer(mut self, token: &str) -> Result<Self, Failure> {
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|error| unwritten(&error))?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }
}

/// Without its body, which may hold a password.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, url, headers, .. } = self;
        f.debug_struct("Request")
            .field("method", method)
            .field("url", url)
            .field("headers", headers)
            .finish_non_exhaustive()
    }
}

fn unwritten(error: &dyn fmt::Display) -> Failure {
    Failure::new(Cause::Bug, format!("cannot write a request: {error}"))
}

/// The head of an answer, and its body as it arrives. It holds a session, so it is never shown.
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

/// The body of an answer.
#[derive(Debug)]
pub enum Body {
    /// Piece by piece.
    Arriving(Box<reqwest::Response>),
    /// All of it is there; what was taken is gone.
    Whole(Bytes),
}

impl Body {
    /// The next piece.
    ///
    /// # Errors
    /// When the rest does not come.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, Lost> {
        match self {
            Self::Arriving(response) => response.chunk().await.map_err(Lost::from),
            Self::Whole(rest) => Ok(Some(std::mem::take(rest)).filter(|rest| !rest.is_empty())),
        }
    }
}

/// An answer that did not come, or not all of it.
#[derive(Clone, Debug)]
pub struct Lost {
    /// Nothing was sent.
    pub unsent: bool,
    /// It took too long.
    pub timed_out: bool,
    /// Where, and what happened, without the path: that is told where it matters.
    pub words: String,
}

impl From<reqwest::Error> for Lost {
    fn from(error: reqwest::Error) -> Self {
        let place = error.url().map_or_else(String::new, |url| format!(" at {}", url.origin().ascii_serialization()));
        let error = error.without_url();
        Self {
            unsent: error.is_connect() || error.is_builder(),
            timed_out: error.is_timeout(),
            words: format!("the platform{place} cannot be reached: {}", chain(&error)),
        }
    }
}

/// The network of this machine.
#[derive(Clone, Debug)]
pub struct Http {
    /// Longest time to connect.
    pub connect: Duration,
    /// Longest silence between two pieces of an answer.
    pub read: Duration,
    /// Longest call in all.
    pub total: Duration,
    /// Certificate authorities that are trusted besides the system's.
    pub authorities: Vec<Certificate>,
}

impl Network for Http {
    /// Redirects are off: one can turn a POST into a GET.
    fn open(&self, cookies: Arc<Jar>) -> Result<Arc<dyn Wire>, Failure> {
        let client = reqwest::Client::builder()
            .connect_timeout(self.connect)
            .read_timeout(self.read)
            .timeout(self.total)
            .tls_certs_merge(self.authorities.clone())
            .redirect(redirect::Policy::none())
            .cookie_provider(cookies)
            .user_agent(concat!("apio-operator/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::new(Cause::Bug, format!("cannot set up the HTTP client: {error}")))?;
        Ok(Arc::new(client))
    }
}

impl Wire for reqwest::Client {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Lost>> {
        let Request { method, url, headers, body } = request;
        let mut request = self.request(method, url).headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        Box::pin(async move {
            let response = request.send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok(Response { status, headers, body: Body::Arriving(Box::new(response)) })
        })
    }
}
