use serde_json::json;

use crate::{
    api::Group,
    engine::{
        plan::{Verdict, model::*},
        size::LARGEST,
    },
};

const SPEC: &str = "{tenantId: Acme, groupName: a, userLimit: 5, contactInformation: {name: Jo}, templateName: t}";

/// Drifted on the platform: the name, and a key of the contact that is not declared.
fn drifted(spec: &str) -> Case<Group> {
    group(spec).present(json!({
        "groupName": "b", "userLimit": 5, "cliName": "theirs",
        "contactInformation": {"name": "Jo", "phoneNumber": "1", "unheard": true},
    }))
}

#[test]
fn a_drift_correction_carries_the_changed_fields_only_and_no_template() {
    let pass = drifted(SPEC).synced(1).pass();
    assert_eq!(pass.body("update_group"), json!({"groupName": "a"}));
    assert_eq!(pass.verdict, Verdict::Synced);
}

#[test]
fn a_contact_goes_whole_with_the_keys_that_nobody_here_knows() {
    let mut case = drifted("{tenantId: Acme, contactInformation: {name: Al, emailAddress: ''}}").synced(1);
    assert_eq!(
        case.pass().body("update_group"),
        json!({"contactInformation": {"name": "Al", "emailAddress": "", "phoneNumber": "1", "unheard": true}})
    );
}

#[test]
fn an_empty_string_clears_what_is_there_and_is_not_sent_again() {
    let mut case = drifted("{tenantId: Acme, cliName: ''}").synced(1);
    assert_eq!(case.pass().body("update_group"), json!({"cliName": ""}));
    assert_eq!(case.pass().steps(), Vec::<&str>::new());
}

#[test]
fn a_spec_change_with_a_template_carries_every_declared_field() {
    let pass = drifted(SPEC).synced(0).pass();
    assert_eq!(
        pass.body("update_group"),
        json!({
            "groupName": "a", "userLimit": 5, "templateName": "t",
            "contactInformation": {"name": "Jo", "phoneNumber": "1", "unheard": true},
        })
    );
}

#[test]
fn a_spec_change_with_a_template_is_sent_once_although_nothing_differs() {
    let mut case =
        group("{tenantId: Acme, groupName: a, templateName: t}").present(json!({"groupName": "a"})).synced(0);
    let pass = case.pass();
    assert_eq!(pass.body("update_group"), json!({"groupName": "a", "templateName": "t"}));
    assert_eq!((pass.steps().len(), pass.verdict), (1, Verdict::Synced));
    assert_eq!(case.pass().steps(), Vec::<&str>::new());
}

#[test]
fn a_template_is_applied_once_by_the_create_of_what_vanished_before_a_spec_change() {
    let mut case = group("{tenantId: Acme, groupName: a, templateName: t}").synced(0);
    assert_eq!(case.pass().steps(), ["create_group"]);
    assert_eq!(case.pass().steps(), Vec::<&str>::new());
}

#[test]
fn a_resource_restored_with_its_status_begins_its_generations_anew_and_changes_nothing() {
    let mut case =
        group("{tenantId: Acme, groupName: a, templateName: t}").present(json!({"groupName": "a"})).synced(3);
    case.subject.generation = 1;
    assert_eq!(case.pass().steps(), Vec::<&str>::new());
    case.subject.generation = 2;
    assert_eq!(case.pass().steps(), ["update_group"], "from then on a change is a change");
}

#[test]
fn a_spec_change_without_a_difference_writes_nothing() {
    let mut case = group("{tenantId: Acme, groupName: a}").present(json!({"groupName": "a"})).synced(0);
    let pass = case.pass();
    assert_eq!((pass.verdict, pass.acts.len()), (Verdict::Synced, 0));
}

#[test]
fn an_update_carries_the_effective_auto_create_domain_only_with_a_domain() {
    let spec = "{tenantId: Acme, groupName: a, defaultDomain: d, autoCreateDomain: true}";
    let same_domain = group(spec).present(json!({"groupName": "b", "defaultDomain": "d"})).synced(1).pass();
    assert_eq!(same_domain.body("update_group"), json!({"groupName": "a"}));
    let other_domain = group(spec).present(json!({"groupName": "a", "defaultDomain": "x"})).synced(1).pass();
    assert_eq!(other_domain.body("update_group"), json!({"defaultDomain": "d", "autoCreateDomain": true}));
}

