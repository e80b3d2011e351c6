//! What to do next with one resource: total, deterministic, the same for all kinds.

mod absent;
mod deletion;
mod domains;
mod group;
mod present;
mod reseller;
mod steps;
mod tenant;

#[cfg(test)]
mod model;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use steps::Step;

use super::{
    check_group::{Blocked, LEAVE_IT},
    diff::Difference,
    facts::{Facts, Query},
    failure::{Cause, Failure},
    ids::Key,
    kind::{Kind, Subject},
    on_the_way, ownership,
    reason::Reason,
};
use crate::api::Ownership;

/// What a decision needs before it can be made, or why it cannot be made now.
#[derive(Clone, Debug, PartialEq)]
pub enum Halt {
    /// Facts are missing.
    Ask(Vec<Query>),
    /// The pass ends.
    Stop(Verdict),
}

/// A decision, or what it waits for.
pub type Next<T> = Result<T, Halt>;

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// Ask the platform.
    Ask(Vec<Query>),
    /// Take these steps, in this order, until one fails.
    Act(Vec<Step>),
    /// The pass is over.
    Done(Verdict),
}

/// How a pass ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Nothing of ours: no status, no event.
    Ignored,
    /// What the plan saw changed before its write, so nothing was written and the pass begins anew.
    Superseded,
    /// The finalizer is gone, and the resource with it.
    Released,
    /// The paused annotation is set.
    Paused,
    /// The platform holds what the spec declares.
    Synced,
    /// It differs, and the policies say to leave it so.
    Drifted(Vec<Difference>),
    /// It took a write and holds something else all the same.
    NotAccepted(Vec<Difference>, Sent),
    /// It cannot be done now: something else has to happen first, or only a person can help, as the reason says.
    Refused(Refusal),
    /// A deletion waits.
    Blocked(Blocked),
    /// Something was begun, and shows by itself when it is done. What it is, and on what it waits.
    Awaiting(Refusal),
    /// Something did not work.
    Failed(Failure),
}

/// When what is declared was sent that the platform did not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// In this pass, for the first time.
    First,
    /// In this pass, and in others before.
    Again,
    /// In others before, and not in this pass.
    Before,
}

/// Why it cannot be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Reason of the Ready condition.
    pub reason: Reason,
    /// One sentence with the ids and the remedy.
    pub message: String,
}

impl Refusal {
    /// A reason and its sentence.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// Ends the pass.
    pub fn refuse<T>(self) -> Next<T> {
        Err(Halt::Stop(Verdict::Refused(self)))
    }

    /// Ends the pass, and looks again soon.
    pub fn wait<T>(self) -> Next<T> {
        Err(Halt::Stop(Verdict::Awaiting(self)))
    }
}

/// The next thing to do for a resource, given what is known.
pub fn plan<K: Kind>(object: &K, subject: &Subject, facts: &Facts) -> Plan {
    if facts.failed().is_some_and(|(_, failure)| failure.cause == Cause::Superseded) {
        return Plan::Done(Verdict::Superseded);
    }
    let decision =
        if subject.deleting { deletion::decide(object, subject, facts) } else { decide(object, subject, facts) };
    match decision {
        Ok(plan) => plan,
        Err(Halt::Ask(queries)) => Plan::Ask(queries),
        Err(Halt::Stop(verdict)) => Plan::Done(verdict),
    }
}

fn done(verdict: Verdict) -> Next<Plan> {
    Ok(Plan::Done(verdict))
}

fn decide<K: Kind>(object: &K, subject: &Subject, facts: &Facts) -> Next<Plan> {
    readable(subject)?;
    if subject.paused {
        return done(Verdict::Paused);
    }
    permitted(subject, used(object, subject, facts), facts)?;
    if let Some(rival) = facts.cluster.rival.as_ref().filter(|_| !subject.observes()) {
        let recorded = ownership::record(subject, facts).and_then(|record| Key::of(&record.key));
        let key = recorded.map_or_else(|| object.key(&facts.cluster), Ok)?;
        let message = format!("{rival} stands for {key} too and came first; delete one of the two");
        return Refusal::new(Reason::NotOwned, message).refuse();
    }
    let key = object.key(&facts.cluster)?;
    let record = ownership::record(subject, facts);
    same_object(record.as_ref(), &key, facts)?;
    if let Some(failure) = facts.fatal() {
        present::refused_with_foreign(&object.declared(&facts.cluster)?, facts)?;
        return done(Verdict::Failed(failure.clone()));
    }
    let open = on_the_way::questions(subject, &key, facts);
    if !open.is_empty() {
        return Ok(Plan::Ask(open));
    }
    let declared = object.declared(&facts.cluster)?;
    match facts.object(&key)? {
        Some(observed) => {
            present::Comparison { object, subject, facts, key: &key, record, declared: &declared, observed }.decide()
        }
        None => {
            parent_is_there(&key, facts)?;
            absent::decide(object, subject, facts, &key, record, &declared)
        }
    }
}

