//! The writer of status and events. An equal status is not written; a failed event is counted, never fatal.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Api, ResourceExt,
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
enum Purpose {
    /// To have the record of what is about to be done: it must be that of the version which was read.
    Hold,
    /// To tell what was found.
    Report,
}

impl Operator {
    /// Writes the record of what is about to be done, on the version that was read: whoever else wrote to the resource since
    /// then has the record looked at again first.
    ///
    /// # Errors
    /// When the API server refuses, or does not say that it took it. [`Cause::Superseded`] when the resource changed meanwhile,
    /// or is another operator's.
    pub(super) async fn hold<K: Watched>(&self, subject: &Subject, status: &Status) -> Result<(), Failure> {
        self.memories.holds(&subject.uid, status);
        let result = self.apply_status::<K>(subject, status, Purpose::Hold).await;
        match result {
            Ok(written) => {
                self.wrote::<K>(subject, written);
                Ok(())
            }
            Err(failure) => {
                self.memories.lets_go(&subject.uid);
                Err(failure)
            }
        }
    }

    /// Tells what was found: the status, and then the events that go with it.
    ///
    /// # Errors
    /// When the API server refuses: both are remembered and told by a later pass. [`Cause::Superseded`] when the resource is
    /// another operator's: then they are forgotten.
    pub(super) async fn tell<K: Watched>(
        &self,
        about: &ObjectReference,
        subject: &Subject,
        status: &Status,
        notes: &[Note],
    ) -> Result<(), Failure> {
        self.memories.reports(&subject.uid, status, notes);
        match self.apply_status::<K>(subject, status, Purpose::Report).await {
            Ok(written) => {
                let notes = self.wrote::<K>(subject, written);
                self.emit(about, &notes).await;
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

    fn wrote<K: Watched>(&self, subject: &Subject, version: Option<u64>) -> Vec<Note> {
        let notes = self.memories.wrote(&subject.uid, version.unwrap_or_default());
        self.catch_up::<K>(subject);
        notes
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
        self.metrics.status_written(&K::kind(&()));
        self.succeed::<K>(subject).await?;
        let api: Api<Packed<K>> = Api::namespaced(self.client.clone(), &subject.namespace);
        let base = self.base(subject);
        let mut params = PatchParams::apply(self.managers.mine());
        // The first write of all decides whose the resource is; and later it may have been replaced by another one of its name,
        // which the API server does not look at for a status.
        let mut on = base.version;
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
