//! References that lead nowhere: what has a record goes on by it.

use kube::ResourceExt;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{
    api::{Group, OwnershipState, Tenant},
    engine::{
        facts::{Query, Reference},
        grants::Grants,
        ids::Key,
        kind::Kind,
        plan::{Verdict, model::*},
        stray::Recorded,
    },
};

const OF_ACME: &str = "{tenantRef: {name: acme}, groupName: a}";

fn to_acme() -> Reference {
    Reference::Tenant("acme".into())
}

fn to_best() -> Reference {
    Reference::Reseller("best".into())
}

/// A group of tenant Acme, by the Tenant resource acme.
fn of_acme(spec: &str) -> Case<Group> {
    group(spec).with(|case| drop(case.cluster.references.insert(to_acme(), "Acme".into())))
}

/// A tenant of reseller Best, by the Reseller resource best, that is on the platform as it should be.
fn of_best() -> Case<Tenant> {
    let mut case = tenant("{type: Enterprise, resellerRef: {name: best}}");
    case.cluster.references.insert(to_best(), "Best".into());
    case.present(json!({"type": "Enterprise", "resellerId": "Best"})).synced(1)
}

fn loses<K>(case: &mut Case<K>, reference: Reference) {
    case.cluster.references.remove(&reference);
    case.cluster.missing.insert(reference);
}

fn finds<K>(case: &mut Case<K>, reference: Reference, id: &str) {
    case.cluster.missing.remove(&reference);
    case.cluster.references.insert(reference, id.into());
}

fn ready<K>(case: &Case<K>) -> (&str, &str) {
    let ready = case.subject.condition("Ready").unwrap();
    (&ready.reason, &ready.message)
}

/// Two passes write nothing, the first one tells this, and neither has an event.
fn is_quiet<K: Kind + ResourceExt + DeserializeOwned>(case: &mut Case<K>, message: &str) {
    let pass = case.pass();
    assert_eq!((pass.steps(), &pass.verdict), (vec![], &Verdict::Synced));
    assert_eq!((ready(case), pass.report.notes.as_slice()), (("Synced", message), &[][..]));
    let again = case.pass();
    assert_eq!((again.report.status, again.report.notes.as_slice()), (None, &[][..]));
}

#[test]
fn a_group_whose_tenant_resource_is_gone_goes_on_in_the_tenant_of_its_record_and_says_how_to_move() {
    let mut case = of_acme(OF_ACME).present(json!({"groupName": "a"})).synced(1);
    is_quiet(&mut case, "the platform holds what the spec declares");
    loses(&mut case, to_acme());
    is_quiet(
        &mut case,
        "the platform holds what the spec declares; the Tenant resource acme of spec.tenantRef does not exist in this namespace, so tenant Acme of the record counts; set spec.tenantRef to the resource of tenant Acme, or spec.tenantId to Acme in its place",
    );
    let mut moved = case.clone();
    moved.object.spec.tenant_ref.as_mut().unwrap().name = "acme-be".into();
    finds(&mut moved, Reference::Tenant("acme-be".into()), "Acme");
    is_quiet(&mut moved, "the platform holds what the spec declares");
    finds(&mut case, to_acme(), "Acme");
    is_quiet(&mut case, "the platform holds what the spec declares");
}

