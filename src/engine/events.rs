//! Events: only on transitions, with stable text.

use super::{facts::Facts, ids::Key, plan::Step, reason::Reason};
use crate::api::{OwnershipState, Status};

/// An event to emit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whether it is a warning.
    pub warning: bool,
    /// CamelCase reason.
    pub reason: String,
    /// One sentence.
    pub message: String,
}

/// What is left on the platform by a resource that goes: as somebody wanted it, or, with a warning, because it is not certain
/// that it is this resource's.
pub fn left(warning: bool, key: &Key, why: &str) -> Note {
    Note { warning, reason: "Left".to_owned(), message: format!("left {key} as it is on the platform: {why}") }
}

/// What a resource that goes leaves to another one.
pub fn handed_over(key: &Key, heir: &str) -> Note {
    Note { warning: false, reason: "HandedOver".to_owned(), message: format!("handed {key} over to {heir}") }
}

/// That an object was lost on the platform, with the users that it had.
pub fn vanished(key: &Key, usage: Option<&str>) -> Note {
    let with = usage.map_or_else(String::new, |usage| format!("; at the last look it had users: {usage}"));
    Note {
        warning: true,
        reason: "Vanished".to_owned(),
        message: format!("{key} is not on the platform any more, and nobody deleted it here{with}"),
    }
}

/// That an object became this resource's that it did not create.
fn adopted(facts: &Facts) -> Option<Note> {
    let new = facts.done().find_map(|step| match step {
        Step::Hold(record, _) if record.state == OwnershipState::Adopted => Some(record),
        _ => None,
    });
    let record = new.filter(|new| facts.record_before() != Some(*new))?;
    let from = match &facts.cluster.predecessor {
        Some(name) => format!("from {name}, which is being deleted"),
        None => "as it was on the platform".to_owned(),
    };
    let message = format!("took over {} {from}", Key::of(&record.key)?);
    Some(Note { warning: false, reason: "Adopted".to_owned(), message })
}

/// One event for each thing that was done on the platform, and for what changed hands.
pub fn of_steps(facts: &Facts) -> Vec<Note> {
    let done = facts.done().filter_map(|step| {
        let reason = match step {
            Step::Create(..) => "Created",
            Step::Update(..) => "Updated",
            Step::Delete(..) => "Deleted",
            Step::CreateDomain(_) => "DomainCreated",
            Step::AssignDomain(..) => "DomainAssigned",
            Step::CreateReseller(_) => "ResellerCreated",
            Step::Release(left) => return left.clone(),
            Step::Hold(..) => return None,
        };
        Some(Note { warning: false, reason: reason.to_owned(), message: step.to_string() })
    });
    adopted(facts).into_iter().chain(done).collect()
}

/// One event when what a user would look at became another thing.
pub fn of_transition(old: &Status, new: &Status) -> Vec<Note> {
    let of = |status: &Status, kind: &str| {
        status
            .conditions
            .iter()
            .find(|condition| condition.type_ == kind)
            .map(|c| (c.status.clone(), c.reason.clone(), c.message.clone()))
    };
    let mut notes = Vec::new();
    for kind in ["AnnotationUnreadable", "DeletionBlocked", "Synced", "Ready"] {
        let (before, after) = (of(old, kind), of(new, kind));
        let Some((status, reason, message)) = after else { continue };
        let same = before.is_some_and(|(s, r, _)| s == status && r == reason);
        let said = kind == "Ready" && (of(new, "DeletionBlocked").is_some() || reason == Reason::NotAccepted.name());
        if same || said || (kind == "Synced" && (status == "True" || reason == Reason::Updating.name())) {
            continue;
        }
        let bad =
            kind != "Ready" || of(new, "Stalled").is_some() || status == "Unknown" && reason != Reason::Paused.name();
        notes.push(Note { warning: bad, reason, message });
    }
    notes
}
