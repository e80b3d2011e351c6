use std::time::Duration;

use serde_json::json;

use crate::{
    api::{Group, OwnershipState},
    engine::{
        facts::{Query, Reference},
        failure::Cause,
        ids::{Key, Level},
        kind::Subject,
        plan::{Verdict, model::*},
        size::LARGEST,
    },
};

const SPEC: &str = "{tenantId: Acme, groupName: a, userLimit: 5, contactInformation: {name: Jo}, templateName: t}";

/// Drifted on the platform: the name, and a key of the contact that is not declared.
pub(super) fn drifted(spec: &str) -> Case<Group> {
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
    let pass = drifted(SPEC).changed().pass();
    assert_eq!(
        pass.body("update_group"),
        json!({
            "groupName": "a", "userLimit": 5, "templateName": "t",
            "contactInformation": {"name": "Jo", "phoneNumber": "1", "unheard": true},
        })
    );
}

#[test]
fn what_was_taken_over_and_compared_is_treated_as_what_was_created() {
    let adopted = |mut case: Case<Group>| {
        case.subject.status.ownership.as_mut().unwrap().state = OwnershipState::Adopted;
        case.pass()
    };
    let reported = adopted(drifted("{tenantId: Acme, groupName: a, driftPolicy: Report}").synced(1));
    assert!(matches!(reported.verdict, Verdict::Drifted(_)), "{:?}", reported.verdict);
    assert_eq!(adopted(drifted(SPEC).changed()).body("update_group")["templateName"], json!("t"));
}

#[test]
fn a_spec_change_with_a_template_is_sent_once_although_nothing_differs() {
    let mut case =
        group("{tenantId: Acme, groupName: a, templateName: t}").present(json!({"groupName": "a"})).changed();
    let pass = case.pass();
    assert_eq!(pass.body("update_group"), json!({"groupName": "a", "templateName": "t"}));
    assert_eq!((pass.steps().len(), pass.verdict), (1, Verdict::Synced));
    assert_eq!(case.pass().steps(), Vec::<&str>::new());
}

#[test]
fn a_template_is_applied_once_by_the_create_of_what_vanished_before_a_spec_change() {
    let mut case = group("{tenantId: Acme, groupName: a, templateName: t}").changed();
    assert_eq!(case.pass().steps(), ["create_group"]);
    assert_eq!(case.pass().steps(), Vec::<&str>::new());
}

#[test]
fn a_resource_restored_with_its_status_begins_its_generations_anew_and_changes_nothing() {
    let case = group("{tenantId: Acme, groupName: a, templateName: t}").present(json!({"groupName": "a"})).synced(3);
    for mut case in [case.clone(), case.of_older_operator()] {
        case.subject.generation = 1;
        assert_eq!(case.pass().steps(), Vec::<&str>::new());
        case.subject.generation = 2;
        assert_eq!(case.pass().steps(), Vec::<&str>::new());
        case.object.spec.template_name = Some("u".into());
        assert_eq!(case.pass().steps(), ["update_group"], "from then on a change is a change");
    }
}

#[test]
fn a_policy_change_reapplies_the_template() {
    for more in [
        "driftPolicy: Report",
        "deletionPolicy: Orphan",
        "adoptionPolicy: Never",
        "managementPolicy: Observe",
        "excludedAppIds: [a]",
        "autoCreateDomain: true",
    ] {
        let there = json!({"groupName": "a", "cliName": "set in the portal"});
        let before = group("{tenantId: Acme, groupName: a, templateName: t}").present(there).synced(1);
        let mut case = group(&format!("{{tenantId: Acme, groupName: a, templateName: t, {more}}}"));
        case.platform = before.platform;
        case.subject = Subject { status: before.subject.status, held: true, generation: 2, ..case.subject };
        let pass = case.pass();
        assert_eq!((pass.steps(), &pass.verdict), (vec![], &Verdict::Synced), "{more}");
        case.object.spec.template_name = Some("u".into());
        let expected = if case.subject.observes() { vec![] } else { vec!["update_group"] };
        assert_eq!(case.pass().steps(), expected, "{more}");
    }
}

#[test]
fn what_was_changed_while_it_was_only_observed_is_sent_when_it_manages() {
    let mut case = group("{tenantId: Acme, groupName: b, driftPolicy: Report, managementPolicy: Observe}")
        .present(json!({"groupName": "a"}))
        .changed();
    case.pass();
    assert_eq!(case.subject.status.drift.len(), 1);
    case.object.spec.policies.management_policy = None;
    case.subject.policies.management_policy = None;
    assert_eq!(case.pass().body("update_group"), json!({"groupName": "b"}));
}

#[test]
fn a_reference_that_leads_elsewhere_is_a_change_of_what_is_declared() {
    let mut case = group("{tenantId: Acme, groupName: a, resellerRef: {name: best}, driftPolicy: Report}")
        .with(|case| {
            for reseller in ["Best", "Better"] {
                case.platform.objects.insert(Key::Reseller(reseller.into()), object(json!({"name": reseller})));
            }
            case.cluster.references.insert(Reference::Reseller("best".into()), "Best".into());
        })
        .present(json!({"groupName": "a", "resellerId": "Best"}))
        .synced(1);
    assert_eq!(case.pass().steps(), Vec::<&str>::new());
    case.cluster.references.insert(Reference::Reseller("best".into()), "Better".into());
    assert_eq!(case.pass().body("update_group"), json!({"resellerId": "Better"}));
}

