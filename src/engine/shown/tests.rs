use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use super::*;
use crate::{
    api::{AdoptionPolicy, Group, Reseller, Tenant},
    engine::neighbours::Neighbour,
};

fn group() -> Value {
    json!({
        "apiVersion": "apio.netaxis.be/v1alpha1", "kind": "Group",
        "metadata": {"name": "hq", "namespace": "ns", "uid": "u", "generation": 2},
        "spec": {"tenantId": "Acme", "groupId": "HQ", "groupName": "G", "adoptionPolicy": "Always"},
        "status": {
            "observedGeneration": 2, "usage": "1/5",
            "ownership": {"platform": "p", "key": {"tenantId": "Acme", "groupId": "HQ"}, "state": "Created"},
            "conditions": [ready()],
        },
    })
}

fn ready() -> Value {
    json!({"type": "Ready", "status": "True", "reason": "Synced", "message": "m", "observedGeneration": 2,
        "lastTransitionTime": "2026-01-01T00:00:00Z"})
}

fn read(change: impl FnOnce(&mut Value)) -> Shown<Group> {
    let mut shown = group();
    change(&mut shown);
    Shown::read(&shown).unwrap()
}

fn paths(unread: &Unreads) -> Vec<&str> {
    unread.0.iter().map(|one| one.path.as_str()).collect()
}

#[test]
fn what_cannot_be_read_is_named_with_its_value_and_the_rest_is_read() {
    assert!(read(|_| {}).unread.is_empty());
    let shown = read(|group| {
        group["spec"]["driftPolicy"] = json!("Approve");
        group["spec"]["userLimit"] = json!({"soft": 5});
        group["status"]["usage"] = json!(7);
    });
    assert_eq!(paths(&shown.unread), ["spec.driftPolicy", "spec.userLimit", "status.usage"]);
    assert_eq!(shown.spec.policies.adoption(), AdoptionPolicy::Always);
    assert_eq!(shown.key(&Cluster::default()), Ok(Key::Group("Acme".into(), "HQ".into())));
    assert_eq!(shown.subject().recorded(), Some(Key::Group("Acme".into(), "HQ".into())));
    let refusal = shown.subject().unread.refusal();
    assert_eq!(refusal.reason, Reason::Unreadable);
    let drift = "spec.driftPolicy is \"Approve\" (unknown variant `Approve`, expected `Correct` or `Report`)";
    assert!(refusal.message.contains(drift) && refusal.message.contains("; upgrade the operator"), "{refusal:?}");
}

#[test]
fn what_a_newer_version_hides_too_is_added_and_a_sentence_names_the_first_three() {
    let odd =
        |fields: &[&str]| read(|group| fields.iter().for_each(|field| group["spec"][field] = json!([[1]]))).unread;
    let mut unread = odd(&["groupId", "groupName", "userLimit"]);
    assert!(!unread.refusal().message.contains("more"), "{unread:?}");
    unread.add(&odd(&["cliName", "groupId", "timeZone"]));
    let all = ["groupId", "groupName", "userLimit", "cliName", "timeZone"].map(|field| format!("spec.{field}"));
    assert_eq!(paths(&unread), all);
    assert!(unread.refusal().message.contains(", and 2 more; upgrade"), "{}", unread.refusal().message);
}

#[test]
fn a_resource_is_read_whatever_its_spec_and_its_status_hold() {
    for (section, odd) in [
        ("spec", json!("text")),
        ("spec", json!([1])),
        ("spec", json!({"tenantId": 5, "groupId": [], "unknown": {"a": 1}})),
        ("status", json!(7)),
        ("status", json!({"conditions": "none", "observedGeneration": "two", "ownership": {"state": "Lent"}})),
    ] {
        let shown = read(|group| group[section] = odd.clone());
        assert!(!shown.unread.is_empty() && shown.name_any() == "hq", "{odd}: {:?}", shown.unread);
    }
    assert!(Shown::<Group>::read(&json!({"metadata": {"name": 5}, "spec": {}})).is_err());
}

#[test]
fn an_object_is_not_guessed_from_what_is_left() {
    let shown = read(|group| group["spec"]["groupId"] = json!(5));
    assert!(shown.key(&Cluster::default()).is_err(), "not that of the resource's name");
    assert!(shown.unread.hide_object() && !shown.unread.hide_parents() && !shown.unread.hide_record());
    let shown = read(|group| group["status"]["ownership"]["state"] = json!("Lent"));
    assert!(shown.unread.hide_record() && !shown.unread.hide_object() && !shown.unread.hide_parents());
    let shown = read(|group| group["spec"]["resellerRef"] = json!("best"));
    assert!(shown.unread.hide_parents() && !shown.unread.hide_object());
}

