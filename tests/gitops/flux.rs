//! Flux's kustomize-controller on the control plane of this test process, and one Kustomization with a repository, a namespace, a
//! platform and an operator of its own. What Flux's source-controller does is done here: an archive of the repository is served,
//! and the GitRepository's status names it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use axum::{Router, extract, routing};
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};
use testkit::cluster::{GoModule, Guarded, Terminal, free_ports};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    guide, live,
    processes::{self, install},
    repository::Repository,
    world::{Wish, World, plane},
};

/// Where Flux and its Kustomizations are.
pub const NAMESPACE: &str = "flux-system";

/// Longest wait for what Flux does: it looks at the health of what it applied every 5 seconds.
pub const SOON: Duration = Duration::from_secs(300);

fn programs() -> PathBuf {
    let module = GoModule {
        folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gitops/flux"),
        what: "Flux's kustomize-controller",
        package: "github.com/fluxcd/kustomize-controller",
        version_of: "github.com/fluxcd/kustomize-controller",
        programs: &["kustomize-controller"],
        toolchain: None,
        stamp: |_| String::new(),
        copied: &[
            (
                "github.com/fluxcd/kustomize-controller",
                "config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml",
            ),
            (SOURCES, "config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml"),
            (SOURCES, "config/crd/bases/source.toolkit.fluxcd.io_ocirepositories.yaml"),
            (SOURCES, "config/crd/bases/source.toolkit.fluxcd.io_buckets.yaml"),
            (SOURCES, "config/crd/bases/source.toolkit.fluxcd.io_externalartifacts.yaml"),
        ],
        takes: "4 to 6 minutes",
        otherwise: "",
    };
    module.built(&Terminal::new()).unwrap_or_else(|error| panic!("{error}"))
}

/// Its definitions only.
const SOURCES: &str = "github.com/fluxcd/source-controller@v1.9.1";

/// Started by the first caller, gone with the process.
pub fn controller() -> &'static Guarded {
    static STARTED: OnceLock<Guarded> = OnceLock::new();
    STARTED.get_or_init(|| {
        let (plane, programs) = (plane(), programs());
        install(plane, &["-f", &programs.to_string_lossy()]);
        plane.run(&["create", "namespace", NAMESPACE]).unwrap();
        let folder = plane.folder().join(NAMESPACE);
        fs::create_dir(&folder).unwrap();
        let [health, metrics] = free_ports::<2>().unwrap().map(|port| format!("127.0.0.1:{port}"));
        let mut command = Command::new(programs.join("kustomize-controller"));
        command.args(["--health-addr", &health, "--metrics-addr", &metrics, "--concurrent", "8"]);
        command.env("KUBECONFIG", plane.kubeconfig()).env("RUNTIME_NAMESPACE", NAMESPACE).env("TMPDIR", &folder);
        processes::start(&mut command, "kustomize-controller", &folder, &health)
    })
}

pub struct Kustomization {
    pub world: World,
    pub repository: Repository,
    api: Api<DynamicObject>,
    sources: Api<DynamicObject>,
    archives: Archives,
    url: String,
    server: JoinHandle<()>,
}

/// By revision.
type Archives = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

impl Kustomization {
    /// The Kustomization of the guide over these files.
    pub async fn with(files: &[(&str, String)]) -> Self {
        tokio::task::spawn_blocking(controller).await.unwrap();
        // The settings come from Git.
        let world = World::with(Wish { no_settings: true, ..Wish::default() }).await;
        let repository = Repository::new();
        for (name, content) in files {
            repository.write(name, content);
        }
        repository.commit("the beginning");
        let archives = Archives::default();
        let (url, server) = serve(archives.clone()).await;
        let api = live::api(&world.client, "kustomize.toolkit.fluxcd.io/v1", "Kustomization", NAMESPACE);
        let sources = live::api(&world.client, "source.toolkit.fluxcd.io/v1", "GitRepository", NAMESPACE);
        let flux = Self { world, repository, api, sources, archives, url, server };
        for kind in ["GitRepository", "Kustomization"] {
            let manifest = guide::manifest(kind, "telephony").to_string().replace("telephony", &flux.world.namespace);
            flux.world.plane.apply(&manifest).unwrap();
        }
        flux.publish().await;
        flux
    }

    /// Has Flux see the last commit.
    pub async fn publish(&self) {
        let head = self.repository.head();
        let (archive, digest) = self.repository.archive();
        self.archives.lock().unwrap().insert(head.clone(), archive);
        let url = format!("{}/{head}", self.url);
        let status = json!({"status": {
            "observedGeneration": 1,
            "conditions": [{"type": "Ready", "status": "True", "reason": "Succeeded", "message": "stored", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
            "artifact": {"path": head, "url": url, "revision": self.revision(), "digest": format!("sha256:{digest}"), "lastUpdateTime": "2026-01-01T00:00:00Z"},
        }});
        let name = &self.world.namespace;
        self.sources.patch_status(name, &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
    }

    fn revision(&self) -> String {
        format!("main@sha1:{}", self.repository.head())
    }

    /// Waits until the Kustomization is as wanted and gives it.
    pub async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool + Send + Sync) -> Value {
        let found = live::until(&self.api, &self.world.namespace, SOON, wanted).await;
        found.unwrap_or_else(|| panic!("{what}: not within {SOON:?}\n{}", self.story()))
    }

    /// Waits until the last commit is in the cluster and all of it is Current.
    pub async fn is_as_in_git(&self) -> Value {
        let revision = self.revision();
        self.until("ready", |object| {
            live::condition(object, "Ready")["status"] == "True" && object["status"]["lastAppliedRevision"] == *revision
        })
        .await
    }

    /// Waits until the Kustomization is Ready or not for this reason, with these words, at the last commit.
    pub async fn says(&self, condition: &str, reason: &str, words: &str) -> Value {
        let revision = self.revision();
        self.until(&format!("{reason}: {words}"), |object| {
            let told = live::condition(object, condition);
            object["status"]["lastAttemptedRevision"] == *revision
                && told["reason"] == reason
                && told["message"].as_str().unwrap_or_default().contains(words)
        })
        .await
    }

    /// Runs a command of the guide.
    pub fn run(&self, command: &str) -> String {
        guide::run(self.world.plane, command, &self.world.namespace)
    }

    /// What happened, for a failing test.
    pub fn story(&self) -> String {
        let name = &self.world.namespace;
        let object = self.world.plane.run(&["get", "kustomization", name, "-n", NAMESPACE, "-o", "yaml"]);
        let live = self.world.plane.run(&["get", "apio", "-n", name, "-o", "wide"]);
        let (object, live) = (object.unwrap_or_default(), live.unwrap_or_default());
        format!("{object}\n{live}\n{}\n{}", self.world.story(), processes::errors(controller()))
    }
}

impl Drop for Kustomization {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A server of archives; its address.
async fn serve(archives: Archives) -> (String, JoinHandle<()>) {
    let give = |extract::Path(revision): extract::Path<String>| async move {
        archives.lock().unwrap().get(&revision).cloned().unwrap_or_default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/{revision}", routing::get(give));
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, server)
}
