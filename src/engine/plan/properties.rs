//! What holds for every spec, every platform and every failure.

mod crashes;
mod generated;

use std::collections::BTreeSet;

use generated::{
    PARTS, Surroundings, group_fields, group_options, past, reseller_fields, spec, surroundings, tenant_fields, text,
    there,
};
use kube::ResourceExt;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Plan, Step, Verdict, model::*, plan};
use crate::{
    api::{AdoptionPolicy, ManagementPolicy},
    engine::{
        check_group::Part,
        diff::{Difference, differences},
        facts::{Answer, Facts, Query},
        ids::{Key, Level, Object},
        kind::Kind,
        settings::Settings,
    },
};

fn declared<K: Kind + ResourceExt>(case: &Case<K>) -> Object {
    case.object.declared(&case.cluster).unwrap()
}

/// A spec that the policies and settings let through ends in the declared state, and stays there without a word.
fn converges<K: Kind + ResourceExt + DeserializeOwned + Clone>(mut case: Case<K>) -> Result<(), TestCaseError> {
    let key = case.key();
    let imagined = imagine(&case);
    let pass = case.pass();
    prop_assert_eq!(&pass.verdict, &Verdict::Synced);
    let end = case.platform.objects[&key].clone();
    prop_assert_eq!(differences(&declared(&case), &end), vec![]);
    prop_assert_eq!(differences(&declared(&case), imagined.seen(&key).unwrap()), vec![]);
    let really: Vec<_> = pass.facts.taken().iter().map(|(step, _)| step.clone()).collect();
    let expected: Vec<_> = imagined.taken().iter().map(|(step, _)| step.clone()).collect();
    prop_assert_eq!(really, expected);

    let again = case.pass();
    prop_assert_eq!((&again.verdict, again.acts.len()), (&Verdict::Synced, 0));
    prop_assert_eq!((again.report.status, again.report.notes), (None, vec![]));
    prop_assert_eq!(&case.platform.objects[&key], &end);
    Ok(())
}

/// The same pass with every step only imagined, by [`Facts::after`].
fn imagine<K: Kind + ResourceExt>(case: &Case<K>) -> Facts {
    let mut facts = Facts::new(case.cluster.clone());
    for _ in 0..ROUNDS {
        match plan(&case.object, &case.subject, &facts) {
            Plan::Ask(queries) => {
                for query in queries {
                    let answer = case.platform.answer(&query);
                    facts.learn(query, answer);
                }
            }
            Plan::Act(steps) => facts = steps.iter().fold(facts, Facts::after),
            Plan::Done(_) => return facts,
        }
    }
    panic!("no end after {ROUNDS} rounds")
}

impl Facts {
    /// What would be known if this step had succeeded.
    fn after(mut self, step: &Step) -> Self {
        let merged = |there: Option<&Object>, body: &Object| {
            let mut object = there.cloned().unwrap_or_default();
            object.extend(body.iter().filter(|(key, _)| !is_option(key)).map(|(k, v)| (k.clone(), v.clone())));
            object
        };
        let domains = |facts: &Self, level: &Level, domain: &str| {
            let mut known = facts.domains(level.clone()).cloned().unwrap_or_default();
            known.insert(domain.to_owned());
            (Query::Domains(level.clone()), Answer::Domains(known))
        };
        let learnt = match step {
            Step::Hold(..) | Step::Release(_) => None,
            Step::CreateDomain(domain) => Some(domains(&self, &Level::System, domain)),
            Step::AssignDomain(level, domain) => Some(domains(&self, level, domain)),
            Step::CreateReseller(name) => {
                let object = Object::from_iter([("name".to_owned(), Value::from(name.clone()))]);
                Some((Query::Object(Key::Reseller(name.clone())), Answer::Object(Some(object))))
            }
            Step::Create(key, body) | Step::Update(key, body) => {
                Some((Query::Object(key.clone()), Answer::Object(Some(merged(self.seen(key), body)))))
            }
            Step::Delete(key, ..) => Some((Query::Object(key.clone()), Answer::Object(None))),
        };
        self.record(step.clone(), Ok(()));
        if let Some((query, answer)) = learnt {
            self.learn(query, Ok(answer));
        }
        self
    }
}

/// Keys of a body that the platform never shows.
fn is_option(key: &str) -> bool {
    ["templateName", "autoCreateDomain"].contains(&key)
}

