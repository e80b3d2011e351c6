//! What is created on the way to an object: domains and resellers. What is about to be created is recorded before, apart from
//! what is known to be: an operator that dies in between, or does not hear the answer, leaves word for the next pass. That
//! one looks. Only what reads back as the step leaves it counts as created. (As with the record of a begun creation, somebody
//! else who did the very same before that look is not told apart.)

use super::{
    diff::is_unset,
    facts::{Answer, Facts, Query},
    ids::{Key, Level, is_same_domain},
    kind::Subject,
    plan::Step,
};
use crate::api::{AutoCreated, AutoCreating, Status};

/// Most names in a list of the status; the oldest give way.
pub const MOST: usize = 64;

/// What these steps create on the way.
pub fn begun<'a>(steps: impl IntoIterator<Item = &'a Step>) -> AutoCreating {
    let mut begun = AutoCreating::default();
    for step in steps {
        match step {
            Step::CreateDomain(domain) => add(&mut begun.system_domains, domain),
            Step::AssignDomain(Level::Tenant(_), domain) => add(&mut begun.tenant_domains, domain),
            Step::CreateReseller(name) => add(&mut begun.resellers, name),
            _ => {}
        }
    }
    begun
}

/// The record with more in it.
pub fn merged(mut all: AutoCreating, more: &AutoCreating) -> AutoCreating {
    more.system_domains.iter().for_each(|domain| add(&mut all.system_domains, domain));
    more.tenant_domains.iter().for_each(|domain| add(&mut all.tenant_domains, domain));
    more.resellers.iter().for_each(|name| add(&mut all.resellers, name));
    all
}

/// What was recorded in this pass.
pub fn held(facts: &Facts) -> AutoCreating {
    let held = facts.done().filter_map(|step| match step {
        Step::Hold(_, begun) => Some(begun),
        _ => None,
    });
    held.fold(AutoCreating::default(), merged)
}

/// Whether all of this is recorded: before this pass, or in it.
pub fn is_recorded(begun: &AutoCreating, subject: &Subject, facts: &Facts) -> bool {
    let recorded = merged(subject.status.auto_creating.clone().unwrap_or_default(), &held(facts));
    merged(recorded.clone(), begun) == recorded
}

/// What to ask to learn what became of what an earlier pass recorded.
pub fn questions(subject: &Subject, key: &Key, facts: &Facts) -> Vec<Query> {
    let recorded = subject.status.auto_creating.iter().flat_map(|begun| steps(begun, key));
    let seen = |step: &Step| !matches!(step, Step::CreateReseller(name) if !facts.cluster.may_use(&Key::Reseller(name.clone())));
    let untried = recorded.filter(seen).filter(|step| !facts.taken().iter().any(|(taken, _)| taken == step));
    untried.flat_map(|step| step.touches()).filter(|query| facts.answer(query).is_none()).collect()
}

/// What is known to be created after this pass, and what is still open.
pub fn told(old: &Status, key: Option<&Key>, facts: &Facts) -> (Option<AutoCreated>, Option<AutoCreating>) {
    let recorded = old.auto_creating.iter().flat_map(|begun| key.into_iter().flat_map(|key| steps(begun, key)));
    let fates: Vec<_> = recorded.map(|step| (fate(&step, facts), step)).collect();
    let with = |wanted: Fate| fates.iter().filter(move |(fate, _)| *fate == wanted).map(|(_, step)| step);
    let mut created = old.auto_created.clone().unwrap_or_default();
    let new = begun(with(Fate::Taken).chain(facts.done()));
    new.system_domains.iter().chain(&new.tenant_domains).for_each(|domain| add(&mut created.domains, domain));
    new.resellers.iter().for_each(|name| add(&mut created.resellers, name));
    let open = if key.is_some() { begun(with(Fate::Unknown)) } else { old.auto_creating.clone().unwrap_or_default() };
    (
        Some(created).filter(|all| *all != AutoCreated::default()),
        Some(open).filter(|all| *all != AutoCreating::default()),
    )
}

/// What became of a recorded step.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Taken,
    NotTaken,
    Unknown,
}

fn fate(step: &Step, facts: &Facts) -> Fate {
    let tries = || facts.taken().iter().filter(|(taken, _)| taken == step).map(|(_, result)| result);
    if let Some(last) = tries().next_back() {
        return match last {
            _ if tries().any(Result::is_ok) => Fate::Taken,
            Err(failure) if failure.cause.is_definite_refusal() => Fate::NotTaken,
            _ => Fate::Unknown,
        };
    }
    match step.touches().first().and_then(|query| facts.answer(query)) {
        Some(Ok(answer)) if reads_back(step, answer) => Fate::Taken,
        Some(Ok(_)) => Fate::NotTaken,
        _ => Fate::Unknown,
    }
}

/// Whether the platform holds what the step leaves there. Of a reseller that is its name alone: one with more in it is
/// somebody else's.
fn reads_back(step: &Step, answer: &Answer) -> bool {
    match (step, answer) {
        (Step::CreateDomain(domain) | Step::AssignDomain(_, domain), Answer::Domains(known)) => {
            known.iter().any(|there| is_same_domain(there, domain))
        }
        (Step::CreateReseller(_), Answer::Object(Some(there))) => {
            there.iter().all(|(key, value)| key == "name" || is_unset(value))
        }
        _ => false,
    }
}

fn steps(begun: &AutoCreating, key: &Key) -> Vec<Step> {
    let system = begun.system_domains.iter().cloned().map(Step::CreateDomain);
    let of_tenant = key.tenant().into_iter().flat_map(|tenant| {
        let level = Level::Tenant(tenant.to_owned());
        begun.tenant_domains.iter().map(move |domain| Step::AssignDomain(level.clone(), domain.clone()))
    });
    system.chain(of_tenant).chain(begun.resellers.iter().cloned().map(Step::CreateReseller)).collect()
}

fn add(list: &mut Vec<String>, item: &str) {
    if !list.iter().any(|there| there == item) {
        list.push(item.to_owned());
        list.drain(..list.len().saturating_sub(MOST));
    }
}
