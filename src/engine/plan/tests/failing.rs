use std::time::Duration;

use serde_json::json;

use crate::{
    api::{
        Group,
        OwnershipState::{Created, Pending},
    },
    engine::{
        facts::Query,
        failure::Cause,
        ids::{Key, Level},
        ownership::LATE,
        plan::{Verdict, model::*},
    },
};

const CAUSES_THAT_MAY_HAVE_CREATED: [Cause; 4] = [Cause::Ambiguous, Cause::Partial, Cause::TimedOut, Cause::Unreadable];

#[test]
fn a_create_with_an_unknown_result_is_not_repeated_and_the_next_look_decides() {
    for cause in CAUSES_THAT_MAY_HAVE_CREATED {
        let mut case = group("{tenantId: Acme, groupName: a, adoptionPolicy: Never}");
        case.platform.refused.insert("create_group", cause);
        case.platform.meanwhile = Some(|platform| {
            platform.objects.insert(hq(), object(json!({"groupName": "a"})));
        });
        let pass = case.pass();
        assert_eq!((pass.steps(), pass.reason()), (vec!["hold", "create_group"], "PlatformUnreachable"), "{cause:?}");
        assert_eq!(case.subject.status.ownership.as_ref().unwrap().state, Pending);
        let next = case.pass();
        assert_eq!((next.steps(), next.verdict), (vec![], Verdict::Synced));
        assert_eq!(case.subject.status.ownership.as_ref().unwrap().state, Created);
    }
}

#[test]
fn what_the_platform_says_it_did_in_part_is_ours_whatever_reads_back() {
    let mut case = group("{tenantId: Acme, groupName: a, userLimit: 5, adoptionPolicy: Never}");
    case.platform.refused.insert("create_group", Cause::Partial);
    case.platform.meanwhile = Some(|platform| {
        platform.objects.insert(hq(), object(json!({"groupName": "a"})));
    });
    assert_eq!(case.pass().reason(), "PlatformUnreachable");
    assert_eq!(case.pass().body("update_group"), json!({"userLimit": 5}));
    assert_eq!(case.subject.status.ownership.unwrap().state, Created);
}

#[test]
fn what_the_platform_says_it_did_in_part_and_does_not_show_is_created_again() {
    let mut case = group("{tenantId: Acme, groupName: a}");
    case.platform.refused.insert("create_group", Cause::Partial);
    case.pass();
    case.platform.refused.clear();
    assert_eq!(case.pass().steps(), ["hold", "create_group"]);
}

#[test]
fn a_definite_refusal_of_a_create_clears_the_record() {
    for cause in [Cause::Rejected, Cause::Forbidden, Cause::RateLimited, Cause::Unreachable, Cause::NotLeader] {
        let mut case = group("{tenantId: Acme, groupName: a}");
        case.platform.refused.insert("create_group", cause);
        assert_eq!(case.pass().reason(), cause.reason().name());
        assert_eq!(case.subject.status.ownership, None, "{cause:?}");
        // What somebody else creates now is not ours.
        let pass = case.present(json!({"groupName": "theirs"})).pass();
        assert_eq!(pass.reason(), "NotOwned");
    }
}

#[test]
fn a_failure_before_the_create_clears_the_record_because_nothing_was_created() {
    for label in ["create_domain", "assign_domain"] {
        for cause in [Cause::Forbidden, Cause::Ambiguous] {
            let mut case = group("{tenantId: Acme, groupName: a, defaultDomain: d, autoCreateDomain: true}");
            case.platform.refused.insert(label, cause);
            assert_eq!(case.pass().reason(), cause.reason().name());
            assert_eq!(case.subject.status.ownership, None, "{label} {cause:?}");
        }
    }
}

#[test]
fn a_failure_before_an_update_keeps_the_record() {
    let spec = "{tenantId: Acme, groupName: a, defaultDomain: d, autoCreateDomain: true}";
    let mut case = group(spec).present(json!({"groupName": "a"})).recorded(Pending);
    case.platform.refused.insert("assign_domain", Cause::Forbidden);
    assert_eq!(case.pass().reason(), "Denied");
    assert_eq!(case.subject.status.ownership.unwrap().state, Created);
}

