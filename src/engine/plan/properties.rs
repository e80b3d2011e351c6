//! What holds for every spec, every platform and every failure.

use std::collections::BTreeSet;

use kube::ResourceExt;
use proptest::{
    collection::vec,
    option::{of, weighted},
    prelude::*,
    sample::{Index, select},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Plan, Step, Verdict, model::*, plan};
use crate::{
    api::{ManagementPolicy, Ownership, OwnershipState},
    engine::{
        check_group::Part,
        diff::differences,
        facts::{Answer, Facts, Query},
        failure::Cause,
        ids::{Key, Level, Object},
        kind::Kind,
        settings::{Checks, Settings},
    },
};

const LABELS: [&str; 13] = [
    "hold",
    "create_domain",
    "assign_domain",
    "create_reseller",
    "create_tenant",
    "create_group",
    "update_tenant",
    "update_group",
    "update_reseller",
    "delete_tenant",
    "delete_group",
    "delete_reseller",
    "release",
];
const CAUSES: [Cause; 9] = [
    Cause::AlreadyExists,
    Cause::NotEmpty,
    Cause::Rejected,
    Cause::Forbidden,
    Cause::NotFound,
    Cause::RateLimited,
    Cause::Unreadable,
    Cause::Ambiguous,
    Cause::NoCredentials,
];
const PARTS: [Part; 5] = [Part::Users, Part::TrunkGroups, Part::Ivrs, Part::CallCenters, Part::HuntGroups];

/// Some of these fields, each with one of its values.
fn some_of(fields: Vec<(&'static str, Vec<Value>)>) -> impl Strategy<Value = Object> {
    let one = |(name, values): (&'static str, Vec<Value>)| of(select(values)).prop_map(move |value| (name, value));
    fields.into_iter().map(one).collect::<Vec<_>>().prop_map(|fields| {
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Object>()
    })
}

fn nested() -> Vec<Value> {
    vec![json!({}), json!({"name": "Jo"}), json!({"name": ""}), json!({"phoneNumber": "1", "name": "Al"})]
}

fn address() -> Vec<Value> {
    vec![json!({"city": "Ghent"}), json!({"city": "", "country": "BE"})]
}

fn group_fields() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("groupName", vec![json!("a"), json!("b")]),
        ("userLimit", vec![json!(1), json!(2)]),
        ("defaultDomain", vec![json!("d"), json!("e")]),
        ("cliName", vec![json!(""), json!("x")]),
        ("contactInformation", nested()),
        ("addressInformation", address()),
        ("resellerId", vec![json!("R1"), json!("R2")]),
    ]
}

fn tenant_fields() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("name", vec![json!("a"), json!("b")]),
        ("supportEmail", vec![json!(""), json!("x")]),
        ("contactInformation", nested()),
        ("useTenantLanguages", vec![json!(true), json!(false)]),
        ("resellerId", vec![json!("R1"), json!("R2")]),
    ]
}

fn reseller_fields() -> Vec<(&'static str, Vec<Value>)> {
    let data = vec![json!({}), json!({"a": 1}), json!({"a": 1, "b": {"c": 2}})];
    vec![("externalName", vec![json!(""), json!("x")]), ("extraData", data)]
}

/// A spec: the fields that every one has, some of the others, options and policies.
fn spec(
    always: Value,
    fields: Vec<(&'static str, Vec<Value>)>,
    options: Vec<(&'static str, Vec<Value>)>,
) -> impl Strategy<Value = Object> {
    let words = |words: &[&str]| words.iter().map(|word| json!(word)).collect::<Vec<_>>();
    let policies = vec![
        ("managementPolicy", words(&["Manage", "Observe"])),
        ("adoptionPolicy", words(&["IfIdentical", "Always", "Never"])),
        ("driftPolicy", words(&["Correct", "Report"])),
        ("deletionPolicy", words(&["Delete", "Orphan"])),
    ];
    (some_of(fields), some_of(options), some_of(policies)).prop_map(move |(fields, options, policies)| {
        let mut spec = object(always.clone());
        spec.extend(fields.into_iter().chain(options).chain(policies));
        spec
    })
}

fn group_options() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("templateName", vec![json!("t")]),
        ("autoCreateDomain", vec![json!(true), json!(false)]),
        ("excludedAppIds", vec![json!(["x"])]),
    ]
}

prop_compose! {
    fn settings()(flags in any::<[bool; 7]>()) -> Settings {
        let [group_data, reseller, group_default_domain, users, trunk_users, service_users, trunk_groups] = flags;
        let checks = Checks { users, trunk_users, service_users, trunk_groups };
        Settings { group_data, reseller, group_default_domain, checks }
    }
}

/// What the platform holds besides the object; each domain at every level above the deepest one too.
#[derive(Clone, Debug)]
struct Surroundings {
    tenant: bool,
    resellers: Vec<bool>,
    domains: Vec<usize>,
    contents: Vec<(i64, i64)>,
    replaces_nested: bool,
    unkept: BTreeSet<&'static str>,
    settings: Option<Settings>,
}

prop_compose! {
    fn surroundings()(
        tenant in prop::bool::weighted(0.8),
        resellers in vec(any::<bool>(), 2),
        domains in vec(0..4_usize, 2),
        contents in vec(select(vec![(0, 0), (0, 0), (0, 0), (1, 0), (2, 1), (1, 1)]), 5),
        replaces_nested in any::<bool>(),
        unkept in of(select(vec!["groupName", "name", "contactInformation", "externalName"])),
        settings in weighted(0.9, settings()),
    ) -> Surroundings {
        let unkept = unkept.into_iter().collect();
        Surroundings { tenant, resellers, domains, contents, replaces_nested, unkept, settings }
    }
}

