//! The list of conditions in a status.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

use crate::{
    api::{Status, text},
    engine::reason::Reason,
};

/// In this order a user reads them, whichever came first.
const ORDER: [&str; 6] = ["Ready", "Synced", "DeletionBlocked", "AnnotationUnreadable", "Reconciling", "Stalled"];
/// Longest message of a condition, in characters.
const LONGEST: usize = 1000;

/// Status, reason and message of a condition.
pub(super) type Told = (&'static str, Reason, String);

/// The wanted conditions; a type that is `None` is removed, one that is absent is kept.
pub(super) type Wanted = Vec<(&'static str, Option<Told>)>;

/// `lastTransitionTime` moves only when `status` flips.
pub(super) fn write(conditions: &mut Vec<Condition>, generation: i64, wanted: Wanted, now: Timestamp) {
    for (kind, value) in wanted {
        let old = conditions.iter().position(|condition| condition.type_ == kind);
        let Some((status, reason, message)) = value else {
            if let Some(at) = old {
                conditions.remove(at);
            }
            continue;
        };
        let since = old
            .map(|at| &conditions[at])
            .filter(|condition| condition.status == status)
            .map_or_else(|| Time(whole_second(now)), |condition| condition.last_transition_time.clone());
        let condition = Condition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_string(),
            message: text::shortened(&message, LONGEST),
            observed_generation: Some(generation),
            last_transition_time: since,
        };
        match old {
            Some(at) => conditions[at] = condition,
            None => conditions.push(condition),
        }
    }
    sort(conditions);
}

/// Whether a status has to be written over another one. The order of the conditions is no reason.
pub(super) fn differ(new: &Status, old: &Status) -> bool {
    let mut old = old.clone();
    sort(&mut old.conditions);
    *new != old
}

fn sort(conditions: &mut [Condition]) {
    conditions.sort_by_key(|condition| ORDER.iter().position(|kind| *kind == condition.type_).unwrap_or(ORDER.len()));
}

/// Kubernetes keeps whole seconds; with a fraction a status would differ from what is read back.
fn whole_second(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_short_and_has_nothing_that_a_terminal_obeys() {
        let mut conditions = Vec::new();
        let message = format!("\u{1b}[2J{}", "x".repeat(2 * LONGEST));
        write(&mut conditions, 1, vec![("Ready", Some(("False", Reason::Invalid, message)))], Timestamp::UNIX_EPOCH);
        let told = &conditions[0].message;
        assert!(told.starts_with("\\u001b[2Jxxx") && told.chars().count() == LONGEST + 3, "{told}");
    }
}
