use serde_json::json;

use crate::{
    api::OwnershipState::{Created, Pending},
    engine::{
        facts::Query,
        failure::Cause,
        ids::{Key, Level},
        plan::{Step, Verdict, model::*},
    },
};

#[test]
fn an_absent_group_is_held_then_prepared_then_created_in_one_act() {
    let mut case = group("{tenantId: Acme, groupName: a, defaultDomain: d, resellerId: R, autoCreateDomain: true}");
    case.cluster.settings.as_mut().unwrap().reseller = true;
    let pass = case.pass();
    let labels: Vec<_> = pass.acts[0].iter().map(Step::label).collect();
    assert_eq!(labels, ["hold", "create_domain", "assign_domain", "create_reseller", "create_group"]);
    assert_eq!((pass.acts.len(), &pass.verdict), (1, &Verdict::Synced));
    let written: Vec<_> = case.platform.written.iter().map(Step::label).collect();
    assert_eq!(written, labels[1..], "the first is of the cluster");
    let Step::Hold(record, _) = &pass.acts[0][0] else { panic!("no hold") };
    assert_eq!((Key::of(&record.key), record.state, record.platform.as_str()), (Some(hq()), Pending, PLATFORM));
    assert_eq!(case.subject.status.ownership.unwrap().state, Created);
}

#[test]
fn absence_is_proven_before_anything_is_created() {
    let pass = group("{tenantId: Acme, groupName: a}").pass();
    assert_eq!(pass.asked, [Query::Object(hq()), Query::Object(acme()), Query::Object(hq())]);
}

#[test]
fn a_create_carries_the_declared_keys_and_the_id_only() {
    let pass = group("{tenantId: Acme, groupName: a, cliName: '', contactInformation: {name: Jo}}").pass();
    assert_eq!(
        pass.body("create_group"),
        json!({"groupId": "hq", "groupName": "a", "cliName": "", "contactInformation": {"name": "Jo"}})
    );
    let pass = tenant("{type: ServiceProvider, name: A, useCustomRoutingProfile: true, tenantId: X}").pass();
    assert_eq!(
        pass.body("create_tenant"),
        json!({"tenantId": "X", "type": "ServiceProvider", "name": "A", "useCustomRoutingProfile": true})
    );
    let pass = reseller("{externalName: e, extraData: {a: {b: 1}}}").pass();
    assert_eq!(pass.body("create_reseller"), json!({"name": "R1", "externalName": "e", "extraData": {"a": {"b": 1}}}));
}

#[test]
fn a_create_carries_the_template_and_with_a_default_domain_the_effective_auto_create_domain() {
    for (own, setting, effective) in [
        ("", false, false),
        ("", true, true),
        (", autoCreateDomain: false", true, false),
        (", autoCreateDomain: true", false, true),
    ] {
        let mut case = group(&format!("{{tenantId: Acme, groupName: a, defaultDomain: d, templateName: t{own}}}"));
        case.cluster.settings.as_mut().unwrap().group_default_domain = setting;
        case.platform.know(Level::Tenant("Acme".into()), "d");
        let expected = json!({
            "groupId": "hq", "groupName": "a", "defaultDomain": "d", "templateName": "t", "autoCreateDomain": effective
        });
        assert_eq!(case.pass().body("create_group"), expected, "{own} {setting}");
    }
}

#[test]
fn without_settings_groups_are_created_and_nothing_is_created_on_the_way() {
    let mut case = group("{tenantId: Acme, groupName: a}").with(|case| case.cluster.settings = None);
    assert_eq!(case.pass().verdict, Verdict::Synced);
    let mut case = group("{tenantId: Acme, defaultDomain: d}").with(|case| case.cluster.settings = None);
    assert_eq!(case.pass().reason(), "DomainNotFound");
    let mut case = group("{tenantId: Acme, resellerId: R}").with(|case| case.cluster.settings = None);
    assert_eq!(case.pass().reason(), "ResellerNotFound");
}

#[test]
fn a_group_whose_tenant_is_not_on_the_platform_waits_for_it() {
    let mut case = group("{tenantId: Acme, groupName: a}");
    case.platform.objects.clear();
    let pass = case.pass();
    assert_eq!(
        pass.end(),
        (
            "WaitingForTenant",
            "waiting for tenant Acme, which is not on the platform; create it there or as a Tenant resource"
        )
    );
    assert_eq!(pass.steps(), Vec::<&str>::new());
}

