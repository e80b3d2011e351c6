use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::engine::budget::Class;

/// The right to talk to the platform for one pass.
#[derive(Debug)]
pub struct Turn {
    _urgent: OwnedSemaphorePermit,
    _poll: Option<OwnedSemaphorePermit>,
}

/// Hands out turns, in the order of asking; polls never take more than half of them, so that a new group finds one free.
#[derive(Clone, Debug)]
pub struct Turns {
    all: Arc<Semaphore>,
    polls: Arc<Semaphore>,
}

impl Turns {
    /// At most this many passes talk to the platform at once.
    pub fn new(concurrency: usize) -> Self {
        let all = concurrency.max(1);
        Self { all: Arc::new(Semaphore::new(all)), polls: Arc::new(Semaphore::new((all / 2).max(1))) }
    }

    /// Gives no more turns: who waits for one goes without.
    pub fn close(&self) {
        self.all.close();
        self.polls.close();
    }

    /// Waits for a turn. `None` once they are closed.
    pub async fn take(&self, class: Class) -> Option<Turn> {
        let poll = match class {
            Class::Poll | Class::Recheck => Some(self.polls.clone().acquire_owned().await.ok()?),
            Class::Change | Class::Deletion => None,
        };
        Some(Turn { _urgent: self.all.clone().acquire_owned().await.ok()?, _poll: poll })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn a_change_finds_a_turn_while_polls_queue() {
        let turns = Turns::new(2);
        let _poll = turns.take(Class::Poll).await.unwrap();
        assert!(turns.take(Class::Poll).now_or_never().is_none(), "a second poll waits");
        let _change = turns.take(Class::Change).now_or_never().unwrap().unwrap();
        turns.close();
        assert!(turns.take(Class::Deletion).await.is_none(), "the operator stops");
    }
}
