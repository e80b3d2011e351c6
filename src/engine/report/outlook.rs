//! What the end of a pass means for the conditions, in words.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::{
    GRACE, Memory,
    conditions::{Told, Wanted},
    is_compared,
};
use crate::{
    api,
    engine::{
        annotations,
        diff::{Difference, sentence},
        failure::{Cause, Failure},
        kind::Subject,
        plan::{Refusal, Sent, Verdict},
        reason::{Reason, State},
        schedule::{Again, LONGEST_ASKED, SAID, sends_again_after},
    },
};

/// That nobody has to do anything.
const BY_ITSELF: &str = "the operator looks again by itself";

/// What one end means for the conditions.
pub struct Outlook {
    /// `None` keeps the condition as it is.
    ready: Option<Told>,
    synced: Option<Told>,
    reconciling: bool,
    stalled: bool,
    blocked: Option<Reason>,
    pub again: Again,
}

impl Outlook {
    pub fn ready(reason: Reason, message: String) -> Self {
        Self {
            ready: Some(("True", reason, message)),
            synced: None,
            reconciling: false,
            stalled: false,
            blocked: None,
            again: Again::Drift,
        }
    }
    pub fn waiting(reason: Reason, message: String, again: Again) -> Self {
        Self {
            ready: Some(("False", reason, message)),
            synced: None,
            reconciling: true,
            stalled: false,
            blocked: None,
            again,
        }
    }
    pub fn stalled(reason: Reason, message: String) -> Self {
        Self { stalled: true, reconciling: false, ..Self::waiting(reason, message, Again::Stalled) }
    }
    /// Tells how to move, as long as it goes on.
    pub fn with(mut self, hint: Option<&str>, verdict: &Verdict) -> Self {
        if let (Some((_, _, message)), Some(hint)) = (&mut self.ready, hint.filter(|_| is_compared(verdict))) {
            *message = format!("{message}; {hint}");
        }
        self
    }

    /// The conditions that it wants.
    pub fn conditions(&self) -> Wanted {
        let present = |is: bool| {
            let (_, reason, message) = self.ready.as_ref().filter(|_| is)?;
            Some(("True", self.blocked.unwrap_or(*reason), message.clone()))
        };
        let mut wanted = vec![
            ("DeletionBlocked", self.blocked.and_then(|_| present(true))),
            ("Reconciling", present(self.reconciling)),
            ("Stalled", present(self.stalled)),
        ];
        for (kind, value) in [("Ready", &self.ready), ("Synced", &self.synced)] {
            if value.is_some() {
                wanted.push((kind, value.clone()));
            }
        }
        wanted
    }
}

/// What a verdict means.
pub fn outlook(subject: &Subject, verdict: &Verdict, memory: Memory, now: Timestamp) -> Outlook {
    match verdict {
        Verdict::Ignored | Verdict::Released | Verdict::Superseded => {
            Outlook::waiting(Reason::Deleting, String::new(), Again::Never)
        }
        Verdict::Synced => {
            let message = "the platform holds what the spec declares".to_owned();
            Outlook {
                synced: Some(("True", Reason::Synced, message.clone())),
                ..Outlook::ready(Reason::Synced, message)
            }
        }
        Verdict::Drifted(found) => {
            let policy =
                if subject.observes() { "spec.managementPolicy is Observe" } else { "spec.driftPolicy is Report" };
            let message = format!("the platform differs: {}; nothing is written while {policy}", sentence(found));
            Outlook {
                synced: Some(("False", Reason::Drifted, message)),
                ..Outlook::ready(Reason::Synced, "the object is on the platform".to_owned())
            }
        }
        Verdict::NotAccepted(found, sent) => unkept(subject, found, *sent, memory),
        Verdict::Paused => {
            let message = annotations::paused(&subject.unreadable);
            Outlook {
                ready: Some(("Unknown", Reason::Paused, message)),
                reconciling: false,
                ..Outlook::waiting(Reason::Paused, String::new(), Again::Never)
            }
        }
        Verdict::Refused(refusal) => refused(subject, refusal, memory, now),
        Verdict::Blocked(blocked) => {
            deleting(blocked.reason, blocked.message.clone(), Again::Blocked(memory.attempts.count))
        }
        Verdict::Awaiting(what) => {
            let message = format!("{}; {BY_ITSELF}", what.message);
            Outlook::waiting(what.reason, message, Again::Transient(memory.attempts.count, None))
        }
        Verdict::Failed(failure) => {
            let reason = failure.cause.reason();
            let stalled = reason.state() == State::Stalled;
            let again = if stalled && !subject.deleting {
                Again::Stalled
            } else {
                let again = if failure.in_outage { Again::Outage } else { Again::Transient };
                again(memory.attempts.count, failure.retry_after)
            };
            let message = told_before(subject, failure).unwrap_or_else(|| sentence_of(failure));
            if subject.deleting {
                return deleting(reason, message, again);
            }
            if stalled {
                return Outlook::stalled(reason, message);
            }
            let ready = subject.condition("Ready").filter(|_| subject.is_told()).map(|ready| ready.status.as_str());
            match ready {
                Some("True") if !lasts(memory.failing_since, GRACE, now) => {
                    Outlook { ready: None, ..Outlook::waiting(reason, message, again) }
                }
                Some("True" | "Unknown") => {
                    let ready = Some(("Unknown", reason, message.clone()));
                    Outlook { ready, ..Outlook::waiting(reason, message, again) }
                }
                _ => Outlook::waiting(reason, message, again),
            }
        }
    }
}

