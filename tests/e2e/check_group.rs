//! `CHECK_GROUP`: each check alone, with the other three explicitly off.

use apio_operator::api::{Contents, Group};
use serde_json::json;
use testkit::simulator::{Fault, Group as Held, State};

use crate::{
    fixtures::{hq, settings},
    world::{World, has, message},
};

const CHECKS: [&str; 4] = ["CHECK_USERS", "CHECK_TRUNK_USERS", "CHECK_SERVICE_USERS", "CHECK_TRUNK_GROUPS"];
const HQ: &str = "/tenants/Acme/groups/HQ/";

/// Settings with these checks on and the others explicitly off.
fn only(on: &[&str]) -> String {
    let checks = CHECKS.map(|check| format!("{check}: {}", on.contains(&check)));
    format!("CHECK_GROUP: {{{}}}", checks.join(", "))
}

/// A group with two of everything.
fn fill(state: &mut State) {
    for n in ["1", "2"] {
        state.add_user("Acme", "HQ", &format!("user{n}@acme.example"), false);
        state.add_user("Acme", "HQ", &format!("trunk{n}@acme.example"), true);
        state.add_trunk_group("Acme", "HQ", n);
        state.add_ivr("Acme", "HQ", n);
        state.add_call_center("Acme", "HQ", n);
        state.add_hunt_group("Acme", "HQ", n);
    }
}

async fn with_group(checks: &str) -> World {
    let world = World::with_settings(checks).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq(""));
    world.group("hq").await;
    world
}

/// Everything is in the group and one check is on: it alone blocks, with its counts; without those contents the group goes,
/// and all the rest with it.
async fn alone(check: &str, words: &str, contents: Contents, take_out: impl Fn(&mut Held)) {
    let world = with_group(&only(&[check])).await;
    world.platform.edit(fill);
    world.delete("group/hq");
    let group: Group = world.reason("hq", "DeletionBlocked", "GroupNotEmpty").await;
    let said = message(&group, "DeletionBlocked");
    assert!(said.starts_with(&format!("the group still holds {words}; ")), "{said}");
    assert_eq!(message(&group, "Ready"), said);
    assert_eq!(group.status.unwrap().contents, Some(contents));
    world.told("hq", "GroupNotEmpty").await;
    let held = world.looked::<Group>("hq").await;
    assert!(held.metadata.deletion_timestamp.is_some());
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"], "{}", world.story());

    world.platform.edit(|state| take_out(state.group_mut("Acme", "HQ").unwrap()));
    world.nudge::<Group>("hq").await;
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.writes()[1..], ["DELETE /tenants/Acme/groups/HQ/"]);
}

#[tokio::test]
async fn check_users_alone_blocks_and_releases() {
    let contents = Contents { users: Some(2), ..Contents::default() };
    alone("CHECK_USERS", "2 users", contents, |group| group.users.retain(|_, user| user.in_trunk_group)).await;
}

#[tokio::test]
async fn check_trunk_users_alone_blocks_and_releases() {
    let contents = Contents { trunk_users: Some(2), ..Contents::default() };
    alone("CHECK_TRUNK_USERS", "2 trunk users", contents, |group| group.users.retain(|_, user| !user.in_trunk_group))
        .await;
}

#[tokio::test]
async fn check_trunk_groups_alone_blocks_and_releases() {
    let contents = Contents { trunk_groups: Some(2), ..Contents::default() };
    alone("CHECK_TRUNK_GROUPS", "2 trunk groups", contents, |group| group.trunk_groups.clear()).await;
}

#[tokio::test]
async fn check_service_users_alone_blocks_and_releases() {
    let contents = Contents { ivrs: Some(2), call_centers: Some(2), hunt_groups: Some(2), ..Contents::default() };
    alone("CHECK_SERVICE_USERS", "2 IVRs, 2 call centers, 2 hunt groups", contents, |group| {
        group.ivrs.clear();
        group.call_centers.clear();
        group.hunt_groups.clear();
    })
    .await;
}