/// Every object that a resource has to do with: its own, by record and by spec, and those that the spec names.
fn used<K: Kind>(object: &K, subject: &Subject, facts: &Facts) -> Vec<Key> {
    let own = subject.recorded().into_iter().chain(object.key(&facts.cluster).ok());
    let referred = facts.cluster.references.iter().map(|(reference, id)| reference.leading_to(id));
    own.chain(object.named()).chain(referred).collect()
}

/// Nothing is decided on a part of a resource.
fn readable(subject: &Subject) -> Next<()> {
    if subject.unread.is_empty() { Ok(()) } else { subject.unread.refusal().refuse() }
}

/// The limits come before everything else: what a namespace may not use it does not even see.
fn permitted(subject: &Subject, keys: impl IntoIterator<Item = Key>, facts: &Facts) -> Next<()> {
    let Some(key) = keys.into_iter().find(|key| !facts.cluster.may_use(key)) else { return Ok(()) };
    let what = key.tenant().map_or_else(|| key.to_string(), |tenant| Key::Tenant(tenant.to_owned()).to_string());
    let otherwise = if subject.deleting { LEAVE_IT } else { "use one that it may" };
    let message = format!(
        "namespace {} may not use {what}; have it added to the operator's --tenants-by-namespace, or {otherwise}",
        subject.namespace
    );
    Refusal::new(Reason::NotPermitted, message).refuse()
}

/// The record rules: neither another id nor another platform is ever acted upon.
fn same_object(record: Option<&Ownership>, key: &Key, facts: &Facts) -> Next<()> {
    let Some(record) = record else { return Ok(()) };
    if record.platform != facts.cluster.platform {
        return Refusal::new(Reason::PlatformChanged, platform_changed(record, facts)).refuse();
    }
    if Key::of(&record.key).as_ref() == Some(key) {
        return Ok(());
    }
    let message = format!(
        "this resource stands for {} but its references now lead to {key}; restore the reference, or delete this resource (with the annotation apio.netaxis.be/deletion=Orphan to leave its object there) and create a new one",
        recorded(record)
    );
    Refusal::new(Reason::IdentityChanged, message).refuse()
}

fn platform_changed(record: &Ownership, facts: &Facts) -> String {
    format!(
        "{} is on the platform {}, and the operator now serves {}; point the operator back, or delete this resource with the annotation apio.netaxis.be/deletion=Orphan and create it anew",
        recorded(record),
        record.platform,
        facts.cluster.platform
    )
}

fn recorded(record: &Ownership) -> String {
    Key::of(&record.key).map_or_else(|| "another object".to_owned(), |key| key.to_string())
}

/// A deletion acts on what the record names, so it must be of the resource's own kind.
fn not_of_this_kind<T>(key: &Key, kind: &str) -> Next<T> {
    let message = format!("status.ownership names {key}, which is no {kind}, so nothing is deleted; {LEAVE_IT}");
    Refusal::new(Reason::IdentityChanged, message).refuse()
}

/// A 404 on a group proves its absence only when its tenant can be read.
fn parent_is_there(key: &Key, facts: &Facts) -> Next<()> {
    match key {
        Key::Group(tenant, _) if facts.object(&Key::Tenant(tenant.clone()))?.is_none() => {
            let message = format!(
                "waiting for tenant {tenant}, which is not on the platform; create it there or as a Tenant resource"
            );
            Refusal::new(Reason::WaitingForTenant, message).refuse()
        }
        _ => Ok(()),
    }
}

/// The finalizer, this record and what these steps create, unless all of it is there.
fn hold(
    subject: &Subject,
    facts: &Facts,
    record: Option<&Ownership>,
    ours: Ownership,
    on_the_way: &[Step],
) -> Vec<Step> {
    let held = subject.held || facts.done().any(|step| matches!(step, Step::Hold(..)));
    // A second record of a pass takes the place of the first.
    let begun = on_the_way::merged(on_the_way::held(facts), &on_the_way::begun(on_the_way));
    let is_recorded = record == Some(&ours) && on_the_way::is_recorded(&begun, subject, facts);
    if held && is_recorded { Vec::new() } else { vec![Step::Hold(ours, begun)] }
}