/// What the resource went through before.
#[derive(Clone, Debug)]
struct Past {
    record: Option<OwnershipState>,
    compared: Option<i64>,
    deleting: bool,
    held: bool,
    paused: bool,
    rival: bool,
    children: bool,
    parent_deleting: bool,
    unanswered: Vec<(Index, Cause)>,
    refused: Vec<(&'static str, Cause)>,
}

prop_compose! {
    fn past()(
        record in of(select(vec![OwnershipState::Pending, OwnershipState::Created, OwnershipState::Adopted])),
        compared in of(0..2_i64),
        [deleting, held] in any::<[bool; 2]>(),
        [paused, rival, children, parent_deleting] in [
            prop::bool::weighted(0.1), prop::bool::weighted(0.1), prop::bool::weighted(0.1), prop::bool::weighted(0.1),
        ],
        unanswered in vec((any::<Index>(), select(CAUSES.to_vec())), 0..3),
        refused in vec((select(LABELS.to_vec()), select(CAUSES.to_vec())), 0..3),
    ) -> Past {
        Past { record, compared, deleting, held, paused, rival, children, parent_deleting, unanswered, refused }
    }
}

fn text(spec: &Object) -> String {
    serde_json::to_string(spec).unwrap()
}

impl<K: Kind + ResourceExt + DeserializeOwned> Case<K> {
    /// Puts the case into its surroundings.
    fn among(self, around: &Surroundings, there: Option<Object>) -> Self {
        self.with(|case| {
            let platform = &mut case.platform;
            platform.objects.clear();
            if around.tenant {
                platform.objects.insert(acme(), object(json!({"tenantId": "Acme"})));
            }
            for (name, _) in ["R1", "R2"].into_iter().zip(&around.resellers).filter(|(_, there)| **there) {
                platform.objects.insert(Key::Reseller(name.into()), object(json!({"name": name})));
            }
            let Key::Group(tenant, group) = hq() else { unreachable!() };
            let levels = [Level::System, Level::Tenant(tenant.clone()), Level::Group(tenant, group)];
            for (domain, depth) in ["d", "e"].into_iter().zip(&around.domains) {
                levels.iter().take(*depth).for_each(|level| platform.know(level.clone(), domain));
            }
            platform.contents = PARTS.into_iter().zip(around.contents.iter().copied()).collect();
            platform.replaces_nested = around.replaces_nested;
            platform.unkept = around.unkept.clone();
            case.cluster.settings = around.settings;
            let key = case.key();
            match there {
                Some(object) => case.platform.objects.insert(key, object),
                None => case.platform.objects.remove(&key),
            };
        })
    }

    fn after(self, past: &Past) -> Self {
        let case = match past.compared {
            Some(generation) => self.synced(generation),
            None => self,
        };
        case.with(|case| {
            let key = case.key();
            case.subject.held = past.held;
            let identity = key.identity();
            case.subject.status.ownership =
                past.record.map(|state| Ownership { platform: PLATFORM.into(), key: identity, state });
            case.subject.deleting = past.deleting;
            case.subject.paused = past.paused;
            case.cluster.rival = past.rival.then(|| "ns/older".to_owned());
            case.cluster.children.extend(past.children.then(|| "Group ns/child".to_owned()));
            if past.parent_deleting {
                case.cluster.described.insert(acme(), true);
                case.cluster.described.insert(Key::Reseller("R1".into()), true);
            }
            let counts = PARTS.map(|part| Query::Count("Acme".into(), "hq".into(), part));
            let mut queries = vec![Query::Object(key), Query::Object(acme()), Query::Domains(Level::System)];
            queries.extend(counts);
            queries.push(Query::Groups("Acme".into()));
            for (at, cause) in &past.unanswered {
                case.platform.unanswered.insert(at.get(&queries).clone(), *cause);
            }
            case.platform.refused = past.refused.iter().copied().collect();
        })
    }

    fn declared(&self) -> Object {
        self.object.declared(&self.cluster).unwrap()
    }
}

/// A spec that the policies and settings let through ends in the declared state, and stays there without a word.
fn converges<K: Kind + ResourceExt + DeserializeOwned + Clone>(mut case: Case<K>) -> Result<(), TestCaseError> {
    let key = case.key();
    let imagined = imagine(&case);
    let pass = case.pass();
    prop_assert_eq!(&pass.verdict, &Verdict::Synced);
    let end = case.platform.objects[&key].clone();
    prop_assert_eq!(differences(&case.declared(), &end), vec![]);
    prop_assert_eq!(differences(&case.declared(), imagined.seen(&key).unwrap()), vec![]);
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
    for step in writes {
        match step {
            Step::Delete(key, ..) => deletes_what_is_counted(&before, key)?,
            Step::Update(_, body) => only_declared(&before, body)?,
            Step::Create(key, _) => prop_assert!(!before.platform.objects.contains_key(key)),
            _ => {}
        }
    }
    Ok(())
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
    let declared = case.declared();
    for (name, value) in body {
        let is_option = ["templateName", "autoCreateDomain"].contains(&name.as_str());
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

/// An object of the platform: some of the fields, with keys and contact keys that nobody here knows.
fn there(fields: Vec<(&'static str, Vec<Value>)>, known: Value) -> impl Strategy<Value = Option<Object>> {
    of(some_of(fields).prop_map(move |mut object| {
        object.extend(super::model::object(known.clone()));
        if let Some(Value::Object(contact)) = object.get_mut("contactInformation") {
            contact.insert("unheard".into(), json!(true));
        }
        object
    }))
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
