//! What a user reads: the one place that builds conditions.

mod conditions;

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::{
    annotations,
    declared::Declaration,
    diff::{Difference, sentence, shown},
    events::{self, Note},
    facts::{Answer, Facts, Query},
    failure::{Cause, Failure},
    ids::{Key, Object},
    kind::Subject,
    on_the_way, ownership,
    plan::{Refusal, Sent, Step, Verdict},
    reason::{Reason, State},
    schedule::{Again, LONGEST_ASKED, SAID, sends_again_after},
    size,
};
use crate::api::{self, AutoCreating, Observed, Ownership, Status};
use conditions::{Told, Wanted};

/// How long a failure may last before an object that was Ready is no longer said to be.
pub const GRACE: Duration = Duration::from_secs(120);
/// That nobody has to do anything.
const BY_ITSELF: &str = "the operator looks again by itself";

/// What the operator remembers of a resource between passes; lost at a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Since when every pass failed.
    pub failing_since: Option<Timestamp>,
    /// Since when something that may still come was not found.
    pub missing_since: Option<Timestamp>,
    /// Since when every pass waited for something that was begun.
    pub awaiting_since: Option<Timestamp>,
    /// How many in a row did not end well.
    pub attempts: u32,
    /// What the platform did not keep.
    pub unkept: Option<Unkept>,
}

/// Values that the platform took and did not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unkept {
    /// In how many passes they were sent.
    pub sent: u32,
    /// When the last of these was.
    pub last: Timestamp,
}

impl Memory {
    /// The memory after a pass with this end.
    pub fn after(self, verdict: &Verdict, now: Timestamp) -> Self {
        match verdict {
            Verdict::Failed(failure) => {
                // What is held back until a known moment was not tried.
                let tried = failure.cause != Cause::HeldBack || failure.retry_after.is_none();
                let attempts = self.attempts.saturating_add(u32::from(tried));
                let failing_since = Some(self.failing_since.unwrap_or(now));
                Self { failing_since, awaiting_since: None, attempts, ..self }
            }
            Verdict::Superseded => Self { attempts: self.attempts.saturating_add(1), ..self },
            Verdict::Blocked(_) => Self { attempts: self.attempts.saturating_add(1), ..Self::default() },
            Verdict::Awaiting(_) => Self {
                awaiting_since: Some(self.awaiting_since.unwrap_or(now)),
                attempts: self.attempts.saturating_add(1),
                ..Self::default()
            },
            Verdict::NotAccepted(_, sent) => {
                let unkept = match (sent, self.unkept) {
                    (Sent::First, _) => Unkept { sent: 1, last: now },
                    (Sent::Again, before) => {
                        Unkept { sent: before.map_or(1, |it| it.sent.saturating_add(1)), last: now }
                    }
                    (Sent::Before, Some(before)) => before,
                    // Only its status tells of it, after a restart. Many may be so: none is sent at once.
                    (Sent::Before, None) => Unkept { sent: SAID, last: now },
                };
                Self { unkept: Some(unkept), ..Self::default() }
            }
            Verdict::Refused(refusal) if refusal.reason.state() == State::MayCome => {
                Self { missing_since: Some(self.missing_since.unwrap_or(now)), ..Self::default() }
            }
            _ => Self::default(),
        }
    }

    /// Whether what the platform did not keep is sent again in a pass that begins now: somebody asks for it, or it is time.
    pub fn sends_again(&self, subject: &Subject, now: Timestamp) -> bool {
        let is_time = match self.unkept {
            Some(unkept) => now.duration_since(unkept.last).unsigned_abs() >= sends_again_after(unkept.sent),
            None => subject.condition("Synced").is_some_and(|synced| synced.reason == Reason::Updating.name()),
        };
        is_time || subject.is_asked()
    }

    /// How long every pass has waited for what was begun.
    pub fn awaited(self, now: Timestamp) -> Duration {
        self.awaiting_since.map(|since| now.duration_since(since).unsigned_abs()).unwrap_or_default()
    }
}

/// The end of a pass, told.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The status to write; `None` when there is nothing to say.
    pub status: Option<Status>,
    /// The events to emit.
    pub notes: Vec<Note>,
    /// Why to look again.
    pub again: Again,
}

/// What one end means for the conditions.
struct Outlook {
    /// `None` keeps the condition as it is.
    ready: Option<Told>,
    synced: Option<Told>,
    reconciling: bool,
    stalled: bool,
    blocked: Option<Reason>,
    again: Again,
}

