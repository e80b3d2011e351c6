//! The lease: taken before anything else begins, renewed all the time; when it cannot be renewed in time, the process ends.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, api::PostParams};
use tokio::time::Instant;
use tracing::{info, warn};

use super::resolve::words;
use crate::{
    engine::lease::{Move, Record, claim_of, evaluate, retry_of},
    platform::Claim,
    surroundings::Surroundings,
};

/// Takes part in the election for one lease.
pub struct Elector {
    api: Api<Lease>,
    name: String,
    me: String,
    duration: Duration,
    claim: Claim,
    surroundings: Surroundings,
    seen: Option<(Lease, Instant)>,
}

impl Elector {
    /// A candidate called `me`; the claim is extended while it holds the lease.
    pub fn new(
        api: Api<Lease>,
        name: &str,
        me: String,
        duration: Duration,
        claim: Claim,
        surroundings: Surroundings,
    ) -> Self {
        Self { api, name: name.to_owned(), me, duration, claim, surroundings, seen: None }
    }

    /// Waits until the lease is ours.
    pub async fn acquire(&mut self) {
        info!(lease = %self.name, me = %self.me, "waiting for the lease");
        loop {
            match self.turn().await {
                Ok(true) => {
                    info!(lease = %self.name, me = %self.me, "holding the lease");
                    return;
                }
                Ok(false) => {}
                Err(error) => warn!(lease = %self.name, %error, "cannot get the lease"),
            }
            tokio::time::sleep(retry_of(self.duration)).await;
        }
    }

    /// Renews the lease until that fails for too long; one sentence says why.
    pub async fn keep(&mut self) -> String {
        let mut problem = "there was no time to try".to_owned();
        loop {
            let Some(until) = self.claim.until() else {
                return format!("could not renew the lease {} in time: {problem}", self.name);
            };
            let renewed = async {
                tokio::time::sleep(retry_of(self.duration)).await;
                self.turn().await
            };
            match tokio::time::timeout_at(until, renewed).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => {
                    self.claim.end();
                    return format!("lost the lease {} to another operator", self.name);
                }
                Ok(Err(error)) => {
                    warn!(lease = %self.name, %error, "cannot renew the lease");
                    problem = error;
                }
                Err(_) => {}
            }
        }
    }

    /// Gives the lease back, so that another operator need not wait; best effort.
    pub async fn release(&mut self) {
        self.claim.end();
        let held = |lease: &Lease| record(lease, self.duration).holder.as_deref() == Some(&self.me);
        if let Some((lease, _)) = self.seen.take().filter(|(lease, _)| held(lease)) {
            let held = self.lease(Some(&lease), None);
            let params = PostParams::default();
            let replaced = self.api.replace(&self.name, &params, &held);
            if let Ok(Err(error)) = tokio::time::timeout(self.call_limit(), replaced).await {
                warn!(lease = %self.name, error = %words(&error), "cannot give the lease back");
            }
        }
    }

    /// One look and, if it is our turn, one write. `true` when the lease is ours afterwards.
    async fn turn(&mut self) -> Result<bool, String> {
        let limit = self.call_limit();
        match tokio::time::timeout(limit, self.look_and_write()).await {
            Ok(result) => result.map_err(|error| words(&error)),
            Err(_) => Err(format!("the API server did not answer within {limit:?}")),
        }
    }

    async fn look_and_write(&mut self) -> kube::Result<bool> {
        let current = self.api.get_opt(&self.name).await?;
        let sent = Instant::now();
        let unchanged_for = self.unchanged_for(current.as_ref());
        // A lease that was deleted says nothing about its holder: what was seen last counts on.
        let known = current.as_ref().or(self.seen.as_ref().map(|(lease, _)| lease));
        let record = known.map(|lease| record(lease, self.duration));
        if evaluate(&self.me, record.as_ref(), unchanged_for) == Move::Wait {
            return Ok(false);
        }
        let lease = self.lease(current.as_ref(), Some(&self.me));
        let lease = match current {
            None => self.api.create(&PostParams::default(), &lease).await?,
            // The resource version that was read is sent along: whoever lost the race gets a conflict.
            Some(_) => self.api.replace(&self.name, &PostParams::default(), &lease).await?,
        };
        self.claim.extend(sent + claim_of(self.duration));
        self.seen = Some((lease, sent));
        Ok(true)
    }

    /// How long this process has seen the record unchanged.
    fn unchanged_for(&mut self, current: Option<&Lease>) -> Duration {
        match (&self.seen, current) {
            (None, None) => Duration::ZERO,
            (Some((_, since)), None) => since.elapsed(),
            (Some((seen, since)), Some(current))
                if seen.metadata.resource_version == current.metadata.resource_version =>
            {
                since.elapsed()
            }
            (_, Some(current)) => {
                self.seen = Some((current.clone(), Instant::now()));
                Duration::ZERO
            }
        }
    }

    fn lease(&self, old: Option<&Lease>, holder: Option<&str>) -> Lease {
        let now = MicroTime(self.surroundings.now());
        let spec = old.and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let same = spec.holder_identity.as_deref() == holder;
        let metadata = old.map(|lease| lease.metadata.clone());
        Lease {
            metadata: metadata.unwrap_or_else(|| ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() }),
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.unwrap_or_default().to_owned()),
                lease_duration_seconds: i32::try_from(self.duration.as_secs()).ok(),
                acquire_time: if same { spec.acquire_time.clone() } else { Some(now.clone()) },
                renew_time: Some(now),
                lease_transitions: Some(spec.lease_transitions.unwrap_or_default() + i32::from(!same && old.is_some())),
                ..spec
            }),
        }
    }

    /// Short enough for several tries within a claim.
    fn call_limit(&self) -> Duration {
        claim_of(self.duration) / 3
    }
}

fn record(lease: &Lease, default: Duration) -> Record {
    let spec = lease.spec.as_ref();
    let seconds = spec.and_then(|spec| spec.lease_duration_seconds).and_then(|seconds| u64::try_from(seconds).ok());
    Record {
        holder: spec.and_then(|spec| spec.holder_identity.clone()),
        duration: seconds.map_or(default, Duration::from_secs),
    }
}
