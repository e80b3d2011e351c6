//! Resources as the API server shows them: specs, annotations and statuses that another version wrote, and a pass over each,
//! in which the platform answers anything. Nothing is deleted that is not recorded, counted and asked for, and what is told is
//! fit to be told and to be written.

use std::collections::{BTreeMap, BTreeSet};

use apio_operator::{
    api::{Group, Reseller, Status, Tenant},
    engine::{
        declared::Declaration,
        facts::{Answer, Cluster, Facts, Query, Reference},
        failure::{Cause, Failure},
        ids::Key,
        kind::{Kind, Subject},
        plan::{Plan, Step, Verdict, plan},
        report::{Memory, report},
        settings::{Checks, Settings},
        shown::{Shown, over},
    },
};
use kube::ResourceExt;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{annotations, draw::Draw, json::Json, told::told};

/// Most rounds of a pass, as in the operator.
const ROUNDS: usize = 32;
const PLATFORM: &str = "https://p.example";

/// A resource of any kind.
pub fn target(draw: &mut Draw<'_>) {
    match draw.below(4) {
        0 | 1 => pass::<Group>(draw, "Group"),
        2 => pass::<Tenant>(draw, "Tenant"),
        _ => pass::<Reseller>(draw, "Reseller"),
    }
}

fn pass<K: Kind + ResourceExt + DeserializeOwned>(draw: &mut Draw<'_>, kind: &str) {
    let all = annotations::drawn(draw);
    let resource = resource(draw, kind, &all);
    let Ok(shown) = Shown::<K>::read(&resource) else { return };
    let subject = shown.subject();
    if let Ok(key) = shown.key(&Cluster::default()) {
        assert!(!subject.unread.hide_object(), "{key} is of a spec that cannot be read: {resource}");
    }
    if !subject.unread.is_empty() {
        told(&subject.unread.refusal().message);
    }
    let mut facts = Facts::new(cluster(draw)).beginning_with(subject.status.ownership.clone());
    let verdict = run(draw, &*shown, &subject, &mut facts, &all);
    let declaration =
        Declaration { key: shown.key(&facts.cluster).ok(), ..Declaration::of::<K>(&shown, &facts.cluster) };
    let now = "2026-10-21T07:28:00Z".parse().unwrap();
    let memory = Memory::default().after(&verdict, now);
    let report = report(&subject, &declaration, &facts, K::usage, &verdict, memory, now);
    report.notes.iter().for_each(|note| told(&note.reason));
    if let Some(status) = &report.status {
        is_fit(status, &subject, &resource);
    }
}

/// It can be written and read again, and shown.
fn is_fit(status: &Status, subject: &Subject, resource: &Value) {
    let old: Vec<_> = subject.status.conditions.iter().map(|condition| &condition.message).collect();
    for condition in status.conditions.iter().filter(|condition| !old.contains(&&condition.message)) {
        told(&condition.message);
    }
    let written = json!(status);
    assert_eq!(serde_json::from_value::<Status>(written.clone()).unwrap(), *status, "{written}");
    let there = resource.get("status").cloned().unwrap_or_default();
    let over = over(&there, status, &subject.unread);
    assert_eq!(over["conditions"].as_array().map(|all| all.len() >= status.conditions.len()), Some(true), "{over}");
}

fn run<K: Kind>(
    draw: &mut Draw<'_>,
    object: &K,
    subject: &Subject,
    facts: &mut Facts,
    all: &BTreeMap<String, String>,
) -> Verdict {
    for _ in 0..ROUNDS {
        match plan(object, subject, facts) {
            Plan::Ask(queries) => {
                assert!(!queries.is_empty());
                for query in queries {
                    let answer = answer(draw, &query);
                    facts.learn(query, answer);
                }
            }
            Plan::Act(steps) => {
                for step in steps {
                    is_harmless(&step, subject, facts, all);
                    let result = if draw.one_in(4) { Err(failure(draw)) } else { Ok(()) };
                    let failed = result.is_err();
                    facts.record(step, result);
                    if failed {
                        break;
                    }
                }
            }
            Plan::Done(verdict) => return verdict,
        }
    }
    panic!("no end of a pass for {subject:?} with {facts:?}");
}

