//! How fast the platform is asked: fewer at once when it has no time, a pause when it asks for one, and only a probe once in
//! a while when it does not answer.

use std::time::Duration;

use crate::engine::failure::{Cause, Failure};

/// How many calls in a row that the platform did not answer stop the calls.
const STOPS_AFTER: u32 = 5;
/// Shortest and longest time between two probes of a platform that does not answer.
const PROBES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
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

/// Whether a call may be made now.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    /// Now.
    Go,
    /// After this time; its place is kept.
    Wait(Duration),
    /// Not now, and why.
    HeldBack(Failure),
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
}

/// The platform does not answer.
#[derive(Clone, Debug)]
struct Stopped {
    next_probe: Duration,
    wait: Duration,
    words: String,
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
        }
    }

    /// How many passes may run at once.
    pub fn window(&self) -> usize {
        self.window
    }

    /// Whether the platform does not answer.
    pub fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// Decides about one call.
    pub fn admit(&mut self, now: Duration) -> Admission {
        if now < self.paused_until {
            return held_back("the platform asked to be left alone for a while".to_owned(), self.paused_until - now);
        }
        if let Some(stopped) = &mut self.stopped {
            if now < stopped.next_probe {
                let words =
                    format!("the platform does not answer and is only tried once in a while: {}", stopped.words);
                return held_back(words, stopped.next_probe - now);
            }
            // This one is the probe.
            stopped.next_probe = now + stopped.wait;
        }
        let Some(rate) = self.limits.rate else { return Admission::Go };
        let place = self.next_place.max(now);
        self.next_place = place + Duration::from_secs_f64(1.0 / rate);
        if place == now { Admission::Go } else { Admission::Wait(place - now) }
    }

    /// A call ended. `true` when the platform answers again: whatever was held back is due.
    pub fn ended(&mut self, failure: Option<&Failure>, now: Duration) -> bool {
        match failure.map(|failure| (failure, meaning(failure))) {
            Some((_, Meaning::Nothing)) => false,
            Some((failure, Meaning::NoAnswer)) => {
                self.unanswered = self.unanswered.saturating_add(1);
                self.cut(now);
                self.pause(failure, now);
                if self.unanswered >= STOPS_AFTER {
                    self.stop(failure, now);
                }
                false
            }
            Some((failure, Meaning::NoTime)) => {
                self.cut(now);
                self.pause(failure, now);
                self.answered()
            }
            Some((_, Meaning::Answer)) | None => {
                self.answers += 1;
                if self.answers >= self.window && self.window < self.limits.concurrency {
                    self.window += 1;
                    self.answers = 0;
                }
                self.answered()
            }
        }
    }

    fn answered(&mut self) -> bool {
        self.unanswered = 0;
        self.stopped.take().is_some()
    }

    fn cut(&mut self, now: Duration) {
        if self.last_cut.is_none_or(|last| now >= last + ONE_CUT) {
            self.window = (self.window / 2).max(1);
            self.answers = 0;
            self.last_cut = Some(now);
        }
    }

    fn pause(&mut self, failure: &Failure, now: Duration) {
        self.paused_until = self.paused_until.max(now + failure.retry_after.unwrap_or_default());
    }

    fn stop(&mut self, failure: &Failure, now: Duration) {
        let wait = self.stopped.as_ref().map_or(PROBES.0, |stopped| (stopped.wait * 2).min(PROBES.1));
        self.stopped = Some(Stopped { next_probe: now + wait, wait, words: failure.message.clone() });
    }
}

fn held_back(words: String, wait: Duration) -> Admission {
    Admission::HeldBack(Failure { retry_after: Some(wait), ..Failure::new(Cause::HeldBack, words) })
}

/// What a failure tells about the platform.
enum Meaning {
    /// It was not asked.
    Nothing,
    /// It answered.
    Answer,
    /// It has no time.
    NoTime,
    /// It did not answer, or something before it did.
    NoAnswer,
}

fn meaning(failure: &Failure) -> Meaning {
    match failure.cause {
        Cause::NoCredentials
        | Cause::LoginRefused
        | Cause::NotLeader
        | Cause::Cluster
        | Cause::HeldBack
        | Cause::Bug => Meaning::Nothing,
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

    fn stopped() -> Pace {
        let mut pace = Pace::new(FREE);
        for _ in 0..STOPS_AFTER {
            assert_eq!(pace.admit(at(0)), Admission::Go);
            assert!(!pace.ended(Some(&failure(Cause::Unreachable)), at(0)));
        }
        pace
    }

    #[test]
    fn a_platform_that_does_not_answer_gets_one_probe_per_interval_and_the_interval_grows() {
        let mut pace = stopped();
        let mut probes = Vec::new();
        for second in 0..40 {
            for _ in 0..10 {
                if pace.admit(at(second)) == Admission::Go {
                    probes.push(second);
                    pace.ended(Some(&failure(Cause::TimedOut)), at(second));
                }
            }
        }
        assert_eq!(probes, [1, 3, 7, 15, 31]);
    }

    #[test]
    fn what_is_held_back_is_told_why_and_until_when() {
        let Admission::HeldBack(told) = stopped().admit(at(0)) else { panic!("not held back") };
        assert_eq!((told.cause, told.retry_after), (Cause::HeldBack, Some(at(1))));
        assert!(told.message.contains("words"), "{told}");
    }

    #[test]
    fn any_answer_ends_the_stop_and_says_so_once() {
        let mut pace = stopped();
        assert_eq!(pace.admit(at(2)), Admission::Go);
        assert!(pace.ended(Some(&failure(Cause::Forbidden)), at(2)));
        assert!(!pace.ended(None, at(2)));
        assert_eq!(pace.admit(at(2)), Admission::Go);
    }

    #[test]
    fn a_platform_without_time_is_left_alone_and_then_asked_by_fewer_at_once() {
        let mut pace = Pace::new(FREE);
        let busy = Failure { retry_after: Some(at(7)), ..failure(Cause::RateLimited) };
        for _ in 0..8 {
            pace.ended(Some(&busy), at(0));
        }
        assert_eq!(pace.window(), 4, "a burst of refusals counts once");
        assert!(matches!(pace.admit(at(6)), Admission::HeldBack(told) if told.retry_after == Some(at(1))));
        assert_eq!(pace.admit(at(7)), Admission::Go);
        for _ in 0..100 {
            pace.ended(None, at(8));
        }
        assert_eq!(pace.window(), FREE.concurrency);
    }

    #[test]
    fn what_says_nothing_about_the_platform_changes_nothing() {
        let mut pace = Pace::new(FREE);
        for cause in [Cause::NoCredentials, Cause::NotLeader, Cause::HeldBack, Cause::Cluster] {
            for _ in 0..10 {
                assert!(!pace.ended(Some(&failure(cause)), at(0)));
            }
        }
        assert_eq!((pace.window(), pace.admit(at(0))), (FREE.concurrency, Admission::Go));
    }

    #[test]
    fn a_rate_spreads_the_calls() {
        let mut pace = Pace::new(Limits { rate: Some(4.0), ..FREE });
        let quarter = Duration::from_millis(250);
        assert_eq!(pace.admit(at(1)), Admission::Go);
        assert_eq!(pace.admit(at(1)), Admission::Wait(quarter));
        assert_eq!(pace.admit(at(1)), Admission::Wait(quarter * 2));
        assert_eq!(pace.admit(at(60)), Admission::Go);
    }
}
