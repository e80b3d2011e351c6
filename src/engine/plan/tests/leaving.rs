//! What a deletion leaves on the platform, and to whom.

use std::time::Duration;

use serde_json::json;

use super::deleting::going;
use crate::{
    api::{Group, OwnershipState::Pending},
    engine::{
        check_group::Part,
        facts::Heir,
        ownership::LATE,
        plan::{Verdict, model::*},
    },
};

#[test]
fn what_is_left_on_the_platform_is_told_with_the_reason() {
    let begun = |sent: &str| going().with(|case| *case = case.clone().begun(json!({"groupName": sent})));
    let unseen = |case: &mut Case<Group>| case.subject.status.ownership = None;
    let seen = |case: &mut Case<Group>| {
        unseen(case);
        case.subject.status.observed = Some((&object(json!({"groupName": "a"}))).into());
    };
    for (mut case, told) in [
        (going().with(|case| case.subject.orphan = true), Some((false, "Orphan"))),
        (going().with(|case| case.cluster.definition_deleting = true), Some((false, "definition"))),
        (going().with(seen), Some((false, "no record"))),
        (going().with(unseen), None),
        (begun("b"), Some((true, r#"groupName is "a" and should be "b""#))),
        (begun("A"), None),
    ] {
        let pass = case.pass();
        let left: Vec<_> = pass.report.notes.iter().filter(|note| note.reason == "Left").collect();
        assert_eq!(left.len(), usize::from(told.is_some()), "{left:?}");
        if let Some((warning, words)) = told {
            assert!(left[0].warning == warning && left[0].message.contains(words), "{left:?}");
            assert!(left[0].message.starts_with("left group hq of tenant Acme as it is on the platform: "));
            assert_eq!(pass.steps(), ["release"]);
        }
    }
}

#[test]
fn what_the_platform_may_still_show_is_waited_for() {
    let lost = |case: &mut Case<Group>| *case = case.clone().begun(json!({"groupName": "a"}));
    let taken = |case: &mut Case<Group>| *case = case.clone().recorded(Pending);
    for begun in [lost, taken] {
        let mut case = going().with(begun).with(|case| _ = case.platform.objects.remove(&hq()));
        let pass = case.pass();
        assert_eq!((pass.steps(), pass.reason()), (vec![], "Deleting"));
        assert!(matches!(pass.verdict, Verdict::Awaiting(_)));
        let shown = case.clone().present(json!({"groupName": "A"})).pass();
        assert_eq!(shown.steps(), ["delete_group", "release"]);
        case.subject.awaited = LATE;
        let pass = case.pass();
        assert_eq!(pass.steps(), ["release"]);
        assert!(pass.report.notes[0].warning && pass.report.notes[0].message.contains("never showed it"));
    }
    // One that was seen since is gone.
    assert_eq!(going().with(|case| _ = case.platform.objects.remove(&hq())).pass().steps(), ["release"]);
}

fn heir(has_it: bool) -> Option<Heir> {
    Some(Heir { name: "ns/renamed".into(), has_it })
}

#[test]
fn what_another_resource_took_over_is_handed_over_without_a_call() {
    let mut case = going().with(|case| case.cluster.heir = heir(true));
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.asked.len(), pass.verdict), (vec!["release"], 0, Verdict::Released));
    let told = [("HandedOver".to_owned(), "handed group hq of tenant Acme over to ns/renamed".to_owned())];
    assert_eq!(pass.report.notes.into_iter().map(|note| (note.reason, note.message)).collect::<Vec<_>>(), told);
}

#[test]
fn what_another_resource_stands_for_is_neither_deleted_nor_left_before_that_one_took_it_over() {
    let mut case = going().with(|case| case.cluster.heir = heir(false));
    let pass = case.pass();
    assert_eq!((pass.steps(), pass.reason()), (vec![], "Deleting"));
    assert!(matches!(pass.verdict, Verdict::Awaiting(_)));
    case.subject.awaited = Duration::from_secs(5);
    assert_eq!((case.pass().reason(), case.subject.condition("DeletionBlocked").is_some()), ("NotTakenOver", true));
    // Said once, and not waited for anew at each look.
    case.subject.awaited = Duration::ZERO;
    let pass = case.pass();
    assert_eq!((pass.reason(), pass.report.notes, pass.report.status), ("NotTakenOver", vec![], None));
    let left = case.clone().with(|case| case.subject.orphan = true).pass();
    assert_eq!(left.steps(), ["release"]);
    // The last one that stands for it deletes it, under its checks.
    case.cluster.heir = None;
    case.platform.contents.insert(Part::Users, (1, 0));
    assert_eq!(case.pass().reason(), "GroupNotEmpty");
    case.platform.contents.clear();
    assert_eq!(case.pass().steps(), ["delete_group", "release"]);
}

#[test]
fn what_may_be_of_others_is_not_handed_over() {
    let begun = |sent: &str| going().with(|case| *case = case.clone().begun(json!({"groupName": sent})));
    for (sent, steps) in [("a", vec![]), ("b", vec!["release"])] {
        let pass = begun(sent).with(|case| case.cluster.heir = heir(false)).pass();
        assert_eq!(pass.steps(), steps);
    }
}
