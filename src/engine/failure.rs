//! Errors as data. Each cause is classified here, once: conditions, events and the metric label derive from it.

use std::{fmt, time::Duration};

use super::reason::Reason;

/// Something that did not work, and the platform's own words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub cause: Cause,
    /// One sentence for the user, with the platform's own words; never a secret.
    pub message: String,
    /// How long the platform asked to wait.
    pub retry_after: Option<Duration>,
    /// Whose words these are.
    pub speaker: Speaker,
    /// Whether nobody is answered at the moment, or nobody for the same tenant: it says nothing of what was asked. Known to
    /// whoever keeps the pace of the calls.
    pub in_outage: bool,
}

/// Who says that something did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The operator: nothing was said, or it was not to be understood.
    Operator,
    /// The platform, in its own form: an error of the server is then about one object.
    Platform,
    /// Something in between: the platform was not reached.
    Between,
}

impl Failure {
    /// A failure without a wait asked for.
    pub fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into(), retry_after: None, speaker: Speaker::Operator, in_outage: false }
    }

    /// That a decision is made anew, because it is older than what is there.
    pub fn superseded() -> Self {
        Self::new(Cause::Superseded, "what the decision was made on changed before its write, so it is made anew")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// An error of a library and its sources, each once.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        source = inner.source();
    }
    words
}

catalogue! {
    /// What can go wrong, by the platform's numeric code first, then the HTTP status (platform contract, 2): its reason, and
    /// its label in metrics.
    pub enum Cause: (Reason, &'static str) {
        /// Code 11, or 409: the object to create is there
        AlreadyExists => (Reason::NotVisible, "already_exists"),
        /// Code 29: the object to delete is not empty
        NotEmpty => (Reason::PlatformRefused, "not_empty"),
        /// Other 400, 406, 416, 422 in the platform's own form, and code 11 or 409 where nothing is created: the request itself is
        /// refused
        Rejected => (Reason::Invalid, "rejected"),
        /// 401 although the session is new: the account may not do this
        Unauthorized => (Reason::Denied, "unauthorized"),
        /// The platform refused the login
        LoginRefused => (Reason::CredentialsUnavailable, "login_refused"),
        /// No usable credentials Secret
        NoCredentials => (Reason::CredentialsUnavailable, "no_credentials"),
        /// 403 in the platform's own form
        Forbidden => (Reason::Denied, "forbidden"),
        /// 404 on something that must exist, or one that the platform did not write: perhaps a wrong path prefix
        NotFound => (Reason::PlatformUnreachable, "not_found"),
        /// 410, or a redirect: the endpoint is not where the contract has it
        WrongEndpoint => (Reason::PlatformUnreachable, "wrong_endpoint"),
        /// 429
        RateLimited => (Reason::PlatformUnreachable, "rate_limited"),
        /// 500, 502, 503, 504, or 408, 421, 423, 425, 426, 451, 499, on a call that can be repeated; 503 of the platform's own on any
        ServerError => (Reason::PlatformUnreachable, "server_error"),
        /// No connection
        Unreachable => (Reason::PlatformUnreachable, "unreachable"),
        /// No answer in time on a call that can be repeated
        TimedOut => (Reason::PlatformUnreachable, "timed_out"),
        /// The answer is no JSON, has another shape than the contract says or is too long; or it is a refusal that the platform did
        /// not write
        Unreadable => (Reason::PlatformUnreachable, "unreadable"),
        /// A write whose result is not known: timeout, connection lost, 5xx, or a refusal that the platform did not write
        Ambiguous => (Reason::PlatformUnreachable, "ambiguous"),
        /// 207: done in part
        Partial => (Reason::PlatformUnreachable, "partial"),
        /// Nothing was done: the platform does not answer, asked to be left alone for a while, or ended the session right before a
        /// write, and what decided that is looked at again first
        HeldBack => (Reason::PlatformUnreachable, "held_back"),
        /// What the decision was made on changed before its write: nothing was done, and it is made anew
        Superseded => (Reason::ClusterUnreachable, "superseded"),
        /// A Kubernetes API call failed
        Cluster => (Reason::ClusterUnreachable, "cluster"),
        /// This operator may not write: it is not the leader, or no longer
        NotLeader => (Reason::NotLeader, "not_leader"),
        /// The operator contradicts itself
        Bug => (Reason::InternalError, "bug"),
    }
}

impl Cause {
    /// Reason in conditions and events.
    pub const fn reason(self) -> Reason {
        self.row().0
    }

    /// Label in metrics.
    pub const fn label(self) -> &'static str {
        self.row().1
    }

    /// Whether the platform certainly did nothing, so that a create may be undone in the record.
    pub const fn is_definite_refusal(self) -> bool {
        !matches!(self, Self::Ambiguous | Self::Partial | Self::TimedOut | Self::Unreadable | Self::Cluster)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::engine::reason::State;

    /// Reason, what it makes of a resource, and whether a create that met it certainly created nothing.
    fn expected(cause: Cause) -> (&'static str, State, bool) {
        match cause {
            Cause::AlreadyExists => ("NotVisible", State::Stalled, true),
            Cause::NotEmpty => ("PlatformRefused", State::Blocked, true),
            Cause::Rejected => ("Invalid", State::Stalled, true),
            Cause::Unauthorized | Cause::Forbidden => ("Denied", State::Stalled, true),
            Cause::LoginRefused | Cause::NoCredentials => ("CredentialsUnavailable", State::Stalled, true),
            Cause::NotFound
            | Cause::WrongEndpoint
            | Cause::RateLimited
            | Cause::ServerError
            | Cause::Unreachable
            | Cause::HeldBack => ("PlatformUnreachable", State::Waiting, true),
            Cause::TimedOut | Cause::Unreadable | Cause::Ambiguous | Cause::Partial => {
                ("PlatformUnreachable", State::Waiting, false)
            }
            Cause::Superseded => ("ClusterUnreachable", State::Waiting, true),
            Cause::Cluster => ("ClusterUnreachable", State::Waiting, false),
            Cause::NotLeader => ("NotLeader", State::Waiting, true),
            Cause::Bug => ("InternalError", State::Stalled, true),
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Because(&'static str, #[source] Option<Box<Because>>);

    #[test]
    fn an_error_and_its_sources_are_told_each_once() {
        let error = |words, source| Because(words, Some(Box::new(source)));
        let refused = || Because("connection refused", None);
        for (error, told) in [
            (refused(), "connection refused"),
            (error("no answer", refused()), "no answer: connection refused"),
            (
                error("no answer", error("connection refused by 10.0.0.1", refused())),
                "no answer: connection refused by 10.0.0.1",
            ),
        ] {
            assert_eq!(chain(&error), told);
        }
    }

    #[test]
    fn each_cause_has_its_row() {
        for cause in Cause::ALL {
            let reason = cause.reason();
            assert_eq!((reason.name(), reason.state(), cause.is_definite_refusal()), expected(*cause), "{cause:?}");
        }
    }

    #[test]
    fn each_cause_has_a_metric_label_of_its_own() {
        let labels: BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.label()).collect();
        assert_eq!(labels.len(), Cause::ALL.len());
        assert!(labels.iter().all(|label| label.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
    }
}
