//! Before a deletion: that the watches show every resource that may stand for the same object, or need it. A watch may be behind without a
//! word, and what it shows then is as old as its last event.

use std::{sync::Arc, time::Duration};

use kube::{Api, api::ListParams};
use tokio::{sync::Mutex, time::Instant};

use super::{
    Operator,
    index::{Slice, Watched},
    publish::version,
    resolve::cluster_failure,
};
use crate::{
    api::{Group, Tenant},
    engine::{
        check_group::FRESH,
        failure::{Cause, Failure},
        ids::Key,
    },
};

/// How many are listed at once.
const PAGE: u32 = 500;
/// How long the watch may take to show what was listed.
const PATIENCE: Duration = Duration::from_secs(2);

/// When the last list was begun that the watch shows all of. Of deletions at the same time one lists for all.
pub type Agreed = Arc<Mutex<Option<Instant>>>;

impl Operator {
    /// Waits until the watches show every resource that may stand for an object, or need it, as the API server has it now.
    ///
    /// # Errors
    /// When the API server cannot be asked, or a watch is behind.
    pub(super) async fn shows_all_that_concern<K: Watched>(&self, namespace: &str, key: &Key) -> Result<(), Failure> {
        self.shows_all(K::slices(&self.index), |place| self.may_claim(place, key)).await?;
        if !matches!(key, Key::Group(..)) {
            self.shows_all(Group::slices(&self.index), |place| place == namespace).await?;
        }
        if matches!(key, Key::Reseller(_)) {
            self.shows_all(Tenant::slices(&self.index), |place| place == namespace).await?;
        }
        Ok(())
    }

    async fn shows_all<K: Watched>(&self, slices: &[Slice<K>], concerns: impl Fn(&str) -> bool) -> Result<(), Failure> {
        for slice in slices.iter().filter(|slice| slice.namespace.as_deref().is_none_or(&concerns)) {
            let mut agreed = slice.agreed.lock().await;
            if agreed.is_none_or(|began| began.elapsed() >= FRESH) {
                let began = Instant::now();
                self.is_in_step(slice).await?;
                *agreed = Some(began);
            }
        }
        Ok(())
    }

    async fn is_in_step<K: Watched>(&self, slice: &Slice<K>) -> Result<(), Failure> {
        let (api, place): (Api<K>, _) = match &slice.namespace {
            Some(namespace) => (Api::namespaced(self.client.clone(), namespace), format!("namespace {namespace}")),
            None => (Api::all(self.client.clone()), "all namespaces".to_owned()),
        };
        let these = format!("the {} of {place}", K::plural(&()));
        let what = format!("list {these}, of which one may have to do with the object");
        let mut page = ListParams::default().limit(PAGE);
        let mut newest = 0;
        loop {
            let list = api.list_metadata(&page).await.map_err(|error| cluster_failure(&what, &error))?;
            newest = list.items.iter().filter_map(version).fold(newest, u64::max);
            match list.metadata.continue_.filter(|more| !more.is_empty()) {
                Some(more) => page = page.continue_token(&more),
                None => break,
            }
        }
        let mut sight = slice.sight.clone();
        match tokio::time::timeout(PATIENCE, sight.wait_for(|sight| sight.shown >= newest)).await {
            Ok(Ok(_)) => Ok(()),
            // Or the operator stops.
            Err(_) | Ok(Err(_)) => {
                let message = format!(
                    "the watch of {these} does not show what is there, so it is not known whether one of them has to do with the object"
                );
                Err(Failure::new(Cause::Cluster, message))
            }
        }
    }
}
