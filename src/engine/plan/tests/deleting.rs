use std::time::Duration;

use serde_json::json;

use crate::{
    api::{
        Contents, Group,
        OwnershipState::{Adopted, Pending},
    },
    engine::{
        check_group::{FRESH, Part},
        facts::Query,
        failure::Cause,
        ids::Level,
        kind::Subject,
        plan::{Verdict, model::*},
        schedule::Again,
        settings::{Checks, Settings},
    },
};

const NO_CHECKS: Checks = Checks { users: false, trunk_users: false, service_users: false, trunk_groups: false };

pub(super) fn going() -> Case<Group> {
    group("{tenantId: Acme, groupName: a}").present(json!({"groupName": "a"})).synced(1).deleting()
}

fn checking(checks: Checks) -> Case<Group> {
    going().with(|case| case.cluster.settings = Some(Settings { checks, ..Settings::default() }))
}

#[test]
fn a_deletion_deletes_then_looks_again_then_releases() {
    let mut case = going();
    let pass = case.pass();
    assert_eq!(
        (pass.acts.len(), pass.steps(), &pass.verdict),
        (2, vec!["delete_group", "release"], &Verdict::Released)
    );
    assert_eq!(pass.asked.iter().filter(|query| **query == Query::Object(hq())).count(), 2);
    assert!(!case.platform.objects.contains_key(&hq()));
}

#[test]
fn what_the_platform_still_shows_is_not_released_and_not_deleted_twice_in_a_pass() {
    let pass = going().with(|case| case.platform.is_late = true).pass();
    assert_eq!((pass.steps(), pass.reason()), (vec!["delete_group"], "Deleting"));
    assert!(matches!(pass.verdict, Verdict::Awaiting(_)));
}

#[test]
fn a_deletion_with_an_unknown_result_is_looked_at_and_counted_anew() {
    let mut case = going().with(|case| _ = case.platform.refused.insert("delete_group", Cause::Ambiguous));
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.reason()), (vec!["delete_group"], "PlatformUnreachable"));
    case.platform.contents.insert(Part::Users, (1, 0));
    assert_eq!(case.pass().reason(), "GroupNotEmpty");
}

#[test]
fn a_count_that_took_too_long_is_made_again_and_a_platform_that_is_always_too_slow_for_it_blocks() {
    let slow = |times: usize, part: Part| {
        let mut case = going();
        let query = Query::Count("Acme".into(), "hq".into(), part);
        case.platform.takes.insert(query.clone(), vec![FRESH + Duration::from_millis(1); times]);
        let pass = case.pass();
        let counts = pass.asked.iter().filter(|asked| **asked == query).count();
        (counts, pass, case)
    };
    for part in [Part::TrunkGroups, Part::Users] {
        let (counts, pass, _) = slow(1, part);
        assert_eq!((counts, pass.steps()), (2, vec!["delete_group", "release"]));
        let (counts, pass, case) = slow(9, part);
        assert_eq!((counts, pass.steps(), pass.reason()), (3, vec![], "ContentsUnknown"));
        assert!(pass.end().1.contains("takes more than 3s"), "{}", pass.end().1);
        assert!(case.platform.objects.contains_key(&hq()));
    }
    let mut case = tenant("{type: Enterprise}").present(json!({"tenantId": "Acme"})).synced(1).deleting();
    case.platform.takes.insert(Query::Groups("Acme".into()), vec![FRESH * 2; 9]);
    assert_eq!(case.pass().reason(), "ContentsUnknown");
}

#[test]
fn what_others_add_while_a_slow_count_runs_is_found_by_the_next_count() {
    let mut case = going();
    case.platform.takes.insert(Query::Count("Acme".into(), "hq".into(), Part::Ivrs), vec![FRESH * 2]);
    // The list was empty when it was read, and is not when it is read again.
    case.platform.later = Some(|platform| _ = platform.contents.insert(Part::TrunkGroups, (1, 0)));
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.reason()), (vec![], "GroupNotEmpty"));
}

#[test]
fn a_write_that_is_superseded_ends_the_pass_without_a_word_and_claims_nothing() {
    for mut case in [going(), group("{tenantId: Acme, groupName: a}")] {
        for step in ["delete_group", "create_group"] {
            case.platform.refused.insert(step, Cause::Superseded);
        }
        let conditions = case.subject.status.conditions.clone();
        let pass = case.pass();
        assert_eq!((&pass.verdict, pass.report.notes.len()), (&Verdict::Superseded, 0));
        assert_eq!(pass.report.again, Again::Transient(1, None));
        assert!(!case.subject.status.ownership.as_ref().is_some_and(|record| record.state == Pending));
        if case.subject.deleting {
            assert_eq!((&case.subject.status.conditions, pass.report.status), (&conditions, None));
        }
        case.platform.refused.clear();
        assert!(matches!(case.pass().verdict, Verdict::Released | Verdict::Synced), "the next one decides anew");
    }
}

