//! Specs, platforms and pasts of every kind.

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

use crate::{
    api::{AutoCreating, Ownership, OwnershipState},
    engine::{
        check_group::Part,
        facts::Query,
        failure::Cause,
        ids::{Key, Level, Object},
        kind::Kind,
        plan::model::*,
        settings::{Checks, Settings},
    },
};

/// Fields and the values that each may have.
type Fields = Vec<(&'static str, Vec<Value>)>;

pub const LABELS: [&str; 13] = [
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
pub const PARTS: [Part; 5] = [Part::Users, Part::TrunkGroups, Part::Ivrs, Part::CallCenters, Part::HuntGroups];

/// Some of these fields, each with one of its values.
fn some_of(fields: Fields) -> impl Strategy<Value = Object> {
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

pub fn group_fields() -> Fields {
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

pub fn tenant_fields() -> Fields {
    vec![
        ("name", vec![json!("a"), json!("b")]),
        ("supportEmail", vec![json!(""), json!("x")]),
        ("contactInformation", nested()),
        ("useTenantLanguages", vec![json!(true), json!(false)]),
        ("resellerId", vec![json!("R1"), json!("R2")]),
    ]
}

pub fn reseller_fields() -> Fields {
    let data = vec![json!({}), json!({"a": 1}), json!({"a": 1, "b": {"c": 2}})];
    vec![("externalName", vec![json!(""), json!("x")]), ("extraData", data)]
}

/// A spec: the fields that every one has, some of the others, options and policies.
pub fn spec(always: Value, fields: Fields, options: Fields) -> impl Strategy<Value = Object> {
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

pub fn group_options() -> Fields {
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
pub struct Surroundings {
    pub tenant: bool,
    pub resellers: Vec<bool>,
    pub domains: Vec<usize>,
    pub contents: Vec<(i64, i64)>,
    pub replaces_nested: bool,
    pub unkept: BTreeSet<&'static str>,
    pub settings: Option<Settings>,
}

prop_compose! {
    pub fn surroundings()(
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
pub struct Past {
    record: Option<OwnershipState>,
    sent: Option<Object>,
    compared: Option<i64>,
    deleting: bool,
    held: bool,
    paused: bool,
    rival: bool,
    children: bool,
    parent_deleting: bool,
    creating: bool,
    reseller_of_others: bool,
    unanswered: Vec<(Index, Cause)>,
    refused: Vec<(&'static str, Cause)>,
}

prop_compose! {
    pub fn past()(
        record in of(select(vec![OwnershipState::Pending, OwnershipState::Created, OwnershipState::Adopted])),
        sent in of(some_of(vec![("groupName", vec![json!("a"), json!("A ")]), ("name", vec![json!("a")]), ("externalName", vec![json!("x")])])),
        compared in of(0..2_i64),
        [deleting, held, creating, reseller_of_others] in any::<[bool; 4]>(),
        [paused, rival, children, parent_deleting] in [
            prop::bool::weighted(0.1), prop::bool::weighted(0.1), prop::bool::weighted(0.1), prop::bool::weighted(0.1),
        ],
        unanswered in vec((any::<Index>(), select(CAUSES.to_vec())), 0..3),
        refused in vec((select(LABELS.to_vec()), select(CAUSES.to_vec())), 0..3),
    ) -> Past {
        Past {
            record, sent, compared, deleting, held, paused, rival, children, parent_deleting, creating,
            reseller_of_others, unanswered, refused,
        }
    }
}

pub fn text(spec: &Object) -> String {
    serde_json::to_string(spec).unwrap()
}

impl<K: Kind + ResourceExt + DeserializeOwned> Case<K> {
    /// Puts the case into its surroundings.
    pub fn among(self, around: &Surroundings, there: Option<Object>) -> Self {
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

    pub fn after(self, past: &Past) -> Self {
        let case = match past.compared {
            Some(generation) => self.synced(generation),
            None => self,
        };
        case.with(|case| {
            let key = case.key();
            case.subject.held = past.held;
            let identity = key.identity();
            case.subject.status.ownership = past.record.map(|state| {
                let sent = past.sent.clone().filter(|_| state == OwnershipState::Pending);
                Ownership { platform: PLATFORM.into(), key: identity, state, sent }
            });
            // Nothing is created on the way to a reseller.
            let creating = past.creating && key.tenant().is_some();
            case.subject.status.auto_creating = creating.then(|| AutoCreating {
                system_domains: vec!["d".into()],
                tenant_domains: vec!["d".into(), "e".into()],
                resellers: vec!["R1".into()],
            });
            if let Some(theirs) =
                case.platform.objects.get_mut(&Key::Reseller("R1".into())).filter(|_| past.reseller_of_others)
            {
                theirs.insert("externalName".into(), json!("x"));
            }
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
            queries.push(Query::Object(Key::Reseller("R1".into())));
            queries.extend(counts);
            queries.push(Query::Groups("Acme".into()));
            for (at, cause) in &past.unanswered {
                case.platform.unanswered.insert(at.get(&queries).clone(), *cause);
            }
            case.platform.refused = past.refused.iter().copied().collect();
        })
    }
}

/// An object of the platform: some of the fields, with keys and contact keys that nobody here knows.
pub fn there(fields: Fields, known: Value) -> impl Strategy<Value = Option<Object>> {
    of(some_of(fields).prop_map(move |mut object| {
        object.extend(crate::engine::plan::model::object(known.clone()));
        if let Some(Value::Object(contact)) = object.get_mut("contactInformation") {
            contact.insert("unheard".into(), json!(true));
        }
        object
    }))
}