impl Outlook {
    fn ready(reason: Reason, message: String) -> Self {
        Self {
            ready: Some(("True", reason, message)),
            synced: None,
            reconciling: false,
            stalled: false,
            blocked: None,
            again: Again::Drift,
        }
    }
    fn waiting(reason: Reason, message: String, again: Again) -> Self {
        Self {
            ready: Some(("False", reason, message)),
            synced: None,
            reconciling: true,
            stalled: false,
            blocked: None,
            again,
        }
    }
    fn stalled(reason: Reason, message: String) -> Self {
        Self { stalled: true, reconciling: false, ..Self::waiting(reason, message, Again::Stalled) }
    }
    /// Tells how to move, as long as it goes on.
    fn with(mut self, hint: Option<&str>, verdict: &Verdict) -> Self {
        if let (Some((_, _, message)), Some(hint)) = (&mut self.ready, hint.filter(|_| is_compared(verdict))) {
            *message = format!("{message}; {hint}");
        }
        self
    }
}

/// Whether the platform was compared with what is declared.
fn is_compared(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Synced | Verdict::Drifted(_) | Verdict::NotAccepted(..))
}

/// Whether the platform may hold a change that was sent and that it was not compared with since.
fn leaves_a_change(old: &Status, declaration: &Declaration, facts: &Facts) -> bool {
    let may_be_there =
        |result: &Result<(), Failure>| result.as_ref().err().is_none_or(|failure| !failure.cause.is_definite_refusal());
    let mut sent = facts.taken().iter().filter(|(step, _)| matches!(step, Step::Update(..)));
    old.compared.is_some() && old.compared != declaration.digest && sent.any(|(_, result)| may_be_there(result))
}

/// Tells the end of a pass: status, events, and when to look again. `memory` is that after this pass.
pub fn report(
    subject: &Subject,
    declaration: &Declaration,
    facts: &Facts,
    usage: fn(&Object) -> Option<String>,
    verdict: &Verdict,
    memory: Memory,
    now: Timestamp,
) -> Report {
    if matches!(verdict, Verdict::Ignored | Verdict::Released) {
        return Report { status: left(subject, now), notes: events::of_steps(facts), again: Again::Never };
    }
    let old = &subject.status;
    let mut status = Status { ownership: ownership::record(subject, facts), ..old.clone() };
    let key = status.ownership.as_ref().and_then(|record| Key::of(&record.key)).or_else(|| declaration.key.clone());
    (status.auto_created, status.auto_creating) = on_the_way::told(old, key.as_ref(), facts);
    if leaves_a_change(old, declaration, facts) {
        // Another digest than any: what is declared next, be it what was compared before, is a change.
        status.compared = Some(String::new());
    }
    if matches!(verdict, Verdict::Superseded) {
        // What was done counts; what was found is not of the resource that is there now.
        let again = Again::Transient(memory.attempts, None);
        let status = conditions::differ(&status, old).then_some(status);
        return Report { status, notes: events::of_steps(facts), again };
    }
    let outlook = outlook(subject, verdict, memory, now).with(declaration.hint.as_deref(), verdict);
    let mut notes = events::of_steps(facts);
    if let Some(key) = &key {
        status.identity = Some(key.identity());
        if let Some(Ok(Answer::Object(observed))) = facts.answer(&Query::Object(key.clone())) {
            status.usage = observed.as_ref().and_then(usage);
            status.observed = observed.as_ref().map(|there| Observed::from(&size::kept(there)));
            if old.observed.is_some() && observed.is_none() && !subject.deleting {
                notes.push(events::vanished(key, old.usage.as_deref()));
            }
        }
    }
    match verdict {
        Verdict::Drifted(found) | Verdict::NotAccepted(found, _) => status.drift = shown(found),
        Verdict::Synced => status.drift = Vec::new(),
        // Nothing was compared: what was found before counts on.
        _ => {}
    }
    // What only observes sends no change: its first one is still to be sent when it manages.
    if is_compared(verdict) && !(subject.observes() && old.compared.is_some()) {
        declaration.put_down(&mut status);
    }
    status.contents = match verdict {
        Verdict::Blocked(blocked) => blocked.contents.as_deref().cloned(),
        _ => None,
    };
    if !matches!(verdict, Verdict::Failed(_)) {
        status.last_handled_requested_at = subject.requested_at.clone();
    }
    status.observed_generation = Some(subject.generation);
    let mut wanted = outlook_conditions(&outlook);
    wanted.push(("AnnotationUnreadable", unreadable(subject, &outlook)));
    conditions::write(&mut status.conditions, subject.generation, wanted, now);
    notes.extend(events::of_transition(old, &status));
    Report { status: conditions::differ(&status, old).then_some(status), notes, again: outlook.again }
}