#[test]
fn a_domain_or_reseller_that_another_pass_just_created_is_no_failure() {
    let mut case = group("{tenantId: Acme, groupName: a, defaultDomain: d, autoCreateDomain: true}");
    case.platform.refused.insert("create_domain", Cause::AlreadyExists);
    case.platform.meanwhile = Some(|platform| platform.know(Level::System, "d"));
    let pass = case.pass();
    assert_eq!(pass.verdict, Verdict::Synced);
    assert_eq!(pass.steps(), ["hold", "create_domain", "assign_domain", "create_group"]);
}

#[test]
fn a_domain_that_exists_and_is_never_shown_ends_the_pass() {
    let mut case = group("{tenantId: Acme, groupName: a, defaultDomain: d, autoCreateDomain: true}");
    case.platform.refused.insert("create_domain", Cause::AlreadyExists);
    let pass = case.pass();
    assert_eq!(pass.steps(), ["hold", "create_domain", "create_domain"]);
    assert_eq!(pass.reason(), "NotVisible");
}

#[test]
fn a_failed_look_ends_the_pass_with_the_platforms_own_words() {
    let mut case = group("{tenantId: Acme, groupName: a}");
    case.platform.unanswered.insert(Query::Object(hq()), Cause::Unreadable);
    let pass = case.pass();
    assert_eq!((pass.end(), pass.steps()), (("PlatformUnreachable", "the platform's own words"), vec![]));
}

#[test]
fn an_object_of_another_shape_than_documented_is_not_acted_upon() {
    let mut case = group("{tenantId: Acme, userLimit: 5}").present(json!({"userLimit": "many"})).synced(1);
    let pass = case.pass();
    assert_eq!(pass.steps(), Vec::<&str>::new());
    assert!(pass.end().1.contains("is not as documented"), "{}", pass.end().1);
}

#[test]
fn the_first_failure_stops_the_act() {
    let mut case = group("{tenantId: Acme, groupName: a, defaultDomain: d, autoCreateDomain: true}");
    case.platform.refused.insert("create_domain", Cause::Forbidden);
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.reason()), (vec!["hold", "create_domain"], "Denied"));
}

/// Somebody, perhaps the create before, has a group there whose name is in another form.
fn trimmed(platform: &mut Platform) {
    platform.objects.insert(hq(), object(json!({"groupName": "a"})));
}

#[test]
fn a_503_on_a_create_that_was_carried_out() {
    // A refusal in the platform's own form is definite; of anything else the result is not known.
    for (cause, name, reason) in [
        (Cause::ServerError, "a", None),
        (Cause::ServerError, "'a '", Some("NotOwned")),
        (Cause::Ambiguous, "a", None),
        (Cause::Ambiguous, "'a '", None),
    ] {
        let mut case = group(&format!("{{tenantId: Acme, groupName: {name}}}"));
        case.platform.refused.insert("create_group", cause);
        case.platform.meanwhile = Some(trimmed);
        assert_eq!(case.pass().reason(), "PlatformUnreachable");
        case.platform.refused.clear();
        let pass = case.pass();
        let owned = case.subject.status.ownership.is_some();
        assert_eq!((owned, reason.map(|_| pass.reason())), (reason.is_none(), reason), "{cause:?} {name}");
    }
}

#[test]
fn a_refusal_says_nothing_of_an_earlier_creation_whose_answer_was_lost() {
    for cause in [Cause::AlreadyExists, Cause::RateLimited, Cause::Forbidden, Cause::Unreachable] {
        let mut case = group("{tenantId: Acme, groupName: 'a ', adoptionPolicy: Never}");
        case.platform.refused.insert("create_group", Cause::Ambiguous);
        case.pass();
        // The platform carried it out and does not show it yet.
        case.platform.refused.insert("create_group", cause);
        let pass = case.pass();
        assert_eq!(pass.steps(), ["create_group"], "{cause:?}");
        assert_eq!(case.subject.status.ownership.as_ref().unwrap().state, Pending, "{cause:?}");
        trimmed(&mut case.platform);
        case.platform.refused.clear();
        case.pass();
        assert_eq!(case.subject.status.ownership.unwrap().state, Created, "{cause:?}");
    }
}