#[test]
fn the_excluded_applications_go_with_the_delete() {
    let mut case = group("{tenantId: Acme, excludedAppIds: [x, y]}").present(json!({})).synced(1).deleting();
    assert_eq!(case.pass().body("delete_group"), json!({"_excludedAppIds": ["x", "y"]}));
    assert_eq!(going().pass().body("delete_group"), json!({}));
}

#[test]
fn orphan_releases_without_a_call() {
    let orphans: [fn(&mut Case<Group>); 2] =
        [|case| case.subject.orphan = true, |case| case.cluster.definition_deleting = true];
    for orphan in orphans {
        let pass = going().with(orphan).pass();
        assert_eq!((pass.steps(), pass.asked.len(), pass.verdict), (vec!["release"], 0, Verdict::Released));
    }
    let mut policy = group("{tenantId: Acme, deletionPolicy: Orphan}").present(json!({})).synced(1).deleting();
    assert_eq!(policy.pass().steps(), ["release"]);
    let mut observing = group("{tenantId: Acme, managementPolicy: Observe}").present(json!({})).synced(1).deleting();
    assert_eq!(observing.pass().steps(), ["release"]);
}

#[test]
fn without_a_record_nothing_is_deleted() {
    let mut case = going().with(|case| case.subject.status.ownership = None);
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.asked.len()), (vec!["release"], 0));
}

#[test]
fn what_was_adopted_or_whose_creation_was_begun_is_deleted_like_any_other() {
    for state in [Adopted, Pending] {
        assert_eq!(going().recorded(state).pass().steps(), ["delete_group", "release"]);
    }
}

#[test]
fn a_group_that_may_be_of_others_is_not_deleted() {
    for (sent, steps) in [("theirs", vec!["delete_group", "release"]), ("ours", vec!["release"])] {
        let case = group("{tenantId: Acme, groupName: ours}").present(json!({"groupName": "theirs"}));
        assert_eq!(case.deleting().begun(json!({"groupName": sent})).pass().steps(), steps);
    }
}

#[test]
fn neither_a_bad_spec_nor_a_vanished_reference_traps_a_deletion() {
    let mut case = going();
    case.object.spec.tenant_id = None;
    case.object.spec.reseller_ref = Some(crate::api::LocalReference { name: "gone".into() });
    assert_eq!(case.pass().steps(), ["delete_group", "release"]);
}

#[test]
fn a_tenant_that_is_gone_takes_its_groups_with_it() {
    let mut case = going().with(|case| case.platform.objects.clear());
    let pass = case.pass();
    let proof = Query::Domains(Level::System);
    assert_eq!((pass.steps(), pass.asked), (vec!["release"], vec![Query::Object(hq()), Query::Object(acme()), proof]));
}

#[test]
fn with_a_platform_that_answers_nothing_else_absence_releases_nothing() {
    let mut case = going().with(|case| {
        case.platform.objects.clear();
        case.platform.unanswered.insert(Query::Domains(Level::System), Cause::NotFound);
    });
    assert_eq!(case.pass().steps(), [""; 0]);
}

#[test]
fn a_404_that_may_mean_a_wrong_prefix_releases_nothing() {
    let mut case = going().with(|case| {
        case.platform.objects.clear();
        case.platform.unanswered.insert(Query::Object(acme()), Cause::NotFound);
    });
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.reason()), (vec![], "PlatformUnreachable"));
}

#[test]
fn each_check_alone_blocks_and_lets_go() {
    let checks: [(Checks, Part, (i64, i64), &str); 6] = [
        (Checks { users: true, ..NO_CHECKS }, Part::Users, (1, 0), "1 user;"),
        (Checks { trunk_users: true, ..NO_CHECKS }, Part::Users, (2, 2), "2 trunk users;"),
        (Checks { trunk_groups: true, ..NO_CHECKS }, Part::TrunkGroups, (1, 0), "1 trunk group;"),
        (Checks { service_users: true, ..NO_CHECKS }, Part::Ivrs, (3, 0), "3 IVRs;"),
        (Checks { service_users: true, ..NO_CHECKS }, Part::CallCenters, (1, 0), "1 call center;"),
        (Checks { service_users: true, ..NO_CHECKS }, Part::HuntGroups, (1, 0), "1 hunt group;"),
    ];
    for (on, part, count, words) in checks {
        let holding = |checks| checking(checks).with(|case| _ = case.platform.contents.insert(part, count));
        let blocked = holding(on).pass();
        assert_eq!((blocked.reason(), blocked.steps()), ("GroupNotEmpty", vec![]), "{part:?}");
        assert!(blocked.end().1.contains(words), "{}", blocked.end().1);
        assert_eq!(checking(on).pass().steps(), ["delete_group", "release"], "{part:?}");
        assert_eq!(holding(NO_CHECKS).pass().steps(), ["delete_group", "release"], "{part:?}");
    }
}

