use std::time::Duration;

use k8s_openapi::jiff::SignedDuration;
use serde_json::json;

use super::updating::drifted;
use crate::{
    api::Group,
    engine::{plan::model::*, report::Memory, schedule::Again},
};

/// The steps of a pass so many seconds later.
fn after(case: &mut Case<Group>, seconds: i64) -> Vec<&'static str> {
    case.now += SignedDuration::from_secs(seconds);
    case.pass().steps()
}

#[test]
fn a_value_that_is_not_kept_takes_three_passes_to_be_said_and_is_sent_again_at_growing_intervals() {
    let mut case = drifted("{tenantId: Acme, groupName: a, driftPolicy: Report}").changed();
    case.platform.unkept.insert("groupName");
    let nothing: [&str; 0] = [];
    let update = ["update_group"];
    let ready = |case: &Case<Group>| case.subject.condition("Ready").unwrap().reason.clone();
    assert_eq!(case.pass().steps(), update);
    assert_eq!((after(&mut case, 1).as_slice(), &*ready(&case)), (&nothing[..], "Updating"), "woken too early");
    assert_eq!((after(&mut case, 4).as_slice(), &*ready(&case)), (&update[..], "Updating"));
    assert_eq!((after(&mut case, 10).as_slice(), &*ready(&case)), (&update[..], "NotAccepted"));
    let drift = &case.subject.status.drift[0];
    assert_eq!(
        (drift.path.as_str(), drift.desired.as_str(), drift.observed.as_str()),
        ("groupName", r#""a""#, r#""b""#)
    );
    let again = case.pass();
    assert_eq!((again.steps(), again.report.status, again.report.notes.len()), (vec![], None, 0));
    for (minutes, sent) in [(9, false), (1, true), (10, false), (10, true), (39, false), (1, true)] {
        assert_eq!(after(&mut case, minutes * 60).as_slice() == update, sent, "{minutes}");
        assert_eq!(ready(&case), "NotAccepted");
    }
    case.subject.requested_at = Some("now".into());
    assert_eq!(after(&mut case, 1), update, "when asked");
    assert_eq!(after(&mut case, 1), nothing);
    case.platform.unkept.clear();
    assert_eq!(after(&mut case, 24 * 60 * 60), update);
    assert_eq!(ready(&case), "Synced");
}

#[test]
fn a_race_that_took_a_value_back_is_over_with_the_next_pass_and_is_no_warning() {
    let mut case = drifted("{tenantId: Acme, groupName: a}").synced(1);
    case.platform.unkept.insert("groupName");
    let first = case.pass();
    assert!(first.report.notes.iter().all(|note| !note.warning), "{:?}", first.report.notes);
    assert_eq!(first.report.again, Again::Transient(1, Some(Duration::from_secs(5))));
    case.platform.unkept.clear();
    assert_eq!(after(&mut case, 5), ["update_group"]);
    assert_eq!(case.subject.condition("Ready").unwrap().reason, "Synced");
}

#[test]
fn a_restart_sends_nothing_that_was_said_not_to_be_kept_before_its_time() {
    let mut case = drifted("{tenantId: Acme, groupName: a}").synced(1);
    case.platform.unkept.insert("groupName");
    for seconds in [0, 5, 10] {
        assert_eq!(after(&mut case, seconds), ["update_group"]);
    }
    case.memory = Memory::default();
    assert_eq!(after(&mut case, 24 * 60 * 60), Vec::<&str>::new());
    assert_eq!(after(&mut case, 60), Vec::<&str>::new());
    assert_eq!(case.subject.condition("Ready").unwrap().reason, "NotAccepted");
    assert_eq!(after(&mut case, 540), ["update_group"]);
}

#[test]
fn a_value_that_was_not_kept_is_sent_again_when_the_platform_or_the_spec_changed() {
    let mut case = drifted("{tenantId: Acme, groupName: a}").synced(1);
    case.platform.unkept.insert("groupName");
    case.pass();
    case.platform.objects.insert(hq(), object(json!({"groupName": "c"})));
    assert_eq!(case.pass().steps(), ["update_group"]);
    assert_eq!(case.pass().steps(), Vec::<&str>::new());
    case.declares_otherwise();
    assert_eq!(case.pass().steps(), ["update_group"]);
    assert_eq!(case.subject.condition("Ready").unwrap().reason, "Updating", "counted anew");
}
