//! Faults to order: what a platform does on a bad day.

use std::time::Duration;

use super::journal::Call;
use super::reply::{Payload, Reply};

/// A fault, the calls it hits and how often. By default it hits the next call of any kind but logins.
///
/// ```
/// # use testkit::simulator::Fault;
/// let overloaded = Fault::status(503).on("PUT", "/tenants/Acme/groups/HQ/").times(2).retry_after(1);
/// let every_read = Fault::html(502).on("GET", "/tenants/*").forever();
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    pub(super) effect: Effect,
    target: Option<Target>,
    left: Option<u32>,
}

#[derive(Clone, Debug)]
struct Target {
    method: String,
    path: String,
}

#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// Answered without the call being carried out.
    Answer(Reply),
    DropBefore,
    DropAfter,
    Stuck,
    StuckAfter,
    Delay(Duration),
    Truncated,
    Partial,
    RefuseValue(String),
    /// Answered with the request, as a page or as JSON, without the call being carried out.
    EchoPage(u16),
    EchoJson(u16),
}

impl Effect {
    /// Whether the platform does what it is asked, sooner or later.
    pub(super) fn performs(&self) -> bool {
        !matches!(
            self,
            Effect::Answer(_) | Effect::DropBefore | Effect::Stuck | Effect::EchoPage(_) | Effect::EchoJson(_)
        )
    }
}

impl Fault {
    fn new(effect: Effect) -> Fault {
        Fault { effect, target: None, left: Some(1) }
    }

    /// The call is not carried out; answered with this status and an error in the platform's shape.
    pub fn status(status: u16) -> Fault {
        Fault::error(status, i64::from(status), "INJECTED", "injected fault")
    }

    /// The call is not carried out; answered with this error in the platform's shape.
    pub fn error(status: u16, code: i64, message: &str, reason: &str) -> Fault {
        Fault::new(Effect::Answer(Reply::error(status, code, message, reason)))
    }

    /// The call is not carried out; the other documented error body: only a `details` text.
    pub fn details_only(status: u16, text: &str) -> Fault {
        Fault::new(Effect::Answer(Reply::json(status, serde_json::json!({"details": text}))))
    }

    /// The call is not carried out; an error as APIO core tells its own, and many a proxy: `{"error": text}`.
    pub fn core_error(status: u16, text: &str) -> Fault {
        Fault::new(Effect::Answer(Reply::core_error(status, text)))
    }

    /// The call is not carried out; answered with the HTML page of some proxy.
    pub fn html(status: u16) -> Fault {
        Fault::new(Effect::Answer(Reply::html(status)))
    }

    /// The call is not carried out; answered without a body.
    pub fn empty(status: u16) -> Fault {
        Fault::new(Effect::Answer(Reply::empty(status)))
    }

    /// The call is not carried out; answered 200 with this.
    pub fn answer(body: serde_json::Value) -> Fault {
        Fault::new(Effect::Answer(Reply::ok(body)))
    }

    /// The call is not carried out; answered 200 with an array where an object is due.
    pub fn wrong_shape() -> Fault {
        Fault::answer(serde_json::json!([]))
    }

    /// The connection is dropped and the call is not carried out.
    pub fn drop_before() -> Fault {
        Fault::new(Effect::DropBefore)
    }

    /// The call is carried out, then the connection is dropped without an answer.
    pub fn drop_after() -> Fault {
        Fault::new(Effect::DropAfter)
    }

    /// The call is not carried out and the connection stays open without an answer.
    pub fn stuck() -> Fault {
        Fault::new(Effect::Stuck)
    }

    /// The call is carried out and the connection stays open without an answer; the journal shows the one that was due.
    pub fn stuck_after() -> Fault {
        Fault::new(Effect::StuckAfter)
    }

    /// The call is carried out after this time (not at all if the client gave up by then).
    pub fn delay(time: Duration) -> Fault {
        Fault::new(Effect::Delay(time))
    }

    /// The call is carried out; the JSON of the answer is cut in the middle.
    pub fn truncated() -> Fault {
        Fault::new(Effect::Truncated)
    }

    /// The call is carried out and answered 207, "partially succeeded".
    pub fn partial() -> Fault {
        Fault::new(Effect::Partial)
    }

    /// The call is carried out as if it did not carry this key (`groupName`, `contactInformation.name`): accepted, not kept.
    pub fn refuse_value(key: &str) -> Fault {
        Fault::new(Effect::RefuseValue(key.to_owned()))
    }

    /// The call is not carried out; answered with a page that repeats the request, secrets and all, as some proxies do.
    pub fn echo_page(status: u16) -> Fault {
        Fault::new(Effect::EchoPage(status))
    }

    /// The call is not carried out; answered with a JSON object that repeats the request.
    pub fn echo_json(status: u16) -> Fault {
        Fault::new(Effect::EchoJson(status))
    }

    /// Which calls: a method and a path as in [`Call::path`], exact, or a prefix if it ends in `*`; `*` alone is any.
    /// Logins are hit only by name: `/login/`, `/auth/login/`, `/auth/*`.
    pub fn on(mut self, method: &str, path: &str) -> Fault {
        let slash = if path.ends_with('/') || path.ends_with('*') { "" } else { "/" };
        self.target = Some(Target { method: method.to_owned(), path: format!("{path}{slash}") });
        self
    }

    /// How many calls it hits; 1 unless told.
    pub fn times(mut self, times: u32) -> Fault {
        self.left = Some(times);
        self
    }

    /// It hits until [`clear_faults`](super::Simulator::clear_faults).
    pub fn forever(mut self) -> Fault {
        self.left = None;
        self
    }

    /// Adds a `Retry-After` header, in seconds, to the answer of a fault that has one.
    pub fn retry_after(mut self, seconds: u64) -> Fault {
        if let Effect::Answer(reply) = self.effect {
            self.effect = Effect::Answer(reply.with_header("retry-after", seconds.to_string()));
        }
        self
    }

    fn hits(&self, call: &Call) -> bool {
        let Some(target) = &self.target else { return !call.is_login() };
        let path = match target.path.strip_suffix('*') {
            Some("" | "/") => !call.is_login(),
            Some(prefix) => call.path.starts_with(prefix),
            None => call.path == target.path,
        };
        path && (target.method == "*" || target.method == call.method)
    }
}

/// The faults in force; the first that fits a call is the one it gets.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn take(&mut self, call: &Call) -> Option<Effect> {
        let at = self.0.iter().position(|fault| fault.left != Some(0) && fault.hits(call))?;
        let fault = &mut self.0[at];
        if let Some(left) = &mut fault.left {
            *left -= 1;
        }
        Some(fault.effect.clone())
    }
}

/// The first half of an answer's JSON.
pub(super) fn cut(mut reply: Reply) -> Reply {
    if let Payload::Json(value) = &reply.payload {
        let text = value.to_string();
        let half = text.chars().take(text.chars().count() / 2).collect();
        reply.payload = Payload::Text("application/json", half);
    }
    reply
}