fn is_harmless(step: &Step, subject: &Subject, facts: &Facts, all: &BTreeMap<String, String>) {
    told(&step.to_string());
    if step.is_platform_write() {
        assert!(subject.unread.is_empty() && !subject.observes(), "{step} for {subject:?}");
        assert!(subject.deleting || !subject.paused, "{step} for {subject:?}");
    }
    let Step::Delete(key, ..) = step else { return };
    assert!(subject.deleting && !subject.orphan && subject.held, "{subject:?}");
    assert_eq!(subject.recorded().as_ref(), Some(key));
    let counting: BTreeMap<_, _> = all.iter().filter(|(name, _)| !name.ends_with("/paused")).collect();
    let counting = counting.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    assert!(annotations::are_understood(&counting), "{all:?}");
    assert!(!matches!(key, Key::Group(..)) || facts.cluster.settings.is_some());
    assert!(facts.seen(key).is_some(), "deleted without a look");
}

/// A resource that was written by somebody who knows most of its fields.
fn resource(draw: &mut Draw<'_>, kind: &str, annotations: &BTreeMap<String, String>) -> Value {
    let mut metadata = json!({
        "name": "hq", "namespace": "ns", "uid": "u", "resourceVersion": "7", "generation": 2,
        "creationTimestamp": "2026-01-01T00:00:00Z", "annotations": annotations,
        "finalizers": draw.of(&[&["apio.netaxis.be/platform"][..], &[], &["x/y"]]),
    });
    if draw.one_in(2) {
        metadata["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    let spec = match kind {
        "Group" => json!({
            "tenantId": "Acme", "groupId": "HQ", "groupName": "G", "userLimit": 5, "defaultDomain": "a.example",
            "contactInformation": {"name": "Jo"}, "resellerId": "R1", "templateName": "t", "autoCreateDomain": true,
            "tenantRef": {"name": "acme"}, "resellerRef": {"name": "r1"}, "excludedAppIds": ["a"],
        }),
        "Tenant" => json!({
            "tenantId": "Acme", "type": "Enterprise", "name": "A", "defaultDomain": "a.example", "resellerId": "R1",
            "useTenantLanguages": true, "addressInformation": {"city": "Ghent"}, "resellerRef": {"name": "r1"},
        }),
        _ => json!({"resellerName": "R1", "externalName": "E", "extraData": {"a": [1, {"b": 2.5}]}}),
    };
    let policies = json!({
        "managementPolicy": draw.of(&["Manage", "Observe"]), "adoptionPolicy": draw.of(&["Always", "IfIdentical", "Never"]),
        "driftPolicy": draw.of(&["Correct", "Report"]), "deletionPolicy": draw.of(&["Delete", "Orphan"]),
    });
    let both = [&spec, &policies].into_iter().filter_map(Value::as_object).flatten();
    let mut spec: Map<_, _> = both.map(|(name, value)| (name.clone(), value.clone())).collect();
    spec.retain(|_, _| !draw.one_in(3));
    let mut spec = Value::Object(spec);
    let mut status = status(draw, kind);
    (0..draw.below(3)).for_each(|_| spoil(draw, &mut spec));
    (0..draw.below(3)).for_each(|_| spoil(draw, &mut status));
    json!({
        "apiVersion": "apio.netaxis.be/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec, "status": status,
    })
}

fn status(draw: &mut Draw<'_>, kind: &str) -> Value {
    let key = match kind {
        "Group" => json!({"tenantId": "Acme", "groupId": "HQ"}),
        "Tenant" => json!({"tenantId": "Acme"}),
        _ => json!({"resellerName": "R1"}),
    };
    let ready = json!({
        "type": draw.of(&["Ready", "Synced", "DeletionBlocked"]), "status": draw.of(&["True", "False"]),
        "reason": draw.of(&["Synced", "Updating", "Deleting"]), "message": "m", "observedGeneration": 2,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let mut status = json!({
        "observedGeneration": draw.of(&[2, -1]), "identity": key, "usage": "1/5", "compared": "x",
        "comparedReseller": {"resource": "r1", "resellerName": "R1"}, "observed": {"groupId": "HQ"},
        "drift": [{"path": "groupName", "desired": "a", "observed": "b"}], "conditions": [ready],
        "autoCreated": {"domains": ["a.example"]}, "autoCreating": {"systemDomains": ["a.example"], "resellers": ["R1"]},
        "contents": {"users": 1}, "lastHandledRequestedAt": "x",
        "ownership": {
            "platform": draw.of(&[PLATFORM, PLATFORM, PLATFORM, "https://q.example"]), "key": key,
            "state": draw.of(&["Created", "Adopted", "Pending"]),
        },
    });
    if draw.one_in(4) {
        status["ownership"]["sent"] = json!({"groupName": "G"});
    }
    if let Some(fields) = status.as_object_mut() {
        fields.retain(|name, _| !draw.one_in(if name == "ownership" { 8 } else { 2 }));
    }
    status
}

/// Puts something else in the place of some value.
fn spoil(draw: &mut Draw<'_>, value: &mut Value) {
    let below = match value {
        Value::Object(members) if !members.is_empty() && !draw.one_in(16) => {
            if draw.one_in(8) {
                members.insert(draw.text(), Value::Null);
            }
            let at = draw.below(members.len());
            members.values_mut().nth(at)
        }
        Value::Array(items) if !items.is_empty() && !draw.one_in(4) => {
            let at = draw.below(items.len());
            items.get_mut(at)
        }
        _ => None,
    };
    match below {
        Some(below) => spoil(draw, below),
        None => *value = Json::drawn(draw, &["name", "tenantId", "groupId", "resellerName"], 0).value(),
    }
}

fn cluster(draw: &mut Draw<'_>) -> Cluster {
    let flag = |draw: &mut Draw<'_>| draw.one_in(2);
    let checks =
        Checks { users: flag(draw), trunk_users: flag(draw), service_users: flag(draw), trunk_groups: flag(draw) };
    let settings = Settings { group_data: flag(draw), reseller: flag(draw), group_default_domain: flag(draw), checks };
    let (tenant, reseller) = (Reference::Tenant("acme".to_owned()), Reference::Reseller("r1".to_owned()));
    let mut cluster = Cluster { platform: PLATFORM.to_owned(), ..Cluster::default() };
    cluster.settings = (!draw.one_in(4)).then_some(settings);
    for (reference, id) in [(tenant, "Acme"), (reseller, "R1")] {
        match draw.below(4) {
            0 | 1 => drop(cluster.references.insert(reference, id.to_owned())),
            2 => drop(cluster.missing.insert(reference)),
            _ => drop(cluster.references.insert(reference, draw.text())),
        }
    }
    cluster.rival = draw.one_in(16).then(|| "ns/rival".to_owned());
    cluster.children = if draw.one_in(16) { vec!["Group ns/child".to_owned()] } else { Vec::new() };
    cluster.auto_created = draw.one_in(8);
    cluster
}

fn answer(draw: &mut Draw<'_>, query: &Query) -> Result<Answer, Failure> {
    if draw.one_in(8) {
        return Err(failure(draw));
    }
    Ok(match query {
        Query::Object(_) if draw.one_in(4) => Answer::Object(None),
        Query::Object(key) => {
            let ids = match key {
                Key::Tenant(id) => json!({"tenantId": id, "type": "Enterprise", "name": "A"}),
                Key::Group(tenant, group) => {
                    json!({"tenantId": tenant, "groupId": group, "groupName": "G", "userCount": 0})
                }
                Key::Reseller(name) => json!({"name": name}),
            };
            let mut object = ids.as_object().cloned().unwrap_or_default();
            let names = [
                "groupName",
                "userLimit",
                "defaultDomain",
                "contactInformation",
                "resellerId",
                "extraData",
                "userCount",
            ];
            object.extend(draw.some(3, |draw| (draw.word(&names), Json::drawn(draw, &["name", "city"], 1).value())));
            Answer::Object(Some(object))
        }
        Query::Domains(_) => Answer::Domains(
            draw.some(3, |draw| draw.word(&["a.example", "A.example"])).into_iter().collect::<BTreeSet<_>>(),
        ),
        Query::Count(..) => {
            let items = draw.of(&[0, 0, 0, 1, 25, i64::MAX]);
            Answer::Count { items, in_trunk_groups: draw.of(&[0, items]) }
        }
        Query::Groups(_) => Answer::Groups(draw.some(2, |draw| draw.word(&["HQ", "other"]))),
    })
}

fn failure(draw: &mut Draw<'_>) -> Failure {
    let mut failure = Failure::new(draw.of(Cause::ALL), draw.text());
    failure.retry_after = draw.one_in(4).then(|| std::time::Duration::from_secs(draw.number()));
    failure
}
