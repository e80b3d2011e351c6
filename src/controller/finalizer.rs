//! Our finalizer: put on before the first write to the platform, taken off when the platform's object is gone or released.

use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::{Operator, index::Watched, resolve::cluster_failure};
use crate::{
    api::FINALIZER,
    engine::{
        failure::{Cause, Failure},
        kind::Subject,
    },
};

/// How often a lost race is tried again.
const TRIES: usize = 5;

impl Operator {
    /// Puts the finalizer on or takes it off; nothing to do is fine. Other finalizers are never touched: the patch holds
    /// only for the version that was read.
    ///
    /// # Errors
    /// When the API server refuses, or the resource was replaced by another one of the same name.
    pub(super) async fn finalize<K: Watched>(&self, subject: &Subject, wanted: bool) -> Result<(), Failure> {
        let api: Api<K> = Api::namespaced(self.client.clone(), &subject.namespace);
        let what = if wanted { "put the finalizer on the resource" } else { "take the finalizer off the resource" };
        for _ in 0..TRIES {
            let current = match api.get_metadata_opt(&subject.name).await {
                Ok(Some(current)) if current.uid().as_deref() == Some(&subject.uid) => current,
                Ok(_) if wanted => return Err(Failure::new(Cause::Cluster, "the resource is gone")),
                Ok(_) => return Ok(()),
                Err(error) => return Err(cluster_failure(what, &error)),
            };
            let mut finalizers = current.finalizers().to_vec();
            if finalizers.iter().any(|finalizer| finalizer == FINALIZER) == wanted {
                return Ok(());
            }
            if wanted {
                finalizers.push(FINALIZER.to_owned());
            } else {
                finalizers.retain(|finalizer| finalizer != FINALIZER);
            }
            let patch = json!({"metadata": {"resourceVersion": current.resource_version(), "finalizers": finalizers}});
            match api.patch_metadata(&subject.name, &PatchParams::default(), &Patch::Merge(&patch)).await {
                Ok(_) => return Ok(()),
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(kube::Error::Api(status)) if status.code == 404 && !wanted => return Ok(()),
                Err(error) => return Err(cluster_failure(what, &error)),
            }
        }
        Err(Failure::new(Cause::Cluster, format!("cannot {what}: it changes all the time")))
    }
}
