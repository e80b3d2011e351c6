//! An object that the platform has: whether it is ours, what differs, and whether that is corrected.

use super::{Halt, Next, Plan, Refusal, Step, Verdict, done, hold};
use crate::{
    api::{DriftPolicy, Ownership, OwnershipState},
    engine::{
        diff::{Difference, differences, shown, update_body, whole},
        facts::Facts,
        failure::{Cause, Failure},
        ids::{Key, Object},
        kind::{Change, Kind, Subject, Verb},
        ownership,
        reason::Reason,
    },
};

/// What the platform holds has the types of the contract.
pub(super) fn type_checked<K: Kind>(key: &Key, observed: &Object) -> Next<()> {
    match serde_json::from_value::<K::Attributes>(serde_json::Value::Object(observed.clone())) {
        Ok(_) => Ok(()),
        Err(error) => {
            let message = format!("the platform's answer for {key} is not as documented: {error}");
            Err(Halt::Stop(Verdict::Failed(Failure::new(Cause::Unreadable, message))))
        }
    }
}

pub(super) fn decide<K: Kind>(
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
    if record.is_none() {
        ownership::adopt(subject.policies.adoption(), key, &found, facts.cluster.auto_created)
            .or_else(Refusal::refuse)?;
        // Nothing is taken over while somebody who is not seen may hold it.
        if let Some(unknown) = &facts.cluster.unknown_claims {
            return unknown.clone().refuse();
        }
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
