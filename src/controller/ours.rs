//! Whose a resource is: it is written to only as long as it is not another operator's.

use std::sync::PoisonError;

use kube::{
    Api, ResourceExt,
    api::{PartialObjectMeta, Patch, PatchParams},
};
use serde_json::json;
use tracing::warn;

use super::{Operator, index::Watched, publish::version, resolve::cluster_failure};
use crate::engine::{
    failure::Failure,
    kind::Subject,
    managers::{self, Holder, OPERATOR},
};

/// What a write goes by.
pub(super) struct Base {
    /// The version of the resource that was read, or that our own last write gave it.
    pub version: Option<u64>,
    /// Whether no other operator can have written to it since: it is ours.
    pub is_ours: bool,
}

impl Operator {
    /// Whether a resource is another operator's, which is said once of each.
    pub(super) fn is_anothers(&self, kind: &str, subject: &Subject) -> bool {
        let Holder::Other(other) = self.managers.holder(&subject.operators) else { return false };
        if self.met.lock().unwrap_or_else(PoisonError::into_inner).insert(other.to_owned()) {
            let release = other.strip_prefix(OPERATOR).unwrap_or(other).trim_start_matches('/');
            warn!(
                %kind, namespace = %subject.namespace, name = %subject.name, operator = %other,
                "another operator serves this resource, so this one leaves it alone, and others like it: let one operator serve a namespace, \
                 or, if that one is gone for good, start this one with --succeed {release}"
            );
        }
        true
    }

    /// What a write to a resource goes by.
    pub(super) fn base(&self, subject: &Subject) -> Base {
        match self.memories.of(&subject.uid).touched {
            // The watch is slower than we are.
            Some(touched) if subject.version.is_none_or(|shown| shown < touched) => {
                Base { version: Some(touched), is_ours: true }
            }
            _ => Base { version: subject.version, is_ours: self.managers.holder(&subject.operators) == Holder::Mine },
        }
    }

    /// The metadata of a resource as the API server has it now; `None` when it is gone, or another one has its name.
    ///
    /// # Errors
    /// When the API server cannot be asked, or the resource is another operator's by now.
    pub(super) async fn current<K: Watched>(
        &self,
        subject: &Subject,
        what: &str,
    ) -> Result<Option<PartialObjectMeta<K>>, Failure> {
        let api: Api<K> = Api::namespaced(self.client.clone(), &subject.namespace);
        let current = api.get_metadata_opt(&subject.name).await.map_err(|error| cluster_failure(what, &error))?;
        let Some(current) = current.filter(|now| now.uid().as_deref() == Some(&subject.uid)) else { return Ok(None) };
        match self.managers.holder(&managers::operators(current.managed_fields())) {
            Holder::Other(_) => Err(Failure::superseded()),
            _ => Ok(Some(current)),
        }
    }

    /// Makes ours what an operator manages that we succeed. That comes before anything else that is written; what is as it
    /// should be is not written to for that.
    ///
    /// # Errors
    /// When the API server refuses, or somebody else changed the resource at the same time.
    pub(super) async fn succeed<K: Watched>(&self, subject: &Subject) -> Result<(), Failure> {
        if self.managers.holder(&subject.operators) != Holder::Predecessor || self.base(subject).is_ours {
            return Ok(());
        }
        let what = "take over the resource of the operator before this one";
        let Some(current) = self.current::<K>(subject, what).await? else { return Err(Failure::superseded()) };
        let entries = self.managers.taken_over(current.managed_fields());
        let patch = json!({"metadata": {"resourceVersion": current.resource_version(), "managedFields": entries}});
        self.patch_metadata::<K>(subject, &patch, what).await
    }

    /// Changes the metadata of the version that the patch names.
    ///
    /// # Errors
    /// When the API server refuses, or there is another version by now.
    pub(super) async fn patch_metadata<K: Watched>(
        &self,
        subject: &Subject,
        patch: &serde_json::Value,
        what: &str,
    ) -> Result<(), Failure> {
        let api: Api<K> = Api::namespaced(self.client.clone(), &subject.namespace);
        let params = PatchParams { field_manager: Some(self.managers.mine().to_owned()), ..PatchParams::default() };
        match api.patch_metadata(&subject.name, &params, &Patch::Merge(patch)).await {
            Ok(written) => {
                self.touched::<K>(subject, version(&written));
                Ok(())
            }
            Err(kube::Error::Api(status)) if status.code == 409 => Err(Failure::superseded()),
            Err(error) => Err(cluster_failure(what, &error)),
        }
    }

    /// Remembers that the resource got this version by a write of ours.
    fn touched<K: Watched>(&self, subject: &Subject, written: Option<u64>) {
        self.memories.touched(&subject.uid, written.unwrap_or_default());
        self.catch_up::<K>(subject);
    }

    /// The watch may have been faster than what we remember of our own writes.
    pub(super) fn catch_up<K: Watched>(&self, subject: &Subject) {
        if let Some(shown) = self.index.get::<K>(&subject.namespace, &subject.name) {
            self.memories.shown(&subject.uid, version(&*shown).unwrap_or_default());
        }
    }
}
