//! How fast the platform is asked: fewer at once when it has no time, a pause when it asks for one, and only a probe once in
//! a while when it does not answer.

use std::time::Duration;

use crate::engine::failure::{Cause, Failure};

/// How many calls in a row that the platform did not answer stop the calls.
const STOPS_AFTER: u32 = 5;
/// Shortest and longest time between two probes of a platform that does not answer.
const PROBES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Longest pause of everything that one answer can cause; whatever was answered so waits by itself for as long as it was told.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How soon a platform that stops answering again is one that never really came back.
const RELAPSE: Duration = Duration::from_secs(60);
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
    unanswered: u32,
    stopped: Option<Stopped>,
    /// When the last stop ended, and how long its probes were apart by then.
    resumed: Option<(Duration, Duration)>,
    /// Whether a stop ended and it was not said yet that the platform answers.
    owed: bool,
}

/// The platform does not answer.
#[derive(Clone, Debug)]
struct Stopped {
    next_probe: Duration,
    wait: Duration,
    /// Whether a probe is under way: what else fails was sent before the stop.
    probing: bool,
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
            unanswered: 0,
            stopped: None,
            resumed: None,
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
        self.stopped.is_some()
    }

    /// Why no call may be made now, if so.
    pub fn held_back(&mut self, now: Duration) -> Option<Failure> {
        if now < self.paused_until {
            return Some(held_back("the platform asked to be left alone for a while", self.paused_until - now));
        }
        let stopped = self.stopped.as_mut()?;
        if now < stopped.next_probe {
            let words = "the platform does not answer, and is only tried once in a while until it does";
            return Some(held_back(words, stopped.next_probe - now));
        }
        // This one is the probe.
        stopped.next_probe = now + stopped.wait;
        stopped.probing = true;
        None
    }

    /// Takes the place of one call; how long it is until then. What is held back needs none.
    pub fn place(&mut self, now: Duration) -> Duration {
        let is_held_back = now < self.paused_until || self.stopped.as_ref().is_some_and(|stop| now < stop.next_probe);
        let Some(rate) = self.limits.rate.filter(|_| !is_held_back) else { return Duration::ZERO };
        let place = self.next_place.max(now);
        self.next_place = place + Duration::from_secs_f64(1.0 / rate);
        place - now
    }

    /// A call ended. `true` when the platform answers again: whatever was held back is due.
    pub fn ended(&mut self, failure: Option<&Failure>, now: Duration) -> bool {
        match failure.map_or(Meaning::Answer, meaning) {
            Meaning::Nothing => {}
            Meaning::NotAsked => self.owed |= self.resume(now),
            Meaning::NoAnswer => {
                self.unanswered = self.unanswered.saturating_add(1);
                self.cut(now);
                self.pause(failure, now);
                if self.unanswered >= STOPS_AFTER {
                    self.stop(now);
                }
            }
            Meaning::NoTime => {
                self.cut(now);
                self.pause(failure, now);
                self.owed |= self.resume(now);
            }
            Meaning::Answer => {
                self.answers += 1;
                if self.answers >= self.window && self.window < self.limits.concurrency {
                    self.window += 1;
                    self.answers = 0;
                }
                return self.resume(now) | std::mem::take(&mut self.owed);
            }
        }
        false
    }

    fn resume(&mut self, now: Duration) -> bool {
        self.unanswered = 0;
        let stopped = self.stopped.take();
        if let Some(stopped) = &stopped {
            self.resumed = Some((now, stopped.wait));
        }
        stopped.is_some()
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

    fn stop(&mut self, now: Duration) {
        let longer = |wait: Duration| (wait * 2).min(PROBES.1);
        let wait = match (&self.stopped, self.resumed) {
            (Some(stopped), _) if !stopped.probing => return,
            (Some(stopped), _) => longer(stopped.wait),
            (None, Some((at, wait))) if now < at + RELAPSE => longer(wait),
            (None, _) => PROBES.0,
        };
        self.stopped = Some(Stopped { next_probe: now + wait, wait, probing: false });
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
    /// It did not answer, or something before it did.
    NoAnswer,
}

fn meaning(failure: &Failure) -> Meaning {
    match failure.cause {
        Cause::NotLeader | Cause::Cluster | Cause::Superseded | Cause::HeldBack | Cause::Bug => Meaning::Nothing,
        Cause::NoCredentials | Cause::LoginRefused => Meaning::NotAsked,
        Cause::RateLimited => Meaning::NoTime,
        Cause::ServerError | Cause::Unreachable | Cause::TimedOut | Cause::Ambiguous => Meaning::NoAnswer,
        _ => Meaning::Answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Limits = Limits { concurrency: 8, rate: None };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn failure(cause: Cause) -> Failure {
        Failure::new(cause, "words")
    }

    /// Whether a call may go now.
    fn goes(pace: &mut Pace, now: Duration) -> bool {
        pace.held_back(now).is_none()
    }

    fn fail(pace: &mut Pace, times: u32, now: Duration) {
        for _ in 0..times {
            assert!(!pace.ended(Some(&failure(Cause::Unreachable)), now));
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
            for _ in 0..10 {
                if goes(pace, at(second)) {
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
        assert!(goes(&mut pace, at(15)) && pace.ended(None, at(15)));
        fail(&mut pace, STOPS_AFTER, at(16));
        assert_eq!(probes(&mut pace, 16..50), [16 + 16]);
    }

    #[test]
    fn what_is_held_back_is_told_why_and_until_when() {
        let told = stopped().held_back(at(0)).unwrap();
        assert_eq!((told.cause, told.retry_after), (Cause::HeldBack, Some(at(1))));
    }

    #[test]
    fn any_answer_ends_the_stop_and_says_so_once() {
        let mut pace = stopped();
        assert!(goes(&mut pace, at(2)));
        assert!(pace.ended(Some(&failure(Cause::Forbidden)), at(2)));
        assert!(!pace.ended(None, at(2)));
        assert!(goes(&mut pace, at(2)));
    }

    #[test]
    fn without_credentials_it_is_not_the_platform_that_keeps_things_waiting() {
        for cause in [Cause::LoginRefused, Cause::NoCredentials] {
            let mut pace = stopped();
            assert!(goes(&mut pace, at(1)) && !pace.ended(Some(&failure(cause)), at(1)));
            assert!(goes(&mut pace, at(1)), "{cause:?}");
        }
    }

    #[test]
    fn a_platform_without_time_is_left_alone_and_then_asked_by_fewer_at_once() {
        let mut pace = Pace::new(FREE);
        let busy = Failure { retry_after: Some(at(7)), ..failure(Cause::RateLimited) };
        for _ in 0..8 {
            pace.ended(Some(&busy), at(0));
        }
        assert_eq!(pace.window(), 4, "a burst of refusals counts once");
        assert_eq!(pace.held_back(at(6)).unwrap().retry_after, Some(at(1)));
        assert!(goes(&mut pace, at(7)));
        assert!(!pace.ended(None, at(7)), "nothing was held back because it did not answer");
        for _ in 0..100 {
            pace.ended(None, at(8));
        }
        assert_eq!(pace.window(), FREE.concurrency);
    }

    #[test]
    fn a_stop_that_ends_with_a_pause_is_announced_after_the_pause() {
        let mut pace = stopped();
        let busy = Failure { retry_after: Some(at(7)), ..failure(Cause::RateLimited) };
        assert!(goes(&mut pace, at(1)) && !pace.ended(Some(&busy), at(1)));
        assert!(pace.ended(None, at(8)) && !pace.ended(None, at(8)));
    }

    #[test]
    fn one_answer_does_not_stop_everything_for_an_hour() {
        let mut pace = Pace::new(FREE);
        pace.ended(Some(&Failure { retry_after: Some(at(3600)), ..failure(Cause::ServerError) }), at(0));
        assert!(!goes(&mut pace, LONGEST_PAUSE / 2) && goes(&mut pace, LONGEST_PAUSE));
    }

    #[test]
    fn what_says_nothing_about_the_platform_changes_nothing() {
        let mut pace = Pace::new(FREE);
        for cause in [Cause::NotLeader, Cause::HeldBack, Cause::Cluster] {
            for _ in 0..10 {
                assert!(!pace.ended(Some(&failure(cause)), at(0)));
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
            [1, 1, 1, 60].map(|second| pace.place(at(second))),
            [Duration::ZERO, quarter, quarter * 2, Duration::ZERO]
        );
        assert_eq!(Pace::new(FREE).place(at(1)), Duration::ZERO);
    }
}