/// It is said once it is no race any more, and from then on until it is kept or something else is declared.
fn unkept(subject: &Subject, found: &[Difference], sent: Sent, memory: Memory) -> Outlook {
    let times = memory.unkept.map_or(SAID, |unkept| unkept.sent);
    let said = subject.condition("Synced").is_some_and(|synced| synced.reason == Reason::NotAccepted.name());
    let differs = sentence(found);
    if times < SAID && !(said && sent != Sent::First) {
        let message = format!("the platform took the update but does not hold it yet: {differs}; {BY_ITSELF}");
        let again = Again::Transient(1, Some(sends_again_after(times)));
        let synced = Some(("False", Reason::Updating, message.clone()));
        return Outlook { synced, ..Outlook::waiting(Reason::Updating, message, again) };
    }
    let message = format!(
        "the platform took the update but did not keep it: {differs}; change the spec to a value that it keeps, or ask for it to be sent again with the annotation {}",
        api::REQUESTED_AT
    );
    let synced = Some(("False", Reason::NotAccepted, message.clone()));
    Outlook { synced, ..Outlook::stalled(Reason::NotAccepted, message) }
}

/// Nothing was sent, so what the platform said last still holds, in its own words.
fn told_before(subject: &Subject, failure: &Failure) -> Option<String> {
    let told = subject.condition(if subject.deleting { "DeletionBlocked" } else { "Ready" })?;
    (failure.cause == Cause::HeldBack && told.reason == failure.cause.reason().name()).then(|| told.message.clone())
}

fn lasts(since: Option<Timestamp>, long: Duration, now: Timestamp) -> bool {
    since.is_some_and(|since| now.duration_since(since).unsigned_abs() >= long)
}

fn refused(subject: &Subject, refusal: &Refusal, memory: Memory, now: Timestamp) -> Outlook {
    let (reason, message) = (refusal.reason, refusal.message.clone());
    if subject.deleting {
        return Outlook { stalled: true, reconciling: false, ..deleting(reason, message, Again::Stalled) };
    }
    let given_up = subject.condition("Stalled").is_some_and(|stalled| stalled.reason == reason.name());
    match reason.state() {
        State::Waiting => Outlook::waiting(reason, message, Again::Waiting),
        State::MayCome if !given_up && !lasts(memory.missing_since, GRACE, now) => {
            Outlook::waiting(reason, message, Again::Waiting)
        }
        _ => Outlook::stalled(reason, message),
    }
}

fn deleting(reason: Reason, message: String, again: Again) -> Outlook {
    Outlook { blocked: Some(reason), ..Outlook::waiting(Reason::Deleting, message, again) }
}

/// What did not work, and what to do about it.
fn sentence_of(failure: &Failure) -> String {
    match failure.cause.reason() {
        // Nothing was asked of the platform: the sentence is whole.
        Reason::CredentialsUnavailable => failure.message.clone(),
        Reason::Denied => format!("the platform denies it: {failure}; use an account that may do this"),
        Reason::Invalid => format!("the platform refuses it: {failure}; change the spec"),
        Reason::NotVisible => format!("{failure}; use an account that may see it"),
        Reason::InternalError => format!("{failure}; please report this with the log of the operator"),
        // Said only when it is long, and not how long exactly: that would be another text at each look.
        _ if failure.retry_after.is_some_and(|asked| asked > Duration::from_secs(60)) => {
            let most = LONGEST_ASKED.as_secs() / 60;
            format!("{failure}; the platform asks for a pause, so {BY_ITSELF} within {most} minutes")
        }
        _ => format!("{failure}; {BY_ITSELF}"),
    }
}

/// What cannot be read of our annotations, unless a deletion that is blocked by it says so.
pub fn unreadable(subject: &Subject, outlook: &Outlook) -> Option<Told> {
    let reason = Reason::AnnotationUnreadable;
    let is_said = subject.unreadable.is_empty() || outlook.blocked == Some(reason);
    (!is_said).then(|| ("True", reason, annotations::sentence(&subject.unreadable)))
}
