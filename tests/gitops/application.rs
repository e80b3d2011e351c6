//! One Application of Argo CD, with a repository, a namespace, a platform and an operator of its own.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::StreamExt;
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
    runtime::{
        wait::await_condition,
        watcher::{self, watch_object},
    },
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    argo_cd::{NAMESPACE, argo_cd},
    generated::committed,
    guide,
    live::{self, whole},
    repository::Repository,
    world::{Wish, World},
};

/// Longest wait for what Argo CD does: several passes of it and of the operator.
pub const SOON: Duration = Duration::from_secs(300);

/// How Argo CD compares and applies.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// By itself, with the last applied configuration: what it does when nothing is said.
    ThreeWay,
    /// The API server merges, Argo CD compares.
    ServerSideApply,
    /// The API server does both.
    ServerSideDiff,
}

impl Mode {
    /// Runs a case in each mode, at the same time.
    pub async fn each<F: Future<Output = ()>>(case: impl Fn(Self) -> F) {
        futures::future::join_all([Self::ThreeWay, Self::ServerSideApply, Self::ServerSideDiff].map(case)).await;
    }

    pub fn set(self, application: &mut Value) {
        let apply: &[&str] = if matches!(self, Self::ThreeWay) { &[] } else { &["ServerSideApply=true"] };
        application["spec"]["syncPolicy"]["syncOptions"] = json!(apply);
        if matches!(self, Self::ServerSideDiff) {
            let annotation = json!({"argocd.argoproj.io/compare-options": "ServerSideDiff=true"});
            application["metadata"]["annotations"] = annotation;
        }
    }
}

/// What a user copies: the settings and the resources of `examples/`.
pub const EXAMPLES: [&str; 5] = ["settings.yaml", "reseller.yaml", "tenant.yaml", "group.yaml", "group-warehouse.yaml"];

pub struct Application {
    pub world: World,
    pub repository: Repository,
    mode: Mode,
    api: Api<DynamicObject>,
    past: Arc<Mutex<Vec<Value>>>,
    watch: JoinHandle<()>,
}

impl Application {
    /// The Application of the guide, but without the confirmation of prunes, over these files; `change` makes it another one.
    pub async fn with(mode: Mode, files: &[(&str, String)], change: impl FnOnce(&mut Value)) -> Self {
        tokio::task::spawn_blocking(argo_cd).await.unwrap();
        // The settings come from Git.
        let world = World::with(Wish { no_settings: true, ..Wish::default() }).await;
        let repository = Repository::new();
        for (name, content) in files {
            repository.write(name, content);
        }
        repository.commit("the beginning");
        let mut manifest = guide::manifest("Application", "telephony");
        manifest["metadata"]["name"] = json!(world.namespace);
        manifest["spec"]["destination"]["namespace"] = json!(world.namespace);
        manifest["spec"]["source"]["repoURL"] = json!(repository.url());
        mode.set(&mut manifest);
        change(&mut manifest);
        world.plane.apply(&manifest.to_string()).unwrap();

        let api = live::api(&world.client, "argoproj.io/v1alpha1", "Application", NAMESPACE);
        let past = Arc::<Mutex<Vec<Value>>>::default();
        let watch = tokio::spawn(record(api.clone(), world.namespace.clone(), past.clone()));
        Self { world, repository, mode, api, past, watch }
    }

    /// The examples, in sync and healthy.
    pub async fn of_examples(mode: Mode) -> Self {
        Self::of_examples_with(mode, |_| ()).await
    }

    pub async fn of_examples_with(mode: Mode, change: impl FnOnce(&mut Value)) -> Self {
        let application = Self::with(mode, &examples(), change).await;
        application.is_as_in_git().await;
        application
    }

    /// Everything that `health.status` was, in this order.
    pub fn health_so_far(&self) -> Vec<String> {
        let past = self.past.lock().unwrap();
        let mut health: Vec<_> =
            past.iter().filter_map(|app| app["status"]["health"]["status"].as_str().map(str::to_owned)).collect();
        health.dedup();
        health
    }

    /// The operations so far: revision and phase, in this order.
    fn operations(&self) -> Vec<String> {
        let past = self.past.lock().unwrap();
        let mut operations: Vec<_> = past
            .iter()
            .map(|app| {
                let (requested, now) = (&app["operation"]["sync"]["revision"], &app["status"]["operationState"]);
                format!(
                    "{} requested, {} {} {}",
                    requested, now["operation"]["sync"]["revision"], now["phase"], now["message"]
                )
            })
            .collect();
        operations.dedup();
        operations
    }

    /// The kinds that the first operation applied, in its order.
    pub fn applied_first(&self) -> Vec<String> {
        let past = self.past.lock().unwrap();
        let mut operations = past.iter().map(|app| &app["status"]["operationState"]);
        let first = operations.find(|operation| operation["phase"] == "Succeeded").unwrap_or(&Value::Null);
        let resources = first["syncResult"]["resources"].as_array().cloned().unwrap_or_default();
        resources.iter().filter_map(|one| one["kind"].as_str().map(str::to_owned)).collect()
    }

    /// Has Argo CD compare with the last commit, as a webhook of the Git server would.
    pub async fn refresh(&self) {
        self.refreshed("compared", |_| true).await;
    }

    /// Has Argo CD compare with the last commit until it shows what is wanted, and gives the Application.
    async fn refreshed(&self, what: &str, wanted: impl Fn(&Value) -> bool + Send + Sync) -> Value {
        let found = refresh(&self.api, &self.world.namespace, &self.repository.head(), wanted).await;
        found.unwrap_or_else(|| panic!("{what}: not within {SOON:?}\n{}", self.story()))
    }