#[test]
fn users_and_trunk_users_are_told_apart() {
    let with_users =
        |checks, count| checking(checks).with(|case| _ = case.platform.contents.insert(Part::Users, count));
    let users = Checks { users: true, ..NO_CHECKS };
    let trunk_users = Checks { trunk_users: true, ..NO_CHECKS };
    assert_eq!(with_users(users, (2, 2)).pass().steps(), ["delete_group", "release"]);
    assert_eq!(with_users(trunk_users, (2, 0)).pass().steps(), ["delete_group", "release"]);
}

#[test]
fn what_blocks_is_told_with_counts_and_the_way_out() {
    let mut case = going().with(|case| {
        case.platform.contents.insert(Part::Users, (12, 2));
        case.platform.contents.insert(Part::TrunkGroups, (1, 0));
    });
    let pass = case.pass();
    assert!(pass.end().1.starts_with("the group still holds 10 users, 2 trunk users, 1 trunk group; "));
    assert!(pass.end().1.contains("apio.netaxis.be/deletion=Orphan"));
    let counted = Contents {
        users: Some(10),
        trunk_users: Some(2),
        trunk_groups: Some(1),
        ivrs: Some(0),
        call_centers: Some(0),
        hunt_groups: Some(0),
    };
    assert_eq!(case.subject.status.contents, Some(counted));
}

#[test]
fn only_what_an_enabled_check_needs_is_counted() {
    let pass = checking(Checks { trunk_groups: true, ..NO_CHECKS }).pass();
    let counted: Vec<_> = pass.asked.iter().filter(|query| matches!(query, Query::Count(..))).collect();
    assert_eq!(counted, [&Query::Count("Acme".into(), "hq".into(), Part::TrunkGroups)]);
}

#[test]
fn a_list_that_can_not_be_read_blocks() {
    for part in [Part::Users, Part::TrunkGroups, Part::Ivrs, Part::CallCenters, Part::HuntGroups] {
        for (cause, reason) in [
            (Cause::Forbidden, "ContentsUnknown"),
            (Cause::NotFound, "ContentsUnknown"),
            (Cause::Unreadable, "ContentsUnknown"),
            (Cause::NoCredentials, "CredentialsUnavailable"),
        ] {
            let query = Query::Count("Acme".into(), "hq".into(), part);
            let pass = going().with(|case| _ = case.platform.unanswered.insert(query, cause)).pass();
            assert_eq!((pass.reason(), pass.steps()), (reason, vec![]), "{part:?} {cause:?}");
            assert!(pass.end().1.contains(part.name()));
        }
    }
}

#[test]
fn what_was_counted_is_told_before_what_is_unknown() {
    let mut case = going().with(|case| {
        let query = Query::Count("Acme".into(), "hq".into(), Part::Ivrs);
        case.platform.unanswered.insert(query, Cause::Forbidden);
        case.platform.contents.insert(Part::Users, (1, 0));
    });
    assert_eq!(case.pass().reason(), "GroupNotEmpty");
}

#[test]
fn a_user_count_above_what_is_listed_blocks() {
    let pass = going().present(json!({"userCount": 3})).pass();
    assert_eq!((pass.reason(), pass.steps()), ("ContentsUnknown", vec![]));
    assert!(pass.end().1.contains("lists 0 users but says the group has 3"));
}

#[test]
fn without_settings_no_group_is_deleted() {
    let mut case = going().with(|case| case.cluster.settings = None);
    let pass = case.pass();
    assert_eq!((pass.reason(), pass.steps()), ("SettingsUnavailable", vec![]));
    let mut gone = going().with(|case| {
        case.cluster.settings = None;
        case.platform.objects.remove(&hq());
    });
    assert_eq!(gone.pass().steps(), ["release"]);
}

#[test]
fn a_refusal_of_the_platform_blocks() {
    for cause in [Cause::NotEmpty, Cause::Rejected] {
        let pass = going().with(|case| _ = case.platform.refused.insert("delete_group", cause)).pass();
        assert_eq!((pass.reason(), pass.steps()), ("PlatformRefused", vec!["delete_group"]));
        assert!(pass.end().1.contains("the platform's own words"));
        assert!(matches!(pass.verdict, Verdict::Blocked(_)));
    }
}

