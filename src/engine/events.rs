//! Events: only on transitions, with stable text.

use super::{facts::Facts, plan::Step, reason::Reason};
use crate::api::Status;

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

/// One event for each thing that was done on the platform.
pub fn of_steps(facts: &Facts) -> Vec<Note> {
    facts
        .done()
        .filter_map(|step| {
            let reason = match step {
                Step::Create(..) => "Created",
                Step::Update(..) => "Updated",
                Step::Delete(..) => "Deleted",
                Step::CreateDomain(_) => "DomainCreated",
                Step::AssignDomain(..) => "DomainAssigned",
                Step::CreateReseller(_) => "ResellerCreated",
                Step::Hold(..) | Step::Release => return None,
            };
            Some(Note { warning: false, reason: reason.to_owned(), message: step.to_string() })
        })
        .collect()
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
