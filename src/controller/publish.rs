//! The writer of status and events. An equal status is not written; a failed event is counted, never fatal.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tracing::warn;

use super::{
    MANAGER, Operator,
    index::Watched,
    packed::Packed,
    resolve::{cluster_failure, words},
};
use crate::{
    api::Status,
    engine::{events::Note, failure::Failure, kind::Subject, shown::over},
};

impl Operator {
    /// Writes a status.
    ///
    /// # Errors
    /// When the API server refuses. The status is remembered and written by a later pass.
    pub(super) async fn write_status<K: Watched>(&self, subject: &Subject, status: &Status) -> Result<(), Failure> {
        let api: Api<Packed<K>> = Api::namespaced(self.client.clone(), &subject.namespace);
        self.memories.writes(&subject.uid, status);
        let mut patch = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": {"name": subject.name, "uid": subject.uid},
            "status": status,
        });
        if !subject.unread.is_empty() {
            let there = api.get(&subject.name).await.map_err(|error| cluster_failure("read the resource", &error))?;
            patch["metadata"]["resourceVersion"] = json!(there.resource_version());
            patch["status"] = over(&there.value()["status"], status, &subject.unread);
        }
        self.metrics.status_written(&K::kind(&()));
        match api.patch_status(&subject.name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&patch)).await {
            Ok(written) => {
                self.memories.wrote(&subject.uid, version(&written).unwrap_or_default());
                // The watch may have been faster.
                if let Some(shown) = self.index.get::<K>(&subject.namespace, &subject.name) {
                    self.memories.shown(&subject.uid, version(&*shown).unwrap_or_default());
                }
                Ok(())
            }
            Err(error) => Err(cluster_failure("write the status", &error)),
        }
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