#[tokio::test]
async fn each_kind_of_service_user_alone_blocks() {
    let world = with_group(&only(&["CHECK_SERVICE_USERS"])).await;
    type Put = fn(&mut Held);
    let kinds: [(&str, Put); 3] = [
        ("1 IVR;", |group| group.ivrs.extend(["x".to_owned()])),
        ("1 call center;", |group| group.call_centers.extend(["x".to_owned()])),
        ("1 hunt group;", |group| group.hunt_groups.extend(["x".to_owned()])),
    ];
    for (n, (words, put)) in kinds.into_iter().enumerate() {
        world.platform.edit(|state| {
            state.clear_contents("Acme", "HQ");
            put(state.group_mut("Acme", "HQ").unwrap());
        });
        if n == 0 {
            world.delete("group/hq");
        }
        let group: Group = world.looked("hq").await;
        assert!(message(&group, "DeletionBlocked").contains(words), "{}", message(&group, "DeletionBlocked"));
    }
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
}

#[tokio::test]
async fn all_checks_together_count_everything_and_hold_until_the_last_is_gone() {
    let world = with_group(&only(&CHECKS)).await;
    world.platform.edit(fill);
    world.delete("group/hq");
    let group: Group = world.reason("hq", "DeletionBlocked", "GroupNotEmpty").await;
    let all = Some(2);
    let contents =
        Contents { users: all, trunk_users: all, trunk_groups: all, ivrs: all, call_centers: all, hunt_groups: all };
    assert_eq!(group.status.as_ref().unwrap().contents, Some(contents));
    let mut left: Vec<_> = ["users", "trunk users", "trunk groups", "IVRs", "call centers", "hunt groups"]
        .map(|part| format!("2 {part}"))
        .into();
    type TakeOut = fn(&mut Held);
    let ways: [TakeOut; 6] = [
        |group| group.users.retain(|_, user| user.in_trunk_group),
        |group| group.users.clear(),
        |group| group.trunk_groups.clear(),
        |group| group.ivrs.clear(),
        |group| group.call_centers.clear(),
        |group| group.hunt_groups.clear(),
    ];
    for take_out in ways {
        let group: Group = world.looked("hq").await;
        let said = message(&group, "DeletionBlocked");
        assert!(said.starts_with(&format!("the group still holds {}; ", left.join(", "))), "{said}");
        world.platform.edit(|state| take_out(state.group_mut("Acme", "HQ").unwrap()));
        left.remove(0);
    }
    assert_eq!(world.writes().len(), 1, "{}", world.story());
    world.nudge::<Group>("hq").await;
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.writes()[1..], ["DELETE /tenants/Acme/groups/HQ/"]);
}

#[tokio::test]
async fn a_check_that_the_settings_do_not_name_is_on() {
    let all_but = |absent: &str| {
        let off = CHECKS.iter().filter(|check| **check != absent).map(|check| format!("{check}: false"));
        format!("CHECK_GROUP: {{{}}}", off.collect::<Vec<_>>().join(", "))
    };
    let world = with_group(&all_but(CHECKS[0])).await;
    world.platform.edit(fill);
    world.delete("group/hq");
    let words = ["2 users", "2 trunk users", "2 IVRs, 2 call centers, 2 hunt groups", "2 trunk groups"];
    for (check, words) in CHECKS.into_iter().zip(words) {
        world.apply(&settings(&all_but(check)));
        let begin = format!("the group still holds {words}; ");
        let blocks =
            |group: &Group| has(group, "DeletionBlocked") && message(group, "DeletionBlocked").starts_with(&begin);
        world.until("hq", &format!("{check} blocks"), blocks).await;
    }
    assert_eq!(world.writes().len(), 1);
}

#[tokio::test]
async fn a_check_that_is_armed_while_a_deletion_is_blocked_holds_it_too() {
    let world = with_group(&only(&["CHECK_USERS"])).await;
    world.platform.edit(fill);
    world.delete("group/hq");
    world.reason::<Group>("hq", "DeletionBlocked", "GroupNotEmpty").await;
    world.apply(&settings(&only(&["CHECK_USERS", "CHECK_TRUNK_GROUPS"])));
    let both = |group: &Group| message(group, "DeletionBlocked").contains("2 users, 2 trunk groups");
    world.until("hq", "blocked by both", both).await;
    world.platform.edit(|state| state.group_mut("Acme", "HQ").unwrap().users.clear());
    let group: Group = world.looked("hq").await;
    assert!(message(&group, "DeletionBlocked").contains("holds 2 trunk groups;"));
    assert_eq!(world.writes().len(), 1);
    world.apply(&settings(&only(&[])));
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.writes().len(), 2);
}

