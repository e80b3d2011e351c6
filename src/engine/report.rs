//! What a user reads: the one place that builds conditions.

mod conditions;
mod outlook;

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::{
    declared::Declaration,
    diff::shown,
    events::{self, Note},
    facts::{Answer, Facts, Query},
    failure::{Cause, Failure},
    ids::{Key, Object},
    kind::Subject,
    on_the_way, ownership,
    plan::{Sent, Step, Verdict},
    reason::{Reason, State},
    schedule::{Again, Attempts, SAID, sends_again_after},
    size,
};
use crate::api::{AutoCreating, Observed, Ownership, Status};
use outlook::{Outlook, outlook, unreadable};

/// How long a failure may last before an object that was Ready is no longer said to be.
pub const GRACE: Duration = Duration::from_secs(120);

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
    pub attempts: Attempts,
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
        let one_more = |attempts: Attempts| attempts.one_more(|count| Again::Transient(count, None), now);
        // A deletion that was blocked has waited for something else, and for longer each time.
        let goes_on = self.failing_since.or(self.awaiting_since).is_some();
        let before = if goes_on { self.attempts } else { Attempts::default() };
        match verdict {
            Verdict::Failed(failure) => {
                // What is held back until a known moment was not tried.
                let tried = failure.cause != Cause::HeldBack || failure.retry_after.is_none();
                let attempts = if tried { one_more(before) } else { before };
                let failing_since = Some(self.failing_since.unwrap_or(now));
                Self { failing_since, awaiting_since: None, attempts, ..self }
            }
            Verdict::Superseded => Self { attempts: one_more(self.attempts), ..self },
            Verdict::Blocked(_) => Self { attempts: self.attempts.one_more(Again::Blocked, now), ..Self::default() },
            Verdict::Awaiting(_) => Self {
                awaiting_since: Some(self.awaiting_since.unwrap_or(now)),
                attempts: one_more(before),
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
        let again = Again::Transient(memory.attempts.count, None);
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
    let mut wanted = outlook.conditions();
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
    conditions::write(&mut status.conditions, subject.generation, outlook.conditions(), now);
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
        conditions::write(&mut status.conditions, subject.generation, outlook.conditions(), now);
    }
    status
}

#[cfg(test)]
mod tests;
