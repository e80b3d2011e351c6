use super::*;
use crate::engine::budget::{Class, breaker::STOPS_AFTER};

const FREE: Limits = Limits { concurrency: 8, rate: None };

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn failure(cause: Cause) -> Failure {
    Failure::new(cause, "words")
}

fn of(lane: &str, who: impl ToString, class: Class) -> Caller {
    Caller { who: who.to_string(), lane: lane.to_owned(), class }
}

fn one() -> Caller {
    of("Acme", "one", Class::Recheck)
}

/// Whether a call may go now.
fn goes(pace: &mut Pace, now: Duration) -> bool {
    pace.held_back(&one(), now).is_none()
}

fn ended(pace: &mut Pace, failure: Option<&Failure>, now: Duration) -> bool {
    pace.ended(&one(), failure, now)
}

fn fail(pace: &mut Pace, times: usize, now: Duration) {
    for who in 0..times {
        assert!(!pace.ended(&of("Acme", who, Class::Poll), Some(&failure(Cause::Unreachable)), now));
    }
}

/// As the platform itself says it.
fn own(cause: Cause) -> Failure {
    Failure { speaker: Speaker::Platform, ..failure(cause) }
}

/// Of a tenant, so many resources are answered with an error.
fn fail_for(pace: &mut Pace, lane: &str, failure: &Failure, times: usize, now: Duration) {
    for who in 0..times {
        pace.ended(&of(lane, format!("{lane}/{who}"), Class::Poll), Some(failure), now);
    }
}

fn stopped() -> Pace {
    let mut pace = Pace::new(FREE);
    fail(&mut pace, STOPS_AFTER, at(0));
    pace
}

/// The seconds at which a call goes, of a platform that answers none.
fn probes(pace: &mut Pace, seconds: std::ops::Range<u64>) -> Vec<u64> {
    let mut probes = Vec::new();
    for second in seconds {
        for who in 0..10 {
            if pace.held_back(&of("Acme", who, Class::Poll), at(second)).is_none() {
                probes.push(second);
                fail(pace, 1, at(second));
            }
        }
    }
    probes
}

#[test]
fn a_platform_that_does_not_answer_gets_one_probe_per_interval_and_the_interval_grows() {
    assert_eq!(probes(&mut stopped(), 0..40), [1, 3, 7, 15, 31]);
    let mut pace = stopped();
    assert!(goes(&mut pace, at(1)) && !goes(&mut pace, at(1)), "one is under way");
}

#[test]
fn the_rest_of_the_burst_that_stopped_it_makes_the_interval_no_longer() {
    let mut pace = stopped();
    fail(&mut pace, 10, at(0));
    assert_eq!(probes(&mut pace, 0..4), [1, 3]);
}

#[test]
fn a_platform_that_answers_once_and_stops_again_is_not_probed_as_if_nothing_had_been() {
    let mut pace = stopped();
    probes(&mut pace, 0..8);
    assert!(goes(&mut pace, at(15)) && ended(&mut pace, None, at(15)));
    for (again, first) in [(16, 16 + 16), (15 + 60, 15 + 60 + 1)] {
        let mut pace = pace.clone();
        fail(&mut pace, STOPS_AFTER, at(again));
        assert_eq!(probes(&mut pace, again..again + 20)[0], first);
    }
}

#[test]
fn what_is_held_back_is_told_why_and_until_when() {
    let half = Duration::from_millis(500);
    let told = stopped().held_back(&one(), half).unwrap();
    assert_eq!((told.cause, told.retry_after), (Cause::HeldBack, Some(half)));
    assert!(told.message.starts_with("the platform does not answer, and is only tried"), "{told}");
}

#[test]
fn any_answer_ends_the_stop_and_says_so_once() {
    let mut pace = stopped();
    assert!(goes(&mut pace, at(2)));
    assert!(ended(&mut pace, Some(&failure(Cause::Forbidden)), at(2)));
    assert!(!ended(&mut pace, None, at(2)));
    assert!(goes(&mut pace, at(2)));
}

#[test]
fn without_credentials_it_is_not_the_platform_that_keeps_things_waiting() {
    for cause in [Cause::LoginRefused, Cause::NoCredentials] {
        let mut pace = stopped();
        assert!(goes(&mut pace, at(1)) && !ended(&mut pace, Some(&failure(cause)), at(1)));
        assert!(goes(&mut pace, at(1)), "{cause:?}");
        assert!(ended(&mut pace, None, at(2)), "what was held back is due with the next answer");
    }
}

