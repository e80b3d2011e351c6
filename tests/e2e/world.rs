use std::{collections::BTreeMap, fmt::Debug, time::Duration};

use apio_operator::api::{Group, REQUESTED_AT, Status};
use k8s_openapi::{NamespaceResourceScope, api::events::v1::Event};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ListParams, Patch, PatchParams},
    runtime::wait::await_condition,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use testkit::{
    cluster::ControlPlane,
    deployment::{Operator, rights},
    simulator::{PASSWORD, Simulator, USERNAME},
};

pub use crate::cluster::{DEFINITIONS, RULES, client, defined, new_name, operator, own_plane, plane, program};
use crate::fixtures::{credentials, settings};

/// Longest wait for anything that should happen at once.
pub const SOON: Duration = Duration::from_secs(30);
/// Every check of `CHECK_GROUP` on, nothing created on the way.
pub const SETTINGS: &str = "CHECK_GROUP: {}";

/// What an operator logs unless a test wishes something else.
const LOG: &str = "debug,kube=info,hyper=info,rustls=info,tower=info,reqwest=info,h2=info";

/// What an operator logs once it has tried a Secret.
const NEW_CREDENTIALS: &str = "new credentials in use";

/// One test's world.
pub struct World {
    pub plane: &'static ControlPlane,
    pub namespace: String,
    pub platform: Simulator,
    pub operator: Operator,
    pub client: Client,
}

