//! An object that the platform does not have: whether it is created.

use super::{Next, Plan, Refusal, Step, domains, hold};
use crate::{
    api::{DriftPolicy, Ownership},
    engine::{
        facts::Facts,
        ids::{Key, Object},
        kind::{Change, Kind, Subject, Verb},
        ownership,
        reason::Reason,
        stray,
    },
};

pub(super) fn decide<K: Kind>(
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
    let vanished = record.as_ref().is_some_and(|record| !ownership::is_pending(record));
    if vanished && subject.policies.drift() == DriftPolicy::Report {
        let message = format!(
            "{key} was removed on the platform, and spec.driftPolicy is Report; set it to Correct to create it again"
        );
        return Refusal::new(Reason::Removed, message).refuse();
    }
    stray::may_be_created(object, key, &facts.cluster)?;
    if vanished {
        may_be_created_again(subject, key)?;
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
    // What is ours whatever reads back stays so.
    let ours = record.clone().filter(|record| record.sent.is_none());
    let ours = ours.unwrap_or_else(|| ownership::begun(facts, key, declared));
    let on_the_way = object.prerequisites(key, &change, facts)?;
    // Behind all that forbids it: a wait that ended in a refusal would begin anew after it, and the two would take turns.
    is_not_on_its_way(subject, facts, key, record.as_ref())?;
    let mut body = domains::spelt_as_known(declared.clone(), key, facts);
    body.extend(object.options(Verb::Create, key, declared, &facts.cluster));
    let mut steps = hold(subject, facts, record.as_ref(), ours, &on_the_way);
    steps.extend(on_the_way);
    steps.push(Step::Create(key.clone(), body));
    Ok(Plan::Act(steps))
}

/// What vanished is reported before it is created again, so the pass that finds it missing does no more. This is the one place
/// that a guard against many that vanish together has to ask.
fn may_be_created_again(subject: &Subject, key: &Key) -> Next<()> {
    if subject.status.observed.is_none() {
        return Ok(());
    }
    let message = format!("{key} is not on the platform any more, so it is created again");
    Refusal::new(Reason::Creating, message).wait()
}

/// What is not shown is created once: a platform may take a creation and show it only after a while. What it does not show then
/// it hides from this account.
fn is_not_on_its_way(subject: &Subject, facts: &Facts, key: &Key, record: Option<&Ownership>) -> Next<()> {
    let is_there = facts.done().any(|step| matches!(step, Step::Create(..))) || ownership::refused_as_existing(facts);
    let is_ours = record.is_some_and(|record| is_there || ownership::is_taken(record));
    let given_up = subject.condition("Stalled").is_some_and(|stalled| stalled.reason == Reason::NotVisible.name());
    if is_ours && subject.awaited < ownership::LATE && !given_up {
        let message = format!("the platform took the creation of {key} but does not show it yet");
        return Refusal::new(Reason::Creating, message).wait();
    }
    if is_there {
        let message = format!(
            "the platform says that {key} exists but does not show it to this account; use an account that may see it"
        );
        return Refusal::new(Reason::NotVisible, message).refuse();
    }
    Ok(())
}