#[tokio::test]
async fn a_list_that_is_cut_or_shorter_than_the_platforms_own_count_is_not_believed() {
    let world = with_group(&only(&CHECKS)).await;
    let lists = [
        ("services/trunk_groups/", "trunk groups"),
        ("services/ivrs/", "IVRs"),
        ("services/call_centers/", "call centers"),
        ("services/hunt_groups/", "hunt groups"),
        ("users/", "users"),
    ];
    for (n, (list, part)) in lists.into_iter().enumerate() {
        world.platform.clear_faults();
        world.platform.inject(Fault::truncated().on("GET", &format!("{HQ}{list}")).forever());
        if n == 0 {
            world.delete("group/hq");
        }
        let group: Group = world.looked("hq").await;
        let said = message(&group, "DeletionBlocked");
        assert!(said.starts_with(&format!("the {part} of the group cannot be counted")), "{said}");
        assert!(said.contains(&format!("GET {HQ}{list} was not answered with a list")), "{said}");
        world.reason::<Group>("hq", "DeletionBlocked", "ContentsUnknown").await;
    }
    world.platform.clear_faults();
    world.platform.inject(Fault::answer(json!({"users": []})).on("GET", &format!("{HQ}users/")).forever());
    world.platform.edit(|state| state.add_user("Acme", "HQ", "hidden@acme.example", false));
    let group: Group = world.looked("hq").await;
    let said = message(&group, "DeletionBlocked");
    assert!(said.contains("the platform lists 0 users but says the group has 1"), "{said}");
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
    world.platform.edit(|state| state.clear_contents("Acme", "HQ"));
    world.nudge::<Group>("hq").await;
    world.until_gone::<Group>("hq").await;
}

#[tokio::test]
async fn a_check_that_is_off_lets_its_contents_go_and_is_not_even_counted() {
    for (check, list) in [("CHECK_TRUNK_GROUPS", "services/trunk_groups/"), ("CHECK_SERVICE_USERS", "services/ivrs/")] {
        let on: Vec<_> = CHECKS.into_iter().filter(|other| *other != check).collect();
        let world = with_group(&only(&on)).await;
        world.platform.edit(|state| {
            fill(state);
            let group = state.group_mut("Acme", "HQ").unwrap();
            group.users.clear();
            match check {
                "CHECK_TRUNK_GROUPS" => {
                    group.ivrs.clear();
                    group.call_centers.clear();
                    group.hunt_groups.clear();
                }
                _ => group.trunk_groups.clear(),
            }
        });
        world.delete("group/hq");
        world.until_gone::<Group>("hq").await;
        assert!(world.platform.edit(|state| state.group("Acme", "HQ").is_none()));
        assert!(!world.platform.journal().iter().any(|call| call.path == format!("{HQ}{list}")), "{}", world.story());
    }
}

#[tokio::test]
async fn with_users_unchecked_a_group_of_trunk_users_is_held_by_the_other_check_only() {
    let world = with_group(&only(&["CHECK_TRUNK_USERS"])).await;
    world.platform.edit(|state| state.add_user("Acme", "HQ", "user@acme.example", false));
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;

    let world = with_group(&only(&["CHECK_USERS"])).await;
    world.platform.edit(|state| state.add_user("Acme", "HQ", "trunk@acme.example", true));
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
}

#[tokio::test]
async fn every_check_is_on_unless_told_otherwise_and_the_delete_follows_its_own_count() {
    let world = with_group("AUTO_CREATE: {}").await;
    world.platform.clear_journal();
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    let calls: Vec<_> = world.platform.journal().iter().map(|call| format!("{} {}", call.method, call.path)).collect();
    let at = calls.iter().position(|call| call == &format!("DELETE {HQ}")).unwrap();
    let counted =
        ["services/trunk_groups/", "services/ivrs/", "services/call_centers/", "services/hunt_groups/", "users/"];
    // All are asked at once.
    let last = std::collections::BTreeSet::from_iter(calls[at - 5..at].iter().cloned());
    assert_eq!(last, counted.map(|list| format!("GET {HQ}{list}")).into(), "{calls:?}");
}