#[test]
fn missing_credentials_make_a_deletion_wait_and_only_orphan_releases_it() {
    let mut case = going().with(|case| {
        case.platform.unanswered.insert(Query::Object(hq()), Cause::NoCredentials);
    });
    assert_eq!(case.pass().reason(), "CredentialsUnavailable");
    case.subject.orphan = true;
    assert_eq!(case.pass().steps(), ["release"]);
}

#[test]
fn a_tenant_waits_for_its_groups_and_for_the_resources_that_name_it() {
    let mut case = tenant("{type: Enterprise}").present(json!({})).synced(1).deleting();
    for group in ["a", "b", "c", "d", "e", "f", "g"] {
        case.platform.objects.insert(crate::engine::ids::Key::Group("Acme".into(), group.into()), object(json!({})));
    }
    let pass = case.pass();
    assert_eq!((pass.reason(), pass.steps()), ("TenantInUse", vec![]));
    assert!(pass.end().1.contains("the groups a, b, c, d, e and 2 more"), "{}", pass.end().1);
    case.platform.objects.retain(|key, _| *key == acme());
    case.cluster.children = vec!["Group ns/hq".into()];
    assert!(case.pass().end().1.contains("still named by Group ns/hq"));
    case.cluster.children.clear();
    for (cause, reason) in [
        (Cause::Forbidden, "ContentsUnknown"),
        (Cause::Unreadable, "ContentsUnknown"),
        (Cause::NoCredentials, "CredentialsUnavailable"),
    ] {
        case.platform.unanswered.insert(Query::Groups("Acme".into()), cause);
        let pass = case.pass();
        assert_eq!((pass.reason(), pass.steps()), (reason, vec![]), "{cause:?}");
        assert!(pass.end().1.starts_with("the groups of the tenant cannot be counted"), "{}", pass.end().1);
        assert!(matches!(pass.verdict, Verdict::Blocked(_)));
    }
    case.platform.unanswered.clear();
    assert_eq!(case.pass().steps(), ["delete_tenant", "release"]);
}

#[test]
fn a_reseller_waits_for_the_resources_that_name_it_and_for_the_platform() {
    let mut case = reseller("{}").present(json!({})).synced(1).deleting();
    case.cluster.children = vec!["Tenant ns/acme".into()];
    assert_eq!(case.pass().reason(), "ResellerInUse");
    case.cluster.children.clear();
    case.platform.refused.insert("delete_reseller", Cause::NotEmpty);
    assert_eq!(case.pass().reason(), "PlatformRefused");
    case.platform.refused.clear();
    assert_eq!(case.pass().steps(), ["delete_reseller", "release"]);
}

/// The case of a group that is being deleted, with this annotation.
fn annotated(name: &str, value: &str) -> Case<Group> {
    let mut case = group("{tenantId: Acme, groupName: a}").present(json!({"groupName": "a"})).synced(1).deleting();
    case.object.metadata.annotations = Some([(format!("apio.netaxis.be/{name}"), value.to_owned())].into());
    let now = Subject::of(&case.object);
    case.subject = Subject { status: case.subject.status, held: true, deleting: true, ..now };
    case
}

#[test]
fn a_misspelt_safeguard_deletes_nothing_and_says_what_was_probably_meant() {
    for (name, value) in [
        ("deletion", "Orfan"),
        ("deletion", "Keep"),
        ("deletion", "true"),
        ("deletion", ""),
        ("deletionpolicy", "Orphan"),
        ("keep", "true"),
    ] {
        let mut case = annotated(name, value);
        let pass = case.pass();
        assert_eq!(
            (pass.reason(), pass.steps(), pass.asked.len()),
            ("AnnotationUnreadable", vec![], 0),
            "{name}={value}"
        );
        assert_eq!(case.subject.condition("DeletionBlocked").unwrap().reason, "AnnotationUnreadable");
        assert_eq!(case.subject.condition("AnnotationUnreadable"), None, "said once");
        assert_eq!(pass.report.notes.len(), 1);
        let again = case.pass();
        assert_eq!((again.report.status, again.report.notes), (None, vec![]));
    }
    assert!(annotated("deletion", "Orfan").pass().end().1.contains("(did you mean Orphan?)"));
}

#[test]
fn an_orphan_is_left_however_it_is_written_and_a_misspelt_pause_holds_no_deletion() {
    for value in ["Orphan", "orphan", "ORPHAN", " Orphan "] {
        assert_eq!(annotated("deletion", value).pass().steps(), ["release"], "{value:?}");
    }
    assert_eq!(annotated("paused", "ture").pass().steps(), ["delete_group", "release"]);
    let orphan = annotated("deletion", "Keep").with(|case| case.subject.orphan = true).pass();
    assert_eq!(orphan.steps(), ["release"], "spec.deletionPolicy says so");
}
