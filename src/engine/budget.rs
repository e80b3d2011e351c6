//! Who may talk to the platform, and when: [`queue`] hands out turns by class and fairly between tenants, [`pace`] slows
//! down and pauses, and each [`breaker`] stops what is not answered: all of it, or what is for one tenant. Time is a [`std::time::Duration`] since a moment of the caller's choice.

pub mod breaker;
pub mod pace;
pub mod queue;

use super::kind::Subject;

/// Classes of work, the most urgent first. A new group never waits behind polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A spec that was not handled yet.
    Change,
    /// A deletion.
    Deletion,
    /// Something that is not as it should be, looked at again.
    Recheck,
    /// A healthy resource, looked at for drift.
    Poll,
}

impl Class {
    /// Whether it may have half of the turns at most, so that what a user waits for finds one free.
    pub const fn is_background(self) -> bool {
        matches!(self, Self::Recheck | Self::Poll)
    }
}

/// The class of a pass, derived from the resource.
pub fn class(subject: &Subject) -> Class {
    if subject.deleting {
        return Class::Deletion;
    }
    if !subject.is_told() || subject.is_asked() {
        return Class::Change;
    }
    let ready = subject.condition("Ready").is_some_and(|ready| ready.status == "True");
    if ready { Class::Poll } else { Class::Recheck }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
    use k8s_openapi::{
        apimachinery::pkg::apis::meta::v1::{Condition, Time},
        jiff::Timestamp,
    };

    use super::{Class::*, *};
    use crate::api::Status;

    /// At generation 1, of which its status says so much.
    fn subject(ready: Option<&str>) -> Subject {
        let condition = |status: &str| Condition {
            type_: "Ready".to_owned(),
            status: status.to_owned(),
            reason: "Synced".to_owned(),
            message: String::new(),
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
            observed_generation: Some(1),
        };
        let conditions = ready.map(condition).into_iter().collect();
        let status = Status { conditions, observed_generation: Some(1), ..Status::default() };
        Subject { generation: 1, status, ..Subject::default() }
    }

    #[test]
    fn what_a_user_just_did_goes_before_what_is_looked_at_again() {
        let ready = || subject(Some("True"));
        for (subject, expected) in [
            (ready(), Poll),
            (subject(Some("False")), Recheck),
            (subject(None), Recheck),
            (Subject { generation: 2, ..ready() }, Change),
            (Subject { requested_at: Some("now".into()), ..ready() }, Change),
            (Subject { deleting: true, ..ready() }, Deletion),
            (Subject { deleting: true, generation: 2, ..ready() }, Deletion),
        ] {
            assert_eq!(class(&subject), expected, "{subject:?}");
        }
        assert!(Change < Deletion && Deletion < Recheck && Recheck < Poll);
    }
}