#[test]
fn nor_does_one_of_a_pass_that_records_something_else_before() {
    let of_reseller: fn(&mut Group) = |group| group.spec.attributes.reseller_id = Some("R".into());
    let renamed: fn(&mut Group) = |group| group.spec.attributes.group_name = Some("b".into());
    for (change, refused, cause) in [
        (of_reseller, "create_reseller", Cause::Forbidden),
        (renamed, "create_group", Cause::AlreadyExists),
        (renamed, "create_group", Cause::RateLimited),
    ] {
        let mut case = group("{tenantId: Acme, groupName: a, adoptionPolicy: Never}");
        case.cluster.settings.as_mut().unwrap().reseller = true;
        case.platform.refused.insert("create_group", Cause::Ambiguous);
        case.pass();
        change(&mut case.object);
        case.platform.refused = [(refused, cause)].into();
        assert_eq!(case.pass().steps(), ["hold", refused], "{cause:?}");
        case.platform.refused.clear();
        // Now it shows what the first one sent.
        trimmed(&mut case.platform);
        case.pass();
        assert_eq!(case.subject.status.ownership.map(|record| record.state), Some(Created), "{cause:?}");
    }
}

#[test]
fn what_vanished_stays_ours_when_something_fails_before_it_is_created_again() {
    let mut case = group("{tenantId: Acme, groupName: a, resellerId: R}").synced(1);
    case.cluster.settings.as_mut().unwrap().reseller = true;
    case.platform.refused.insert("create_reseller", Cause::Forbidden);
    assert_eq!(case.pass().steps(), ["hold", "create_reseller"]);
    assert_eq!(case.subject.status.ownership.map(|record| record.state), Some(Created));
}

/// A platform that took the creation, as a pass left it.
fn taken(more: &str) -> Case<Group> {
    let mut case = group(&format!("{{tenantId: Acme, groupName: a, {more}}}"));
    case.platform.is_late = true;
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.reason()), (vec!["hold", "create_group"], "Creating"));
    assert!(pass.end().1.contains("does not show it yet"));
    case
}

#[test]
fn a_created_object_that_is_not_shown_is_not_created_twice() {
    for more in ["", "driftPolicy: Report, adoptionPolicy: Never"] {
        let mut case = taken(more);
        let pass = case.pass();
        assert_eq!((pass.steps(), pass.reason(), pass.report.status), (vec![], "Creating", None), "{more}");
        assert!(matches!(pass.verdict, Verdict::Awaiting(_)));
        // Whenever it shows, and whatever it shows, it is ours.
        assert_eq!(case.clone().present(json!({"groupName": "a"})).pass().verdict, Verdict::Synced);
        let mut otherwise = case.present(json!({"groupName": "A"}));
        assert_eq!(otherwise.pass().steps(), ["update_group"]);
        assert_eq!(otherwise.subject.status.ownership.unwrap().state, Created);
    }
}

#[test]
fn what_vanished_is_not_created_twice_either() {
    let mut case = group("{tenantId: Acme, groupName: a}").synced(1).with(|case| case.platform.is_late = true);
    assert_eq!(case.pass().steps(), ["create_group"]);
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.reason()), (vec![], "Creating"));
}

#[test]
fn an_object_that_is_not_shown_for_long_is_created_again_and_else_hidden_from_the_account() {
    let mut case = taken("");
    case.subject.awaited = LATE;
    case.platform.refused.insert("create_group", Cause::AlreadyExists);
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.reason()), (vec!["create_group"], "NotVisible"));
    // Said once, and not waited for anew at each look; the record is kept for when it shows.
    case.subject.awaited = Duration::ZERO;
    assert_eq!(case.pass().reason(), "NotVisible");
    case.platform.refused.clear();
    assert_eq!(case.clone().present(json!({"groupName": "A"})).pass().steps(), ["update_group"]);
    case.platform.is_late = false;
    assert_eq!(case.pass().verdict, Verdict::Synced);
}

#[test]
fn what_forbids_a_creation_is_said_however_long_the_one_before_was_waited_for() {
    let r1 = || Key::Reseller("R1".into());
    let going = taken("").with(|case| _ = case.cluster.described.insert(acme(), true));
    let mut alone = group("{tenantId: Acme, groupName: a, resellerId: R1}");
    alone.platform.objects.insert(r1(), object(json!({"name": "R1"})));
    alone.platform.is_late = true;
    assert_eq!(alone.pass().reason(), "Creating");
    alone.platform.objects.remove(&r1());
    for (case, reason) in [(going, "WaitingForTenant"), (alone, "ResellerNotFound")] {
        // A refusal ends a wait, which would begin anew with the next look.
        for awaited in [Duration::ZERO, LATE] {
            let mut case = case.clone().with(|case| case.subject.awaited = awaited);
            assert_eq!(case.pass().reason(), reason, "{awaited:?}");
        }
    }
}
