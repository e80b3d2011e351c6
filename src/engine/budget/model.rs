//! Queue and pace under random use, against what may never happen.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::{
    Class,
    breaker::Caller,
    pace::{Limits, Pace},
    queue::{LEAST, Queue},
};
use crate::engine::failure::{Cause, Failure, Speaker};

#[derive(Clone, Debug)]
enum Event {
    /// Of one of so many for one of so many tenants.
    Ask(u8, Class),
    /// The nth pass that has its turn makes a call with this end, in these words.
    Call(usize, Option<Cause>, Speaker),
    /// The nth pass ends.
    End(usize),
    /// The nth pass that waits gives up.
    GiveUp(usize),
    Pass(u16),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let class = prop::sample::select(vec![Class::Change, Class::Deletion, Class::Recheck, Class::Poll]);
    let cause = prop::option::weighted(0.5, prop::sample::select(Cause::ALL));
    let speaker = prop::sample::select(vec![Speaker::Operator, Speaker::Platform, Speaker::Between]);
    let event = prop_oneof![
        4 => (0..24_u8, class).prop_map(|(who, class)| Event::Ask(who, class)),
        6 => (0..8_usize, cause, speaker).prop_map(|(at, cause, speaker)| Event::Call(at, cause, speaker)),
        3 => (0..8_usize).prop_map(Event::End),
        1 => (0..8_usize).prop_map(Event::GiveUp),
        2 => (1..20_000_u16).prop_map(Event::Pass),
    ];
    prop::collection::vec(event, 0..200)
}

/// What the model knows: who waits since when, and who has a turn. A quarter of them belongs to each tenant.
#[derive(Default)]
struct Model {
    asked: usize,
    waiting: BTreeMap<String, (Class, usize)>,
    running: BTreeMap<String, Class>,
    /// How many of the background got their turns in order since one did not, and how many passed over a poll.
    in_order: usize,
    passed_over: usize,
}

fn tenant(who: &str) -> u8 {
    who.parse::<u8>().unwrap() % 4
}

impl Model {
    fn background(&self) -> usize {
        self.running.values().filter(|class| class.is_background()).count()
    }

    /// Takes over every grant, and checks each.
    fn grant(&mut self, queue: &mut Queue, most: usize) -> Result<(), TestCaseError> {
        while let Some(who) = queue.grant(most) {
            let granted = self.waiting.remove(&who);
            prop_assert!(granted.is_some(), "who does not wait gets no turn");
            let (class, since) = granted.unwrap();
            let urgent = self.waiting.values().map(|(class, _)| *class).min();
            let in_order = urgent.is_none_or(|urgent| urgent >= class);
            if class.is_background() {
                let of_four = in_order || urgent == Some(Class::Recheck) && self.in_order + 1 >= LEAST;
                prop_assert!(of_four, "{urgent:?} waits behind {class:?}");
                self.in_order = if in_order { self.in_order + 1 } else { 0 };
                let polls_wait =
                    class == Class::Recheck && self.waiting.values().any(|(class, _)| *class == Class::Poll);
                self.passed_over = if polls_wait { self.passed_over + 1 } else { 0 };
                prop_assert!(self.passed_over < LEAST, "polls wait for ever");
            } else {
                prop_assert!(in_order, "{urgent:?} waits behind {class:?}");
            }
            let before =
                |other: &str, its: (Class, usize)| tenant(other) == tenant(&who) && its.0 == class && its.1 < since;
            let older = self.waiting.iter().any(|(other, its)| before(other, *its));
            prop_assert!(!older, "within a tenant and a class the older comes first");
            self.running.insert(who, class);
            prop_assert!(self.running.len() <= most);
            prop_assert!(self.background() <= (most / 2).max(1) || !class.is_background());
        }
        let free = most > self.running.len();
        let could =
            self.waiting.values().any(|(class, _)| !class.is_background() || self.background() < (most / 2).max(1));
        prop_assert!(!(free && could), "a turn stays free although somebody waits for it");
        Ok(())
    }
}

