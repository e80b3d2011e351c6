//! How fast the platform is asked: fewer at once when it has no time, a pause when it asks for one, and only a probe once in
//! a while when it does not answer, or not for a tenant.

use std::{collections::HashMap, time::Duration};

use super::breaker::{Breaker, Caller};
use crate::engine::failure::{Cause, Failure};

/// Longest pause of everything that one answer can cause; whatever was answered so waits by itself for as long as it was told.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What a burst of refusals counts as: passes that run at once are refused at once.
const ONE_CUT: Duration = Duration::from_secs(1);

/// What the flags allow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most passes at once.
    pub concurrency: usize,
    /// Most calls a second; `None` for as many as the concurrency gives.
    pub rate: Option<f64>,
}

/// The pace of the moment.
#[derive(Clone, Debug)]
pub struct Pace {
    limits: Limits,
    window: usize,
    /// Answers since the window last changed.
    answers: usize,
    last_cut: Option<Duration>,
    paused_until: Duration,
    /// When the place of the next call comes, with a rate.
    next_place: Duration,
    platform: Breaker,
    /// Those of the tenants for which the platform answers with errors; the others take no place.
    tenants: HashMap<String, Breaker>,
    /// Whether a stop ended and it was not said yet that the platform answers.
    owed: bool,
}

impl Pace {
    /// Full speed.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            window: limits.concurrency,
            answers: 0,
            last_cut: None,
            paused_until: Duration::ZERO,
            next_place: Duration::ZERO,
            platform: Breaker::default(),
            tenants: HashMap::new(),
            owed: false,
        }
    }

    /// How many passes may ever run at once.
    pub fn most(&self) -> usize {
        self.limits.concurrency
    }

    /// How many passes may run at once.
    pub fn window(&self) -> usize {
        self.window
    }

    /// Whether the platform does not answer.
    pub fn is_stopped(&self) -> bool {
        self.platform.is_stopped()
    }

    /// For how many tenants the platform answers with errors only.
    pub fn stopped_tenants(&mut self, now: Duration) -> usize {
        self.forget(now);
        self.tenants.values().filter(|tenant| tenant.is_stopped()).count()
    }

    /// Why no call may be made now, if so.
    pub fn held_back(&mut self, caller: &Caller, now: Duration) -> Option<Failure> {
        if now < self.paused_until {
            return Some(held_back("the platform asked to be left alone for a while", self.paused_until - now));
        }
        // Whoever waits for his tenant is not one that the probe of the platform waits for.
        let of_tenant = self.tenants.get_mut(&caller.lane).and_then(|tenant| tenant.wait(caller, now));
        let of_platform = if of_tenant.is_none() { self.platform.wait(caller, now) } else { None };
        if let Some(wait) = of_tenant.or(of_platform) {
            let whom = match caller.lane.as_str() {
                _ if self.platform.is_stopped() => "does not answer".to_owned(),
                "" => "answers with errors for what is of no tenant".to_owned(),
                tenant => format!("answers with errors for tenant {tenant}"),
            };
            let words = format!("the platform {whom}, and is only tried once in a while until that ends");
            return Some(held_back(&words, wait));
        }
        self.platform.goes(caller, now);
        if let Some(tenant) = self.tenants.get_mut(&caller.lane) {
            tenant.goes(caller, now);
        }
        None
    }

    /// Takes the place of one call; how long it is until then. What is held back needs none.
    pub fn place(&mut self, caller: &Caller, now: Duration) -> Duration {
        let tenant = self.tenants.get(&caller.lane);
        let is_held_back =
            now < self.paused_until || self.platform.holds(now) || tenant.is_some_and(|tenant| tenant.holds(now));
        let Some(rate) = self.limits.rate.filter(|_| !is_held_back) else { return Duration::ZERO };
        let place = self.next_place.max(now);
        self.next_place = place + Duration::from_secs_f64(1.0 / rate);
        place - now
    }

    /// A call ended. `true` when the platform answers again, or for a tenant: whatever was held back is due.
    pub fn ended(&mut self, caller: &Caller, failure: Option<&Failure>, now: Duration) -> bool {
        let meaning = failure.map_or(Meaning::Answer, meaning);
        match meaning {
            Meaning::Nothing => return false,
            Meaning::NoAnswer => {
                self.cut(now);
                self.pause(failure, now);
                self.platform.failed(caller, ONE_CUT, now);
            }
            Meaning::NoTime => {
                self.cut(now);
                self.pause(failure, now);
                self.owed |= self.platform.answered(now);
            }
            Meaning::NotAsked => self.owed |= self.platform.answered(now),
            Meaning::Answer | Meaning::OfOne => {
                self.answers += 1;
                if self.answers >= self.window && self.window < self.limits.concurrency {
                    self.window += 1;
                    self.answers = 0;
                }
                self.owed |= self.platform.answered(now);
            }
        }
        if failure.is_some_and(concerns_tenant) {
            self.forget(now);
            self.tenants.entry(caller.lane.clone()).or_default().failed(caller, Duration::MAX, now);
        } else if !matches!(meaning, Meaning::NoAnswer)
            && let Some(tenant) = self.tenants.get_mut(&caller.lane)
        {
            self.owed |= tenant.answered(now);
        }
        matches!(meaning, Meaning::Answer | Meaning::OfOne) && std::mem::take(&mut self.owed)
    }

    /// Whether nothing is answered for a tenant.
    #[cfg(test)]
    pub fn is_stopped_for(&self, lane: &str) -> bool {
        self.tenants.get(lane).is_some_and(Breaker::is_stopped)
    }

    fn forget(&mut self, now: Duration) {
        self.tenants.retain(|_, tenant| !tenant.is_well(now));
    }

    fn cut(&mut self, now: Duration) {
        if self.last_cut.is_none_or(|last| now >= last + ONE_CUT) {
            // Two, so that one slow poll does not keep the only turn.
            self.window = (self.window / 2).max(2.min(self.limits.concurrency));
            self.answers = 0;
            self.last_cut = Some(now);
        }
    }

    fn pause(&mut self, failure: Option<&Failure>, now: Duration) {
        let asked = failure.and_then(|failure| failure.retry_after).unwrap_or_default();
        self.paused_until = self.paused_until.max(now + asked.min(LONGEST_PAUSE));
    }
}

