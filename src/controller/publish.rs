//! The writer of status and events. An equal status is not written; a failed event is counted, never fatal.

use std::hash::{DefaultHasher, Hash, Hasher};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
    runtime::events::{Event, EventType},
};
use serde_json::json;
use tracing::warn;

use super::{MANAGER, Operator, index::Watched, packed::Packed, resolve::cluster_failure};
use crate::{
    api::Status,
    engine::{events::Note, failure::Failure, kind::Subject},
};

/// Longest note of an event, in bytes (Kubernetes convention).
const NOTE: usize = 1024;

impl Operator {
    /// Writes a status.
    ///
    /// # Errors
    /// When the API server refuses. The status is remembered and written by a later pass.
    pub(super) async fn write_status<K: Watched>(&self, subject: &Subject, status: &Status) -> Result<(), Failure> {
        let api: Api<Packed<K>> = Api::namespaced(self.client.clone(), &subject.namespace);
        let patch = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": {"name": subject.name, "uid": subject.uid},
            "status": status,
        });
        self.memories.writes(&subject.uid, status);
        self.metrics.status_written(&K::kind(&()));
        match api.patch_status(&subject.name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&patch)).await {
            Ok(written) => {
                self.memories.wrote(&subject.uid, version(&written).unwrap_or_default());
                // The watch may have been faster.
                if let Some(shown) = self.index.get::<K>(&subject.namespace, &subject.name) {
                    self.memories.shown(&subject.uid, version(&shown).unwrap_or_default());
                }
                Ok(())
            }
            Err(error) => Err(cluster_failure("write the status", &error)),
        }
    }

    /// Emits events, in order.
    pub(super) async fn emit(&self, about: &ObjectReference, notes: &[Note]) {
        for note in notes {
            let event = Event {
                type_: if note.warning { EventType::Warning } else { EventType::Normal },
                reason: note.reason.clone(),
                note: Some(shortened(&note.message)),
                action: action(&note.message),
                secondary: None,
            };
            if let Err(error) = self.events.publish(&event, about).await {
                self.metrics.event_failed();
                warn!(%error, "cannot write an event");
            }
        }
    }
}

/// The recorder takes events of one reason and action for repetitions of the first, whose text alone is shown. An event
/// that says something else is an action of its own.
fn action(message: &str) -> String {
    let mut hasher = DefaultHasher::new();
    message.hash(&mut hasher);
    format!("Reconcile-{:x}", hasher.finish())
}

/// A resource version as a number; comparable since Kubernetes 1.35, and in fact long before.
pub(super) fn version(object: &impl ResourceExt) -> Option<u64> {
    object.resource_version()?.parse().ok()
}

/// A reference for events.
pub(super) fn reference<K: Watched>(object: &K) -> ObjectReference {
    Resource::object_ref(object, &())
}

/// A note within the limit, cut between characters.
fn shortened(text: &str) -> String {
    if text.len() <= NOTE {
        return text.to_owned();
    }
    let end = (0..=NOTE - 3).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{}...", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_cut_between_characters() {
        let cut = shortened(&"é".repeat(600));
        assert!(cut.len() <= NOTE && cut.ends_with("é..."));
        assert_eq!(shortened("short"), "short");
    }
}
