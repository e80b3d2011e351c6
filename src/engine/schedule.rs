//! When to look again.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

/// Why to look again; the wait follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Nothing more to do.
    Never,
    /// Healthy: look for drift.
    Drift,
    /// Time helps; how often it failed in a row, and how long the platform asked to wait.
    Transient(u32, Option<Duration>),
    /// The platform does not answer anybody: whoever waits may be the one who finds that it does again.
    Outage(u32, Option<Duration>),
    /// Something else has to happen first; watches wake us, this is for what has no watch.
    Waiting,
    /// A deletion is blocked; how often in a row.
    Blocked(u32),
    /// Only a person can help.
    Stalled,
}

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(120);
/// The calls of an outage are held back for as long, until the next probe.
const LAST_IN_OUTAGE: Duration = Duration::from_secs(30);
const WAITING: Duration = Duration::from_secs(30);
const FIRST_BLOCKED: Duration = Duration::from_secs(15);
const LAST_BLOCKED: Duration = Duration::from_secs(300);
const STALLED: Duration = Duration::from_secs(600);
const LAST_WATCH: Duration = Duration::from_secs(60);
/// Longest wait that the platform can ask for. It may mean well, but it does not know that the whole of a resource waits, and
/// nobody would know until when: a page of a maintenance asks for an hour, and is gone after minutes.
pub const LONGEST_ASKED: Duration = Duration::from_secs(300);
/// Longest wait of a watch that fails, with its jitter.
pub const LONGEST_WATCH_WAIT: Duration = Duration::from_secs(72);

/// How often a value that the platform does not keep is sent until that is said.
pub const SAID: u32 = 3;
const FIRST_UNKEPT: Duration = Duration::from_secs(5);
const LAST_UNKEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// When a value that was sent so often and was not kept is sent again: at first it may have been a race, then something has to
/// change on the platform that nobody tells us of.
pub fn sends_again_after(sent: u32) -> Duration {
    match sent.checked_sub(SAID) {
        None => doubled(FIRST_UNKEPT, sent, STALLED),
        Some(more) => doubled(STALLED, more + 1, LAST_UNKEPT),
    }
}

/// How long to wait, by the drift interval and a random number in 0..1. Jitter is a fifth either way, and never shortens
/// what the platform asked for.
pub fn delay(again: Again, drift: Duration, random: f64) -> Option<Duration> {
    let spread = |base: Duration| spread(base, random);
    match again {
        Again::Never => None,
        Again::Drift => Some(spread(drift)),
        Again::Transient(attempts, asked) => Some(no_sooner(spread(doubled(FIRST_RETRY, attempts, LAST_RETRY)), asked)),
        Again::Outage(attempts, asked) => {
            Some(no_sooner(spread(doubled(FIRST_RETRY, attempts, LAST_IN_OUTAGE)), asked))
        }
        Again::Waiting => Some(spread(WAITING.min(drift))),
        Again::Blocked(attempts) => Some(spread(doubled(FIRST_BLOCKED, attempts, LAST_BLOCKED))),
        Again::Stalled => Some(spread(STALLED.min(drift))),
    }
}

/// How often in a row something did not end well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// Those that count.
    pub count: u32,
    last: Option<Timestamp>,
}

impl Attempts {
    /// One more, of a kind that is tried again so. One that comes before its time, because something else changed, does not
    /// count: it says nothing of how long what is waited for takes.
    #[must_use]
    pub fn one_more(self, again: impl Fn(u32) -> Again, now: Timestamp) -> Self {
        let soonest = delay(again(self.count), Duration::MAX, 0.0).unwrap_or_default();
        match self.last {
            Some(last) if now.duration_since(last).unsigned_abs() < soonest => self,
            _ => Self { count: self.count.saturating_add(1), last: Some(now) },
        }
    }
}

