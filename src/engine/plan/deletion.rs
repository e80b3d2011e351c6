//! A resource that is being deleted. Nothing but its own record, its object and the checks can hold it: neither a bad spec
//! nor a vanished tenant.

use std::time::Duration;

use super::{Next, Plan, Refusal, Step, Verdict, done, permitted, platform_changed, readable};
use crate::{
    api::Ownership,
    engine::{
        annotations,
        check_group::{Blocked, LEAVE_IT},
        diff::sentence,
        events::{self, Note},
        facts::{Facts, Heir},
        failure::Cause,
        ids::{Key, Level},
        kind::{Kind, Subject, Verb},
        ownership,
        reason::Reason,
    },
};

/// How long another resource may take to take an object over, before that is said to be in the way.
const HANDING_OVER: Duration = Duration::from_secs(5);

pub(super) fn decide<K: Kind>(object: &K, subject: &Subject, facts: &Facts) -> Next<Plan> {
    if !subject.held {
        return done(Verdict::Ignored);
    }
    if facts.done().any(|step| matches!(step, Step::Release(_))) {
        return done(Verdict::Released);
    }
    if let Some((_, failure)) = facts.failed() {
        return done(match failure.cause {
            Cause::NotEmpty => Verdict::Blocked(Blocked::new(
                Cause::NotEmpty.reason(),
                format!("the platform refuses the deletion: {failure}; empty it there, or {LEAVE_IT}"),
            )),
            Cause::Rejected => Verdict::Blocked(Blocked::new(
                Reason::PlatformRefused,
                format!("the platform refuses the deletion: {failure}; {LEAVE_IT}"),
            )),
            _ => Verdict::Failed(failure.clone()),
        });
    }
    if let Some(why) = is_to_be_left(subject, facts) {
        return release(subject.identity().map(|key| events::left(false, &key, why)));
    }
    readable(subject)?;
    let Some(record) = ownership::record(subject, facts) else { return release(of_others(subject, facts)) };
    let Some(key) = Key::of(&record.key) else { return release(None) };
    if record.platform != facts.cluster.platform {
        return Refusal::new(Reason::PlatformChanged, platform_changed(&record, facts)).refuse();
    }
    if let Some(why) = key.misplaced() {
        return Refusal::new(Reason::Invalid, format!("{why}, so nothing is deleted by it; {LEAVE_IT}")).refuse();
    }
    if let Some(heir) = &facts.cluster.heir {
        if ownership::is_pending(&record) {
            // Whether it is ours to hand over is to be seen first.
            facts.object(&key)?;
        }
        return hand_over(subject, heir, &key);
    }
    if let Some(unreadable) = subject.unreadable.iter().find(|one| one.blocks_deletion()) {
        return Refusal::new(Reason::AnnotationUnreadable, annotations::blocked(unreadable)).refuse();
    }
    permitted(subject, [key.clone()], facts)?;
    let deleted = facts.done().any(|step| matches!(step, Step::Delete(..)));
    let Some(observed) = facts.object(&key)? else {
        if deleted {
            return release(None);
        }
        proven_absent(&key, facts)?;
        return release(never_shown(subject, &record, &key)?);
    };
    if deleted {
        return Refusal::new(Reason::Deleting, "the platform took the deletion but still shows the object").wait();
    }
    // Nor is anything deleted while somebody who is not seen may stand for it, or need it.
    if let Some(unknown) = facts.cluster.unknown_claims.as_ref().or(facts.cluster.unknown_children.as_ref()) {
        return Blocked::new(unknown.reason, unknown.message.clone()).stop();
    }
    let cleared = K::clearance(&key, observed, facts)?;
    let body = object.options(Verb::Delete, &key, &Default::default(), &facts.cluster);
    Ok(Plan::Act(vec![Step::Delete(key, body, cleared)]))
}

fn release(left: Option<Note>) -> Next<Plan> {
    Ok(Plan::Act(vec![Step::Release(left)]))
}

/// Why the platform is not even asked.
fn is_to_be_left(subject: &Subject, facts: &Facts) -> Option<&'static str> {
    match () {
        () if subject.observes() => Some("spec.managementPolicy is Observe"),
        () if subject.orphan => Some("the deletion policy of the resource is Orphan"),
        () if facts.cluster.definition_deleting => Some("the definition of the kind is being deleted"),
        () => None,
    }
}

/// Another resource stands for the object, so its end is not wanted. The other takes it over by its own policies while this
/// one is still here: at no moment is it nobody's, and whatever keeps the other from it keeps the object.
fn hand_over(subject: &Subject, heir: &Heir, key: &Key) -> Next<Plan> {
    let name = &heir.name;
    if heir.has_it {
        return release(Some(events::handed_over(key, name)));
    }
    let given_up = subject.condition("DeletionBlocked").is_some_and(|it| it.reason == Reason::NotTakenOver.name());
    if subject.awaited < HANDING_OVER && !given_up {
        let message = format!("{name} stands for {key} too, so it is to take it over");
        return Refusal::new(Reason::Deleting, message).wait();
    }
    let message = format!(
        "{name} stands for {key} too and has not taken it over, so it is neither deleted nor left; see what keeps that one from it, delete that one too, or {LEAVE_IT}"
    );
    done(Verdict::Blocked(Blocked::new(Reason::NotTakenOver, message)))
}

/// What to tell of an object that no record says is this resource's.
fn of_others(subject: &Subject, facts: &Facts) -> Option<Note> {
    let key = subject.identity()?;
    let begun = subject.status.ownership.as_ref();
    let Some((begun, there)) = begun.zip(facts.seen(&key)) else {
        return Some(events::left(false, &key, "the operator has no record that it is this resource's"));
    };
    let differing = sentence(&ownership::differing(begun, there));
    let why = format!(
        "the answer to its creation was lost, and it is not what was sent, so it may be somebody else's: {differing}; remove it there if it is not"
    );
    Some(events::left(true, &key, &why))
}

/// A platform may show what was begun only after a while. What it does not show then cannot be counted, and so not be deleted.
fn never_shown(subject: &Subject, record: &Ownership, key: &Key) -> Next<Option<Note>> {
    if !ownership::is_pending(record) {
        return Ok(None);
    }
    if subject.awaited < ownership::LATE {
        let message = format!("the creation of {key} was begun, and the platform may still show it");
        return Refusal::new(Reason::Deleting, message).wait();
    }
    let why = "its creation was begun, and the platform never showed it; remove it there if it comes";
    Ok(Some(events::left(true, key, why)))
}

/// Nobody deleted it here, so its absence releases the resource only when the platform answers something else: with a wrong
/// address everything is absent.
fn proven_absent(key: &Key, facts: &Facts) -> Next<()> {
    if let Key::Group(tenant, _) = key
        && facts.object(&Key::Tenant(tenant.clone()))?.is_some()
    {
        return Ok(());
    }
    facts.domains(Level::System).map(drop)
}
