use serde_json::json;

use crate::{
    api::Group,
    engine::{
        facts::Reference,
        failure::Cause,
        ids::Key,
        plan::{Verdict, model::*},
    },
};

fn best() -> Key {
    Key::Reseller("Best".into())
}

fn of_best(create: bool) -> Case<Group> {
    let mut case = group("{tenantId: Acme, groupName: a, resellerId: Best}");
    case.cluster.settings.as_mut().unwrap().reseller = create;
    case
}

#[test]
fn an_unknown_reseller_is_not_found_and_nothing_is_written() {
    let pass = of_best(false).pass();
    assert_eq!((pass.reason(), pass.steps()), ("ResellerNotFound", vec![]));
    assert!(pass.end().1.contains("APIO_OBJECT_CREATION.RESELLER"));
}

#[test]
fn an_unknown_reseller_is_created_when_the_settings_say_so() {
    let mut case = of_best(true);
    assert_eq!(case.pass().steps(), ["hold", "create_reseller", "create_group"]);
    assert_eq!(case.subject.status.auto_created.unwrap().resellers, ["Best"]);
    let mut case = of_best(true).present(json!({"groupName": "a"})).synced(1);
    assert_eq!(case.pass().steps(), ["hold", "create_reseller", "update_group"]);
}

#[test]
fn a_known_reseller_is_only_named() {
    let mut case = of_best(true).with(|case| {
        case.platform.objects.insert(best(), object(json!({})));
    });
    assert_eq!(case.pass().body("create_group"), json!({"groupId": "hq", "groupName": "a", "resellerId": "Best"}));
    assert_eq!(case.subject.status.auto_created, None);
}

#[test]
fn a_reseller_resource_of_that_id_is_waited_for_and_never_raced() {
    let mut described = of_best(true);
    described.cluster.described.insert(best(), false);
    assert_eq!(described.pass().reason(), "WaitingForReseller");
    let mut referred = group("{tenantId: Acme, groupName: a, resellerRef: {name: best}}");
    referred.cluster.settings.as_mut().unwrap().reseller = true;
    referred.cluster.references.insert(Reference::Reseller("best".into()), "Best".into());
    let pass = referred.pass();
    assert_eq!((pass.reason(), pass.steps()), ("WaitingForReseller", vec![]));
}

#[test]
fn a_reseller_whose_name_has_another_case_is_another_one() {
    let mut case = of_best(true).present(json!({"groupName": "a", "resellerId": "BEST"})).synced(1);
    assert_eq!(case.pass().steps(), ["hold", "create_reseller", "update_group"]);
}

#[test]
fn a_reseller_that_is_already_set_is_not_looked_for() {
    let pass = of_best(false).present(json!({"groupName": "b", "resellerId": "Best"})).synced(1).pass();
    assert_eq!((pass.steps(), pass.verdict), (vec!["update_group"], Verdict::Synced));
}

#[test]
fn a_reseller_that_another_pass_just_created_is_no_failure() {
    let mut case = of_best(true);
    case.platform.refused.insert("create_reseller", Cause::AlreadyExists);
    case.platform.meanwhile = Some(|platform| {
        platform.objects.insert(Key::Reseller("Best".into()), object(json!({})));
    });
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.verdict), (vec!["hold", "create_reseller", "create_group"], Verdict::Synced));
}

#[test]
fn a_tenant_gets_its_reseller_by_the_same_rules() {
    let mut case = tenant("{type: Enterprise, resellerId: Best}");
    assert_eq!(case.pass().reason(), "ResellerNotFound");
    case.cluster.settings.as_mut().unwrap().reseller = true;
    assert_eq!(case.pass().steps(), ["hold", "create_reseller", "create_tenant"]);
}