#[test]
fn a_platform_without_time_is_left_alone_and_then_asked_by_fewer_at_once() {
    let mut pace = Pace::new(FREE);
    let busy = Failure { retry_after: Some(at(7)), ..failure(Cause::RateLimited) };
    for _ in 0..8 {
        ended(&mut pace, Some(&busy), at(0));
    }
    assert_eq!((pace.window(), pace.most()), (4, 8), "a burst of refusals counts once");
    assert_eq!(pace.held_back(&one(), at(6)).unwrap().retry_after, Some(at(1)));
    assert!(goes(&mut pace, at(7)));
    assert!(!ended(&mut pace, None, at(7)), "nothing was held back because it did not answer");
    for window in [4, 4, 5] {
        ended(&mut pace, None, at(8));
        assert_eq!(pace.window(), window, "one more for as many answers as may be under way");
    }
    for _ in 0..100 {
        ended(&mut pace, None, at(8));
    }
    assert_eq!(pace.window(), FREE.concurrency);
}

#[test]
fn a_stop_that_ends_with_a_pause_is_announced_after_the_pause() {
    let mut pace = stopped();
    let busy = Failure { retry_after: Some(at(7)), ..failure(Cause::RateLimited) };
    assert!(goes(&mut pace, at(1)) && !ended(&mut pace, Some(&busy), at(1)));
    assert!(ended(&mut pace, None, at(8)) && !ended(&mut pace, None, at(8)));
}

#[test]
fn one_answer_does_not_stop_everything_for_an_hour() {
    let mut pace = Pace::new(FREE);
    ended(&mut pace, Some(&Failure { retry_after: Some(at(3600)), ..failure(Cause::ServerError) }), at(0));
    assert!(!goes(&mut pace, LONGEST_PAUSE / 2) && goes(&mut pace, LONGEST_PAUSE));
}

#[test]
fn what_says_nothing_about_the_platform_changes_nothing() {
    let mut pace = Pace::new(FREE);
    for cause in [Cause::NotLeader, Cause::HeldBack, Cause::Cluster] {
        for _ in 0..10 {
            assert!(!ended(&mut pace, Some(&failure(cause)), at(0)));
        }
    }
    assert_eq!(pace.window(), FREE.concurrency);
    assert!(goes(&mut pace, at(0)));
    let mut pace = stopped();
    ended(&mut pace, Some(&failure(Cause::HeldBack)), at(0));
    assert!(pace.is_stopped());
}

#[test]
fn what_is_held_back_takes_no_place_of_a_rate() {
    let busy = Failure { retry_after: Some(at(1)), ..failure(Cause::RateLimited) };
    let fails: [fn(&mut Pace); 2] = [
        |pace| fail(pace, STOPS_AFTER, at(0)),
        |pace| fail_for(pace, "Acme", &own(Cause::ServerError), STOPS_AFTER, at(0)),
    ];
    let asks_for_a_pause = |pace: &mut Pace| _ = ended(pace, Some(&busy), at(0));
    for hold_back in fails.iter().map(|fails| fails as &dyn Fn(&mut Pace)).chain([&asks_for_a_pause as _]) {
        let mut pace = Pace::new(Limits { rate: Some(1.0), ..FREE });
        hold_back(&mut pace);
        assert_eq!([0, 0, 1, 1].map(|second| pace.place(&one(), at(second)).as_secs()), [0, 0, 0, 1]);
    }
}

#[test]
fn a_rate_spreads_the_calls() {
    let mut pace = Pace::new(Limits { rate: Some(4.0), ..FREE });
    let quarter = Duration::from_millis(250);
    assert_eq!(
        [1, 1, 1, 60].map(|second| pace.place(&one(), at(second))),
        [Duration::ZERO, quarter, quarter * 2, Duration::ZERO]
    );
    assert_eq!(Pace::new(FREE).place(&one(), at(1)), Duration::ZERO);
}

#[test]
fn a_tenant_that_is_answered_with_errors_stops_alone_and_is_probed_ever_more_seldom() {
    let mut pace = Pace::new(FREE);
    fail_for(&mut pace, "Bad", &own(Cause::ServerError), STOPS_AFTER, at(0));
    assert_eq!((pace.is_stopped(), pace.stopped_tenants(at(0)), pace.window()), (false, 1, FREE.concurrency));
    let mut probes = Vec::new();
    for second in 0..40 {
        assert!(goes(&mut pace, at(second)), "another tenant");
        assert!(!ended(&mut pace, None, at(second)));
        for who in 0..10 {
            let caller = of("Bad", who, Class::Recheck);
            match pace.held_back(&caller, at(second)) {
                Some(told) => assert!(told.message.contains("tenant Bad"), "{told}"),
                None => {
                    probes.push(second);
                    assert!(!pace.ended(&caller, Some(&own(Cause::ServerError)), at(second)));
                }
            }
        }
    }
    assert_eq!(probes, [1, 3, 7, 15, 31]);
    let caller = of("Bad", "last", Class::Change);
    assert!(pace.held_back(&caller, at(61)).is_none() && pace.ended(&caller, None, at(61)), "it is said");
    assert_eq!(pace.stopped_tenants(at(61)), 0);
}

