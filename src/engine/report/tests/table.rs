use std::time::Duration;

use super::*;
use crate::{
    api::{ManagementPolicy, Policies},
    engine::{
        check_group::Blocked,
        plan::Sent,
        reason::State,
        schedule::Again::{self, *},
    },
};

fn told(subject: Subject, verdict: &Verdict) -> (Vec<String>, Again) {
    let mut story = Story::of(subject);
    let report = story.ends(verdict, 0);
    assert_eq!(story.subject.status.observed_generation, Some(1), "{verdict:?}");
    (story.conditions(), report.again)
}

#[test]
fn each_end_has_its_conditions_and_its_next_look() {
    let table: Vec<(Verdict, &[&str], Again)> = vec![
        (Verdict::Synced, &["Ready=True Synced", "Synced=True Synced"], Drift),
        (Verdict::Drifted(vec![difference("x")]), &["Ready=True Synced", "Synced=False Drifted"], Drift),
        (
            Verdict::NotAccepted(vec![difference("x")], Sent::First),
            &["Ready=False Updating", "Reconciling=True Updating", "Synced=False Updating"],
            Transient(1, Some(Duration::from_secs(5))),
        ),
        (
            Verdict::NotAccepted(vec![difference("x")], Sent::Before),
            &["Ready=False NotAccepted", "Stalled=True NotAccepted", "Synced=False NotAccepted"],
            Stalled,
        ),
        (Verdict::Paused, &["Ready=Unknown Paused"], Never),
        (refused(WaitingForTenant), &["Ready=False WaitingForTenant", "Reconciling=True WaitingForTenant"], Waiting),
        (refused(NotOwned), &["Ready=False NotOwned", "Stalled=True NotOwned"], Stalled),
        (refused(Invalid), &["Ready=False Invalid", "Stalled=True Invalid"], Stalled),
        (refused(DomainNotFound), &["Ready=False DomainNotFound", "Reconciling=True DomainNotFound"], Waiting),
        (refused(ResellerNotFound), &["Ready=False ResellerNotFound", "Reconciling=True ResellerNotFound"], Waiting),
    ];
    for (verdict, conditions, again) in table {
        assert_eq!(told(new(), &verdict), (conditions.iter().map(ToString::to_string).collect(), again), "{verdict:?}");
    }
}

#[test]
fn each_end_of_a_deletion_has_its_conditions_and_its_next_look() {
    let table: Vec<(Verdict, &[&str], Again)> = vec![
        (
            Verdict::Blocked(Blocked::new(GroupNotEmpty, "2 users")),
            &["DeletionBlocked=True GroupNotEmpty", "Ready=False Deleting", "Reconciling=True GroupNotEmpty"],
            Again::Blocked(1),
        ),
        (awaiting(Deleting), &["Ready=False Deleting", "Reconciling=True Deleting"], Transient(1, None)),
        (
            refused(PlatformChanged),
            &["DeletionBlocked=True PlatformChanged", "Ready=False Deleting", "Stalled=True PlatformChanged"],
            Stalled,
        ),
        (
            failed(Cause::NoCredentials),
            &[
                "DeletionBlocked=True CredentialsUnavailable",
                "Ready=False Deleting",
                "Reconciling=True CredentialsUnavailable",
            ],
            Transient(1, None),
        ),
        (
            failed(Cause::Unreachable),
            &[
                "DeletionBlocked=True PlatformUnreachable",
                "Ready=False Deleting",
                "Reconciling=True PlatformUnreachable",
            ],
            Transient(1, None),
        ),
    ];
    for (verdict, conditions, again) in table {
        let subject = Subject { deleting: true, ..new() };
        let conditions = conditions.iter().map(ToString::to_string).collect();
        assert_eq!(told(subject, &verdict), (conditions, again), "{verdict:?}");
    }
}

#[test]
fn each_failure_is_stalled_when_only_a_person_can_help_and_reconciling_when_time_can() {
    for cause in Cause::ALL.iter().copied() {
        let (conditions, again) = told(new(), &failed(cause));
        let reason = cause.reason();
        let (state, expected) = match reason.state() {
            State::Stalled => ("Stalled", Again::Stalled),
            _ => ("Reconciling", Transient(1, None)),
        };
        assert_eq!(conditions, [format!("Ready=False {reason}"), format!("{state}=True {reason}")], "{cause:?}");
        assert_eq!(again, expected, "{cause:?}");
    }
}

