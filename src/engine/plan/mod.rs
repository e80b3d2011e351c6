//! What to do next with one resource: total, deterministic, the same for all kinds.

mod deletion;
mod domains;
mod group;
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
    diff::{Difference, differences, shown, update_body, whole},
    facts::{Facts, Query},
    failure::{Cause, Failure},
    ids::{Key, Object},
    kind::{Change, Kind, Subject, Verb},
    on_the_way, ownership,
    reason::Reason,
};
use crate::api::{DriftPolicy, Ownership, OwnershipState};

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
    /// The finalizer is gone, and the resource with it.
    Released,
    /// The paused annotation is set.
    Paused,
    /// The platform holds what the spec declares.
    Synced,
    /// It differs, and the policies say to leave it so.
    Drifted(Vec<Difference>),
    /// It took a write and holds something else all the same.
    NotAccepted(Vec<Difference>),
    /// It cannot be done now: something else has to happen first, or only a person can help, as the reason says.
    Refused(Refusal),
    /// A deletion waits.
    Blocked(Blocked),
    /// The platform took the deletion and still shows the object.
    Deleting,
    /// Something did not work.
    Failed(Failure),
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
}

/// The next thing to do for a resource, given what is known.
pub fn plan<K: Kind>(object: &K, subject: &Subject, facts: &Facts) -> Plan {
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
    if subject.paused {
        return done(Verdict::Paused);
    }
    permitted(subject, facts)?;
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
        return done(Verdict::Failed(failure.clone()));
    }
    let open = on_the_way::questions(subject, &key, facts);
    if !open.is_empty() {
        return Ok(Plan::Ask(open));
    }
    let declared = object.declared(&facts.cluster)?;
    match facts.object(&key)? {
        Some(observed) => {
            type_checked::<K>(&key, observed)?;
            present(object, subject, facts, &key, record, &declared, observed)
        }
        None => {
            parent_is_there(&key, facts)?;
            absent(object, subject, facts, &key, record, &declared)
        }
    }
}

