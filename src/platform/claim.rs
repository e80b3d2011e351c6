use std::sync::{Arc, Mutex, PoisonError};

use tokio::{
    sync::{OwnedRwLockWriteGuard, RwLock},
    time::Instant,
};

use crate::engine::failure::{Cause, Failure};

/// The right to write to the platform, until a moment of this process's monotonic clock. Checked before each write, which is
/// cut off at that moment: two operators never write at once.
#[derive(Clone, Debug, Default)]
pub struct Claim {
    until: Arc<Mutex<Option<Instant>>>,
    /// Read by each write that is under way.
    writes: Arc<RwLock<()>>,
}

/// As long as it is kept, no write begins.
pub struct Rest(#[allow(dead_code)] OwnedRwLockWriteGuard<()>);

impl Claim {
    /// Moves the end of the claim.
    pub fn extend(&self, until: Instant) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// Ends it now.
    pub fn end(&self) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// When it ends; `None` when it has ended or never began.
    pub fn until(&self) -> Option<Instant> {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.filter(|until| Instant::now() < *until)
    }

    /// Waits until the writes under way have ended. Whoever would begin one waits from now on.
    pub async fn rest(&self) -> Rest {
        Rest(self.writes.clone().write_owned().await)
    }

    /// Makes a write while the claim holds.
    ///
    /// # Errors
    /// [`Cause::NotLeader`] when it does not hold; [`Cause::Ambiguous`] when it ended in the middle.
    pub async fn guard<T>(&self, write: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let _under_way = self.writes.read().await;
        let mut write = std::pin::pin!(write);
        let mut begun = false;
        while let Some(until) = self.until() {
            begun = true;
            // Renewed in the meantime, it goes on.
            if let Ok(result) = tokio::time::timeout_at(until, &mut write).await {
                return result;
            }
        }
        Err(match begun {
            false => Failure::new(Cause::NotLeader, "this operator may not write: it does not hold the lease"),
            true => Failure::new(Cause::Ambiguous, "the lease ended during a write; its result is not known"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::time::Duration;

    #[tokio::test]
    async fn without_a_claim_a_write_does_not_begin() {
        let claim = Claim::default();
        let begun = std::cell::Cell::new(false);
        let write = || async {
            begun.set(true);
            Ok(())
        };
        assert_eq!(claim.guard(write()).await.unwrap_err().cause, Cause::NotLeader);
        claim.extend(Instant::now() + Duration::from_secs(60));
        assert!(claim.guard(write()).await.is_ok() && begun.get());
        claim.end();
        assert_eq!(claim.guard(write()).await.unwrap_err().cause, Cause::NotLeader);
    }

    #[tokio::test]
    async fn a_write_is_cut_off_when_the_claim_ends() {
        let claim = Claim::default();
        claim.extend(Instant::now() + Duration::from_millis(20));
        let endless = std::future::pending::<Result<(), Failure>>();
        assert_eq!(claim.guard(endless).await.unwrap_err().cause, Cause::Ambiguous);
    }

    #[tokio::test]
    async fn a_write_goes_on_while_the_claim_is_renewed() {
        let claim = Claim::default();
        let first_end = Instant::now() + Duration::from_millis(20);
        claim.extend(first_end);
        let renewed = claim.clone();
        let (done, finished) = tokio::sync::oneshot::channel();
        let write = async move { finished.await.map_err(|_| Failure::new(Cause::Bug, "")) };
        let renew = async move {
            renewed.extend(Instant::now() + Duration::from_secs(60));
            tokio::time::sleep_until(first_end + Duration::from_millis(5)).await;
            done.send(()).unwrap();
        };
        assert!(tokio::join!(claim.guard(write), renew).0.is_ok());
    }

    #[tokio::test]
    async fn a_rest_waits_for_the_write_under_way_and_no_other_begins() {
        let claim = Claim::default();
        claim.extend(Instant::now() + Duration::from_secs(60));
        let (done, finished) = tokio::sync::oneshot::channel();
        let write = claim.guard(async { finished.await.map_err(|_| Failure::new(Cause::Bug, "")) });
        let mut write = std::pin::pin!(write);
        assert!(write.as_mut().now_or_never().is_none());
        let mut rest = std::pin::pin!(claim.rest());
        assert!(rest.as_mut().now_or_never().is_none(), "a write is under way");
        let mut late = std::pin::pin!(claim.guard(async { Ok(()) }));
        assert!(late.as_mut().now_or_never().is_none());
        done.send(()).unwrap();
        write.await.unwrap();
        let rest = rest.now_or_never().unwrap();
        assert!(late.as_mut().now_or_never().is_none(), "it would begin");
        drop(rest);
        late.await.unwrap();
    }

    #[tokio::test]
    async fn what_waits_behind_a_rest_does_not_begin_when_the_claim_was_ended_meanwhile() {
        let claim = Claim::default();
        claim.extend(Instant::now() + Duration::from_secs(60));
        let rest = claim.rest().await;
        let mut late = std::pin::pin!(claim.guard(async { Ok(()) }));
        assert!(late.as_mut().now_or_never().is_none());
        claim.end();
        drop(rest);
        assert_eq!(late.await.unwrap_err().cause, Cause::NotLeader);
    }
}
