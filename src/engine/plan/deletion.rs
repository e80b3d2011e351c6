//! A resource that is being deleted. Nothing but its own record, its object and the checks can hold it: neither a bad spec
//! nor a vanished tenant.

use super::{Halt, Next, Plan, Refusal, Step, Verdict, done, permitted, platform_changed, readable};
use crate::engine::{
    annotations,
    check_group::{Blocked, LEAVE_IT},
    facts::Facts,
    failure::Cause,
    ids::{Key, Level},
    kind::{Kind, Subject, Verb},
    ownership,
    reason::Reason,
};

pub(super) fn decide<K: Kind>(object: &K, subject: &Subject, facts: &Facts) -> Next<Plan> {
    if !subject.held {
        return done(Verdict::Ignored);
    }
    if facts.done().any(|step| *step == Step::Release) {
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
    let release = Ok(Plan::Act(vec![Step::Release]));
    if subject.orphan || subject.observes() || facts.cluster.definition_deleting {
        return release;
    }
    readable(subject)?;
    let Some(record) = ownership::record(subject, facts) else { return release };
    let Some(key) = Key::of(&record.key) else { return release };
    if facts.cluster.other_claim.is_some() {
        return release;
    }
    if let Some(unreadable) = subject.unreadable.iter().find(|one| one.blocks_deletion()) {
        return Refusal::new(Reason::AnnotationUnreadable, annotations::blocked(unreadable)).refuse();
    }
    permitted(subject, [key.clone()], facts)?;
    if record.platform != facts.cluster.platform {
        return Refusal::new(Reason::PlatformChanged, platform_changed(&record, facts)).refuse();
    }
    if let Some(why) = key.misplaced() {
        return Refusal::new(Reason::Invalid, format!("{why}, so nothing is deleted by it; {LEAVE_IT}")).refuse();
    }
    let Some(observed) = facts.object(&key)? else {
        if !facts.done().any(|step| matches!(step, Step::Delete(..))) {
            proven_absent(&key, facts)?;
        }
        return release;
    };
    if facts.done().any(|step| matches!(step, Step::Delete(..))) {
        return Err(Halt::Stop(Verdict::Deleting));
    }
    // Nor is anything deleted while somebody who is not seen may stand for it, or need it.
    if let Some(unknown) = facts.cluster.unknown_claims.as_ref().or(facts.cluster.unknown_children.as_ref()) {
        return Blocked::new(unknown.reason, unknown.message.clone()).stop();
    }
    let cleared = K::clearance(&key, observed, facts)?;
    let body = object.options(Verb::Delete, &key, &Default::default(), &facts.cluster);
    Ok(Plan::Act(vec![Step::Delete(key, body, cleared)]))
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
