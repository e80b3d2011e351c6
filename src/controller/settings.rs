//! The settings ConfigMap, watched. A bad one leaves the last good settings in force.

use std::sync::{Arc, PoisonError, RwLock};

use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client, Resource, ResourceExt, runtime::watcher};
use tracing::{info, warn};

use super::{
    Operator,
    follow::{self, Watched},
    resolve::cluster_failure,
};
use crate::engine::{
    events::Note,
    failure::Failure,
    reason::Reason,
    settings::{KEY, Remark, Settings, parse_data},
};

/// The settings in force.
#[derive(Clone)]
pub struct Current {
    namespace: String,
    name: String,
    settings: Arc<RwLock<Option<Settings>>>,
}

impl Current {
    /// Settings that were not read yet.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned(), settings: Arc::default() }
    }

    /// The settings in force; `None` when there is no ConfigMap, or none that was ever valid.
    pub fn get(&self) -> Option<Settings> {
        *self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, settings: Option<Settings>) -> bool {
        let mut held = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        let changed = *held != settings;
        *held = settings;
        changed
    }

    /// The settings of this moment, for a decision that cannot be taken back.
    ///
    /// # Errors
    /// When the API server cannot be asked.
    pub async fn live(&self, client: &Client) -> Result<Option<Settings>, Failure> {
        let api: Api<ConfigMap> = Api::namespaced(client.clone(), &self.namespace);
        match api.get_opt(&self.name).await {
            Ok(Some(map)) => Ok(read(&map).map_or_else(|_| self.get(), |(settings, _)| Some(settings))),
            Ok(None) => Ok(None),
            Err(error) => Err(cluster_failure("read the settings", &error)),
        }
    }
}

fn read(map: &ConfigMap) -> Result<(Settings, Vec<Remark>), Vec<Remark>> {
    parse_data(map.data.as_ref().and_then(|data| data.get(KEY)).map(String::as_str))
}

/// Follows the ConfigMap; ends only with an error that the watch itself cannot mend.
pub async fn follow(operator: Arc<Operator>) {
    let current = operator.settings.clone();
    let api: Api<ConfigMap> = Api::namespaced(operator.client.clone(), &current.namespace);
    let only = watcher::Config::default().fields(&format!("metadata.name={}", current.name));
    let watched = Watched { what: "settings".to_owned(), namespace: Some(current.namespace.clone()) };
    let mut events = follow::follow(api, only, watched, &operator).boxed();
    let mut found = false;
    let mut seen = None;
    loop {
        let Some(event) = events.next().await else { return };
        match event {
            Ok(watcher::Event::Apply(map) | watcher::Event::InitApply(map)) => {
                found = true;
                // A list shows again what was there.
                if map.resource_version() != seen {
                    take(&operator, &map).await;
                    seen = map.resource_version();
                }
                operator.first_read.settings.send_replace(true);
            }
            Ok(watcher::Event::Init) => found = false,
            Ok(watcher::Event::InitDone) if found => {}
            Ok(watcher::Event::InitDone | watcher::Event::Delete(_)) => {
                warn!(configmap = %current.name, namespace = %current.namespace, "no settings ConfigMap: nothing is auto-created and no group is deleted");
                operator.metrics.settings_valid(false);
                seen = None;
                if current.set(None) {
                    operator.index.wake_unsettled();
                }
                operator.first_read.settings.send_replace(true);
            }
            Err(()) => {}
        }
    }
}

async fn take(operator: &Operator, map: &ConfigMap) {
    match read(map) {
        Ok((settings, warnings)) => {
            for warning in warnings {
                warn!(configmap = %map.name_any(), "settings: {warning}");
            }
            operator.metrics.settings_valid(true);
            if operator.settings.set(Some(settings)) {
                info!(?settings, "settings in force");
                operator.index.wake_unsettled();
            }
        }
        Err(problems) => {
            operator.metrics.settings_valid(false);
            let said = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            let kept = if operator.settings.get().is_some() {
                "the last good settings stay in force"
            } else {
                "there are no settings in force"
            };
            warn!(configmap = %map.name_any(), "settings: {said}; {kept}");
            let note =
                Note { warning: true, reason: Reason::SettingsInvalid.to_string(), message: format!("{said}; {kept}") };
            operator.emit(&map.object_ref(&()), &[note]).await;
        }
    }
}
