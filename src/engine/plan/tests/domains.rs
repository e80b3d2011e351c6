//! Where the domain is known, whether it may be created, and what follows: for a new group and for an existing one.

use serde_json::json;

use crate::{
    api::Group,
    engine::{
        facts::Query,
        failure::Cause,
        ids::Level,
        plan::{Verdict, model::*},
    },
};

fn at_tenant() -> Level {
    Level::Tenant("Acme".into())
}

fn at_group() -> Level {
    Level::Group("Acme".into(), "hq".into())
}

fn wanting_domain(create: bool, known: &[Level]) -> Case<Group> {
    let mut case = group(&format!("{{tenantId: Acme, groupName: a, defaultDomain: d, autoCreateDomain: {create}}}"));
    for level in known {
        case.platform.know(level.clone(), "d");
    }
    case
}

#[test]
fn a_new_group_needs_its_domain_at_its_tenant() {
    let cases: [(bool, &[Level], &[&str]); 6] = [
        (true, &[], &["create_domain", "assign_domain"]),
        (true, &[Level::System], &["assign_domain"]),
        (true, &[Level::System, at_tenant()], &[]),
        (false, &[], &["DomainNotFound"]),
        (false, &[Level::System], &["DomainNotFound"]),
        (false, &[Level::System, at_tenant()], &[]),
    ];
    for (create, known, expected) in cases {
        let mut case = wanting_domain(create, known);
        let pass = case.pass();
        if expected == ["DomainNotFound"] {
            assert_eq!((pass.reason(), pass.steps()), ("DomainNotFound", vec![]), "{known:?}");
            continue;
        }
        assert_eq!(pass.steps(), [&["hold"], expected, &["create_group"]].concat(), "{create} {known:?}");
        assert_eq!(pass.verdict, Verdict::Synced);
    }
}

#[test]
fn an_existing_group_needs_its_domain_assigned_to_itself_too() {
    let all = [Level::System, at_tenant(), at_group()];
    let cases: [(bool, &[Level], &[&str]); 8] = [
        (true, &[], &["hold", "create_domain", "assign_domain", "assign_domain"]),
        (true, &all[..1], &["hold", "assign_domain", "assign_domain"]),
        (true, &all[..2], &["assign_domain"]),
        (true, &all, &[]),
        (false, &[], &["DomainNotFound"]),
        (false, &all[..1], &["DomainNotFound"]),
        (false, &all[..2], &["DomainNotFound"]),
        (false, &all, &[]),
    ];
    for (create, known, expected) in cases {
        let mut case = wanting_domain(create, known).present(json!({"groupName": "a", "defaultDomain": "x"})).synced(1);
        let pass = case.pass();
        if expected == ["DomainNotFound"] {
            assert_eq!((pass.reason(), pass.steps()), ("DomainNotFound", vec![]), "{known:?}");
            continue;
        }
        assert_eq!(pass.steps(), [expected, &["update_group"]].concat(), "{create} {known:?}");
        assert_eq!(pass.verdict, Verdict::Synced);
    }
}

#[test]
fn what_is_missing_says_where_and_how_to_help() {
    let message = |known: &[Level]| wanting_domain(false, known).pass().end().1.to_owned();
    assert!(message(&[]).starts_with("defaultDomain d is unknown to the platform; "));
    assert!(message(&[Level::System]).starts_with("defaultDomain d is not assigned to tenant Acme; "));
    assert!(
        message(&[]).contains("spec.autoCreateDomain") && message(&[]).contains("AUTO_CREATE.GROUP_DEFAULT_DOMAIN")
    );
}

#[test]
fn the_domains_are_asked_only_when_the_domain_differs() {
    let mut case = wanting_domain(true, &[]).present(json!({"groupName": "b", "defaultDomain": "d"})).synced(1);
    let pass = case.pass();
    assert!(!pass.asked.iter().any(|query| matches!(query, Query::Domains(_))));
    assert_eq!(pass.steps(), ["update_group"]);
}

#[test]
fn an_unknown_list_of_domains_creates_nothing() {
    for level in [Level::System, at_tenant()] {
        let mut case = wanting_domain(true, &[]);
        case.platform.unanswered.insert(Query::Domains(level), Cause::Forbidden);
        let pass = case.pass();
        assert_eq!((pass.reason(), pass.steps()), ("Denied", vec![]));
    }
}

#[test]
fn what_was_created_on_the_way_is_listed_in_the_status() {
    let mut case = wanting_domain(true, &[]);
    case.pass();
    assert_eq!(case.subject.status.auto_created.unwrap().domains, ["d"]);
}

#[test]
fn a_domain_that_is_known_in_another_spelling_is_called_by_it_and_no_second_one_is_created() {
    let spec = "{tenantId: Acme, groupName: a, defaultDomain: SIP.Acme.example, autoCreateDomain: true}";
    let known = |levels: &[Level]| {
        group(spec).with(|case| levels.iter().for_each(|level| case.platform.know(level.clone(), "sip.acme.example")))
    };
    let pass = known(&[Level::System]).pass();
    assert_eq!(pass.steps(), ["hold", "assign_domain", "create_group"]);
    assert_eq!(pass.body("create_group")["defaultDomain"], "sip.acme.example");
    let pass = known(&[Level::System, at_tenant()]).pass();
    assert_eq!((pass.steps(), &pass.verdict), (vec!["hold", "create_group"], &Verdict::Synced));
    let all = [Level::System, at_tenant(), at_group()];
    let mut case = known(&all).present(json!({"groupName": "a", "defaultDomain": "x"})).synced(1);
    assert_eq!(case.pass().body("update_group")["defaultDomain"], "sip.acme.example");
    let pass = known(&all).present(json!({"groupName": "a", "defaultDomain": "sip.acme.example"})).synced(1).pass();
    assert_eq!((pass.steps(), pass.verdict), (vec![], Verdict::Synced));
    // What is new is called as it is declared.
    let pass = known(&[]).pass();
    assert_eq!(pass.body("create_group")["defaultDomain"], "SIP.Acme.example");
}
