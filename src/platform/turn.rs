use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::engine::{
    budget::{
        Class,
        breaker::Caller,
        pace::{Limits, Pace},
        queue::Queue,
    },
    failure::Failure,
};

/// The right to talk to the platform for one pass; given back when it is dropped.
pub struct Turn {
    shared: Arc<Shared>,
    caller: Caller,
    /// When it was asked for.
    pub asked: Instant,
}

/// Hands out turns and holds every call to the pace of the moment.
#[derive(Clone)]
pub struct Turns(Arc<Shared>);

struct Shared {
    began: Instant,
    state: Mutex<State>,
    answers_again: Notify,
}

struct State {
    queue: Queue,
    pace: Pace,
    /// Who waits, or was told and did not come yet. `None` once no more turns are given.
    asking: Option<HashMap<String, Asking>>,
}

struct Asking {
    since: Instant,
    /// Tells who waits that it has its turn; `None` once it was told.
    tell: Option<Box<dyn FnOnce() + Send>>,
}

impl State {
    fn grant(&mut self) {
        let Some(asking) = &mut self.asking else { return };
        while let Some(who) = self.queue.grant(self.pace.window()) {
            if let Some(tell) = asking.get_mut(&who).and_then(|one| one.tell.take()) {
                tell();
            }
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Turns {
    /// Turns within these limits.
    pub fn new(limits: Limits) -> Self {
        let state = State { queue: Queue::default(), pace: Pace::new(limits), asking: Some(HashMap::new()) };
        Self(Arc::new(Shared { began: Instant::now(), state: Mutex::new(state), answers_again: Notify::new() }))
    }

    /// How many turns there may be at once.
    pub fn most(&self) -> usize {
        self.0.state().pace.most()
    }

    /// Gives no more turns: who waits for one goes without.
    pub fn close(&self) {
        let asking = self.0.state().asking.take();
        drop(asking);
    }

    /// The turn of `who`, if there is one for it; `lane` is the tenant that it is for. If not, it waits for one, or goes on to
    /// wait as one of a more urgent class, and is told when it is to ask again. One that has its turn does not ask.
    pub fn take(&self, who: &str, class: Class, lane: &str, tell: impl FnOnce() + Send + 'static) -> Option<Turn> {
        let mut state = self.0.state();
        let asking = state.asking.as_mut()?;
        // Who asks need not be told.
        asking.entry(who.to_owned()).or_insert(Asking { since: Instant::now(), tell: None }).tell = None;
        state.queue.ask(who, class, lane);
        state.grant();
        let has_turn = state.queue.has_turn(who);
        let asking = state.asking.as_mut()?;
        if !has_turn {
            asking.get_mut(who)?.tell = Some(Box::new(tell));
            return None;
        }
        let asked = asking.remove(who)?.since;
        let caller = Caller { who: who.to_owned(), lane: lane.to_owned(), class };
        Some(Turn { shared: self.0.clone(), caller, asked })
    }

    /// Nobody of that name will ask again.
    pub fn leave(&self, who: &str) {
        let mut state = self.0.state();
        state.asking.as_mut().and_then(|asking| asking.remove(who));
        state.queue.leave(who);
        state.grant();
    }

    /// Whether the platform does not answer, and is only tried once in a while.
    pub fn is_stopped(&self) -> bool {
        self.0.state().pace.is_stopped()
    }

    /// For how many tenants the platform answers with errors only, so that they are only tried once in a while.
    pub fn stopped_tenants(&self) -> usize {
        self.0.state().pace.stopped_tenants(self.0.now())
    }

    /// Resolves each time that the platform answers again, or for a tenant, after calls were held back because it did not.
    pub async fn answers_again(&self) {
        self.0.answers_again.notified().await;
    }
}

impl Turn {
    /// Waits for the places of so many calls, which then go together.
    pub async fn places(&self, calls: usize) {
        let wait = (0..calls).fold(Duration::ZERO, |_, _| self.place());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes the place of one call; how long it is until then.
    pub fn place(&self) -> Duration {
        self.shared.state().pace.place(&self.caller, self.shared.now())
    }

    /// Makes one call, if the pace allows it.
    ///
    /// # Errors
    /// Those of the call, or [`crate::engine::failure::Cause::HeldBack`] when it was not made.
    pub async fn call<T>(&self, call: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.allowed()?;
        let result = call.await;
        let mut state = self.shared.state();
        if state.pace.ended(&self.caller, result.as_ref().err(), self.shared.now()) {
            self.shared.answers_again.notify_one();
        }
        let in_outage = state.pace.stops(&self.caller);
        state.grant();
        drop(state);
        result.map_err(|failure| Failure { in_outage: failure.in_outage || in_outage, ..failure })
    }

    fn allowed(&self) -> Result<(), Failure> {
        self.shared.state().pace.held_back(&self.caller, self.shared.now()).map_or(Ok(()), Err)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.queue.leave(&self.caller.who);
        state.grant();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::failure::Cause;
    use futures::FutureExt;

    fn turns(concurrency: usize) -> Turns {
        Turns::new(Limits { concurrency, rate: None })
    }

    fn take(turns: &Turns, who: &str, class: Class) -> Option<Turn> {
        turns.take(who, class, "a", || {})
    }

    #[test]
    fn a_change_finds_a_turn_while_polls_queue_and_who_waits_is_told_once() {
        let turns = turns(2);
        let poll = take(&turns, "1", Class::Poll).unwrap();
        let told = Arc::new(Mutex::new(0));
        let ask = |class| {
            let told = told.clone();
            turns.take("2", class, "a", move || *told.lock().unwrap() += 1)
        };
        assert!(ask(Class::Poll).is_none() && ask(Class::Recheck).is_none(), "another poll waits");
        let change = take(&turns, "change", Class::Change).unwrap();
        assert_eq!(*told.lock().unwrap(), 0);
        drop(poll);
        assert_eq!(*told.lock().unwrap(), 1, "a turn that is given back is free");
        assert!(take(&turns, "3", Class::Change).is_none(), "it is kept for who was told");
        drop(change);
        assert!(ask(Class::Poll).is_some());
        turns.close();
        assert!(take(&turns, "4", Class::Deletion).is_none(), "the operator stops");
    }

    #[test]
    fn who_finds_a_turn_when_it_asks_again_is_not_told_besides() {
        let turns = turns(2);
        let _poll = take(&turns, "1", Class::Poll).unwrap();
        assert!(turns.take("2", Class::Poll, "a", || panic!("told")).is_none());
        assert!(take(&turns, "2", Class::Change).is_some());
    }

    #[test]
    fn the_turn_of_who_is_gone_is_given_to_the_next() {
        let turns = turns(1);
        let first = take(&turns, "1", Class::Change).unwrap();
        assert!(take(&turns, "gone", Class::Change).is_none() && take(&turns, "2", Class::Change).is_none());
        drop(first);
        assert!(take(&turns, "2", Class::Change).is_none());
        turns.leave("gone");
        assert!(take(&turns, "2", Class::Change).is_some());
    }

    #[tokio::test]
    async fn with_a_rate_a_call_waits_for_its_place_and_several_together_for_that_of_the_last() {
        let turns = Turns::new(Limits { concurrency: 1, rate: Some(0.001) });
        let turn = take(&turns, "1", Class::Deletion).unwrap();
        assert_eq!([1, 1].map(|calls| turn.places(calls).now_or_never()), [Some(()), None]);
        let turns = Turns::new(Limits { concurrency: 1, rate: Some(100.0) });
        let turn = take(&turns, "1", Class::Deletion).unwrap();
        let began = Instant::now();
        turn.places(5).await;
        assert!(began.elapsed() >= Duration::from_millis(40));
    }

    #[tokio::test]
    async fn calls_are_held_back_while_the_platform_does_not_answer_and_its_answer_is_announced() {
        let turns = turns(1);
        let turn = take(&turns, "1", Class::Change).unwrap();
        let down = || async { Err::<(), _>(Failure::new(Cause::Unreachable, "down")) };
        let failed = || turn.call(down()).now_or_never().unwrap().unwrap_err();
        let first = failed();
        assert!(!first.in_outage, "one failure is none");
        let mut last = first;
        while last.cause != Cause::HeldBack {
            last = failed();
        }
        assert!(last.in_outage);
        assert!(turns.answers_again().now_or_never().is_none());
        let answered = tokio::time::timeout(Duration::from_secs(10), async {
            while let Err(told) = turn.call(async { Ok(()) }).await {
                tokio::time::sleep(told.retry_after.unwrap()).await;
            }
        });
        answered.await.unwrap();
        turns.answers_again().now_or_never().unwrap();
    }
}