#[tokio::test]
async fn the_platforms_own_check_stops_what_ours_let_pass_and_its_words_reach_the_user() {
    let world = with_group(&only(&[])).await;
    world.platform.edit(|state| {
        state.settings.check_group.users = true;
        state.add_user("Acme", "HQ", "user@acme.example", false);
    });
    world.delete("group/hq");
    let group: Group = world.reason("hq", "DeletionBlocked", "PlatformRefused").await;
    let said = message(&group, "DeletionBlocked");
    assert!(said.contains("CAN_NOT_DELETE_NON_EMPTY: group contains users (code 29)"), "{said}");
    world.told("hq", "PlatformRefused").await;
    world.platform.edit(|state| state.clear_contents("Acme", "HQ"));
    world.nudge::<Group>("hq").await;
    world.until_gone::<Group>("hq").await;
    assert!(world.platform.edit(|state| state.deletions.len() == 1));
}

#[tokio::test]
async fn an_answer_that_is_not_certainly_the_whole_list_holds_a_group() {
    let world = with_group(&only(&CHECKS)).await;
    let lists = [
        ("services/ivrs/", "IVRs", json!({"errors": []})),
        ("services/ivrs/", "IVRs", json!({"ivrs": null, "errors": []})),
        ("services/ivrs/", "IVRs", json!({"ivrs": {"serviceUserId": "ivr@x"}, "warnings": []})),
        ("services/ivrs/", "IVRs", json!({"ivrs": [], "totalCount": 3})),
        ("services/trunk_groups/", "trunk groups", json!({"trunks": {"TG": {"name": "TG"}}, "sortOrders": []})),
        ("services/call_centers/", "call centers", json!({"Warnings": []})),
        ("services/hunt_groups/", "hunt groups", json!({"huntGroups": [{}]})),
        ("users/", "users", json!({"users": [{"userId": "a", "inTrunkGroup": "false"}]})),
    ];
    for (n, (list, part, answer)) in lists.into_iter().enumerate() {
        world.platform.clear_faults();
        world.platform.inject(Fault::answer(answer.clone()).on("GET", &format!("{HQ}{list}")).forever());
        if n == 0 {
            world.delete("group/hq");
        }
        let group: Group = world.looked("hq").await;
        let said = message(&group, "DeletionBlocked");
        assert!(said.starts_with(&format!("the {part} of the group cannot be counted")), "{answer}: {said}");
    }
    for user_count in [json!("3"), json!(3.0), json!([3]), json!({"all": 0})] {
        world.platform.clear_faults();
        let answer = json!({"groupName": "Head office", "userCount": user_count});
        world.platform.inject(Fault::answer(answer).on("GET", HQ).forever());
        let group: Group = world.looked("hq").await;
        let said = message(&group, "DeletionBlocked");
        assert!(said.starts_with("the users of the group cannot be counted"), "{user_count}: {said}");
    }
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"], "{}", world.story());
    world.platform.clear_faults();
    world.nudge::<Group>("hq").await;
    world.until_gone::<Group>("hq").await;
}

/// The most that the operator ever had in memory, in KiB.
fn peak(world: &World) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.operator.pid().unwrap())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_large_group_is_counted_in_little_memory() {
    let world = with_group(&only(&CHECKS)).await;
    let before = peak(&world);
    let user = |n: usize| format!("user-number-{n}@acme.example");
    world.platform.edit(|state| (0..30_000).for_each(|n| state.add_user("Acme", "HQ", &user(n), n % 3 == 0)));
    world.delete("group/hq");
    let group: Group = world.reason("hq", "DeletionBlocked", "GroupNotEmpty").await;
    let said = message(&group, "DeletionBlocked");
    assert!(said.starts_with("the group still holds 20000 users, 10000 trunk users; "), "{said}");
    let after = peak(&world);
    assert!(after < before + 24 * 1024, "{before} KiB before, {after} KiB after");
}
