//! Fencing of writes: a plan takes time, as every question does, and whoever changes his mind meanwhile is not overruled by
//! what was decided before. Right before each write to the platform what the plan saw is looked at again.

use std::time::Duration;

use kube::{Api, ResourceExt};
use tokio::time::Instant;

use super::{Operator, index::Watched, packed::Packed, resolve::cluster_failure};
use crate::engine::{
    facts::Cluster,
    failure::{Cause, Failure},
    kind::Subject,
    plan::Step,
    shown::Shown,
};

/// Longest wait for the API server before a write that is no deletion.
const SOON: Duration = Duration::from_secs(5);

/// The resource as the plan saw it.
pub(super) struct Basis<'a, K> {
    /// All of it.
    pub object: &'a Shown<K>,
    /// As the decisions see it.
    pub subject: &'a Subject,
}

impl<'a, K: Watched> Basis<'a, K> {
    /// What a pass begins with.
    pub fn new(object: &'a Shown<K>, subject: &'a Subject) -> Self {
        Self { object, subject }
    }
}

impl Operator {
    /// That a step still follows from what is there now: the resource is the one that the plan saw, and so is all that the
    /// cluster says of it. That is what the watches show; if the one of the resource has failed, and before a deletion, the API
    /// server itself is asked: for the resource, and before a deletion for what its watches should show, and what was counted
    /// must be fresh by then. The pass began at `began`.
    ///
    /// # Errors
    /// [`Cause::Superseded`] when it does not; [`Cause::HeldBack`] when it was counted too long ago; [`Cause::Cluster`] when
    /// nobody knows.
    pub(super) async fn still_holds<K: Watched>(
        &self,
        basis: &Basis<'_, K>,
        seen: &Cluster,
        step: &Step,
        began: Instant,
    ) -> Result<(), Failure> {
        let now = match step {
            Step::Delete(key, _, cleared) => {
                let counted = began + cleared.counted();
                self.shows_all_that_concern::<K>(&basis.subject.namespace, key, counted).await?;
                self.live(basis.object).await?
            }
            _ if self.index.is_blind::<K>(&basis.subject.namespace) => self.live_soon(basis.object).await?,
            _ => self.index.get::<K>(&basis.subject.namespace, &basis.subject.name),
        };
        let is_same = now
            .as_ref()
            .map(Shown::subject)
            .is_some_and(|now| !now.is_due_after(basis.subject) && !self.is_anothers(&K::kind(&()), &now));
        if !is_same || self.cluster(basis.object, basis.subject).await? != *seen {
            return Err(Failure::superseded());
        }
        match step {
            Step::Delete(_, _, cleared) if cleared.is_old(began.elapsed()) => {
                let message = "what the object holds was counted too long ago, so it is counted again first";
                Err(Failure::new(Cause::HeldBack, message))
            }
            _ => Ok(()),
        }
    }

    /// The same as [`Operator::live`], of an API server that answers soon: the lease goes on, and so do others who wait for a turn.
    ///
    /// # Errors
    /// When the API server cannot be asked, or takes longer.
    pub(super) async fn live_soon<K: Watched>(&self, object: &Shown<K>) -> Result<Option<Shown<K>>, Failure> {
        tokio::time::timeout(SOON, self.live(object)).await.unwrap_or_else(|_| {
            let message = format!(
                "the watch of the resource has broken off, and the API server takes more than {SOON:?} to show it"
            );
            Err(Failure::new(Cause::Cluster, message))
        })
    }

    /// A resource as the API server has it; `None` when it is gone, or another one has its name.
    ///
    /// # Errors
    /// When the API server cannot be asked.
    pub(super) async fn live<K: Watched>(&self, object: &Shown<K>) -> Result<Option<Shown<K>>, Failure> {
        let api: Api<Packed<K>> = Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default());
        match api.get_opt(&object.name_any()).await {
            Ok(now) => Ok(now.and_then(|now| now.open()).filter(|now| now.uid() == object.uid())),
            Err(error) => Err(cluster_failure("read the resource", &error)),
        }
    }
}
