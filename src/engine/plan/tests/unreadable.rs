//! Resources that this version cannot read, and those of others.

use serde_json::json;

use crate::{
    api::{Group, OwnershipState},
    engine::{
        plan::{
            Refusal, Verdict,
            model::{Case, group, tenant},
        },
        reason::Reason,
        shown::{Shown, Unreads},
    },
};

fn odd(spec: serde_json::Value) -> Unreads {
    let shown =
        json!({"apiVersion": "apio.netaxis.be/v1alpha1", "kind": "Group", "metadata": {"name": "n"}, "spec": spec});
    Shown::<Group>::read(&shown).unwrap().unread
}

fn unreadable(mut case: Case<Group>) -> Case<Group> {
    case.subject.unread = odd(json!({"driftPolicy": "Approve"}));
    case
}

fn unknown() -> Option<Refusal> {
    Some(Refusal::new(Reason::Unreadable, "Group b/newer cannot be read"))
}

#[test]
fn a_resource_that_cannot_be_read_is_neither_created_nor_changed_nor_deleted_and_says_so() {
    let spec = "{tenantId: Acme, groupName: G}";
    for case in [
        group(spec),
        group(spec).present(json!({"groupName": "G"})),
        group(spec).present(json!({"groupName": "Other"})).synced(1),
        group(spec).synced(1),
        group(spec).present(json!({})).synced(1).with(|case| case.subject.paused = true),
        group(spec).present(json!({})).synced(1).deleting(),
        // The record may be what cannot be read.
        group(spec).present(json!({})).deleting(),
    ] {
        let mut case = unreadable(case);
        let pass = case.pass();
        assert_eq!((pass.reason(), pass.steps(), pass.asked.len()), ("Unreadable", vec![], 0));
        let status = pass.report.status.unwrap();
        let is = |kind: &str, value: &str| status.conditions.iter().any(|c| c.type_ == kind && c.status == value);
        assert!(is("Ready", "False") && is("Stalled", "True") && !is("Reconciling", "True"));
        assert_eq!(is("DeletionBlocked", "True"), case.subject.deleting);
    }
}

#[test]
fn what_is_to_be_left_on_the_platform_is_released_although_it_cannot_be_read() {
    let deleting = || unreadable(group("{tenantId: Acme, groupName: G}").present(json!({})).synced(1).deleting());
    assert_eq!(deleting().with(|case| case.subject.orphan = true).pass().steps(), ["release"]);
    assert_eq!(deleting().with(|case| case.cluster.definition_deleting = true).pass().steps(), ["release"]);
}

#[test]
fn nothing_is_taken_over_or_deleted_while_it_is_not_known_who_else_stands_for_it() {
    let spec = "{tenantId: Acme, groupName: G, adoptionPolicy: Always}";
    let hidden = |case: Case<Group>| case.with(|case| case.cluster.unknown_claims = unknown());
    let pass = hidden(group(spec).present(json!({"groupName": "Other"}))).pass();
    assert_eq!((pass.reason(), pass.steps()), ("Unreadable", vec![]));
    let pass = hidden(group(spec).present(json!({})).synced(1).deleting()).pass();
    assert_eq!((pass.reason(), pass.steps()), ("Unreadable", vec![]));
    assert!(matches!(pass.verdict, Verdict::Blocked(_)), "it goes on by itself");
    // What is not there is nobody's, what is recorded is this resource's, and a claim that is seen is enough to leave it.
    assert!(hidden(group(spec)).pass().steps().contains(&"create_group"));
    let steps =
        hidden(group(spec).present(json!({"groupName": "Other"})).recorded(OwnershipState::Created)).pass().steps();
    assert_eq!(steps, ["update_group"]);
    let claimed = group(spec).present(json!({})).synced(1).deleting();
    let claimed = claimed
        .with(|case| case.cluster.heir = Some(crate::engine::facts::Heir { name: "b/other".into(), has_it: true }));
    assert_eq!(hidden(claimed).pass().steps(), ["release"]);
    assert_eq!(hidden(group(spec).synced(1).deleting()).pass().steps(), ["release"], "it is gone");
}

#[test]
fn a_tenant_waits_for_a_resource_that_may_name_it() {
    let mut case = tenant("{type: Enterprise}").present(json!({})).synced(1).deleting();
    case.cluster.unknown_children = unknown();
    let pass = case.pass();
    assert_eq!((pass.reason(), pass.steps()), ("Unreadable", vec![]));
    case.cluster.unknown_children = None;
    assert_eq!(case.pass().steps(), ["delete_tenant", "release"]);
}