/// The status of a resource that is being deleted and that nothing of ours holds: while somebody else does, it does not go on
/// saying that it is Ready.
fn left(subject: &Subject, now: Timestamp) -> Option<Status> {
    let mut status = subject.status.clone();
    let message =
        "nothing on the platform is waited for any more; the resource goes when its other finalizers are taken off";
    let outlook = Outlook::waiting(Reason::Deleting, message.to_owned(), Again::Never);
    conditions::write(&mut status.conditions, subject.generation, outlook_conditions(&outlook), now);
    status.observed_generation = Some(subject.generation);
    (subject.lingers && conditions::differ(&status, &subject.status)).then_some(status)
}

/// The status of a resource whose object is about to be created or taken over, or on whose way this is about to be created.
pub fn holding(subject: &Subject, record: Ownership, begun: &AutoCreating, now: Timestamp) -> Status {
    let mut status = subject.status.clone();
    let what = Key::of(&record.key).map_or_else(|| "the object".to_owned(), |key| key.to_string());
    if status.ownership.is_none() {
        // What was compared before was only observed: the first comparison of what is ours is still to come.
        status.conditions.retain(|condition| condition.type_ != "Synced");
        (status.compared, status.compared_reseller) = (None, None);
    }
    let all = on_the_way::merged(status.auto_creating.take().unwrap_or_default(), begun);
    status.auto_creating = Some(all).filter(|all| *all != AutoCreating::default());
    status.identity = Some(record.key.clone());
    status.ownership = Some(record);
    if subject.condition("Ready").is_none() {
        let outlook = Outlook::waiting(Reason::Creating, format!("creating {what} on the platform"), Again::Never);
        status.observed_generation = Some(subject.generation);
        conditions::write(&mut status.conditions, subject.generation, outlook_conditions(&outlook), now);
    }
    status
}

fn outlook(subject: &Subject, verdict: &Verdict, memory: Memory, now: Timestamp) -> Outlook {
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
                again: Again::Never,
                ..Outlook::waiting(Reason::Paused, String::new(), Again::Never)
            }
        }
        Verdict::Refused(refusal) => refused(subject, refusal, memory, now),
        Verdict::Blocked(blocked) => deleting(blocked.reason, blocked.message.clone(), Again::Blocked(memory.attempts)),
        Verdict::Awaiting(what) => {
            let message = format!("{}; {BY_ITSELF}", what.message);
            Outlook::waiting(what.reason, message, Again::Transient(memory.attempts, None))
        }
        Verdict::Failed(failure) => {
            let reason = failure.cause.reason();
            let stalled = reason.state() == State::Stalled;
            let again = if stalled && !subject.deleting {
                Again::Stalled
            } else {
                Again::Transient(memory.attempts, failure.retry_after)
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
                    Outlook { ready: None, reconciling: false, ..Outlook::waiting(reason, message, again) }
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
        return Outlook {
            stalled: true,
            reconciling: false,
            again: Again::Stalled,
            ..deleting(reason, message, Again::Stalled)
        };
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
fn unreadable(subject: &Subject, outlook: &Outlook) -> Option<Told> {
    let reason = Reason::AnnotationUnreadable;
    let is_said = subject.unreadable.is_empty() || outlook.blocked == Some(reason);
    (!is_said).then(|| ("True", reason, annotations::sentence(&subject.unreadable)))
}

fn outlook_conditions(outlook: &Outlook) -> Wanted {
    let present = |is: bool| {
        let (_, reason, message) = outlook.ready.as_ref().filter(|_| is)?;
        Some(("True", outlook.blocked.unwrap_or(*reason), message.clone()))
    };
    let mut wanted = vec![
        ("DeletionBlocked", outlook.blocked.and_then(|_| present(true))),
        ("Reconciling", present(outlook.reconciling)),
        ("Stalled", present(outlook.stalled)),
    ];
    for (kind, value) in [("Ready", &outlook.ready), ("Synced", &outlook.synced)] {
        if value.is_some() {
            wanted.push((kind, value.clone()));
        }
    }
    wanted
}

#[cfg(test)]
mod tests;
