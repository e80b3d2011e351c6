//! When to log in. Repeated bad passwords lock an account, and a platform that denies some calls with 401 must not see a new
//! session for each. Time is a [`Duration`] since a moment of the caller's choice.

use std::time::Duration;

/// After how many of the shortest intervals refused credentials are tried again by themselves. No account is locked by that.
const RETRIES: [u32; 2] = [5, 60];
/// So many of the shortest intervals are the longest between two sessions of which the second helped no more than the first.
const LONGEST: u32 = 60;
/// What logins out of turn cost, in shortest intervals: one that is accepted, and one that is refused.
const COST: (u32, u32) = (1, 5);
/// What may be owed for them. A person never gets there; a program that changes the Secret all the time does.
const CREDIT: u32 = 20;

/// When the next login may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At once.
    Now,
    /// Then.
    At(Duration),
    /// When somebody asks for it, or gives other credentials.
    Asked,
}

/// The logins with the credentials of the moment.
#[derive(Clone, Debug)]
pub struct Logins {
    /// Shortest time between two.
    interval: Duration,
    tried: Tried,
    /// Refusals in a row.
    refusals: usize,
    /// Whether these credentials are new, or somebody asked: one may go out of turn.
    summoned: bool,
    /// Until when those that went out of turn are paid for.
    owed_until: Duration,
    /// How long after a login another one may replace its session.
    renewal: Duration,
    /// Whether somebody was turned away, who goes on after the next login.
    is_awaited: bool,
}

/// How the last login ended.
#[derive(Clone, Copy, Debug)]
enum Tried {
    Never,
    Accepted {
        at: Duration,
    },
    /// It was answered, and not with a session nor with a refusal.
    Unclear {
        at: Duration,
    },
    Refused {
        next: Option<Duration>,
    },
}

