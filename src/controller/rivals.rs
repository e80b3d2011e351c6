//! Before a deletion: that the watches show every resource that may stand for the same object, or need it. A watch may be behind without a
//! word, and what it shows then is as old as its last event.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
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

/// What the last list of a slice said, and when it was begun. Of deletions at the same time one lists for all.
pub type Agreed = Arc<Mutex<Option<(Instant, Result<(), Failure>)>>>;

impl Operator {
    /// Waits until the watches show every resource that may stand for an object, or need it, as the API server had it at
    /// `since` or later.
    ///
    /// # Errors
    /// When the API server cannot be asked or is too slow, or a watch is behind.
    pub(super) async fn shows_all_that_concern<K: Watched>(
        &self,
        namespace: &str,
        key: &Key,
        since: Instant,
    ) -> Result<(), Failure> {
        let may_claim = |place: &str| self.may_claim(place, key);
        let is_here = |place: &str| place == namespace;
        let own = self.shows_all(K::slices(&self.index), may_claim, since);
        // A group stands for what its tenant says, and who needs a tenant or a reseller is in its namespace.
        let (is_group, is_reseller) = (matches!(key, Key::Group(..)), matches!(key, Key::Reseller(_)));
        let groups = self.shows_all(Group::slices(&self.index), |place| !is_group && is_here(place), since);
        let of_tenants = |place: &str| is_group && may_claim(place) || is_reseller && is_here(place);
        let tenants = self.shows_all(Tenant::slices(&self.index), of_tenants, since);
        let (own, groups, tenants) = tokio::join!(own, groups, tenants);
        own.and(groups).and(tenants)
    }

    async fn shows_all<K: Watched>(
        &self,
        slices: &[Slice<K>],
        concerns: impl Fn(&str) -> bool,
        since: Instant,
    ) -> Result<(), Failure> {
        let concerned = slices.iter().filter(|slice| slice.namespace.as_deref().is_none_or(&concerns));
        join_all(concerned.map(|slice| self.agrees(slice, since))).await.into_iter().collect()
    }

    async fn agrees<K: Watched>(&self, slice: &Slice<K>, since: Instant) -> Result<(), Failure> {
        let mut agreed = slice.agreed.lock().await;
        if let Some((began, said)) = &*agreed
            && *began >= since
        {
            return said.clone();
        }
        let began = Instant::now();
        let says = tokio::time::timeout(FRESH, self.is_in_step(slice)).await.unwrap_or_else(|_| {
            let message = format!(
                "the API server takes more than {FRESH:?} to list {}, of which one may have to do with the object",
                these(slice)
            );
            Err(Failure::new(Cause::Cluster, message))
        });
        *agreed = Some((began, says.clone()));
        says
    }

    async fn is_in_step<K: Watched>(&self, slice: &Slice<K>) -> Result<(), Failure> {
        let api: Api<K> = match &slice.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let mut sight = slice.sight.clone();
        let before = sight.borrow().shown;
        let mut page = ListParams::default().limit(PAGE);
        let mut newest = 0;
        loop {
            let list = api.list_metadata(&page).await.map_err(|error| not_listed(slice, &error))?;
            // After its store was restored the API server counts from an earlier version, which the watch does not hear of.
            let now = list.metadata.resource_version.as_ref().and_then(|version| version.parse::<u64>().ok());
            if now.is_some_and(|now| now < before) {
                return Err(not_shown(slice));
            }
            newest = list.items.iter().filter_map(version).fold(newest, u64::max);
            match list.metadata.continue_.filter(|more| !more.is_empty()) {
                Some(more) => page = page.continue_token(&more),
                None => break,
            }
        }
        match tokio::time::timeout(PATIENCE, sight.wait_for(|sight| sight.shown >= newest)).await {
            Ok(Ok(_)) => Ok(()),
            // Or the operator stops.
            Err(_) | Ok(Err(_)) => Err(not_shown(slice)),
        }
    }
}

fn these<K: Watched>(slice: &Slice<K>) -> String {
    let place = slice.namespace.as_ref().map_or_else(|| "all namespaces".to_owned(), |one| format!("namespace {one}"));
    format!("the {} of {place}", K::plural(&()))
}

fn not_listed<K: Watched>(slice: &Slice<K>, error: &kube::Error) -> Failure {
    let what = format!("list {}, of which one may have to do with the object", these(slice));
    let mut failure = cluster_failure(&what, error);
    if matches!(error, kube::Error::Api(status) if status.code == 403) {
        failure.message += "; give the operator its rights there, or take it out of --watch-namespaces";
    }
    failure
}

fn not_shown<K: Watched>(slice: &Slice<K>) -> Failure {
    let message = format!(
        "the watch of {} does not show what is there, so it is not known whether one of them has to do with the object",
        these(slice)
    );
    Failure::new(Cause::Cluster, message)
}