#[test]
fn a_tenant_update_never_carries_what_only_a_create_sets() {
    let spec = "{type: ServiceProvider, name: a, useCustomRoutingProfile: true}";
    let pass = tenant(spec).present(json!({"type": "ServiceProvider", "name": "b"})).synced(0).pass();
    assert_eq!(pass.body("update_tenant"), json!({"name": "a"}));
}

#[test]
fn a_value_that_the_platform_does_not_keep_is_recorded_once_and_not_sent_again() {
    let mut case = drifted(SPEC).synced(1);
    case.platform.unkept.insert("groupName");
    let first = case.pass();
    assert_eq!(first.steps(), ["update_group"]);
    assert!(matches!(&first.verdict, Verdict::NotAccepted(found) if found[0].path == "groupName"));
    let drift = &case.subject.status.drift[0];
    assert_eq!(
        (drift.path.as_str(), drift.desired.as_str(), drift.observed.as_str()),
        ("groupName", r#""a""#, r#""b""#)
    );

    let again = case.pass();
    assert_eq!((again.steps(), again.report.status, again.report.notes.len()), (vec![], None, 0));
    assert!(matches!(again.verdict, Verdict::NotAccepted(_)));
}

#[test]
fn a_value_that_was_not_kept_is_sent_again_when_the_platform_or_the_spec_changed() {
    let mut case = drifted("{tenantId: Acme, groupName: a}").synced(1);
    case.platform.unkept.insert("groupName");
    case.pass();
    case.platform.objects.insert(hq(), object(json!({"groupName": "c"})));
    assert_eq!(case.pass().steps(), ["update_group"]);
    assert_eq!(case.pass().steps(), Vec::<&str>::new());
    case.subject.generation = 2;
    assert_eq!(case.pass().steps(), ["update_group"]);
}

#[test]
fn drift_policy_report_writes_nothing_until_the_spec_changes() {
    let spec = "{tenantId: Acme, groupName: a, driftPolicy: Report}";
    let mut case = drifted(spec).synced(1);
    for _ in 0..2 {
        let pass = case.pass();
        assert_eq!(pass.steps(), Vec::<&str>::new());
        assert!(matches!(pass.verdict, Verdict::Drifted(found) if found[0].path == "groupName"));
    }
    case.subject.generation = 2;
    assert_eq!(case.pass().steps(), ["update_group"]);
}

#[test]
fn extra_data_that_the_cluster_cannot_keep_is_refused_before_anything_is_asked_and_holds_no_deletion() {
    let mut case = reseller(&format!("{{extraData: {{a: {}}}}}", "x".repeat(LARGEST)));
    let pass = case.pass();
    assert_eq!((pass.reason(), pass.asked.len(), pass.steps()), ("Invalid", 0, vec![]));
    assert!(
        pass.end().1.contains("extraData is 262152 bytes long") && pass.end().1.contains("262144"),
        "{}",
        pass.end().1
    );
    assert_eq!(case.present(json!({})).synced(1).deleting().pass().steps(), ["delete_reseller", "release"]);
}

#[test]
fn extra_data_of_a_reseller_goes_whole_and_replaces() {
    let mut case = reseller("{extraData: {a: 1}}").present(json!({"extraData": {"a": 1, "b": 2}})).synced(1);
    assert_eq!(case.pass().body("update_reseller"), json!({"extraData": {"a": 1}}));
    assert_eq!(case.pass().steps(), Vec::<&str>::new());
}

#[test]
fn a_finalizer_that_somebody_took_off_is_put_back() {
    let mut case = group("{tenantId: Acme, groupName: a}").present(json!({"groupName": "a"})).synced(1);
    case.subject.held = false;
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.verdict), (vec!["hold"], Verdict::Synced));
}