#[test]
fn by_the_record_differences_are_corrected_or_told_changes_are_sent_and_deletions_are_guarded() {
    let stray = |spec: &str| of_acme(spec).with(|case| loses(case, to_acme()));
    let there = |case: Case<Group>, name: &str| {
        case.with(|case| drop(case.platform.objects.insert(hq(), object(json!({"groupName": name})))))
    };
    let synced = |spec: &str| of_acme(spec).synced(1).with(|case| loses(case, to_acme()));
    let pass = there(synced(OF_ACME), "b").pass();
    assert_eq!((pass.steps(), pass.body("update_group")), (vec!["update_group"], json!({"groupName": "a"})));
    let mut reports = there(synced("{tenantRef: {name: acme}, groupName: a, driftPolicy: Report}"), "b");
    assert_eq!((reports.pass().steps().len(), ready(&reports).0), (0, "Synced"));
    assert!(ready(&reports).1.starts_with("the object is on the platform; the Tenant resource acme of spec.tenantRef"));
    assert!(!reports.subject.condition("Synced").unwrap().message.contains("tenantRef"));
    let mut changed = there(synced("{tenantRef: {name: acme}, groupName: a, templateName: t}"), "b");
    changed.declares_otherwise();
    assert_eq!(changed.pass().body("update_group"), json!({"groupName": "a", "templateName": "t"}));
    let mut going = there(synced(OF_ACME), "a").deleting();
    going.platform.contents.insert(crate::engine::check_group::Part::Users, (1, 0));
    assert_eq!((going.pass().reason(), going.platform.written.len()), ("GroupNotEmpty", 0));
    going.platform.contents.clear();
    assert_eq!(going.pass().steps(), ["delete_group", "release"]);
    // Without a record it is waited for as ever.
    let pass = there(stray(OF_ACME), "a").pass();
    assert_eq!((pass.reason(), pass.asked.len()), ("WaitingForTenant", 0));
}

#[test]
fn what_a_lost_reference_led_to_is_known_by_the_record() {
    let mut case = of_acme(OF_ACME).synced(1);
    case.cluster.recorded = Recorded::of(&case.subject.status);
    let references = [to_acme(), to_best()];
    assert_eq!(case.cluster.strayed_from(&references), []);
    loses(&mut case, to_acme());
    assert_eq!(case.cluster.strayed_from(&references), [acme()]);
}

#[test]
fn a_tenant_resource_that_is_there_and_cannot_be_read_is_waited_for() {
    let mut case = of_acme(OF_ACME).present(json!({"groupName": "b"})).synced(1);
    case.cluster.references.clear();
    let pass = case.pass();
    assert_eq!((pass.reason(), pass.asked.len(), pass.steps()), ("WaitingForTenant", 0, vec![]));
}

#[test]
fn the_record_opens_no_tenant_that_the_namespace_may_not_use() {
    let mut case = of_acme(OF_ACME).present(json!({"groupName": "b"})).synced(1);
    loses(&mut case, to_acme());
    case.cluster.grant = "{'*': [Globex]}".parse::<Grants>().unwrap().of("ns");
    let pass = case.pass();
    assert_eq!((pass.reason(), pass.asked.len(), pass.steps()), ("NotPermitted", 0, vec![]));
}

#[test]
fn a_reference_to_another_tenant_than_that_of_the_record_is_no_move() {
    let mut case = of_acme(OF_ACME).present(json!({"groupName": "b"})).synced(1);
    case.object.spec.tenant_ref.as_mut().unwrap().name = "globex".into();
    loses(&mut case, to_acme());
    finds(&mut case, Reference::Tenant("globex".into()), "Globex");
    let pass = case.pass();
    assert_eq!((pass.reason(), pass.asked.len(), pass.steps()), ("IdentityChanged", 0, vec![]));
}

#[test]
fn nothing_is_created_by_a_record_alone() {
    let mut lost = of_acme(OF_ACME).present(json!({"groupName": "a", "userCount": 3})).synced(1);
    lost.pass();
    let begun = of_acme(OF_ACME).begun(json!({"groupName": "a"}));
    for (mut case, vanished) in [(lost, true), (begun, false)] {
        loses(&mut case, to_acme());
        case.platform.objects.remove(&hq());
        let pass = case.pass();
        assert_eq!((pass.reason(), pass.steps()), ("WaitingForTenant", vec![]));
        assert_eq!(
            pass.end().1,
            "group hq of tenant Acme is not on the platform; waiting for the Tenant resource acme, which does not exist in this namespace; create it there, or set spec.tenantRef to the resource of tenant Acme, or spec.tenantId to Acme in its place"
        );
        assert_eq!(pass.report.notes.iter().any(|note| note.reason == "Vanished"), vanished);
        finds(&mut case, to_acme(), "Acme");
        assert!(case.pass().steps().contains(&"create_group"));
    }
    let mut case = of_best();
    loses(&mut case, to_best());
    case.platform.objects.clear();
    assert_eq!((case.pass().reason(), case.platform.written.len()), ("WaitingForReseller", 0));
}

