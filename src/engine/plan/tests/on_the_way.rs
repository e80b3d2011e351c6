//! What is created on the way is known after every death, and what somebody else created is never taken for it.

use serde_json::{Value, json};

use crate::{
    api::{AutoCreating, Group},
    engine::{
        facts::Query,
        failure::Cause,
        ids::{Key, Level},
        plan::{Verdict, model::*},
    },
};

/// The writes of such a pass before something is created on the way: the finalizer, or that it is there, and the record.
const RECORDED: usize = 2;

fn best() -> Key {
    Key::Reseller("Best".into())
}

/// A group that was created before, and whose spec now names a reseller that is not there.
fn naming_best() -> Case<Group> {
    let mut case =
        group("{tenantId: Acme, groupName: a, resellerId: Best}").changed().present(json!({"groupName": "a"}));
    case.cluster.settings.as_mut().unwrap().reseller = true;
    case
}

/// The same with a domain that is known at system level, if it is known at all.
fn wanting_domain(at_system: bool) -> Case<Group> {
    let spec = "{tenantId: Acme, groupName: a, defaultDomain: d, autoCreateDomain: true}";
    let mut case = group(spec).changed().present(json!({"groupName": "a", "defaultDomain": "x"}));
    if at_system {
        case.platform.know(Level::System, "d");
    }
    case
}

fn dies_after(case: &mut Case<Group>, writes: usize) {
    assert!(case.pass_until_death(writes).is_none(), "it lived on");
    assert_eq!(case.subject.status.auto_created, None);
}

fn names(case: &Case<Group>) -> (Vec<String>, Vec<String>) {
    let created = case.subject.status.auto_created.clone().unwrap_or_default();
    (created.domains, created.resellers)
}

fn resellers(case: &Case<Group>) -> Vec<String> {
    names(case).1
}

fn open(case: &Case<Group>) -> AutoCreating {
    case.subject.status.auto_creating.clone().unwrap_or_default()
}

fn with_spec(case: Case<Group>, spec: &str) -> Case<Group> {
    let object = group(spec).object;
    case.with(|case| case.object = object)
}

#[test]
fn what_is_about_to_be_created_is_recorded_before_and_is_no_claim_to_it() {
    let mut case = naming_best();
    dies_after(&mut case, RECORDED);
    assert_eq!(open(&case), AutoCreating { resellers: vec!["Best".into()], ..AutoCreating::default() });
    let mut case = wanting_domain(false);
    dies_after(&mut case, RECORDED);
    let both =
        AutoCreating { system_domains: vec!["d".into()], tenant_domains: vec!["d".into()], ..AutoCreating::default() };
    assert_eq!(open(&case), both);
    assert_eq!(names(&case), (vec![], vec![]));
}

#[test]
fn what_was_created_before_a_death_is_listed_even_when_it_is_not_wanted_any_more() {
    let unwanting = "{tenantId: Acme, groupName: a}";
    let mut case = naming_best();
    dies_after(&mut case, RECORDED + 1);
    let mut case = with_spec(case, unwanting);
    assert_eq!(case.pass().verdict, Verdict::Synced);
    assert_eq!((resellers(&case), open(&case)), (vec!["Best".to_owned()], AutoCreating::default()));

    // At system level only, and nothing was assigned yet.
    let mut case = wanting_domain(false);
    dies_after(&mut case, RECORDED + 1);
    let mut case = with_spec(case, unwanting);
    case.pass();
    assert_eq!((names(&case).0, open(&case)), (vec!["d".to_owned()], AutoCreating::default()));
}

#[test]
fn what_was_not_created_before_a_death_is_forgotten_when_it_is_not_wanted_any_more() {
    for mut case in [naming_best(), wanting_domain(false), wanting_domain(true)] {
        dies_after(&mut case, RECORDED);
        let mut case = with_spec(case, "{tenantId: Acme, groupName: a}");
        assert_eq!(case.pass().verdict, Verdict::Synced);
        assert_eq!((names(&case), open(&case)), ((vec![], vec![]), AutoCreating::default()));
    }
}

#[test]
fn what_was_begun_is_settled_by_a_pass_that_does_something_else_of_its_kind() {
    let mut case = wanting_domain(true);
    case.platform.know(Level::System, "e");
    dies_after(&mut case, RECORDED);
    let spec = "{tenantId: Acme, groupName: a, defaultDomain: e, autoCreateDomain: true}";
    let mut case = with_spec(case, spec);
    assert_eq!(case.pass().verdict, Verdict::Synced);
    assert_eq!((names(&case).0, open(&case)), (vec!["e".to_owned()], AutoCreating::default()));
}

#[test]
fn what_the_platform_took_and_does_not_show_yet_is_created_once_in_a_pass() {
    let spec = "{tenantId: Acme, groupName: a, resellerId: Best, contactInformation: {name: Ann}}";
    let there = json!({"groupName": "a", "contactInformation": {"name": "Ann", "phoneNumber": "1"}});
    let mut case = with_spec(naming_best(), spec).present(there);
    dies_after(&mut case, RECORDED);
    case.platform.is_late = true;
    // The contact goes along with what is not declared in it, so it is looked at between the two.
    case.object.spec.attributes.contact_information.as_mut().unwrap().name = Some("Jo".into());
    assert_eq!(case.pass().steps(), ["create_reseller", "update_group"]);
}

