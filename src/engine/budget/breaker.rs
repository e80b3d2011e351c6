//! Only a probe once in a while of what does not answer: of the platform as a whole, or of one tenant on it.

use std::time::Duration;

use super::Class;

/// How many failures in a row stop the calls.
pub(super) const STOPS_AFTER: usize = 5;
/// Shortest and longest time between two probes.
const PROBES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How soon what stops answering again is what never really came back.
const RELAPSE: Duration = Duration::from_secs(60);
/// For how long something that nobody asks for any more is remembered.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// Who wants to call the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The resource.
    pub who: String,
    /// The tenant that it is for; empty for none.
    pub lane: String,
    /// How urgent it is.
    pub class: Class,
}

/// What is known of something that may not answer.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    /// Whose calls failed in a row, and when.
    failing: Vec<(String, Duration)>,
    stopped: Option<Stopped>,
    /// When the last stop ended, and how long its probes were apart by then.
    resumed: Option<(Duration, Duration)>,
    /// When something was last heard of it.
    heard: Duration,
}

/// It does not answer.
#[derive(Clone, Debug)]
struct Stopped {
    next_probe: Duration,
    wait: Duration,
    /// Whether a probe is under way: what else fails was sent before the stop.
    probing: bool,
    /// Who made the last probe.
    last: Option<Caller>,
    /// The best one that was held back since.
    best: Option<Rank>,
}

/// Which of several is to make the next probe, the smallest first: not the same again, nor one for the same tenant, and then
/// the most urgent.
type Rank = (bool, bool, Class);

impl Stopped {
    fn rank(&self, caller: &Caller) -> Rank {
        let is_again = |same: fn(&Caller, &Caller) -> bool| self.last.as_ref().is_some_and(|last| same(last, caller));
        (is_again(|a, b| a.who == b.who), is_again(|a, b| a.lane == b.lane), caller.class)
    }
}

impl Breaker {
    /// Whether it is only probed.
    pub fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// Whether no call may go yet, whoever makes it.
    pub fn holds(&self, now: Duration) -> bool {
        self.stopped.as_ref().is_some_and(|stopped| now < stopped.next_probe)
    }

    /// Whether there is nothing to remember of it.
    pub fn is_well(&self, now: Duration) -> bool {
        let relapses = self.resumed.is_some_and(|(at, _)| now < at + RELAPSE);
        let fails = self.is_stopped() || !self.failing.is_empty();
        !(relapses || fails && now < self.heard + FORGOTTEN)
    }

    /// How long a call must wait, if it may not go now.
    pub fn wait(&mut self, caller: &Caller, now: Duration) -> Option<Duration> {
        let stopped = self.stopped.as_mut()?;
        let rank = stopped.rank(caller);
        if now >= stopped.next_probe {
            // Whoever is better is about to come; but nobody is waited for twice as long as a probe may be away.
            let patience = stopped.next_probe + stopped.wait;
            if stopped.best.is_none_or(|best| rank <= best) || now >= patience {
                return None;
            }
            return Some(patience - now);
        }
        stopped.best = Some(stopped.best.map_or(rank, |best| best.min(rank)));
        Some(stopped.next_probe - now)
    }

    /// A call goes: while it is stopped, this is the probe.
    pub fn goes(&mut self, caller: &Caller, now: Duration) {
        if let Some(stopped) = &mut self.stopped {
            stopped.next_probe = now + stopped.wait;
            stopped.probing = true;
            (stopped.last, stopped.best) = (Some(caller.clone()), None);
        }
    }

    /// A call was answered. `true` when that ends a stop.
    pub fn answered(&mut self, now: Duration) -> bool {
        self.heard = now;
        self.failing.clear();
        let stopped = self.stopped.take();
        if let Some(stopped) = &stopped {
            self.resumed = Some((now, stopped.wait));
        }
        stopped.is_some()
    }

    /// A call failed. Another failure of the same resource counts when so much time has passed.
    pub fn failed(&mut self, caller: &Caller, again_after: Duration, now: Duration) {
        self.heard = now;
        let counts = |(who, at): &(String, Duration)| *who != caller.who || now.saturating_sub(*at) >= again_after;
        if self.failing.len() < STOPS_AFTER && self.failing.iter().all(counts) {
            self.failing.push((caller.who.clone(), now));
        }
        if self.failing.len() >= STOPS_AFTER {
            self.stop(now);
        }
    }

    fn stop(&mut self, now: Duration) {
        let longer = |wait: Duration| (wait * 2).min(PROBES.1);
        let (wait, last) = match (self.stopped.take(), self.resumed) {
            (Some(stopped), _) if !stopped.probing => {
                self.stopped = Some(stopped);
                return;
            }
            (Some(stopped), _) => (longer(stopped.wait), stopped.last),
            (None, Some((at, wait))) if now < at + RELAPSE => (longer(wait), None),
            (None, _) => (PROBES.0, None),
        };
        self.stopped = Some(Stopped { next_probe: now + wait, wait, probing: false, last, best: None });
    }
}
