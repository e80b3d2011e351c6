//! The writer of status and events. An equal status is not written; a failed event is counted, never fatal.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tracing::{debug, warn};

use super::{
    Operator,
    index::Watched,
    packed::Packed,
    resolve::{cluster_failure, words},
};
use crate::{
    api::Status,
    engine::{
        events::Note,
        failure::{Cause, Failure},
        kind::Subject,
        shown::over,
    },
};

/// How often a lost race is tried again.
pub(super) const TRIES: usize = 5;

/// What a status is written for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To have the record of what is about to be done: it must be that of the version which was read.
    Hold,
    /// To tell what was found.
    Report,
}

impl Operator {
    /// Writes a status, unless the resource is another operator's.
    ///
    /// # Errors
    /// When the API server refuses: the status is remembered and written by a later pass. [`Cause::Superseded`] when the
    /// resource is another operator's, or a record would not be that of the version which was read: then it is forgotten.
    pub(super) async fn write_status<K: Watched>(
        &self,
        subject: &Subject,
        status: &Status,
        purpose: Purpose,
    ) -> Result<(), Failure> {
        self.memories.writes(&subject.uid, status);
        self.metrics.status_written(&K::kind(&()));
        match self.apply_status::<K>(subject, status, purpose).await {
            Ok(written) => {
                self.memories.wrote(&subject.uid, written.unwrap_or_default());
                self.catch_up::<K>(subject);
                Ok(())
            }
            Err(failure) => {
                if failure.cause == Cause::Superseded {
                    self.memories.withdraws(&subject.uid);
                }
                Err(failure)
            }
        }
    }

    /// Gives the version that the resource then has. At first nothing is forced, so that the API server tells when somebody
    /// else manages a field; a person's is then taken back, in the version in which no operator but this one had any.
    async fn apply_status<K: Watched>(
        &self,
        subject: &Subject,
        status: &Status,
        purpose: Purpose,
    ) -> Result<Option<u64>, Failure> {
        let what = "write the status";
        self.succeed::<K>(subject).await?;
        let api: Api<Packed<K>> = Api::namespaced(self.client.clone(), &subject.namespace);
        let base = self.base(subject);
        let mut params = PatchParams::apply(self.managers.mine());
        // The first write of all decides whose the resource is.
        let mut on = base.version.filter(|_| purpose == Purpose::Hold || !base.is_ours);
        for _ in 0..TRIES {
            let mut told = json!(status);
            if !subject.unread.is_empty() {
                let there = api.get(&subject.name).await.map_err(|error| cluster_failure(what, &error))?;
                if there.open().is_none_or(|there| self.is_anothers(&K::kind(&()), &there.subject())) {
                    return Err(Failure::superseded());
                }
                told = over(&there.value()["status"], status, &subject.unread);
                on = version(&there);
            }
            let mut metadata = json!({"name": subject.name, "uid": subject.uid});
            if let Some(version) = on {
                metadata["resourceVersion"] = version.to_string().into();
            }
            let (api_version, kind) = (K::api_version(&()), K::kind(&()));
            let patch = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "status": told});
            match api.patch_status(&subject.name, &params, &Patch::Apply(&patch)).await {
                Ok(written) => return Ok(version(&written)),
                Err(kube::Error::Api(refused)) if refused.code == 409 => debug!(%refused.message, "status"),
                Err(error) => return Err(cluster_failure(what, &error)),
            }
            let Some(current) = self.current::<K>(subject, what).await? else { return Err(Failure::superseded()) };
            on = version(&current);
            if purpose == Purpose::Hold && on != base.version {
                return Err(Failure::superseded());
            }
            params.force = true;
        }
        Err(Failure::new(Cause::Cluster, format!("cannot {what}: the resource changes all the time")))
    }

    /// Emits events, in order.
    pub(super) async fn emit(&self, about: &ObjectReference, notes: &[Note]) {
        for note in notes {
            if let Err(error) = self.events.publish(note, about).await {
                self.metrics.event_failed();
                warn!(error = %words(&error), "cannot write an event");
            }
        }
    }
}

/// A resource version as a number; comparable since Kubernetes 1.35, and in fact long before.
pub(super) fn version(object: &impl ResourceExt) -> Option<u64> {
    object.resource_version()?.parse().ok()
}

/// A reference for events.
pub(super) fn reference<K: Watched>(object: &K) -> ObjectReference {
    Resource::object_ref(object, &())
}