#[test]
fn one_object_that_is_answered_with_errors_stops_nothing() {
    let mut pace = Pace::new(FREE);
    for second in 0..100 {
        ended(&mut pace, Some(&own(Cause::Ambiguous)), at(second));
        assert!(goes(&mut pace, at(second)));
    }
    assert_eq!((pace.stopped_tenants(at(100)), pace.window()), (0, FREE.concurrency));
}

#[test]
fn a_tenant_for_which_the_platform_hangs_does_not_keep_the_others_waiting_for_long() {
    let mut pace = Pace::new(FREE);
    fail_for(&mut pace, "Bad", &failure(Cause::TimedOut), STOPS_AFTER, at(0));
    assert!(pace.is_stopped(), "it may be the platform");
    assert!(pace.held_back(&of("Bad", 1, Class::Change), at(0)).is_some());
    assert!(goes(&mut pace, at(1)) && ended(&mut pace, None, at(1)));
    assert_eq!((pace.is_stopped(), pace.stopped_tenants(at(1))), (false, 1));
}

#[test]
fn the_calls_of_one_pass_count_once_as_the_silence_of_the_platform() {
    let mut pace = Pace::new(FREE);
    for _ in 0..20 {
        ended(&mut pace, Some(&failure(Cause::TimedOut)), at(0));
    }
    assert!(!pace.is_stopped());
    for second in 1..5 {
        ended(&mut pace, Some(&failure(Cause::TimedOut)), at(second));
    }
    assert!(pace.is_stopped(), "an only resource tells too");
}

#[test]
fn a_probe_goes_to_the_most_urgent_and_never_twice_to_the_same_resource_or_tenant_while_others_wait() {
    let mut pace = stopped();
    let waiting = [
        of("Bad", "a poll", Class::Poll),
        of("Bad", "a change", Class::Change),
        of("Good", "another change", Class::Change),
        of("Good", "a recheck", Class::Recheck),
    ];
    let mut probes = Vec::new();
    for second in 0..40 {
        for caller in &waiting {
            if pace.held_back(caller, at(second)).is_none() {
                probes.push(caller.who.clone());
                pace.ended(caller, Some(&failure(Cause::Unreachable)), at(second));
            }
        }
    }
    assert_eq!(probes, ["a change", "another change", "a change", "another change", "a change"]);
}

#[test]
fn a_probe_that_a_better_one_never_comes_for_is_made_by_whoever_is_there() {
    let mut pace = stopped();
    assert!(pace.held_back(&of("Acme", "gone", Class::Change), at(0)).is_some());
    assert_eq!(pace.held_back(&one(), at(1)).unwrap().retry_after, Some(at(1)), "until then it may come");
    assert!(goes(&mut pace, at(2)));
}

#[test]
fn a_tenant_that_is_well_or_that_nobody_asks_for_takes_no_place() {
    let mut pace = Pace::new(FREE);
    ended(&mut pace, None, at(0));
    assert_eq!(pace.tenants.len(), 0);
    for lane in ["Fails", "Recovers", "Stopped"] {
        fail_for(&mut pace, lane, &own(Cause::ServerError), if lane == "Fails" { 1 } else { STOPS_AFTER }, at(0));
    }
    pace.ended(&of("Recovers", 1, Class::Poll), None, at(1));
    assert_eq!(pace.tenants.len(), 3);
    assert_eq!((pace.stopped_tenants(at(60)), pace.tenants.len()), (1, 3), "it may be a relapse");
    assert_eq!((pace.stopped_tenants(at(61)), pace.tenants.len()), (1, 2));
    assert_eq!((pace.stopped_tenants(at(600)), pace.tenants.len()), (0, 0));
}

#[test]
fn pages_of_something_in_between_stop_the_calls_and_answers_of_the_platform_do_not() {
    for (cause, speaker, stops) in [
        (Cause::Unreadable, Speaker::Between, true),
        (Cause::NotFound, Speaker::Between, true),
        (Cause::WrongEndpoint, Speaker::Between, true),
        (Cause::Unreadable, Speaker::Operator, false),
        (Cause::NotFound, Speaker::Platform, false),
        (Cause::Unauthorized, Speaker::Between, false),
    ] {
        let mut pace = Pace::new(FREE);
        fail_for(&mut pace, "Acme", &Failure { speaker, ..failure(cause) }, STOPS_AFTER, at(0));
        assert_eq!(pace.is_stopped(), stops, "{cause:?} {speaker:?}");
        // One object that something in between answers for is no reason to ask for nothing else, nor more slowly.
        let mut pace = Pace::new(FREE);
        for second in 0..20 {
            ended(&mut pace, Some(&Failure { speaker, ..failure(cause) }), at(second * 10));
        }
        assert!(!pace.is_stopped() && pace.window() == FREE.concurrency, "{cause:?} {speaker:?}");
    }
}
