use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Notify, oneshot};

use crate::engine::{
    budget::{
        Class,
        pace::{Limits, Pace},
        queue::{CROWD, Queue, Ticket},
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
    /// Asks those to come back who found a crowd; the first comes first.
    later: VecDeque<Box<dyn FnOnce() + Send>>,
}

impl State {
    fn grant(&mut self) {
        let Some(waiting) = &mut self.waiting else { return };
        let crowd = self.queue.background();
        while let Some(ticket) = self.queue.grant(self.pace.window()) {
            if let Some(told) = waiting.remove(&ticket) {
                // Who does not wait any more leaves the queue by itself.
                let _ = told.send(());
            }
        }
        let left = self.queue.background();
        // One for one; and some may not have come, because their resource is gone.
        let room = if left == 0 { CROWD } else { crowd - left };
        self.later.drain(..room.min(self.later.len())).for_each(|come_back| come_back());
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
        let state = State {
            queue: Queue::default(),
            pace: Pace::new(limits),
            waiting: Some(HashMap::new()),
            later: VecDeque::new(),
        };
        Self(Arc::new(Shared { began: Instant::now(), state: Mutex::new(state), answers_again: Notify::new() }))
    }

    /// Gives no more turns: who waits for one goes without.
    pub fn close(&self) {
        let mut state = self.0.state();
        let closed = (state.waiting.take(), std::mem::take(&mut state.later));
        drop(state);
        drop(closed);
    }

    /// Waits for a turn; `lane` is the tenant that it is for. `None` once they are closed, and for what can wait when many
    /// do so already: `come_back` is called when there is room.
    pub async fn take(&self, class: Class, lane: &str, come_back: impl FnOnce() + Send + 'static) -> Option<Turn> {
        let (tell, told) = oneshot::channel();
        let ticket = {
            let mut state = self.0.state();
            let State { queue, waiting: Some(waiting), later, .. } = &mut *state else { return None };
            if queue.is_crowded(class) {
                later.push_back(Box::new(come_back));
                return None;
            }
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
        let poll = turns.take(Class::Poll, "a", || ()).await.unwrap();
        assert!(turns.take(Class::Poll, "a", || ()).now_or_never().is_none(), "a second poll waits");
        let _change = turns.take(Class::Change, "a", || ()).now_or_never().unwrap().unwrap();
        drop(poll);
        assert!(turns.take(Class::Poll, "a", || ()).now_or_never().is_some(), "a turn that is given back is free");
        let mut waiting = std::pin::pin!(turns.take(Class::Poll, "a", || ()));
        assert!(waiting.as_mut().now_or_never().is_some());
        turns.close();
        assert!(turns.take(Class::Deletion, "a", || ()).await.is_none(), "the operator stops");
    }

    #[tokio::test]
    async fn who_finds_a_crowd_is_called_once_there_is_room() {
        let turns = turns(2);
        let running = turns.take(Class::Poll, "a", || ()).await.unwrap();
        let mut crowd: Vec<_> = (0..CROWD).map(|_| Box::pin(turns.take(Class::Poll, "a", || ()))).collect();
        assert!(crowd.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
        let (called, calls) = std::sync::mpsc::channel();
        for number in 0..3 {
            let called = called.clone();
            let came = turns.take(Class::Poll, "b", move || called.send(number).unwrap()).now_or_never();
            assert!(came.unwrap().is_none(), "it does not even wait");
        }
        assert!(
            turns.take(Class::Change, "b", || ()).now_or_never().unwrap().is_some(),
            "what is urgent meets no crowd"
        );
        assert!(calls.try_recv().is_err());
        drop(running);
        assert_eq!(calls.try_iter().collect::<Vec<_>>(), [0], "one turn more, one call");
        drop(crowd);
        assert_eq!(calls.try_iter().collect::<Vec<_>>(), [1, 2], "nobody waits any more");
    }

    #[tokio::test]
    async fn with_a_rate_a_call_waits_for_its_place_unless_it_must_follow_at_once() {
        let turns = Turns::new(Limits { concurrency: 1, rate: Some(0.001) });
        let turn = turns.take(Class::Deletion, "a", || ()).await.unwrap();
        let call = |at_once| turn.call(at_once, async { Ok(()) }).now_or_never();
        assert_eq!([false, false, true].map(call), [Some(Ok(())), None, Some(Ok(()))]);
    }

    #[tokio::test]
    async fn calls_are_held_back_while_the_platform_does_not_answer_and_its_answer_is_announced() {
        let turns = turns(1);
        let turn = turns.take(Class::Change, "a", || ()).await.unwrap();
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
