//! A resource that is being deleted. Nothing but its own record, its object and the checks can hold it: neither a bad spec
//! nor a vanished tenant.

use super::{Halt, Next, Plan, Refusal, Step, Verdict, done, platform_changed};
use crate::engine::{
    check_group::Blocked,
    facts::Facts,
    failure::{Cause, Class},
    ids::Key,
    kind::{Kind, Subject, Verb},
    ownership,
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
                format!(
                    "the platform refuses the deletion: {failure}; empty it there, or set the annotation apio.netaxis.be/deletion=Orphan to leave it there"
                ),
            )),
            cause if cause.class() == Class::Invalid => Verdict::Blocked(Blocked::new(
                "PlatformRefused",
                format!("the platform refuses the deletion: {failure}"),
            )),
            _ => Verdict::Failed(failure.clone()),
        });
    }
    let release = Ok(Plan::Act(vec![Step::Release]));
    if subject.orphan || subject.observes() || facts.cluster.definition_deleting {
        return release;
    }
    let Some(record) = ownership::record(subject, facts) else { return release };
    let Some(key) = Key::of(&record.key) else { return release };
    if facts.cluster.other_claim.is_some() {
        return release;
    }
    if record.platform != facts.cluster.platform {
        return Refusal::new("PlatformChanged", platform_changed(&record, facts)).refuse();
    }
    let Some(observed) = facts.object(&key)? else {
        if let Key::Group(tenant, _) = &key {
            // Either answer proves that the path prefix is right: a confirmed missing tenant is absence too.
            facts.object(&Key::Tenant(tenant.clone()))?;
        }
        return release;
    };
    if facts.done().any(|step| matches!(step, Step::Delete(..))) {
        return Err(Halt::Stop(Verdict::Deleting));
    }
    let cleared = K::clearance(&key, observed, facts)?;
    let body = object.options(Verb::Delete, &key, &Default::default(), &facts.cluster);
    Ok(Plan::Act(vec![Step::Delete(key, body, cleared)]))
}
