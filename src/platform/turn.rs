use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Notify, oneshot};

use crate::engine::{
    budget::{
        Class,
        pace::{Limits, Pace},
        queue::{Queue, Ticket},
    },
    failure::Failure,
};

/// The right to talk to the platform for one pass; given back when it is dropped.
pub struct Turn {
    shared: Arc<Shared>,
    ticket: Ticket,
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
    /// Who is told that it has its turn; `None` once no more are given.
    waiting: Option<HashMap<Ticket, oneshot::Sender<()>>>,
}

impl State {
    fn grant(&mut self) {
        let Some(waiting) = &mut self.waiting else { return };
        while let Some(ticket) = self.queue.grant(self.pace.window()) {
            if let Some(told) = waiting.remove(&ticket) {
                // Who does not wait any more leaves the queue by itself.
                let _ = told.send(());
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
        let state = State { queue: Queue::default(), pace: Pace::new(limits), waiting: Some(HashMap::new()) };
        Self(Arc::new(Shared { began: Instant::now(), state: Mutex::new(state), answers_again: Notify::new() }))
    }

    /// Gives no more turns: who waits for one goes without.
    pub fn close(&self) {
        let waiting = self.0.state().waiting.take();
        drop(waiting);
    }

    /// Waits for a turn; `lane` is the tenant that it is for. `None` once they are closed.
    pub async fn take(&self, class: Class, lane: &str) -> Option<Turn> {
        let (tell, told) = oneshot::channel();
        let ticket = {
            let mut state = self.0.state();
            let State { queue, waiting: Some(waiting), .. } = &mut *state else { return None };
            let ticket = queue.ask(class, lane);
            waiting.insert(ticket, tell);
            state.grant();
            ticket
        };
        let turn = Turn { shared: self.0.clone(), ticket };
        told.await.ok().map(|()| turn)
    }

    /// Whether the platform does not answer, and is only tried once in a while.
    pub fn is_stopped(&self) -> bool {
        self.0.state().pace.is_stopped()
    }

    /// Resolves each time that the platform answers again after calls were held back because it did not.
    pub async fn answers_again(&self) {
        self.0.answers_again.notified().await;
    }
}

impl Turn {
    /// Makes one call, when the pace allows it. One that must follow the call before it at once does not wait for its place.
    ///
    /// # Errors
    /// Those of the call, or [`crate::engine::failure::Cause::HeldBack`] when it was not made.
    pub async fn call<T>(&self, at_once: bool, call: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.allowed()?;
        let place = self.shared.state().pace.place(self.shared.now());
        if !at_once && !place.is_zero() {
            tokio::time::sleep(place).await;
            self.allowed()?;
        }
        let result = call.await;
        let mut state = self.shared.state();
        if state.pace.ended(result.as_ref().err(), self.shared.now()) {
            self.shared.answers_again.notify_one();
        }
        state.grant();
        drop(state);
        result
    }
}

impl Turn {
    fn allowed(&self) -> Result<(), Failure> {
        self.shared.state().pace.held_back(self.shared.now()).map_or(Ok(()), Err)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if let Some(waiting) = &mut state.waiting {
            waiting.remove(&self.ticket);
        }
        state.queue.leave(self.ticket);
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

    #[tokio::test]
    async fn a_change_finds_a_turn_while_polls_queue() {
        let turns = turns(2);
        let poll = turns.take(Class::Poll, "a").await.unwrap();
        assert!(turns.take(Class::Poll, "a").now_or_never().is_none(), "a second poll waits");
        let _change = turns.take(Class::Change, "a").now_or_never().unwrap().unwrap();
        drop(poll);
        assert!(turns.take(Class::Poll, "a").now_or_never().is_some(), "a turn that is given back is free");
        let mut waiting = std::pin::pin!(turns.take(Class::Poll, "a"));
        assert!(waiting.as_mut().now_or_never().is_some());
        turns.close();
        assert!(turns.take(Class::Deletion, "a").await.is_none(), "the operator stops");
    }

    #[tokio::test]
    async fn with_a_rate_a_call_waits_for_its_place_unless_it_must_follow_at_once() {
        let turns = Turns::new(Limits { concurrency: 1, rate: Some(0.001) });
        let turn = turns.take(Class::Deletion, "a").await.unwrap();
        let call = |at_once| turn.call(at_once, async { Ok(()) }).now_or_never();
        assert_eq!([false, false, true].map(call), [Some(Ok(())), None, Some(Ok(()))]);
    }

    #[tokio::test]
    async fn calls_are_held_back_while_the_platform_does_not_answer_and_its_answer_is_announced() {
        let turns = turns(1);
        let turn = turns.take(Class::Change, "a").await.unwrap();
        let down = || async { Err::<(), _>(Failure::new(Cause::Unreachable, "down")) };
        let held_back = async {
            loop {
                if turn.call(false, down()).await.unwrap_err().cause == Cause::HeldBack {
                    break;
                }
            }
        };
        held_back.now_or_never().unwrap();
        assert!(turns.answers_again().now_or_never().is_none());
        let answered = tokio::time::timeout(Duration::from_secs(10), async {
            while let Err(told) = turn.call(false, async { Ok(()) }).await {
                tokio::time::sleep(told.retry_after.unwrap()).await;
            }
        });
        answered.await.unwrap();
        turns.answers_again().now_or_never().unwrap();
    }
}