/// The limits come before everything else: what a namespace may not use it does not even see.
fn permitted(subject: &Subject, facts: &Facts) -> Next<()> {
    let Some(tenant) = &facts.cluster.forbidden_tenant else { return Ok(()) };
    let otherwise = if subject.deleting { LEAVE_IT } else { "use one that it may" };
    let message = format!(
        "namespace {} may not use tenant {tenant}; have it added to the operator's --tenants-by-namespace, or {otherwise}",
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

/// What the platform holds has the types of the contract.
fn type_checked<K: Kind>(key: &Key, observed: &Object) -> Next<()> {
    match serde_json::from_value::<K::Attributes>(serde_json::Value::Object(observed.clone())) {
        Ok(_) => Ok(()),
        Err(error) => {
            let message = format!("the platform's answer for {key} is not as documented: {error}");
            Err(Halt::Stop(Verdict::Failed(Failure::new(Cause::Unreadable, message))))
        }
    }
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

fn absent<K: Kind>(
    object: &K,
    subject: &Subject,
    facts: &Facts,
    key: &Key,
    record: Option<Ownership>,
    declared: &Object,
) -> Next<Plan> {
    if subject.observes() {
        return Refusal::new(
            Reason::NotFound,
            format!("{key} is not on the platform, and spec.managementPolicy is Observe; create it there, or set it to Manage"),
        )
        .refuse();
    }
    if ownership::refused_as_existing(facts) {
        let message = format!(
            "the platform says that {key} exists but does not show it to this account; use an account that may see it"
        );
        return Refusal::new(Reason::NotVisible, message).refuse();
    }
    if facts.done().any(|step| matches!(step, Step::Create(..))) {
        let message = format!("the platform took the creation of {key} but does not show it yet");
        return done(Verdict::Failed(Failure::new(Cause::NotFound, message)));
    }
    let vanished = record.as_ref().is_some_and(|record| record.state != OwnershipState::Pending);
    if vanished && subject.policies.drift() == DriftPolicy::Report {
        let message = format!(
            "{key} was removed on the platform, and spec.driftPolicy is Report; set it to Correct to create it again"
        );
        return Refusal::new(Reason::Removed, message).refuse();
    }
    for parent in object.parents(key, declared) {
        if facts.cluster.described.get(&parent) == Some(&true) {
            let reason =
                if matches!(parent, Key::Reseller(_)) { Reason::WaitingForReseller } else { Reason::WaitingForTenant };
            return Refusal::new(
                reason,
                format!(
                    "{parent} is being deleted, so nothing is created for it; create it again, or delete this resource"
                ),
            )
            .refuse();
        }
    }
    let change = Change { declared, observed: None };
    let ours = record.clone().filter(|_| vanished).unwrap_or_else(|| ownership::begun(facts, key, declared));
    let on_the_way = object.prerequisites(key, &change, facts)?;
    let mut body = declared.clone();
    body.extend(object.options(Verb::Create, key, declared, &facts.cluster));
    let mut steps = hold(subject, facts, record.as_ref(), ours, &on_the_way);
    steps.extend(on_the_way);
    steps.push(Step::Create(key.clone(), body));
    Ok(Plan::Act(steps))
}

fn present<K: Kind>(
    object: &K,
    subject: &Subject,
    facts: &Facts,
    key: &Key,
    record: Option<Ownership>,
    declared: &Object,
    observed: &Object,
) -> Next<Plan> {
    let found = differences(declared, observed);
    if subject.observes() {
        return done(if found.is_empty() { Verdict::Synced } else { Verdict::Drifted(found) });
    }
    if record.is_none()
        && let Err(refusal) = ownership::adopt(subject.policies.adoption(), key, &found, facts.cluster.auto_created)
    {
        return refusal.refuse();
    }
    if let Some(fixed) = found.iter().find(|d| K::IMMUTABLE.contains(&d.path.as_str())) {
        let message = format!(
            "{} of {key} is {} on the platform and cannot be changed to {}; create this resource anew with what is there",
            fixed.path, fixed.observed, fixed.desired
        );
        return Refusal::new(Reason::Invalid, message).refuse();
    }
    let verb = update_verb(subject, record.as_ref());
    let ours = record.clone().unwrap_or_else(|| ownership::taken_over(facts, key));
    let hold = |on_the_way: &[Step]| hold(subject, facts, record.as_ref(), ours.clone(), on_the_way);
    let as_it_is = |verdict: Verdict| match hold(&[]) {
        steps if steps.is_empty() => done(verdict),
        steps => Ok(Plan::Act(steps)),
    };
    let created = facts.done().any(|step| matches!(step, Step::Create(..)));
    let updated = facts.done().any(|step| matches!(step, Step::Update(..)));
    // What was created just now has its template; one that was sent is not sent again.
    let reapply = object.options(verb, key, declared, &facts.cluster).contains_key("templateName");
    let due = reapply && !created && !updated && subject.compared_generation().is_some();
    if found.is_empty() && !due {
        return as_it_is(Verdict::Synced);
    }
    if updated || known_as_not_accepted(subject, &found) {
        return done(Verdict::NotAccepted(found));
    }
    if verb == Verb::Correct && subject.policies.drift() == DriftPolicy::Report {
        return as_it_is(Verdict::Drifted(found));
    }
    let on_the_way = object.prerequisites(key, &Change { declared, observed: Some(observed) }, facts)?;
    let body = if reapply {
        // A template fills every key that is absent, so all declared ones are sent.
        declared.iter().map(|(key, value)| (key.clone(), whole(key, value, observed.get(key)))).collect()
    } else {
        update_body(declared, observed, &found)
    };
    let mut sent = body.clone();
    sent.extend(object.options(verb, key, &body, &facts.cluster));
    let mut steps = hold(&on_the_way);
    steps.extend(on_the_way);
    steps.push(Step::Update(key.clone(), sent));
    Ok(Plan::Act(steps))
}

/// What a difference calls for: at a generation that was already compared it is the platform's doing.
fn update_verb(subject: &Subject, record: Option<&Ownership>) -> Verb {
    let never_compared = subject.compared_generation().is_none() || subject.status.ownership.is_none();
    match record {
        None => Verb::Adopt,
        Some(record) if record.state == OwnershipState::Adopted && never_compared => Verb::Adopt,
        Some(_) if subject.is_compared() => Verb::Correct,
        Some(_) => Verb::Update,
    }
}

/// The same values were sent, taken and not kept before: not sent again until the spec or the platform's value changes.
fn known_as_not_accepted(subject: &Subject, found: &[Difference]) -> bool {
    subject.is_compared()
        && subject.condition("Synced").is_some_and(|synced| synced.reason == Reason::NotAccepted.name())
        && subject.status.drift == shown(found)
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
