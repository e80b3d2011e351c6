//! Whose turn it is to talk to the platform.

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

/// The class of a pass, derived from the resource.
pub fn class(subject: &Subject) -> Class {
    if subject.deleting {
        return Class::Deletion;
    }
    if !subject.is_told() || subject.requested_at != subject.status.last_handled_requested_at {
        return Class::Change;
    }
    let ready = subject.condition("Ready").is_some_and(|ready| ready.status == "True");
    if ready { Class::Poll } else { Class::Recheck }
}
