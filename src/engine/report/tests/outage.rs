use super::{over_time::ready, *};
use crate::engine::schedule::Again::{Outage, Transient};

#[test]
fn a_short_outage_says_nothing_of_what_was_ready() {
    let mut story = ready();
    for second in [10, 60, 129] {
        let report = story.ends(&failed(Cause::Unreachable), second);
        assert_eq!((report.status, report.notes), (None, vec![]));
    }
}

#[test]
fn a_long_outage_makes_it_unknown_and_it_stays_so() {
    let mut story = ready();
    story.ends(&failed(Cause::Unreachable), 10);
    for (second, cause) in [(130, Cause::Unreachable), (200, Cause::TimedOut), (900, Cause::ServerError)] {
        story.ends(&failed(cause), second);
        assert_eq!(
            story.conditions(),
            ["Ready=Unknown PlatformUnreachable", "Reconciling=True PlatformUnreachable", "Synced=True Synced"]
        );
        assert_eq!(story.flipped("Ready"), 130);
    }
    story.memory = Memory::default();
    story.ends(&failed(Cause::Unreachable), 1000);
    assert_eq!(story.conditions()[0], "Ready=Unknown PlatformUnreachable", "after a restart");
    story.ends(&Verdict::Synced, 1001);
    assert_eq!(story.conditions(), ["Ready=True Synced", "Synced=True Synced"]);
}

#[test]
fn the_grace_begins_anew_with_each_outage() {
    let mut story = ready();
    story.ends(&failed(Cause::Unreachable), 100);
    story.ends(&Verdict::Synced, 200);
    assert_eq!(story.ends(&failed(Cause::Unreachable), 300).status, None);
}

#[test]
fn what_the_platform_said_last_is_told_on_while_calls_are_held_back() {
    for (deleting, kind) in [(false, "Ready"), (true, "DeletionBlocked")] {
        let told = |causes: &[Cause]| {
            let mut story = Story::of(Subject { deleting, ..new() });
            for (second, cause) in (0..).zip(causes) {
                let words = if *cause == Cause::HeldBack { "only tried once in a while" } else { "as it said" };
                story.ends(&Verdict::Failed(Failure::new(*cause, words)), second);
            }
            story.subject.condition(kind).unwrap().message.clone()
        };
        let (said, held_back) = ("as it said; the operator", "only tried once in a while; the operator");
        for (causes, expected) in [
            (&[Cause::ServerError, Cause::HeldBack, Cause::HeldBack][..], said),
            (&[Cause::HeldBack, Cause::ServerError], said),
            (&[Cause::HeldBack], held_back),
            // What was said of something else does not explain it.
            (&[Cause::Cluster, Cause::HeldBack], held_back),
        ] {
            assert!(told(causes).starts_with(expected), "{kind} after {causes:?}: {}", told(causes));
        }
    }
}

#[test]
fn a_new_generation_gets_no_true_in_an_outage() {
    let mut story = ready();
    story.subject.generation = 2;
    story.ends(&failed(Cause::Unreachable), 10);
    assert_eq!(story.conditions()[0], "Ready=False PlatformUnreachable");
    assert_eq!(story.subject.status.observed_generation, Some(2));
}

#[test]
fn an_outage_is_looked_at_as_often_as_it_is_probed_and_an_error_about_one_object_is_not() {
    for cause in [Cause::Unreachable, Cause::TimedOut, Cause::ServerError, Cause::NotFound] {
        let failure = |in_outage| Verdict::Failed(Failure { in_outage, ..Failure::new(cause, "no") });
        let again = [true, false].map(|in_outage| Story::of(new()).ends(&failure(in_outage), 0).again);
        assert_eq!(again, [Outage(1, None), Transient(1, None)], "{cause:?}");
    }
}