#[test]
fn an_upgrade_writes_nothing_to_the_platform_and_one_status_with_what_was_compared() {
    for more in ["", ", driftPolicy: Report", ", managementPolicy: Observe"] {
        let mut case = group(&format!("{{tenantId: Acme, groupName: a, templateName: t{more}}}"))
            .present(json!({"groupName": "a"}))
            .synced(1)
            .of_older_operator();
        let first = case.pass();
        assert_eq!((first.steps(), first.report.notes), (vec![], vec![]), "{more}");
        assert!(case.subject.status.compared.is_some());
        assert_eq!(case.pass().report.status, None, "{more}");
    }
}

#[test]
fn a_spec_change_without_a_difference_writes_nothing() {
    let mut case = group("{tenantId: Acme, groupName: a}").present(json!({"groupName": "a"})).changed();
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
    let pass = tenant(spec).present(json!({"type": "ServiceProvider", "name": "b"})).changed().pass();
    assert_eq!(pass.body("update_tenant"), json!({"name": "a"}));
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
    assert_eq!(case.pass().steps(), Vec::<&str>::new(), "a policy changed");
    case.declares_otherwise();
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

#[test]
fn an_undeclared_field_of_another_type_is_left_alone() {
    for odd in [
        json!({"contactInformation": ""}),
        json!({"contactInformation": []}),
        json!({"resellerId": 7}),
        json!({"userLimit": "25"}),
        json!({"userLimit": 25.0}),
        json!({"timeZone": {}}),
    ] {
        let mut there = json!({"groupName": "b"});
        there.as_object_mut().unwrap().extend(object(odd.clone()));
        let pass = group("{tenantId: Acme, groupName: a}").present(there).synced(1).pass();
        assert_eq!((pass.body("update_group"), pass.verdict), (json!({"groupName": "a"}), Verdict::Synced), "{odd}");
    }
    let same = json!({"groupName": "a", "userLimit": 25.0});
    let pass = group("{tenantId: Acme, groupName: a, userLimit: 25}").present(same).synced(1).pass();
    assert_eq!((pass.steps(), pass.verdict), (vec![], Verdict::Synced));
}

#[test]
fn what_is_sent_along_undeclared_is_looked_at_again_right_before_it_is_sent() {
    let edited = |platform: &mut Platform| {
        platform
            .objects
            .get_mut(&hq())
            .unwrap()
            .insert("contactInformation".into(), json!({"name": "Jo", "phoneNumber": "2"}));
    };
    for (spec, slow) in [
        ("{tenantId: Acme, contactInformation: {name: Ann}}", Query::Object(hq())),
        (
            "{tenantId: Acme, contactInformation: {name: Ann}, defaultDomain: d}",
            Query::Domains(Level::Group("Acme".into(), "hq".into())),
        ),
    ] {
        let mut case = group(spec).present(json!({"contactInformation": {"name": "Jo", "phoneNumber": "1"}})).changed();
        for level in [Level::System, Level::Tenant("Acme".into()), Level::Group("Acme".into(), "hq".into())] {
            case.platform.know(level, "d");
        }
        case.platform.takes.insert(slow, vec![Duration::from_secs(4)]);
        case.platform.later = Some(edited);
        let pass = case.pass();
        let sent = pass.body("update_group")["contactInformation"].clone();
        assert_eq!(sent, json!({"name": "Ann", "phoneNumber": "2"}), "{spec}");
        let looks = pass.asked.iter().filter(|query| **query == Query::Object(hq())).count();
        assert_eq!((looks, pass.verdict), (3, Verdict::Synced), "before, right before and after");
    }
    let declared = group("{tenantId: Acme, contactInformation: {name: Ann}}").present(json!({})).changed().pass();
    assert_eq!(declared.asked.len(), 2, "nothing is sent along");
}

#[test]
fn a_refused_update_names_what_was_sent_along_and_is_not_declared_here() {
    let there = json!({"contactInformation": {"name": "Jo", "emailAddress": "long"}});
    let mut case = group("{tenantId: Acme, contactInformation: {name: Ann}}").present(there).changed();
    case.platform.refused.insert("update_group", Cause::Rejected);
    let pass = case.pass();
    assert_eq!(pass.reason(), "Invalid");
    assert!(
        pass.end().1.ends_with(
            "the platform's own words; change the spec, or on group hq of tenant Acme what is not declared here and is sent along as it is there: contactInformation.emailAddress"
        ),
        "{}",
        pass.end().1
    );
}

/// A group whose name is changed to b, which the platform answers so, and then back to a.
fn reverted(spec: &str, cause: Cause) -> Case<Group> {
    let mut case = group(spec).present(json!({"groupName": "a"})).synced(1);
    let declare = |case: &mut Case<Group>, name: &str| {
        case.object.spec.attributes.group_name = Some(name.into());
        case.subject.generation += 1;
    };
    declare(&mut case, "b");
    case.platform.refused.insert("update_group", cause);
    if cause == Cause::Ambiguous {
        case.platform.meanwhile = Some(|platform| _ = platform.objects.insert(hq(), object(json!({"groupName": "b"}))));
    }
    assert_eq!(case.pass().steps(), ["update_group"]);
    case.platform.refused.clear();
    declare(&mut case, "a");
    case
}

#[test]
fn a_spec_that_is_reverted_after_a_lost_answer_is_written_back_whatever_the_drift_policy() {
    let mut case = reverted("{tenantId: Acme, groupName: a, driftPolicy: Report}", Cause::Ambiguous);
    assert_eq!(case.pass().steps(), ["update_group"]);
}

#[test]
fn a_spec_that_is_reverted_after_a_refusal_is_as_it_was() {
    let mut case = reverted("{tenantId: Acme, groupName: a, templateName: t}", Cause::Rejected);
    assert_eq!(case.pass().steps(), [""; 0], "no template again");
}