/// What a test wants to be different.
#[derive(Default)]
pub struct Wish<'a> {
    pub settings: Option<&'a str>,
    pub no_settings: bool,
    pub no_credentials: bool,
    pub arguments: &'a [&'a str],
    /// More of the operator's environment.
    pub environment: &'a [(&'a str, &'a str)],
    /// Where the operator finds the platform, when that is not the simulator's own address.
    pub platform_url: Option<&'a str>,
    /// A simulator that was started before, for what stands in front of it.
    pub platform: Option<Simulator>,
    pub platform_is_down: bool,
    /// Every namespace of the cluster is watched: only on a control plane of its own.
    pub everywhere: bool,
    /// A control plane of its own, for a test that would disturb others.
    pub plane: Option<&'static ControlPlane>,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Wish::default()).await
    }

    pub async fn with_settings(settings: &str) -> Self {
        Self::with(Wish { settings: Some(settings), ..Wish::default() }).await
    }

    pub async fn with(wish: Wish<'_>) -> Self {
        let plane = wish.plane.unwrap_or_else(plane);
        let namespace = new_name();
        let platform = match wish.platform {
            Some(platform) => platform,
            None => Simulator::start().await.unwrap(),
        };
        if wish.platform_is_down {
            platform.stop().await;
        }
        let url = wish.platform_url.map_or_else(|| platform.url(), str::to_owned);
        let mut program = program();
        program.envs(wish.environment.iter().copied());
        let operator = tokio::task::spawn_blocking({
            let namespace = namespace.clone();
            let watched = (!wish.everywhere).then_some(namespace.as_str());
            let mut set_up = rights(RULES, &namespace, watched);
            if !wish.no_settings {
                set_up += &settings(wish.settings.unwrap_or(SETTINGS));
            }
            if !wish.no_credentials {
                set_up += &credentials(USERNAME, PASSWORD);
            }
            let log: &[&str] = if wish.arguments.contains(&"--log") { &[] } else { &["--log", LOG] };
            let watch = watched.map(|place| ["--watch-namespaces", place]);
            let own = [&["--namespace", &namespace], log, watch.as_slice().as_flattened(), wish.arguments].concat();
            let own: Vec<String> = own.into_iter().map(str::to_owned).collect();
            move || {
                plane.run(&["create", "namespace", &namespace]).unwrap();
                plane.apply_in(&namespace, &set_up).unwrap();
                let own: Vec<&str> = own.iter().map(String::as_str).collect();
                operator(program, plane, &namespace, &url, &own)
            }
        })
        .await
        .unwrap();
        let world = Self { plane, namespace, platform, operator, client: client(plane).await };
        world.settled(!wish.no_settings, !wish.no_credentials).await;
        world
    }

    /// Ends the operator and starts one that serves another platform, or has other flags.
    pub fn replace_operator(&mut self, url: &str, more: &[&str]) {
        assert_eq!(self.operator.stop(), Some(0));
        self.start_operator(url, more);
    }

    /// Starts another one where there is none any more.
    pub fn start_operator(&mut self, url: &str, more: &[&str]) {
        let place = ["--namespace", &self.namespace, "--watch-namespaces", &self.namespace];
        self.operator = operator(program(), self.plane, &self.namespace, url, &[&place[..], more].concat());
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// `kubectl apply`; panics with what it said.
    pub fn apply(&self, yaml: &str) -> String {
        self.plane.apply_in(&self.namespace, yaml).unwrap()
    }

    /// `kubectl` in the namespace; panics with what it said.
    pub fn kubectl(&self, args: &[&str]) -> String {
        self.plane.run(&[&["-n", &self.namespace], args].concat()).unwrap()
    }

    /// Deletes without waiting.
    pub fn delete(&self, what: &str) {
        self.kubectl(&["delete", what, "--wait=false"]);
    }

    /// Waits until a resource is as wanted and gives it.
    pub async fn until<K>(&self, name: &str, what: &str, wanted: impl Fn(&K) -> bool + Send + Sync) -> K
    where
        K: Watchable,
    {
        let condition = |object: Option<&K>| object.is_some_and(&wanted);
        let waited = tokio::time::timeout(SOON, await_condition(self.api::<K>(), name, condition)).await;
        match waited {
            Ok(found) => found.unwrap().unwrap(),
            Err(_) => {
                let now = self.kubectl(&["get", K::plural(&()).as_ref(), name, "-o", "yaml"]);
                panic!("{what}: not within {SOON:?}; now:\n{now}\n{}", self.story());
            }
        }
    }

    /// Waits until a resource is gone.
    pub async fn until_gone<K>(&self, name: &str)
    where
        K: Watchable,
    {
        let gone = |object: Option<&K>| object.is_none();
        if tokio::time::timeout(SOON, await_condition(self.api::<K>(), name, gone)).await.is_err() {
            let now = self.kubectl(&["get", K::plural(&()).as_ref(), name, "-o", "yaml"]);
            panic!("{name} is not gone within {SOON:?}; now:\n{now}\n{}", self.story());
        }
    }

    /// Waits until a resource is Ready with its present spec.
    pub async fn ready<K>(&self, name: &str) -> K
    where
        K: Watchable + HasStatus,
    {
        self.until(name, "Ready", |object: &K| {
            let status = object.conditions();
            status.observed_generation == object.meta().generation && is(&status, "Ready", "True")
        })
        .await
    }

    /// Waits until a condition has this reason, for the present spec.
    pub async fn reason<K>(&self, name: &str, kind: &str, reason: &str) -> K
    where
        K: Watchable + HasStatus,
    {
        self.until(name, &format!("{kind} has the reason {reason}"), |object: &K| {
            let status = object.conditions();
            status.observed_generation == object.meta().generation
                && status.conditions.iter().any(|condition| condition.type_ == kind && condition.reason == reason)
        })
        .await
    }

    /// A group that is Ready.
    pub async fn group(&self, name: &str) -> Group {
        self.ready(name).await
    }

    /// The events of a resource: how often each reason was told.
    pub async fn events(&self, name: &str) -> BTreeMap<String, usize> {
        let mut reasons = BTreeMap::new();
        for event in self.api::<Event>().list(&ListParams::default()).await.unwrap() {
            if event.regarding.and_then(|about| about.name).as_deref() == Some(name) {
                *reasons.entry(event.reason.unwrap_or_default()).or_default() += 1;
            }
        }
        reasons
    }

    /// Changes a resource by a merge patch.
    pub async fn change<K>(&self, name: &str, patch: Value) -> K
    where
        K: Watchable,
    {
        self.api::<K>().patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap()
    }

    /// Asks the operator to look at a resource now and waits until it did; gives what it then says.
    pub async fn looked<K>(&self, name: &str) -> K
    where
        K: Watchable + HasStatus,
    {
        let token = new_name();
        self.change::<K>(name, json!({"metadata": {"annotations": {REQUESTED_AT: token}}})).await;
        self.until(name, "looked at", |object: &K| {
            object.conditions().last_handled_requested_at.as_ref() == Some(&token)
        })
        .await
    }

    /// Has the operator go on with a deletion now instead of in some seconds; it may have ended by itself meanwhile.
    pub async fn nudge<K: Watchable>(&self, name: &str) {
        let patch = Patch::Merge(json!({"metadata": {"annotations": {REQUESTED_AT: new_name()}}}));
        match self.api::<K>().patch(name, &PatchParams::default(), &patch).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            patched => drop(patched.unwrap()),
        }
    }

    /// What the operator answers on `/livez`, `/readyz` or `/metrics`; `None` while it does not listen.
    pub async fn page(&self, path: &str) -> Option<(u16, String)> {
        let answer = reqwest::get(self.operator.url(path)).await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// The sum of the metrics whose line begins so.
    pub async fn metric(&self, begin: &str) -> u64 {
        let (_, text) = self.page("/metrics").await.unwrap_or_default();
        let values = text.lines().filter(|line| line.starts_with(begin)).filter_map(|line| line.rsplit(' ').next());
        values.filter_map(|value| value.parse::<u64>().ok()).sum()
    }

    /// Waits for something that nothing announces: metrics, the log, another process.
    pub async fn poll<F: Future<Output = bool>>(&self, what: &str, wanted: impl Fn() -> F) {
        let looked = tokio::time::timeout(SOON, async {
            while !wanted().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        if looked.await.is_err() {
            panic!("{what}: not within {SOON:?}\n{}", self.story());
        }
    }

    /// Waits until the operator leads and has listed what it may. One that does not lead yet is ready too.
    pub async fn has_listed(&self) {
        self.poll("the operator leads and has listed", || async {
            self.metric("apio_operator_leader").await == 1
                && self.page("/readyz").await.is_some_and(|(code, _)| code == 200)
        })
        .await;
    }

    /// Waits until the operator has read everything that it starts with: what it reads later wakes what is there.
    async fn settled(&self, settings: bool, credentials: bool) {
        self.has_listed().await;
        self.poll("the operator has read what it starts with", || async {
            let log = self.operator.log();
            (!settings || log.contains("settings in force") || log.contains("settings: "))
                && (!credentials || log.contains(NEW_CREDENTIALS) || log.contains("credentials: "))
        })
        .await;
    }

    /// Waits until the operator has taken so many Secrets into use.
    pub async fn has_credentials(&self, times: usize) {
        self.poll("new credentials", || async { self.operator.log().matches(NEW_CREDENTIALS).count() >= times }).await;
    }

    /// Waits for an event of a resource.
    pub async fn told(&self, name: &str, reason: &str) {
        self.poll(&format!("the event {reason} of {name}"), || async { self.events(name).await.contains_key(reason) })
            .await;
    }

    /// Writes to the platform as text.
    pub fn writes(&self) -> Vec<String> {
        self.platform.writes().iter().map(|call| format!("{} {}", call.method, call.path)).collect()
    }

    /// Bodies of the writes of a method to a path.
    pub fn bodies(&self, method: &str, path: &str) -> Vec<serde_json::Value> {
        let calls = self.platform.writes().into_iter().filter(|call| call.method == method && call.path == path);
        calls.map(|call| call.body.unwrap_or_default()).collect()
    }

    /// The writes whose body holds this text as a value, with their bodies.
    pub fn written_about(&self, text: &str) -> Vec<(String, Value)> {
        let about = |body: &Value| body.to_string().contains(&format!("{text:?}"));
        let calls = self.platform.writes().into_iter();
        calls.filter_map(|call| Some((format!("{} {}", call.method, call.path), call.body.filter(about)?))).collect()
    }

    /// What happened, for a failing test.
    pub fn story(&self) -> String {
        let journal: Vec<_> = self.platform.journal().iter().map(ToString::to_string).collect();
        let log = self.operator.log();
        let tail: Vec<_> = log.lines().rev().take(40).collect();
        let tail: Vec<_> = tail.into_iter().rev().collect();
        format!("platform:\n{}\noperator:\n{}", journal.join("\n"), tail.join("\n"))
    }
}

/// Resources that can be waited for.
pub trait Watchable:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Send + Sync + 'static
{
}

impl<K> Watchable for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// Resources with our status.
pub trait HasStatus {
    fn conditions(&self) -> Status;
}

impl<K: apio_operator::engine::kind::Kind> HasStatus for K {
    fn conditions(&self) -> Status {
        self.status().cloned().unwrap_or_default()
    }
}

/// Whether a condition is there.
pub fn has(object: &impl HasStatus, kind: &str) -> bool {
    object.conditions().conditions.iter().any(|condition| condition.type_ == kind)
}

/// Whether a condition has this status.
pub fn is(status: &Status, kind: &str, value: &str) -> bool {
    status.conditions.iter().any(|condition| condition.type_ == kind && condition.status == value)
}

/// Message of a condition.
pub fn message(object: &impl HasStatus, kind: &str) -> String {
    let status = object.conditions();
    let found = status.conditions.into_iter().find(|condition| condition.type_ == kind);
    found.unwrap_or_else(|| panic!("there is no condition {kind}")).message
}

/// Whether our finalizer is on it.
pub fn is_held(object: &impl ResourceExt) -> bool {
    object.finalizers().iter().any(|finalizer| finalizer == apio_operator::api::FINALIZER)
}