/// What no state and no failure may lead to. That a pass ends within [`ROUNDS`] is checked by the pass itself.
fn harmless<K: Kind + ResourceExt + DeserializeOwned + Clone>(case: Case<K>) -> Result<(), TestCaseError> {
    let before = case.clone();
    let pass = case.clone().pass();
    prop_assert_eq!(&pass.acts, &case.clone().pass().acts, "the same inputs gave another plan");

    let writes: Vec<_> = pass.acts.iter().flatten().filter(|step| step.is_platform_write()).collect();
    if before.subject.policies.management() == ManagementPolicy::Observe {
        prop_assert_eq!(&writes, &Vec::<&Step>::new());
    }
    if before.subject.paused && !before.subject.deleting {
        prop_assert_eq!(&pass.acts, &Vec::<Vec<Step>>::new());
    }
    let done: Vec<_> = pass.facts.done().filter(|step| step.is_platform_write()).collect();
    for (at, step) in done.iter().enumerate() {
        prop_assert!(!done[..at].contains(step), "{step} twice in a pass");
    }
    lists_what_it_created(&before, &pass)?;
    let doubtful = may_be_of_others(&before);
    for step in writes {
        match step {
            Step::Delete(key, ..) => {
                prop_assert!(!doubtful, "deleted what may be of others");
                deletes_what_is_counted(&before, key)?;
            }
            Step::Update(_, body) => {
                prop_assert!(!doubtful || before.subject.policies.adoption() == AdoptionPolicy::Always);
                only_declared(&before, body)?;
            }
            Step::Create(key, _) => prop_assert!(!before.platform.objects.contains_key(key)),
            _ => {}
        }
    }
    Ok(())
}

/// What is new in the list of what was created on the way was created in this pass, or was begun before and is there as it
/// would have been left, and nobody said that it was there already.
fn lists_what_it_created<K>(before: &Case<K>, pass: &Pass) -> Result<(), TestCaseError> {
    let begun = before.subject.status.auto_creating.clone().unwrap_or_default();
    let created = pass.report.status.clone().and_then(|status| status.auto_created).unwrap_or_default();
    let done = |of: &dyn Fn(&Step) -> bool| pass.facts.done().any(of);
    for domain in &created.domains {
        let known = |level| before.platform.domains.get(&level).is_some_and(|known| known.contains(domain));
        let before = begun.system_domains.contains(domain) && known(Level::System)
            || begun.tenant_domains.contains(domain) && known(Level::Tenant("Acme".into()));
        let now = done(&|step| matches!(step, Step::CreateDomain(new) | Step::AssignDomain(_, new) if new == domain));
        prop_assert!(before || now, "{domain} was not created here");
    }
    for name in &created.resellers {
        let there = before.platform.objects.get(&Key::Reseller(name.clone()));
        let bare = there.is_some_and(|there| there.keys().all(|key| key == "name"));
        let step = Step::CreateReseller(name.clone());
        let now = done(&|taken| *taken == step);
        let refused = pass.facts.taken().iter().any(|(taken, result)| *taken == step && result.is_err());
        prop_assert!(now || begun.resellers.contains(name) && bare && !refused, "{name} was not created here");
    }
    Ok(())
}

/// Its creation was begun, and what is there is not what was sent, in whatever form.
fn may_be_of_others<K: Kind + ResourceExt>(case: &Case<K>) -> bool {
    let sent = case.subject.status.ownership.as_ref().and_then(|record| record.sent.as_ref());
    let there = case.platform.objects.get(&case.key());
    sent.zip(there).is_some_and(|(sent, there)| !differences(sent, there).iter().all(Difference::is_of_form))
}

