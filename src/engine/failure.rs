//! Errors as data. Each cause is classified here, once: class, condition reason, event and metric label derive from it.

use std::{fmt, time::Duration};

/// Something that did not work, and the platform's own words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub cause: Cause,
    /// One sentence for the user, with the platform's own words; never a secret.
    pub message: String,
    /// How long the platform asked to wait.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without a wait asked for.
    pub fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into(), retry_after: None }
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

/// What can go wrong, by the platform's numeric code first, then the HTTP status (platform contract, 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Code 11, or 409: the object to create is there.
    AlreadyExists,
    /// Code 29: the object to delete is not empty.
    NotEmpty,
    /// Other 400, 406, 416, 422: the request itself is refused.
    Rejected,
    /// 401 although the session is new: the account may not do this.
    Unauthorized,
    /// The platform refused the login.
    LoginRefused,
    /// No usable credentials Secret.
    NoCredentials,
    /// 403.
    Forbidden,
    /// 404 on something that must exist, or one that the platform did not write: perhaps a wrong path prefix.
    NotFound,
    /// 410, or a redirect: the endpoint is not where the contract has it.
    WrongEndpoint,
    /// 429.
    RateLimited,
    /// 500, 502, 503, 504 on a call that can be repeated.
    ServerError,
    /// No connection.
    Unreachable,
    /// No answer in time on a call that can be repeated.
    TimedOut,
    /// The answer is no JSON, or has another shape than the contract says.
    Unreadable,
    /// A write whose result is not known: timeout, connection lost, 5xx.
    Ambiguous,
    /// 207: done in part.
    Partial,
    /// Nothing was sent: the platform does not answer, or asked to be left alone for a while.
    HeldBack,
    /// A Kubernetes API call failed.
    Cluster,
    /// This operator may not write: it is not the leader, or no longer.
    NotLeader,
    /// The operator contradicts itself.
    Bug,
}

/// How a cause is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Only a change of the spec helps.
    Invalid,
    /// The object is somebody else's.
    NotOwned,
    /// A deletion has to wait.
    Blocked,
    /// The account may not, or its credentials are bad.
    Denied,
    /// Time helps.
    Transient,
    /// The result of a write is unknown: look before anything else.
    Ambiguous,
    /// Ours.
    Bug,
}

impl Cause {
    /// Class, reason of the Ready condition, metric label, and what happened, for the documentation.
    const fn row(self) -> (Class, &'static str, &'static str, &'static str) {
        match self {
            Self::AlreadyExists => {
                (Class::NotOwned, "NotVisible", "already_exists", "Code 11, or 409: the object to create is there")
            }
            Self::NotEmpty => {
                (Class::Blocked, "PlatformRefused", "not_empty", "Code 29: the object to delete is not empty")
            }
            Self::Rejected => {
                (Class::Invalid, "Invalid", "rejected", "Other 400, 406, 416, 422: the request itself is refused")
            }
            Self::Unauthorized => (
                Class::Denied,
                "Denied",
                "unauthorized",
                "401 although the session is new: the account may not do this",
            ),
            Self::LoginRefused => {
                (Class::Denied, "CredentialsUnavailable", "login_refused", "The platform refused the login")
            }
            Self::NoCredentials => {
                (Class::Denied, "CredentialsUnavailable", "no_credentials", "No usable credentials Secret")
            }
            Self::Forbidden => (Class::Denied, "Denied", "forbidden", "403"),
            Self::NotFound => (
                Class::Transient,
                "PlatformUnreachable",
                "not_found",
                "404 on something that must exist, or one that the platform did not write: perhaps a wrong path prefix",
            ),
            Self::WrongEndpoint => (
                Class::Transient,
                "PlatformUnreachable",
                "wrong_endpoint",
                "410, or a redirect: the endpoint is not where the contract has it",
            ),
            Self::RateLimited => (Class::Transient, "PlatformUnreachable", "rate_limited", "429"),
            Self::ServerError => (
                Class::Transient,
                "PlatformUnreachable",
                "server_error",
                "500, 502, 503, 504 on a call that can be repeated",
            ),
            Self::Unreachable => (Class::Transient, "PlatformUnreachable", "unreachable", "No connection"),
            Self::TimedOut => (
                Class::Transient,
                "PlatformUnreachable",
                "timed_out",
                "No answer in time on a call that can be repeated",
            ),
            Self::Unreadable => (
                Class::Transient,
                "PlatformUnreachable",
                "unreadable",
                "The answer is no JSON, or has another shape than the contract says",
            ),
            Self::Ambiguous => (
                Class::Ambiguous,
                "PlatformUnreachable",
                "ambiguous",
                "A write whose result is not known: timeout, connection lost, 5xx",
            ),
            Self::Partial => (Class::Ambiguous, "PlatformUnreachable", "partial", "207: done in part"),
            Self::HeldBack => (
                Class::Transient,
                "PlatformUnreachable",
                "held_back",
                "Nothing was sent: the platform does not answer, or asked to be left alone for a while",
            ),
            Self::Cluster => (Class::Transient, "ClusterUnreachable", "cluster", "A Kubernetes API call failed"),
            Self::NotLeader => (
                Class::Transient,
                "NotLeader",
                "not_leader",
                "This operator may not write: it is not the leader, or no longer",
            ),
            Self::Bug => (Class::Bug, "InternalError", "bug", "The operator contradicts itself"),
        }
    }