    /// Waits until a group is as wanted and gives it.
    pub async fn group(&self, name: &str, what: &str, wanted: impl Fn(&Value) -> bool + Send + Sync) -> Value {
        let api = live::api(&self.world.client, "apio.netaxis.be/v1alpha1", "Group", &self.world.namespace);
        let found = live::until(&api, name, SOON, wanted).await;
        found.unwrap_or_else(|| panic!("{name} {what}: not within {SOON:?}\n{}", self.story()))
    }

    /// Runs a command of the guide.
    pub fn run(&self, command: &str) -> String {
        guide::run(self.world.plane, command, &self.world.namespace)
    }

    /// Waits until the Application is as wanted and gives it.
    pub async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool + Send + Sync) -> Value {
        let found = live::until(&self.api, &self.world.namespace, SOON, wanted).await;
        found.unwrap_or_else(|| panic!("{what}: not within {SOON:?}\n{}", self.story()))
    }

    /// Waits until the Application is gone.
    pub async fn until_gone(&self) {
        let gone = |object: Option<&DynamicObject>| object.is_none();
        let waited = tokio::time::timeout(SOON, await_condition(self.api.clone(), &self.world.namespace, gone)).await;
        assert!(waited.is_ok(), "the Application is not gone within {SOON:?}\n{}", self.story());
    }

    /// Waits until the last commit is in the cluster and all of it is healthy.
    pub async fn is_as_in_git(&self) -> Value {
        let head = self.repository.head();
        let wanted = |app: &Value| is_synced(app, &head) && app["status"]["health"]["status"] == "Healthy";
        self.refreshed("synced and healthy", wanted).await
    }

    /// Waits until a group says these words, and then until it is shown with them and with this health.
    pub async fn shows(&self, name: &str, health: &str, words: &str) {
        let says = |message: &Value| message.as_str().unwrap_or_default().contains(words);
        let conditions = |group: &Value| group["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let is_said = |group: &Value| conditions(group).iter().any(|condition| says(&condition["message"]));
        self.group(name, &format!("says {words}"), is_said).await;
        // Other words are no reason for Argo CD to compare again as long as the health is the same.
        self.refreshed(&format!("{name} is {health}: {words}"), |app| {
            let shown = &resource(app, name)["health"];
            shown["status"] == health && says(&shown["message"])
        })
        .await;
    }

    /// What happened, for a failing test.
    pub fn story(&self) -> String {
        let app = self.world.plane.run(&["get", "application", &self.world.namespace, "-n", NAMESPACE, "-o", "yaml"]);
        let live = self.world.plane.run(&["get", "apio", "-n", &self.world.namespace, "-o", "wide"]);
        let (app, live) = (app.unwrap_or_default(), live.unwrap_or_default());
        format!(
            "{:?}, health so far {:?}\n{}\n{app}\n{live}\n{}\n{}",
            self.mode,
            self.health_so_far(),
            self.operations().join("\n"),
            self.world.story(),
            argo_cd().story()
        )
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

pub fn examples() -> Vec<(&'static str, String)> {
    EXAMPLES.map(|name| (name, committed(&format!("examples/{name}")))).into()
}

/// One more group.
pub fn branch() -> String {
    committed("examples/group.yaml").replace("HQ", "Branch").replace("headquarters", "branch")
}

/// Has Argo CD compare an Application with this revision, the last one, and gives it as wanted; `None` in time.
pub async fn refresh(
    api: &Api<DynamicObject>,
    name: &str,
    revision: &str,
    wanted: impl Fn(&Value) -> bool + Send + Sync,
) -> Option<Value> {
    let asked = Patch::Merge(json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}}));
    // A comparison that is about to end may take the annotation along, or be of what was there before: it is asked again.
    for _ in 0..12 {
        let before = whole(&api.get(name).await.unwrap());
        api.patch(name, &PatchParams::default(), &asked).await.unwrap();
        let is_done = |app: &Value| {
            app["metadata"]["annotations"].get("argocd.argoproj.io/refresh").is_none()
                && app["status"]["sync"]["revision"] == *revision
                && app["status"]["reconciledAt"] != before["status"]["reconciledAt"]
                && wanted(app)
        };
        if let Some(app) = live::until(api, name, Duration::from_secs(10), is_done).await {
            return Some(app);
        }
    }
    None
}

/// Whether this revision was compared, found in the cluster, and no operation goes on.
pub fn is_synced(app: &Value, revision: &str) -> bool {
    let status = &app["status"];
    status["sync"]["status"] == "Synced"
        && status["sync"]["revision"] == *revision
        && !["Running", "Terminating"].iter().any(|phase| status["operationState"]["phase"] == *phase)
        && app.get("operation").is_none()
}

fn resource<'a>(app: &'a Value, name: &str) -> &'a Value {
    let resources = app["status"]["resources"].as_array();
    resources.and_then(|all| all.iter().find(|one| one["name"] == *name)).unwrap_or(&Value::Null)
}

/// Keeps every state that the Application was seen in.
async fn record(api: Api<DynamicObject>, name: String, past: Arc<Mutex<Vec<Value>>>) {
    let mut states = watch_object(api, &name).boxed();
    while let Some(state) = states.next().await {
        if let Ok(Some(app)) = state.map_err(|_: watcher::Error| ()) {
            past.lock().unwrap().push(whole(&app));
        }
    }
}
