//! How fast the platform is asked: fewer at once when it has no time, a pause when it asks for one, and only a probe once in
//! a while when it does not answer, or not for a tenant.

use std::{collections::HashMap, time::Duration};

use super::breaker::{Breaker, Caller};
use crate::engine::failure::{Cause, Failure, Speaker};

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
            // It may be about this one object: it counts once, and slows nothing.
            Meaning::Page => self.platform.failed(caller, Duration::MAX, now),
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
        } else if !matches!(meaning, Meaning::NoAnswer | Meaning::Page)
            && let Some(tenant) = self.tenants.get_mut(&caller.lane)
        {
            self.owed |= tenant.answered(now);
        }
        matches!(meaning, Meaning::Answer | Meaning::OfOne) && std::mem::take(&mut self.owed)
    }

    /// Whether somebody's calls are held back but for a probe once in a while.
    pub fn stops(&self, caller: &Caller) -> bool {
        self.is_stopped() || self.is_stopped_for(&caller.lane)
    }

    /// Whether nothing is answered for a tenant.
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
    Failure { retry_after: Some(wait), in_outage: true, ..Failure::new(Cause::HeldBack, words) }
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
    /// Something before it did, about what was asked.
    Page,
}

/// Whether it may be one tenant that the platform has trouble with. One that it never has the time to answer for is one too.
fn concerns_tenant(failure: &Failure) -> bool {
    matches!(meaning(failure), Meaning::OfOne | Meaning::Page)
        || matches!(failure.cause, Cause::TimedOut | Cause::Ambiguous)
}

fn meaning(failure: &Failure) -> Meaning {
    match failure.cause {
        Cause::NotLeader | Cause::Cluster | Cause::Superseded | Cause::HeldBack | Cause::Bug => Meaning::Nothing,
        Cause::NoCredentials | Cause::LoginRefused => Meaning::NotAsked,
        Cause::RateLimited => Meaning::NoTime,
        Cause::ServerError | Cause::Ambiguous if failure.speaker == Speaker::Platform => Meaning::OfOne,
        Cause::ServerError | Cause::Unreachable | Cause::TimedOut | Cause::Ambiguous => Meaning::NoAnswer,
        // What has no documented form may be the platform's own.
        Cause::Unauthorized => Meaning::Answer,
        _ if failure.speaker == Speaker::Between => Meaning::Page,
        _ => Meaning::Answer,
    }
}

#[cfg(test)]
mod tests;