fn no_sooner(wait: Duration, asked: Option<Duration>) -> Duration {
    wait.max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

fn spread(base: Duration, random: f64) -> Duration {
    base.mul_f64(0.8 + 0.4 * random.clamp(0.0, 1.0))
}

/// The failures of a watch. They begin anew when it had shown something, and went on from there for longer than it
/// had waited before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Failures(u32);

impl Failures {
    /// Takes in a failure of a watch that went on for so long before; gives how long to wait now.
    pub fn wait(&mut self, went_on: Duration, random: f64) -> Duration {
        if went_on > doubled(FIRST_RETRY, self.0, LAST_WATCH) {
            self.0 = 0;
        }
        self.0 = self.0.saturating_add(1);
        spread(doubled(FIRST_RETRY, self.0, LAST_WATCH), random)
    }
}

/// `first` doubled with every attempt, up to `last`.
fn doubled(first: Duration, attempts: u32, last: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1).min(16))).min(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_grow_up_to_a_limit() {
        let wait = |n| delay(Again::Transient(n, None), STALLED, 0.5).unwrap();
        assert_eq!(wait(1), Duration::from_secs(1));
        assert_eq!(wait(4), Duration::from_secs(8));
        assert_eq!(wait(4_000_000), LAST_RETRY);
        let in_outage = |n, asked| delay(Again::Outage(n, asked), STALLED, 0.5).unwrap();
        assert_eq!(in_outage(1, None), Duration::from_secs(1));
        assert_eq!(in_outage(4_000_000, None), LAST_IN_OUTAGE);
        let probe = Duration::from_secs(45);
        assert_eq!(in_outage(4_000_000, Some(probe)), probe);
    }

    #[test]
    fn a_try_that_comes_before_its_time_makes_no_later_one_wait_longer() {
        let again = |count| Again::Transient(count, None);
        let at = |milliseconds| Timestamp::from_millisecond(milliseconds).unwrap();
        let mut attempts = Attempts::default();
        for milliseconds in [0, 100, 200, 700] {
            attempts = attempts.one_more(again, at(milliseconds));
            assert_eq!(attempts.count, 1);
        }
        // When it is due by itself, with its jitter.
        for (milliseconds, count) in [(800, 2), (2_300, 2), (2_400, 3)] {
            attempts = attempts.one_more(again, at(milliseconds));
            assert_eq!(attempts.count, count, "after {milliseconds} ms");
        }
    }

    #[test]
    fn what_is_not_kept_is_sent_again_soon_and_later_after_10_minutes_growing_to_a_day() {
        let minutes = |sent| sends_again_after(sent).as_secs() / 60;
        assert_eq!([1, 2].map(|sent| sends_again_after(sent).as_secs()), [5, 10]);
        assert_eq!([3, 4, 5, 10, 11, u32::MAX].map(minutes), [10, 20, 40, 1280, 1440, 1440]);
    }

    #[test]
    fn what_the_platform_asks_for_is_not_shortened_unless_it_is_far_too_long() {
        let hour = Some(Duration::from_secs(3600));
        assert_eq!(delay(Again::Transient(1, hour), STALLED, 0.5), Some(LONGEST_ASKED));
        let asked = Duration::from_secs(7);
        for random in [0.0, 0.5, 1.0] {
            assert_eq!(delay(Again::Transient(1, Some(asked)), STALLED, random), Some(asked));
        }
    }

    #[test]
    fn a_watch_that_fails_waits_ever_longer_until_it_went_on_for_as_long() {
        let mut failures = Failures::default();
        let mut wait = |went_on| failures.wait(Duration::from_secs(went_on), 0.5).as_secs();
        assert_eq!([wait(0), wait(0), wait(0), wait(1), wait(0)], [1, 2, 4, 8, 16]);
        assert_eq!([wait(0), wait(0), wait(60)], [32, 60, 60]);
        assert_eq!([wait(61), wait(0)], [1, 2]);
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        assert_eq!(delay(Again::Drift, Duration::from_secs(100), 0.0), Some(Duration::from_secs(80)));
        assert_eq!(delay(Again::Drift, Duration::from_secs(100), 1.0), Some(Duration::from_secs(120)));
    }

    #[test]
    fn a_blocked_deletion_is_looked_at_after_15_seconds_growing_to_5_minutes() {
        assert_eq!(delay(Again::Blocked(1), STALLED, 0.5), Some(Duration::from_secs(15)));
        assert_eq!(delay(Again::Blocked(99), STALLED, 0.5), Some(Duration::from_secs(300)));
    }
}