fn held_back(words: &str, wait: Duration) -> Failure {
    Failure { retry_after: Some(wait), ..Failure::new(Cause::HeldBack, words) }
}

/// What a failure tells about the platform.
enum Meaning {
    /// Nothing.
    Nothing,
    /// There is no point in asking it: not its silence is what keeps things waiting.
    NotAsked,
    /// It answered.
    Answer,
    /// It has no time.
    NoTime,
    /// It answered with an error that is about one object, or about one tenant.
    OfOne,
    /// It did not answer, or something before it did.
    NoAnswer,
}

/// Whether it may be one tenant that the platform has trouble with. One that it never has the time to answer for is one too.
fn concerns_tenant(failure: &Failure) -> bool {
    matches!(meaning(failure), Meaning::OfOne) || matches!(failure.cause, Cause::TimedOut | Cause::Ambiguous)
}

fn meaning(failure: &Failure) -> Meaning {
    match failure.cause {
        Cause::NotLeader | Cause::Cluster | Cause::Superseded | Cause::HeldBack | Cause::Bug => Meaning::Nothing,
        Cause::NoCredentials | Cause::LoginRefused => Meaning::NotAsked,
        Cause::RateLimited => Meaning::NoTime,
        Cause::ServerError | Cause::Ambiguous if failure.is_own => Meaning::OfOne,
        Cause::ServerError | Cause::Unreachable | Cause::TimedOut | Cause::Ambiguous => Meaning::NoAnswer,
        _ => Meaning::Answer,
    }
}

#[cfg(test)]
mod tests {
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
        Failure { is_own: true, ..failure(cause) }
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
        fail(&mut pace, STOPS_AFTER, at(16));
        assert_eq!(probes(&mut pace, 16..50), [16 + 16]);
    }

    #[test]
    fn what_is_held_back_is_told_why_and_until_when() {
        let told = stopped().held_back(&one(), at(0)).unwrap();
        assert_eq!((told.cause, told.retry_after), (Cause::HeldBack, Some(at(1))));
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
        }
    }

    #[test]
    fn a_platform_without_time_is_left_alone_and_then_asked_by_fewer_at_once() {
        let mut pace = Pace::new(FREE);
        let busy = Failure { retry_after: Some(at(7)), ..failure(Cause::RateLimited) };
        for _ in 0..8 {
            ended(&mut pace, Some(&busy), at(0));
        }
        assert_eq!(pace.window(), 4, "a burst of refusals counts once");
        assert_eq!(pace.held_back(&one(), at(6)).unwrap().retry_after, Some(at(1)));
        assert!(goes(&mut pace, at(7)));
        assert!(!ended(&mut pace, None, at(7)), "nothing was held back because it did not answer");
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
        assert_eq!([1, 2].map(|second| goes(&mut pace, at(second))), [false, true]);
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
        assert_eq!((pace.stopped_tenants(at(62)), pace.tenants.len()), (1, 2));
        assert_eq!((pace.stopped_tenants(at(600)), pace.tenants.len()), (0, 0));
    }
}