impl Logins {
    /// None yet; two are this far apart at least.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            tried: Tried::Never,
            refusals: 0,
            summoned: true,
            owed_until: Duration::ZERO,
            renewal: interval,
            is_awaited: false,
        }
    }

    /// The credentials are others now.
    pub fn changed(&mut self) {
        (self.tried, self.refusals, self.renewal) = (Tried::Never, 0, self.interval);
        self.asked();
    }

    /// Somebody wants a try now.
    pub fn asked(&mut self) {
        self.summoned = true;
    }

    /// When the next one may be sent.
    pub fn next(&self, now: Duration) -> Next {
        let in_turn = match self.tried {
            Tried::Never => None,
            Tried::Accepted { at } => Some(at + self.renewal),
            Tried::Unclear { at } => Some(at + self.interval),
            Tried::Refused { next } => next,
        };
        let out_of_turn = self.summoned.then(|| self.owed_until.saturating_sub(self.interval * CREDIT));
        match in_turn.into_iter().chain(out_of_turn).min() {
            None => Next::Asked,
            Some(at) if at <= now => Next::Now,
            Some(at) => Next::At(at),
        }
    }

    /// One was accepted.
    pub fn accepted(&mut self, now: Duration) {
        self.pay(COST.0, now);
        (self.tried, self.refusals, self.is_awaited) = (Tried::Accepted { at: now }, 0, false);
    }

    /// One was refused.
    pub fn refused(&mut self, now: Duration) {
        self.pay(COST.1, now);
        let next = RETRIES.get(self.refusals).map(|times| now + self.interval * *times);
        self.refusals = self.refusals.saturating_add(1);
        (self.tried, self.is_awaited) = (Tried::Refused { next }, true);
    }

    /// These can never be accepted: they are not even sent.
    pub fn unusable(&mut self) {
        (self.tried, self.summoned) = (Tried::Refused { next: None }, false);
    }

    /// One was sent and not answered: nothing is known of the credentials. Those that were refused before are tried again.
    pub fn unanswered(&mut self, now: Duration) {
        if let Tried::Refused { next: Some(next) } = &mut self.tried
            && *next <= now
        {
            *next = now + self.interval;
            self.is_awaited = true;
        }
    }

    /// One was answered with something else, such as the page of a proxy: it may have been counted all the same.
    pub fn unclear(&mut self, now: Duration) {
        self.pay(COST.1, now);
        match self.tried {
            Tried::Refused { .. } => self.unanswered(now),
            _ => (self.tried, self.is_awaited) = (Tried::Unclear { at: now }, true),
        }
    }

    /// Whether what ended a session, and got a new one, was let in by that. If not, it is denied, and the next session waits
    /// for longer.
    pub fn helped(&mut self, helped: bool) {
        self.renewal = if helped { self.interval } else { (self.renewal * 2).min(self.interval * LONGEST) };
    }

    /// Somebody was turned away because the next login may not be sent yet.
    pub fn turned_away(&mut self) {
        self.is_awaited = true;
    }

    /// When somebody is to be told that the next login may be sent.
    pub fn due(&self, now: Duration) -> Option<Duration> {
        match self.next(now) {
            _ if !self.is_awaited => None,
            Next::Now => Some(now),
            Next::At(at) => Some(at),
            Next::Asked => None,
        }
    }

    /// It was told.
    pub fn told(&mut self) {
        self.is_awaited = false;
    }

    fn pay(&mut self, cost: u32, now: Duration) {
        if std::mem::take(&mut self.summoned) {
            self.owed_until = self.owed_until.max(now) + self.interval * cost;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3600);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn logins() -> Logins {
        Logins::new(MINUTE)
    }

    #[test]
    fn the_first_login_is_not_delayed() {
        assert_eq!(logins().next(Duration::ZERO), Next::Now);
        assert_eq!(logins().due(Duration::ZERO), None, "nobody waits");
    }

    #[test]
    fn refused_credentials_are_tried_twice_more_slowly_and_then_only_when_somebody_asks() {
        let mut logins = logins();
        logins.refused(at(0));
        assert_eq!(logins.next(at(0)), Next::At(MINUTE * 5));
        assert_eq!(logins.due(at(0)), Some(MINUTE * 5), "who waits is told by itself");
        assert_eq!(logins.next(MINUTE * 5), Next::Now);
        logins.refused(MINUTE * 5);
        assert_eq!(logins.next(MINUTE * 5), Next::At(MINUTE * 5 + HOUR));
        logins.refused(MINUTE * 5 + HOUR);
        assert_eq!((logins.next(HOUR * 1000), logins.due(HOUR * 1000)), (Next::Asked, None));
        logins.asked();
        assert_eq!(logins.next(HOUR * 1000), Next::Now);
        logins.refused(HOUR * 1000);
        assert_eq!(logins.next(HOUR * 2000), Next::Asked, "one try for each time that somebody asks");
    }

    #[test]
    fn a_retry_that_is_accepted_makes_all_of_it_forgotten() {
        let mut logins = logins();
        logins.refused(at(0));
        logins.accepted(MINUTE * 5);
        assert_eq!(logins.due(HOUR), None);
        logins.refused(HOUR);
        assert_eq!(logins.next(HOUR), Next::At(HOUR + MINUTE * 5));
    }

    #[test]
    fn a_retry_that_nobody_answers_is_made_again_a_minute_later_and_counts_for_nothing() {
        let mut logins = logins();
        logins.refused(at(0));
        logins.told();
        logins.unanswered(MINUTE * 5);
        assert_eq!(logins.due(MINUTE * 5), Some(MINUTE * 6));
        logins.refused(MINUTE * 6);
        assert_eq!(logins.next(MINUTE * 6), Next::At(MINUTE * 6 + HOUR));
    }

    #[test]
    fn other_credentials_are_tried_at_once_and_have_retries_of_their_own() {
        let mut logins = logins();
        for _ in 0..3 {
            logins.refused(at(0));
        }
        logins.changed();
        assert_eq!(logins.next(at(0)), Next::Now);
        logins.refused(at(0));
        assert_eq!(logins.next(at(0)), Next::At(MINUTE * 5));
    }

    #[test]
    fn two_sessions_are_a_minute_apart_whatever_was_proven_and_further_if_the_second_helps_nothing() {
        let mut logins = logins();
        logins.accepted(at(0));
        assert_eq!((logins.next(at(0)), logins.due(at(0))), (Next::At(MINUTE), None));
        logins.turned_away();
        assert_eq!(logins.due(at(0)), Some(MINUTE));
        logins.told();
        assert_eq!(logins.due(MINUTE), None, "it is told once");
        logins.accepted(MINUTE);
        logins.helped(false);
        assert_eq!((logins.next(MINUTE), logins.due(MINUTE)), (Next::At(MINUTE * 3), None));
        for _ in 0..10 {
            logins.helped(false);
        }
        assert_eq!(logins.next(MINUTE), Next::At(MINUTE + HOUR));
        logins.helped(true);
        assert_eq!(logins.next(MINUTE), Next::At(MINUTE * 2));
    }

    #[test]
    fn logins_that_are_answered_with_the_page_of_a_proxy_are_a_minute_apart() {
        let accepted = |logins: &mut Logins| logins.accepted(at(0));
        for begin in [|_: &mut Logins| {}, accepted] {
            let mut logins = logins();
            begin(&mut logins);
            let goes = |second: &u64| {
                let goes = logins.next(at(*second)) == Next::Now;
                if goes {
                    logins.unclear(at(*second));
                }
                goes
            };
            assert!((60..180).filter(goes).eq([60, 120]));
        }
    }

    #[test]
    fn the_page_of_a_proxy_gives_refused_credentials_no_other_try() {
        let mut logins = logins();
        (0..3).for_each(|_| logins.refused(at(0)));
        logins.asked();
        logins.unclear(HOUR);
        assert_eq!(logins.next(HOUR * 2), Next::Asked);
    }

    #[test]
    fn credentials_that_are_not_even_sent_are_not_tried_again() {
        let mut logins = logins();
        logins.unusable();
        assert_eq!((logins.next(HOUR), logins.due(HOUR)), (Next::Asked, None));
    }

    /// What a Secret that changes every second leads to in an hour.
    fn in_an_hour(happens: fn(&mut Logins), accepted: bool) -> usize {
        let (mut logins, mut count) = (logins(), 0);
        for second in 0..3600 {
            happens(&mut logins);
            if logins.next(at(second)) == Next::Now {
                count += 1;
                if accepted { logins.accepted(at(second)) } else { logins.refused(at(second)) }
            }
        }
        count
    }

    #[test]
    fn a_secret_that_changes_without_end_is_no_storm_of_logins() {
        // A few at once, and then one each five minutes, or each minute.
        assert_eq!(in_an_hour(Logins::asked, false), 5 + 11);
        assert_eq!(in_an_hour(Logins::changed, false), 5 + 11);
        assert_eq!(in_an_hour(Logins::changed, true), 21 + 59);
    }

    proptest! {
        #[test]
        fn with_the_same_credentials_and_nobody_who_asks_logins_are_a_minute_apart(
            events in prop::collection::vec((0..6_u8, 1..200_u64), 1..200)
        ) {
            let (mut logins, mut now, mut last) = (logins(), at(0), None);
            for (event, seconds) in events {
                now += at(seconds);
                let goes = logins.next(now) == Next::Now;
                match event {
                    0 if goes => logins.accepted(now),
                    1 if goes => logins.refused(now),
                    2 if goes => logins.unclear(now),
                    3 => logins.helped(false),
                    4 => logins.turned_away(),
                    _ => {}
                }
                if goes && event < 3 {
                    prop_assert!(last.is_none_or(|last| now >= last + MINUTE));
                    last = Some(now);
                }
                if let Some(due) = logins.due(now) {
                    prop_assert!(logins.next(due) == Next::Now, "who is told finds the way free");
                }
            }
        }
    }
}