/// The lists of telling fields are complete: without a field that is not in them, the others see the same.
#[test]
fn every_field_that_tells_the_others_something_hides_it_when_it_cannot_be_read() {
    fn check<K: Kind + kube::Resource<DynamicType = ()> + DeserializeOwned>(kind: &str, spec: &Value) {
        let whole =
            json!({"apiVersion": "apio.netaxis.be/v1alpha1", "kind": kind, "metadata": {"name": "n"}, "spec": spec});
        let neighbour = |shown: &Value| {
            let shown = Shown::<K>::read(shown).unwrap();
            let references = [("t", "T"), ("r", "R")].map(|(name, id)| {
                let reference =
                    |of: fn(String) -> crate::engine::facts::Reference| (of(name.to_owned()), id.to_owned());
                if name == "t" {
                    reference(crate::engine::facts::Reference::Tenant)
                } else {
                    reference(crate::engine::facts::Reference::Reseller)
                }
            });
            let cluster = Cluster { references: references.into(), ..Cluster::default() };
            let (key, references, named) = (shown.key(&cluster).ok(), shown.references(), shown.named());
            (Neighbour::of("K".into(), shown.subject(), key, None, references, named), shown.unread)
        };
        let (told, _) = neighbour(&whole);
        assert!(told.key.is_some(), "{kind} stands for something");
        for field in spec.as_object().unwrap().keys() {
            let mut odd = whole.clone();
            // No field is a list of lists.
            odd["spec"][field] = json!([[1]]);
            let (left, unread) = neighbour(&odd);
            assert!(unread.hide(&[format!("spec.{field}").as_str()]), "{kind} {field} {unread:?}");
            let same = left.key == told.key || unread.hide_object();
            assert!(same, "{kind}: spec.{field} tells the object");
            let same = (&left.references, &left.named) == (&told.references, &told.named) || unread.hide_parents();
            assert!(same, "{kind}: spec.{field} tells a parent");
        }
    }
    let policies = json!({"managementPolicy": "Manage", "adoptionPolicy": "Never", "driftPolicy": "Report", "deletionPolicy": "Orphan"});
    let with = |more: Value| {
        let mut all = policies.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    for way in
        [json!({"tenantId": "T", "resellerId": "R"}), json!({"tenantRef": {"name": "t"}, "resellerRef": {"name": "r"}})]
    {
        let mut spec = with(json!({"groupId": "G", "groupName": "g", "templateName": "t", "excludedAppIds": ["a"]}));
        spec.as_object_mut().unwrap().extend(way.as_object().unwrap().clone());
        check::<Group>("Group", &spec);
        let mut spec = with(json!({"tenantId": "T", "type": "Enterprise"}));
        let way = way.as_object().unwrap().clone().into_iter().filter(|(key, _)| key.starts_with("reseller"));
        spec.as_object_mut().unwrap().extend(way);
        check::<Tenant>("Tenant", &spec);
    }
    check::<Reseller>("Reseller", &with(json!({"resellerName": "R", "externalName": "e"})));
}

#[test]
fn a_status_that_cannot_be_read_whole_loses_nothing_when_it_is_written() {
    let odd = json!({"type": "Approved", "status": "True", "since": "yesterday"});
    let there = json!({
        "usage": 7, "newer": {"a": [1]}, "observedGeneration": 1, "conditions": [ready(), odd, {"type": "Ready"}],
        "ownership": {"platform": "p", "key": {"tenantId": "Acme", "groupId": "HQ"}, "state": "Lent"},
    });
    let shown = read(|group| group["status"] = there.clone());
    assert_eq!(paths(&shown.unread), ["status.conditions", "status.ownership", "status.usage"]);
    let mut status = shown.status.clone().unwrap();
    assert_eq!(status.conditions.len(), 1);
    status.observed_generation = Some(2);
    status.conditions[0].status = "False".into();
    status.usage = Some("1/2".into());
    status.conditions[0].last_transition_time = Time(Timestamp::UNIX_EPOCH);
    let written = over(&there, &status, &shown.unread);
    let mut expected = there.clone();
    expected["observedGeneration"] = json!(2);
    expected["conditions"] = json!([status.conditions[0], odd]);
    assert_eq!(written, expected);
}

#[test]
fn why_a_field_cannot_be_read_is_told_in_short_and_with_nothing_that_a_terminal_obeys() {
    let odd = format!("\u{1b}[2J{}", "x".repeat(100_000));
    let refusal = read(|group| group["spec"]["adoptionPolicy"] = json!(odd)).unread.refusal().message;
    assert!(refusal.contains("(unknown variant `\\u001b[2Jxxx") && refusal.chars().count() < 1_000, "{refusal}");
}