    /// What happened, in words.
    pub const fn words(self) -> &'static str {
        self.row().3
    }
    /// Every cause: each one names the next, and the compiler finds the one that is missing.
    pub fn every() -> impl Iterator<Item = Self> {
        std::iter::successors(Some(Self::AlreadyExists), |cause| match cause {
            Self::AlreadyExists => Some(Self::NotEmpty),
            Self::NotEmpty => Some(Self::Rejected),
            Self::Rejected => Some(Self::Unauthorized),
            Self::Unauthorized => Some(Self::LoginRefused),
            Self::LoginRefused => Some(Self::NoCredentials),
            Self::NoCredentials => Some(Self::Forbidden),
            Self::Forbidden => Some(Self::NotFound),
            Self::NotFound => Some(Self::WrongEndpoint),
            Self::WrongEndpoint => Some(Self::RateLimited),
            Self::RateLimited => Some(Self::ServerError),
            Self::ServerError => Some(Self::Unreachable),
            Self::Unreachable => Some(Self::TimedOut),
            Self::TimedOut => Some(Self::Unreadable),
            Self::Unreadable => Some(Self::Ambiguous),
            Self::Ambiguous => Some(Self::Partial),
            Self::Partial => Some(Self::HeldBack),
            Self::HeldBack => Some(Self::Cluster),
            Self::Cluster => Some(Self::NotLeader),
            Self::NotLeader => Some(Self::Bug),
            Self::Bug => None,
        })
    }

    /// How it is treated.
    pub const fn class(self) -> Class {
        self.row().0
    }
    /// Reason in conditions and events.
    pub const fn reason(self) -> &'static str {
        self.row().1
    }
    /// Label in metrics.
    pub const fn label(self) -> &'static str {
        self.row().2
    }
    /// Whether the platform certainly did nothing, so that a create may be undone in the record.
    pub const fn is_definite_refusal(self) -> bool {
        !matches!(self.class(), Class::Ambiguous) && !matches!(self, Self::TimedOut | Self::Unreadable | Self::Cluster)
    }
}

impl Class {
    /// Whether only a person can help, so that retrying fast is pointless.
    pub const fn needs_a_person(self) -> bool {
        matches!(self, Self::Invalid | Self::NotOwned | Self::Denied | Self::Bug)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Class, reason, and whether a create that met it certainly created nothing.
    fn expected(cause: Cause) -> (Class, &'static str, bool) {
        match cause {
            Cause::AlreadyExists => (Class::NotOwned, "NotVisible", true),
            Cause::NotEmpty => (Class::Blocked, "PlatformRefused", true),
            Cause::Rejected => (Class::Invalid, "Invalid", true),
            Cause::Unauthorized | Cause::Forbidden => (Class::Denied, "Denied", true),
            Cause::LoginRefused | Cause::NoCredentials => (Class::Denied, "CredentialsUnavailable", true),
            Cause::NotFound
            | Cause::WrongEndpoint
            | Cause::RateLimited
            | Cause::ServerError
            | Cause::Unreachable
            | Cause::HeldBack => (Class::Transient, "PlatformUnreachable", true),
            Cause::TimedOut | Cause::Unreadable => (Class::Transient, "PlatformUnreachable", false),
            Cause::Ambiguous | Cause::Partial => (Class::Ambiguous, "PlatformUnreachable", false),
            Cause::Cluster => (Class::Transient, "ClusterUnreachable", false),
            Cause::NotLeader => (Class::Transient, "NotLeader", true),
            Cause::Bug => (Class::Bug, "InternalError", true),
        }
    }

    #[test]
    fn each_cause_has_its_row() {
        for cause in Cause::every() {
            let row = (cause.class(), cause.reason(), cause.is_definite_refusal());
            assert_eq!(row, expected(cause), "{cause:?}");
        }
    }

    #[test]
    fn each_cause_has_a_metric_label_of_its_own() {
        let labels: BTreeSet<_> = Cause::every().map(Cause::label).collect();
        assert_eq!(labels.len(), Cause::every().count());
        assert!(labels.iter().all(|label| label.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
    }
}