#[test]
fn a_404_beside_an_unreadable_tenant_proves_nothing() {
    let mut case = group("{tenantId: Acme, groupName: a}");
    case.platform.unanswered.insert(Query::Object(acme()), Cause::NotFound);
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.reason()), (vec![], "PlatformUnreachable"));
}

#[test]
fn nothing_is_created_under_a_parent_that_is_being_deleted() {
    let mut case = group("{tenantId: Acme, groupName: a}");
    case.cluster.described.insert(acme(), true);
    let pass = case.pass();
    assert_eq!(
        pass.end(),
        (
            "WaitingForTenant",
            "tenant Acme is being deleted, so nothing is created for it; create it again, or delete this resource"
        )
    );
    assert_eq!(pass.steps(), Vec::<&str>::new());

    let best = Key::Reseller("Best".into());
    let mut case = tenant("{type: Enterprise, resellerId: Best}");
    case.platform.objects.insert(best.clone(), object(json!({})));
    case.cluster.described.insert(best, true);
    let pass = case.pass();
    assert_eq!((pass.reason(), pass.steps()), ("WaitingForReseller", vec![]));
}

#[test]
fn a_group_that_is_there_stays_updated_while_its_tenant_is_being_deleted() {
    let mut case = group("{tenantId: Acme, groupName: a}").present(json!({"groupName": "b"})).synced(1);
    case.cluster.described.insert(acme(), true);
    assert_eq!(case.pass().steps(), ["update_group"]);
}

#[test]
fn what_vanished_is_created_again_unless_drift_is_only_reported() {
    let mut case = group("{tenantId: Acme, groupName: a}").synced(1);
    assert_eq!(case.pass().steps(), ["create_group"]);
    let pass = group("{tenantId: Acme, groupName: a, driftPolicy: Report}").synced(1).pass();
    assert_eq!((pass.reason(), pass.steps()), ("Removed", vec![]));
}

#[test]
fn what_vanished_is_told_once_with_its_users_before_it_is_created_again() {
    let lost = |pass: &Pass| {
        let lost = pass.report.notes.iter().filter(|note| note.reason == "Vanished");
        lost.map(|note| (note.warning, note.message.clone())).collect::<Vec<_>>()
    };
    for policy in ["Correct", "Report"] {
        let mut case = group(&format!("{{tenantId: Acme, groupName: a, driftPolicy: {policy}}}"))
            .present(json!({"groupName": "a", "userCount": 3, "userLimit": 25}))
            .synced(1);
        case.pass();
        case.platform.objects.remove(&hq());
        let pass = case.pass();
        assert_eq!((pass.steps(), lost(&pass).len()), (vec![], 1), "{policy}");
        assert!(lost(&pass)[0].0 && lost(&pass)[0].1.ends_with("users: 3/25"), "{:?}", lost(&pass));
        let pass = case.pass();
        let steps = if policy == "Correct" { vec!["create_group"] } else { vec![] };
        assert_eq!((pass.steps(), lost(&pass)), (steps, vec![]), "{policy}");
    }
    let mut case = tenant("{type: Enterprise}").present(json!({"tenantId": "Acme", "type": "Enterprise"})).synced(1);
    case.pass();
    case.platform.objects.clear();
    assert_eq!(lost(&case.pass()).len(), 1);
    assert_eq!(case.pass().steps(), ["create_tenant"]);
}

#[test]
fn a_create_that_was_begun_is_begun_again_when_nothing_is_there() {
    let case = group("{tenantId: Acme, groupName: a, driftPolicy: Report}");
    assert_eq!(case.clone().begun(json!({"groupName": "a"})).pass().steps(), ["create_group"]);
    // Another creation is another record.
    assert_eq!(case.begun(json!({"groupName": "before"})).pass().steps(), ["hold", "create_group"]);
}

#[test]
fn a_steady_state_has_no_step_no_status_and_no_event() {
    let mut case = group("{tenantId: Acme, groupName: a, templateName: t}");
    case.pass();
    for _ in 0..2 {
        let pass = case.pass();
        assert_eq!((pass.verdict, pass.acts.len()), (Verdict::Synced, 0));
        assert_eq!((pass.report.status, pass.report.notes.len()), (None, 0));
    }
}
