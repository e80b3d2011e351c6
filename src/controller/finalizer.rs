//! Our finalizer: put on before the first write to the platform, taken off when the platform's object is gone or released.

use kube::ResourceExt;
use serde_json::json;

use super::{
    Operator,
    index::Watched,
    publish::{TRIES, version},
};
use crate::{
    api::FINALIZER,
    engine::{
        failure::{Cause, Failure},
        kind::Subject,
    },
};

impl Operator {
    /// Puts the finalizer on or takes it off; nothing to do is fine. Other finalizers are never touched: the patch holds
    /// only for the version that was read. It is put on the version that was decided upon, or not at all.
    ///
    /// # Errors
    /// When the API server refuses, or the resource was replaced by another one of the same name.
    /// [`Cause::Superseded`] when it changed meanwhile, or is another operator's.
    pub(super) async fn finalize<K: Watched>(&self, subject: &Subject, wanted: bool) -> Result<(), Failure> {
        let what = if wanted { "put the finalizer on the resource" } else { "take the finalizer off the resource" };
        for _ in 0..TRIES {
            let current = match self.current::<K>(subject, what).await? {
                Some(current) => current,
                None if wanted => return Err(Failure::new(Cause::Cluster, "the resource is gone")),
                None => return Ok(()),
            };
            let mut finalizers = current.finalizers().to_vec();
            if finalizers.iter().any(|finalizer| finalizer == FINALIZER) == wanted {
                return Ok(());
            }
            if wanted {
                if version(&current) != self.base(subject).version {
                    return Err(Failure::superseded());
                }
                finalizers.push(FINALIZER.to_owned());
            } else {
                finalizers.retain(|finalizer| finalizer != FINALIZER);
            }
            let patch = json!({"metadata": {"resourceVersion": current.resource_version(), "finalizers": finalizers}});
            match self.patch_metadata::<K>(subject, &patch, what).await {
                Err(failure) if failure.cause == Cause::Superseded && !wanted => {}
                result => return result,
            }
        }
        Err(Failure::new(Cause::Cluster, format!("cannot {what}: it changes all the time")))
    }
}