#[test]
fn what_is_none_of_ours_is_not_told() {
    for verdict in [Verdict::Ignored, Verdict::Released] {
        let report = Story::of(new()).ends(&verdict, 0);
        assert_eq!((report.status, report.notes, report.again), (None, vec![], Never));
    }
}

#[test]
fn what_the_platform_asks_to_wait_is_handed_on() {
    let mut failure = Failure::new(Cause::RateLimited, "slow down");
    failure.retry_after = Some(std::time::Duration::from_secs(9));
    let (_, again) = told(new(), &Verdict::Failed(failure.clone()));
    assert_eq!(again, Transient(1, failure.retry_after));
}

#[test]
fn what_is_held_back_until_a_known_moment_waits_no_longer_for_it() {
    let mut story = Story::of(new());
    story.ends(&failed(Cause::RateLimited), 0);
    let mut held_back = Failure::new(Cause::HeldBack, "not now");
    (held_back.retry_after, held_back.in_outage) = (Some(std::time::Duration::from_secs(9)), true);
    for _ in 0..3 {
        assert_eq!(story.ends(&Verdict::Failed(held_back.clone()), 0).again, Outage(1, held_back.retry_after));
    }
    assert_eq!(story.ends(&failed(Cause::HeldBack), 1).again, Transient(2, None));
}

#[test]
fn attempts_count_up_and_are_forgotten_after_a_good_end() {
    let mut story = Story::of(new());
    for (attempt, at) in [(1, 0), (2, 1), (3, 3)] {
        assert_eq!(story.ends(&failed(Cause::TimedOut), at).again, Transient(attempt, None));
    }
    assert_eq!(story.ends(&failed(Cause::TimedOut), 3).again, Transient(3, None), "woken by something else");
    story.ends(&Verdict::Synced, 0);
    assert_eq!(story.ends(&failed(Cause::TimedOut), 0).again, Transient(1, None));
    let blocked = Verdict::Blocked(Blocked::new(GroupNotEmpty, "1 user"));
    let mut story = Story::of(Subject { deleting: true, ..new() });
    for (attempt, at) in [(1, 0), (2, 15), (3, 45)] {
        assert_eq!(story.ends(&blocked, at).again, Again::Blocked(attempt));
    }
    for (attempt, at) in [(1, 105), (2, 107)] {
        let again = story.ends(&failed(Cause::TimedOut), at).again;
        assert_eq!(again, Transient(attempt, None), "it waited for something else before");
    }
}

#[test]
fn reconciling_and_stalled_go_with_their_cause_and_never_come_together() {
    let mut story = Story::of(new());
    story.ends(&refused(WaitingForTenant), 0);
    story.ends(&refused(NotOwned), 1);
    assert_eq!(story.conditions(), ["Ready=False NotOwned", "Stalled=True NotOwned"]);
    story.ends(&refused(WaitingForTenant), 2);
    assert_eq!(story.conditions(), ["Ready=False WaitingForTenant", "Reconciling=True WaitingForTenant"]);
    story.ends(&Verdict::Synced, 3);
    assert_eq!(story.conditions(), ["Ready=True Synced", "Synced=True Synced"]);
}

#[test]
fn the_platforms_own_words_reach_the_user() {
    for (cause, words) in [
        (Cause::Forbidden, "the platform denies it: the platform's own words; use an account that may do this"),
        (Cause::Rejected, "the platform refuses it: the platform's own words; change the spec"),
        (Cause::ServerError, "the platform's own words; the operator looks again by itself"),
        (Cause::AlreadyExists, "the platform's own words; use an account that may see it"),
        (Cause::NoCredentials, "the platform's own words"),
        (Cause::Bug, "the platform's own words; please report this with the log of the operator"),
    ] {
        let mut story = Story::of(new());
        story.ends(&failed(cause), 0);
        assert_eq!(story.subject.condition("Ready").unwrap().message, words);
    }
}

#[test]
fn drift_says_which_policy_leaves_it_so() {
    let message = |subject| {
        let mut story = Story::of(subject);
        story.ends(&Verdict::Drifted(vec![difference("x")]), 0);
        story.subject.condition("Synced").unwrap().message.clone()
    };
    assert!(message(new()).ends_with("nothing is written while spec.driftPolicy is Report"));
    let policies = Policies { management_policy: Some(ManagementPolicy::Observe), ..Policies::default() };
    assert!(
        message(Subject { policies, ..new() }).ends_with("nothing is written while spec.managementPolicy is Observe")
    );
}
