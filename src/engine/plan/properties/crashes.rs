//! An operator that dies before, between and after any of its writes, and whose successor dies too.

use std::collections::BTreeSet;

use proptest::sample::select;
use serde_json::Value;

use super::{generated::*, *};

/// Which part of its life a resource is in.
#[derive(Clone, Copy, Debug)]
enum Life {
    New,
    Changed,
    Looked,
    Deleted,
    Orphaned,
}
use Life::{Changed, Deleted, Looked, New, Orphaned};

const LIVES: [Life; 5] = [New, Changed, Looked, Deleted, Orphaned];

/// A platform that keeps what it takes: a value that it does not keep is sent again by a successor that was not told.
fn keeping(around: Surroundings) -> Surroundings {
    Surroundings { unkept: BTreeSet::new(), ..around }
}

fn living<K: Kind + ResourceExt + DeserializeOwned>(case: Case<K>, life: Life) -> Case<K> {
    match life {
        New => case,
        Changed => case.synced(0),
        Looked => case.synced(1),
        Deleted => case.synced(1).deleting(),
        Orphaned => case.synced(1).deleting().with(|case| case.subject.orphan = true),
    }
}

/// Passes until there is nothing more to do; the labels of the steps that were taken.
fn settle<K: Kind + ResourceExt + DeserializeOwned>(case: &mut Case<K>) -> Vec<&'static str> {
    let mut taken = Vec::new();
    for _ in 0..4 {
        let pass = case.pass();
        if pass.acts.is_empty() && !matches!(pass.verdict, Verdict::Awaiting(_)) {
            return taken;
        }
        taken.extend(pass.steps());
    }
    panic!("it never rests: {taken:?}")
}

/// A platform with nothing but what [`Platform`] names, and settings that let everything be created on the way.
fn around(tenant: bool, domains: usize, resellers: bool) -> Surroundings {
    let settings = Settings { reseller: true, group_default_domain: true, ..Settings::default() };
    Surroundings {
        tenant,
        resellers: vec![resellers; 2],
        domains: vec![domains; 2],
        contents: vec![(0, 0); 5],
        replaces_nested: false,
        unkept: BTreeSet::new(),
        settings: Some(settings),
    }
}

/// Whenever the operator dies, what comes after ends where it would have ended without the death, and no write that the
/// platform carried out was sent again. Gives the steps of the undisturbed life.
fn survives<K>(case: &Case<K>) -> Result<Vec<&'static str>, TestCaseError>
where
    K: Kind + ResourceExt + DeserializeOwned + Clone,
{
    let mut undisturbed = case.clone();
    let steps = settle(&mut undisturbed);
    dies(case, &undisturbed, 2)?;
    Ok(steps)
}

fn dies<K>(case: &Case<K>, undisturbed: &Case<K>, deaths: u32) -> Result<(), TestCaseError>
where
    K: Kind + ResourceExt + DeserializeOwned + Clone,
{
    for writes in 0.. {
        let mut killed = case.clone();
        if killed.pass_until_death(writes).is_some() {
            return Ok(());
        }
        if deaths > 1 {
            dies(&killed, undisturbed, deaths - 1)?;
        }
        settle(&mut killed);
        same(&killed, undisturbed).map_err(|error| TestCaseError::fail(format!("after {writes} writes: {error}")))?;
    }
    Ok(())
}

/// The plans that a resource can meet, each taken in every part of its life.
#[test]
fn each_step_of_each_plan_survives_a_death_around_it() {
    let all = [around(true, 0, false), around(true, 1, false), around(true, 2, true), around(true, 3, true)];
    let mut seen = BTreeSet::new();
    let mut take = |steps: Result<Vec<&'static str>, TestCaseError>| seen.extend(steps.unwrap());
    for (life, around) in LIVES.into_iter().flat_map(|life| all.iter().map(move |around| (life, around))) {
        let theirs = |value: Value| [None, Some(object(value))];
        for there in theirs(json!({"groupName": "other", "defaultDomain": "sys", "unheard": 1})) {
            for more in ["", "defaultDomain: d", "resellerId: R1", "defaultDomain: d, resellerId: R1, templateName: t"]
            {
                let spec = format!("{{tenantId: Acme, groupName: a, adoptionPolicy: Always, {more}}}");
                take(survives(&living(group(&spec).among(around, there.clone()), life)));
            }
        }
        for there in theirs(json!({"type": "Enterprise", "name": "other", "unheard": 1})) {
            for more in ["", "resellerId: R1"] {
                let spec = format!("{{type: Enterprise, name: a, adoptionPolicy: Always, {more}}}");
                take(survives(&living(tenant(&spec).among(around, there.clone()), life)));
            }
        }
        for there in theirs(json!({"name": "R1", "externalName": "other", "unheard": 1})) {
            let spec = "{externalName: a, adoptionPolicy: Always}";
            take(survives(&living(reseller(spec).among(around, there.clone()), life)));
        }
    }
    assert_eq!(seen, BTreeSet::from(LABELS), "a step that no death was tried around");
}

/// The same end, by the same writes.
fn same<K: Kind + ResourceExt + Clone>(one: &Case<K>, other: &Case<K>) -> Result<(), TestCaseError> {
    prop_assert_eq!(sent(&one.platform), sent(&other.platform));
    prop_assert_eq!(&one.platform.objects, &other.platform.objects);
    prop_assert_eq!(&one.platform.domains, &other.platform.domains);
    prop_assert_eq!(one.subject.held, other.subject.held);
    prop_assert_eq!(&one.subject.status, &other.subject.status);
    prop_assert_eq!(&one.subject.status.auto_creating, &None);
    Ok(())
}

/// What was written. A template leaves no trace on the platform, so a successor applies it again at once; that counts once.
fn sent(platform: &Platform) -> Vec<Step> {
    let with_template = |step: &Step| match step {
        Step::Create(key, body) | Step::Update(key, body) if body.contains_key("templateName") => Some(key.clone()),
        _ => None,
    };
    let mut sent: Vec<Step> = Vec::new();
    for step in &platform.written {
        let again = matches!(step, Step::Update(..))
            && with_template(step).is_some_and(|key| sent.last().and_then(with_template) == Some(key));
        if !again {
            sent.push(step.clone());
        }
    }
    sent
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_group_survives_every_crash(
        spec in spec(json!({"tenantId": "Acme"}), group_fields(), group_options()),
        there in there(group_fields(), json!({"groupId": "hq", "userCount": 0})),
        around in surroundings().prop_map(keeping),
        life in select(LIVES.to_vec()),
    ) {
        survives(&living(group(&text(&spec)).among(&around, there), life))?;
    }

    #[test]
    fn a_tenant_survives_every_crash(
        spec in spec(json!({"type": "Enterprise"}), tenant_fields(), vec![]),
        there in there(tenant_fields(), json!({"tenantId": "Acme", "type": "Enterprise"})),
        around in surroundings().prop_map(keeping),
        life in select(LIVES.to_vec()),
    ) {
        survives(&living(tenant(&text(&spec)).among(&around, there), life))?;
    }

    #[test]
    fn a_reseller_survives_every_crash(
        spec in spec(json!({}), reseller_fields(), vec![]),
        there in there(reseller_fields(), json!({"name": "R1"})),
        around in surroundings().prop_map(keeping),
        life in select(LIVES.to_vec()),
    ) {
        survives(&living(reseller(&text(&spec)).among(&around, there), life))?;
    }
}