proptest! {
    #[test]
    fn whatever_happens_turns_and_calls_stay_within_their_limits(events in events(), concurrency in 1..6_usize) {
        let (mut queue, mut pace, mut model) = (Queue::default(), Pace::new(Limits { concurrency, rate: None }), Model::default());
        let mut now = Duration::ZERO;
        let mut probes: Vec<Duration> = Vec::new();
        let mut owed = false;
        for event in events {
            match event {
                Event::Ask(who, class) => {
                    let who = who.to_string();
                    queue.ask(&who, class, &tenant(&who).to_string());
                    model.asked += 1;
                    let urgent = model.waiting.get(&who).is_none_or(|(before, _)| class < *before);
                    if urgent && !model.running.contains_key(&who) {
                        model.waiting.insert(who, (class, model.asked));
                    }
                }
                Event::Call(at, cause, speaker) => {
                    let Some((who, class)) = model.running.iter().nth(at) else { continue };
                    let caller = Caller { who: who.clone(), lane: tenant(who).to_string(), class: *class };
                    let (stopped, alone) = (pace.is_stopped(), pace.is_stopped_for(&caller.lane));
                    if let Some(failure) = pace.held_back(&caller, now) {
                        prop_assert!(failure.retry_after.is_some_and(|wait| wait > Duration::ZERO));
                        prop_assert!(stopped || alone, "nothing asked for a pause");
                        continue;
                    }
                    if stopped {
                        let early = probes.last().is_some_and(|last| now < *last + Duration::from_secs(1));
                        prop_assert!(!early, "two probes within a second");
                        probes.push(now);
                    }
                    prop_assert_eq!(pace.place(&caller, now), Duration::ZERO, "there is no rate");
                    let failure = cause.map(|cause| Failure { speaker, ..Failure::new(cause, "words") });
                    let announced = pace.ended(&caller, failure.as_ref(), now);
                    owed |= stopped && !pace.is_stopped() || alone && !pace.is_stopped_for(&caller.lane);
                    prop_assert!(owed || !announced, "said without a stop");
                    if cause.is_none() {
                        prop_assert!(!pace.is_stopped() && !pace.is_stopped_for(&caller.lane));
                        prop_assert_eq!(announced, owed, "the end of a stop is said once");
                    }
                    owed &= !announced;
                }
                Event::End(at) => {
                    let Some(who) = model.running.keys().nth(at).cloned() else { continue };
                    queue.leave(&who);
                    model.running.remove(&who);
                }
                Event::GiveUp(at) => {
                    let Some(who) = model.waiting.keys().nth(at).cloned() else { continue };
                    queue.leave(&who);
                    model.waiting.remove(&who);
                }
                Event::Pass(milliseconds) => now += Duration::from_millis(milliseconds.into()),
            }
            prop_assert!((1..=concurrency).contains(&pace.window()));
            // A window that shrank takes no turn away; it only gives none.
            let most = pace.window().max(model.running.len());
            model.grant(&mut queue, most)?;
        }
        prop_assert_eq!(queue.running(), model.running.len());
    }

    #[test]
    fn of_the_tenants_that_wait_each_is_served_before_any_is_served_twice(counts in prop::collection::vec(1..20_usize, 1..6)) {
        let mut queue = Queue::default();
        let mut tenants = BTreeMap::new();
        for (tenant, count) in counts.iter().enumerate() {
            for _ in 0..*count {
                let who = tenants.len().to_string();
                queue.ask(&who, Class::Change, &tenant.to_string());
                tenants.insert(who, tenant);
            }
        }
        let first: Vec<_> = (0..counts.len()).filter_map(|_| queue.grant(usize::MAX)).map(|who| tenants[&who]).collect();
        prop_assert_eq!(first, (0..counts.len()).collect::<Vec<_>>());
    }
}
