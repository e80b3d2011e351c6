//! The table of ends and conditions, and when what is told changes.

mod outage;
mod over_time;
mod table;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::{Memory, Report, report};
use crate::{
    api::Status,
    engine::{
        declared::Declaration,
        diff::Difference,
        facts::Facts,
        failure::{Cause, Failure},
        ids::Key,
        kind::Subject,
        plan::{Refusal, Verdict},
        reason::Reason::{self, *},
    },
};

/// A resource that the operator has not seen yet.
fn new() -> Subject {
    let status = Status { observed_generation: Some(-1), ..Status::default() };
    Subject { uid: "u".into(), generation: 1, held: true, status, ..Subject::default() }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

/// A resource over several passes, as the controller keeps it.
struct Story {
    subject: Subject,
    memory: Memory,
}

impl Story {
    fn of(subject: Subject) -> Self {
        Self { subject, memory: Memory::default() }
    }

    /// A pass that ended so, at this second.
    fn ends(&mut self, verdict: &Verdict, second: i64) -> Report {
        self.ends_knowing(&Facts::default(), verdict, second)
    }

    fn ends_knowing(&mut self, facts: &Facts, verdict: &Verdict, second: i64) -> Report {
        self.memory = self.memory.after(verdict, at(second));
        let declaration =
            Declaration { key: Some(Key::Reseller("R".into())), digest: Some("d".into()), ..Declaration::default() };
        let told = report(&self.subject, &declaration, facts, |_| None, verdict, self.memory, at(second));
        if let Some(status) = &told.status {
            self.subject.status = status.clone();
        }
        told
    }

    /// Type, status and reason of every condition.
    fn conditions(&self) -> Vec<String> {
        let mut lines: Vec<_> = self
            .subject
            .status
            .conditions
            .iter()
            .map(|condition| format!("{}={} {}", condition.type_, condition.status, condition.reason))
            .collect();
        lines.sort();
        lines
    }

    /// When a condition flipped last.
    fn flipped(&self, kind: &str) -> i64 {
        self.subject.condition(kind).unwrap().last_transition_time.0.as_second()
    }
}

fn failed(cause: Cause) -> Verdict {
    Verdict::Failed(Failure::new(cause, "the platform's own words"))
}

fn refused(reason: Reason) -> Verdict {
    Verdict::Refused(Refusal::new(reason, "a sentence"))
}

fn awaiting(reason: Reason) -> Verdict {
    Verdict::Awaiting(Refusal::new(reason, "a sentence"))
}

fn difference(path: &str) -> Difference {
    Difference { path: path.into(), desired: "a".into(), observed: "b".into() }
}
