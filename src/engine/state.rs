//! Where a resource stands, in one word, for those who count.

use crate::api::Status;

/// Where a resource stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The platform matches the spec.
    Ready,
    /// It would be ready, but a difference is reported and not corrected.
    Drifted,
    /// Work is under way, or something else has to happen first.
    Progressing,
    /// Only a person can help.
    Stalled,
    /// Its deletion is blocked.
    Blocked,
}

impl State {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Ready, Self::Drifted, Self::Progressing, Self::Stalled, Self::Blocked];

    /// What a status says.
    pub fn of(status: &Status) -> Self {
        let is = |kind: &str, value: &str| status.conditions.iter().any(|c| c.type_ == kind && c.status == value);
        match () {
            () if is("DeletionBlocked", "True") => Self::Blocked,
            () if is("Stalled", "True") => Self::Stalled,
            () if !is("Ready", "True") => Self::Progressing,
            () if is("Synced", "False") => Self::Drifted,
            () => Self::Ready,
        }
    }

    /// As the value of a label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Drifted => "drifted",
            Self::Progressing => "progressing",
            Self::Stalled => "stalled",
            Self::Blocked => "blocked",
        }
    }

    /// For the documentation.
    pub fn words(self) -> &'static str {
        match self {
            Self::Ready => "the platform matches the spec",
            Self::Drifted => "ready, but a difference is reported and not corrected",
            Self::Progressing => "work is under way, or something else has to happen first",
            Self::Stalled => "only a person can help",
            Self::Blocked => "its deletion is blocked",
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{
        apimachinery::pkg::apis::meta::v1::{Condition, Time},
        jiff::Timestamp,
    };

    use super::*;

    fn status(conditions: &[(&str, &str)]) -> Status {
        let condition = |(kind, value): &(&str, &str)| Condition {
            type_: (*kind).to_owned(),
            status: (*value).to_owned(),
            reason: String::new(),
            message: String::new(),
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
            observed_generation: None,
        };
        Status { conditions: conditions.iter().map(condition).collect(), ..Status::default() }
    }

    #[test]
    fn the_worst_that_a_status_says_counts() {
        for (conditions, expected) in [
            (&[][..], State::Progressing),
            (&[("Ready", "True"), ("Synced", "True")], State::Ready),
            (&[("Ready", "True"), ("Synced", "False")], State::Drifted),
            (&[("Ready", "Unknown"), ("Synced", "False"), ("Reconciling", "True")], State::Progressing),
            (&[("Ready", "False"), ("Stalled", "True")], State::Stalled),
            (&[("Ready", "True"), ("DeletionBlocked", "True"), ("Stalled", "True")], State::Blocked),
        ] {
            assert_eq!(State::of(&status(conditions)), expected, "{conditions:?}");
        }
    }
}