fn deletes_what_is_counted<K: Kind + ResourceExt>(case: &Case<K>, key: &Key) -> Result<(), TestCaseError> {
    let recorded = case.subject.status.ownership.as_ref().and_then(|record| Key::of(&record.key));
    prop_assert_eq!(recorded.as_ref(), Some(key), "deleted without a record");
    prop_assert!(case.subject.deleting && case.subject.held && !case.subject.orphan && !case.subject.observes());
    let known = |query: &Query| case.platform.answer(query).is_ok();
    match key {
        Key::Group(tenant, group) => {
            let checks = case.cluster.settings.expect("settings").checks;
            let on = |part| match part {
                Part::Users => checks.users || checks.trunk_users,
                Part::TrunkGroups => checks.trunk_groups,
                Part::Ivrs | Part::CallCenters | Part::HuntGroups => checks.service_users,
            };
            for part in PARTS.into_iter().filter(|part| on(*part)) {
                let query = Query::Count(tenant.clone(), group.clone(), part);
                let Ok(Answer::Count { items, in_trunk_groups }) = case.platform.answer(&query) else {
                    return Err(TestCaseError::fail(format!("{} are not known", part.name())));
                };
                let forbidding = match part {
                    Part::Users if !checks.users => in_trunk_groups,
                    Part::Users if !checks.trunk_users => items - in_trunk_groups,
                    _ => items,
                };
                prop_assert_eq!(forbidding, 0, "{} are there", part.name());
            }
        }
        Key::Tenant(tenant) => {
            prop_assert!(known(&Query::Groups(tenant.clone())) && case.cluster.children.is_empty());
            prop_assert!(!case.platform.objects.keys().any(|key| matches!(key, Key::Group(of, _) if of == tenant)));
        }
        Key::Reseller(_) => prop_assert!(case.cluster.children.is_empty()),
    }
    Ok(())
}

fn only_declared<K: Kind + ResourceExt + DeserializeOwned>(case: &Case<K>, body: &Object) -> Result<(), TestCaseError> {
    let declared = declared(case);
    for (name, value) in body {
        let is_option = is_option(name);
        prop_assert!(is_option || declared.contains_key(name), "{name} is not declared");
        if !is_option && !["contactInformation", "addressInformation"].contains(&name.as_str()) {
            prop_assert_eq!(Some(value), declared.get(name));
        }
    }
    Ok(())
}

/// Lets everything through: what converges is decided by the plan alone.
fn permissive(spec: &Object) -> String {
    let mut spec = spec.clone();
    spec.extend(object(json!({"managementPolicy": "Manage", "adoptionPolicy": "Always", "driftPolicy": "Correct"})));
    text(&spec)
}

fn all_known(around: Surroundings) -> Surroundings {
    let settings = Settings { reseller: true, group_default_domain: true, ..Settings::default() };
    Surroundings { tenant: true, unkept: BTreeSet::new(), settings: Some(settings), ..around }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_group_converges(
        mut spec in spec(json!({"tenantId": "Acme"}), group_fields(), group_options()),
        there in there(group_fields(), json!({"groupId": "hq", "userCount": 0})),
        around in surroundings(),
    ) {
        spec.remove("autoCreateDomain");
        converges(group(&permissive(&spec)).among(&all_known(around), there))?;
    }

    #[test]
    fn a_tenant_converges(
        spec in spec(json!({"type": "Enterprise"}), tenant_fields(), vec![]),
        there in there(tenant_fields(), json!({"tenantId": "Acme", "type": "Enterprise"})),
        around in surroundings(),
    ) {
        converges(tenant(&permissive(&spec)).among(&all_known(around), there))?;
    }

    #[test]
    fn a_reseller_converges(
        spec in spec(json!({}), reseller_fields(), vec![]),
        there in there(reseller_fields(), json!({"name": "R1"})),
        around in surroundings(),
    ) {
        converges(reseller(&permissive(&spec)).among(&all_known(around), there))?;
    }

    #[test]
    fn no_group_comes_to_harm(
        spec in spec(json!({"tenantId": "Acme"}), group_fields(), group_options()),
        there in there(group_fields(), json!({"groupId": "hq", "userCount": 1})),
        around in surroundings(),
        past in past(),
    ) {
        harmless(group(&text(&spec)).among(&around, there).after(&past))?;
    }

    #[test]
    fn no_tenant_comes_to_harm(
        spec in spec(json!({"type": "Enterprise"}), tenant_fields(), vec![]),
        there in there(tenant_fields(), json!({"tenantId": "Acme", "type": "Enterprise"})),
        with_group in any::<bool>(),
        around in surroundings(),
        past in past(),
    ) {
        let mut case = tenant(&text(&spec)).among(&around, there).after(&past);
        if with_group {
            case.platform.objects.insert(hq(), Object::new());
        }
        harmless(case)?;
    }

    #[test]
    fn no_reseller_comes_to_harm(
        spec in spec(json!({}), reseller_fields(), vec![]),
        there in there(reseller_fields(), json!({"name": "R1"})),
        around in surroundings(),
        past in past(),
    ) {
        harmless(reseller(&text(&spec)).among(&around, there).after(&past))?;
    }
}