#[test]
fn an_object_whose_reseller_resource_is_gone_keeps_the_reseller_that_it_has() {
    let mut case = of_best();
    loses(&mut case, to_best());
    let hint = "the platform holds what the spec declares; the Reseller resource best of spec.resellerRef does not exist in this namespace, so the reseller is left as it is; set spec.resellerRef to the resource of reseller Best, or spec.resellerId to Best in its place";
    is_quiet(&mut case, hint);
    case.platform.objects.get_mut(&acme()).unwrap().insert("resellerId".into(), json!("Other"));
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.verdict), (vec![], Verdict::Synced));
    case.platform.objects.get_mut(&acme()).unwrap().insert("resellerId".into(), json!("Best"));
    case.object.spec.attributes.name = Some("n".into());
    case.declares_otherwise();
    assert_eq!(case.pass().body("update_tenant"), json!({"name": "n"}));
    // Its return, or the same reseller by another way, is no change.
    let mut by_id = case.clone();
    by_id.object.spec.reseller_ref = None;
    by_id.object.spec.attributes.reseller_id = Some("Best".into());
    is_quiet(&mut by_id, "the platform holds what the spec declares");
    finds(&mut case, to_best(), "Best");
    is_quiet(&mut case, "the platform holds what the spec declares");
    assert!(!case.pass().asked.contains(&Query::Object(Key::Reseller("Best".into()))));
}

#[test]
fn a_template_is_not_sent_while_the_reference_to_the_reseller_leads_nowhere() {
    let spec = "{tenantId: Acme, groupName: a, templateName: t, resellerRef: {name: best}}";
    let mut case = group(spec).with(|case| finds(case, to_best(), "Best"));
    case.platform.objects.insert(Key::Reseller("Best".into()), object(json!({})));
    case.platform.objects.insert(Key::Reseller("Other".into()), object(json!({})));
    let mut case = case.present(json!({"groupName": "a", "resellerId": "Best"})).synced(1);
    loses(&mut case, to_best());
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.verdict), (vec![], Verdict::Synced), "that it leads nowhere is no change");
    case.platform.objects.get_mut(&hq()).unwrap().insert("groupName".into(), json!("edited"));
    assert_eq!(case.pass().body("update_group"), json!({"groupName": "a"}), "a correction carries none");
    let mut changed = case.clone();
    changed.object.spec.attributes.group_name = Some("b".into());
    changed.declares_otherwise();
    let pass = changed.pass();
    assert_eq!((pass.reason(), pass.steps()), ("WaitingForReseller", vec![]));
    assert!(
        pass.end().1.starts_with("a template could choose another reseller; waiting for the Reseller resource best")
    );
    finds(&mut changed, to_best(), "Best");
    let whole = json!({"groupName": "b", "resellerId": "Best", "templateName": "t"});
    assert_eq!(changed.pass().body("update_group"), whole);
    // Another reseller is a change.
    finds(&mut case, to_best(), "Other");
    assert_eq!(case.pass().body("update_group")["templateName"], json!("t"));
}

#[test]
fn a_status_that_does_not_say_where_a_reference_led_waits_for_it() {
    let mut case = of_best();
    let led = case.subject.status.compared_reseller.take();
    loses(&mut case, to_best());
    let pass = case.pass();
    assert_eq!((pass.reason(), pass.asked.len(), pass.steps()), ("WaitingForReseller", 0, vec![]));
    // One to a new name asks for what is there when it comes.
    case.subject.status.compared_reseller = led;
    case.object.spec.reseller_ref.as_mut().unwrap().name = "best-be".into();
    loses(&mut case, Reference::Reseller("best-be".into()));
    let pass = case.pass();
    assert_eq!((pass.reason(), pass.asked.len(), pass.steps()), ("WaitingForReseller", 0, vec![]));
    finds(&mut case, Reference::Reseller("best-be".into()), "Best");
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.verdict), (vec![], Verdict::Synced));
    let mut unowned = of_best().recorded(OwnershipState::Created).with(|case| case.subject.status.ownership = None);
    loses(&mut unowned, to_best());
    assert_eq!(unowned.pass().reason(), "WaitingForReseller");
}
