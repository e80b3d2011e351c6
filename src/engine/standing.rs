//! Where a resource stands, in one word, for those who count.

use super::reason::Reason;
use crate::api::Status;

catalogue! {
    /// Where a resource stands, and the value of a label for it.
    pub enum Standing: &'static str {
        /// the platform matches the spec
        Ready => "ready",
        /// ready, but a difference is reported and not corrected
        Drifted => "drifted",
        /// the annotation `apio.netaxis.be/paused` is set
        Paused => "paused",
        /// work is under way, or something else has to happen first
        Progressing => "progressing",
        /// only a person can help
        Stalled => "stalled",
        /// its deletion is blocked
        Blocked => "blocked",
        /// another operator serves it, so this one leaves it alone
        Foreign => "foreign",
    }
}

impl Standing {
    /// What a status says.
    pub fn of(status: &Status) -> Self {
        let is = |kind: &str, value: &str| status.conditions.iter().any(|c| c.type_ == kind && c.status == value);
        let paused = status.conditions.iter().any(|c| c.type_ == "Ready" && c.reason == Reason::Paused.name());
        match () {
            () if is("DeletionBlocked", "True") => Self::Blocked,
            () if is("Stalled", "True") => Self::Stalled,
            () if paused => Self::Paused,
            () if !is("Ready", "True") => Self::Progressing,
            () if is("Synced", "False") => Self::Drifted,
            () => Self::Ready,
        }
    }

    /// As the value of a label.
    pub const fn label(self) -> &'static str {
        self.row()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{
        apimachinery::pkg::apis::meta::v1::{Condition, Time},
        jiff::Timestamp,
    };

    use super::*;

    fn status(conditions: &[(&str, &str)], reason: Reason) -> Status {
        let condition = |(kind, value): &(&str, &str)| Condition {
            type_: (*kind).to_owned(),
            status: (*value).to_owned(),
            reason: reason.to_string(),
            message: String::new(),
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
            observed_generation: None,
        };
        Status { conditions: conditions.iter().map(condition).collect(), ..Status::default() }
    }

    #[test]
    fn the_worst_that_a_status_says_counts() {
        for (conditions, expected) in [
            (&[][..], "progressing"),
            (&[("Ready", "True"), ("Synced", "True")], "ready"),
            (&[("Ready", "True"), ("Synced", "False")], "drifted"),
            (&[("Ready", "Unknown"), ("Synced", "False"), ("Reconciling", "True")], "progressing"),
            (&[("Ready", "False"), ("Stalled", "True")], "stalled"),
            (&[("Ready", "True"), ("DeletionBlocked", "True"), ("Stalled", "True")], "blocked"),
        ] {
            assert_eq!(Standing::of(&status(conditions, Reason::Drifted)).label(), expected, "{conditions:?}");
        }
    }

    #[test]
    fn what_is_paused_counts_as_paused_whatever_was_found_before() {
        for synced in [&[][..], &["True"], &["False"], &["Unknown"]] {
            let conditions: Vec<_> =
                [("Ready", "Unknown")].into_iter().chain(synced.iter().map(|is| ("Synced", *is))).collect();
            assert_eq!(Standing::of(&status(&conditions, Reason::Paused)), Standing::Paused, "{synced:?}");
        }
    }
}