#[test]
fn what_somebody_else_created_after_a_death_is_his() {
    for (theirs, ours) in [
        (json!({"name": "Best", "externalName": "Theirs"}), false),
        (json!({"name": "Best", "extraData": {"a": 1}}), false),
        (json!({"name": "Best", "externalName": "", "extraData": {}}), true),
    ] {
        let mut case = naming_best();
        dies_after(&mut case, RECORDED);
        case.platform.objects.insert(best(), object(theirs));
        let pass = case.pass();
        assert_eq!((pass.steps(), pass.verdict), (vec!["update_group"], Verdict::Synced));
        assert_eq!((!resellers(&case).is_empty(), open(&case)), (ours, AutoCreating::default()));
    }
}

#[test]
fn the_record_of_a_takeover_in_the_same_pass_leaves_what_was_begun_before_it() {
    let mut case = group("{tenantId: Acme, groupName: a, resellerId: Best, adoptionPolicy: Always}");
    case.cluster.settings.as_mut().unwrap().reseller = true;
    case.platform.refused.insert("create_group", Cause::AlreadyExists);
    case.platform.meanwhile = Some(|platform| _ = platform.objects.insert(hq(), object(json!({"groupName": "b"}))));
    // The reseller is created, the group is refused, the takeover is recorded.
    dies_after(&mut case, RECORDED + 2 + RECORDED);
    case.platform.refused.clear();
    assert_eq!(open(&case).resellers, ["Best"]);
    assert_eq!(case.pass().verdict, Verdict::Synced);
    assert_eq!((resellers(&case), open(&case)), (vec!["Best".to_owned()], AutoCreating::default()));
}

#[test]
fn a_refusal_leaves_nothing_open_and_a_lost_answer_does() {
    let there: fn(&mut Platform) = |platform| {
        platform.objects.insert(Key::Reseller("Best".into()), object(json!({"name": "Best"})));
    };
    let nothing: fn(&mut Platform) = |_| ();
    // What is refused, what is there then, whether it stays open, and whether it is ours in the end.
    for (cause, meanwhile, is_open, ours) in [
        (Cause::AlreadyExists, there, false, false),
        (Cause::Forbidden, nothing, false, false),
        (Cause::Ambiguous, there, true, true),
        (Cause::Ambiguous, nothing, true, true),
        (Cause::Partial, there, true, true),
    ] {
        let mut case = naming_best();
        case.platform.refused.insert("create_reseller", cause);
        case.platform.meanwhile = Some(meanwhile);
        case.pass();
        assert_eq!((!open(&case).resellers.is_empty(), resellers(&case)), (is_open, vec![]), "{cause:?}");
        case.platform.refused.clear();
        // One that was refused for good is tried again, and created.
        let ours = ours || cause == Cause::Forbidden;
        assert_eq!(case.pass().verdict, Verdict::Synced);
        assert_eq!((!resellers(&case).is_empty(), open(&case)), (ours, AutoCreating::default()), "{cause:?}");
    }
}

#[test]
fn what_cannot_be_read_stays_open_and_holds_nothing_up() {
    let mut case = naming_best();
    dies_after(&mut case, RECORDED + 1);
    let mut case = with_spec(case, "{tenantId: Acme, groupName: b}");
    case.platform.unanswered.insert(Query::Object(best()), Cause::Forbidden);
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.verdict), (vec!["update_group"], Verdict::Synced));
    assert_eq!((resellers(&case), open(&case).resellers), (vec![], vec!["Best".to_owned()]));
    assert_eq!(case.pass().report.status, None, "and is no reason to write");
    case.platform.unanswered.clear();
    case.pass();
    assert_eq!((resellers(&case), open(&case)), (vec!["Best".to_owned()], AutoCreating::default()));
    let asked = case.pass().asked;
    assert_eq!(asked, [Query::Object(hq())], "what is settled is not asked again");
}

#[test]
fn what_is_recorded_already_is_not_recorded_again() {
    let mut case = naming_best();
    dies_after(&mut case, RECORDED);
    assert_eq!(case.pass().steps(), ["create_reseller", "update_group"]);
    assert_eq!(resellers(&case), ["Best"]);
}

#[test]
fn nothing_is_recorded_where_nothing_is_created_on_the_way() {
    let bodies: [Value; 2] = [json!({"groupName": "b"}), json!({"groupName": "b", "resellerId": "Best"})];
    for there in bodies {
        let mut case = naming_best().present(there);
        case.platform.objects.insert(best(), object(json!({"name": "Best"})));
        assert_eq!(case.pass().steps(), ["update_group"]);
        assert_eq!((names(&case), open(&case)), ((vec![], vec![]), AutoCreating::default()));
    }
}
