//! Argo CD without its user interface, on the control plane of this test process: redis, repo-server, application controller.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use testkit::{
    cluster::{ControlPlane, GoModule, Guarded, Terminal, free_ports},
    helm::{Helm, Major},
};

use crate::{
    guide,
    processes::{self, start},
    world::plane,
};

/// Where Argo CD and its Applications are.
pub const NAMESPACE: &str = "argocd";

/// In Argo CD's core mode nobody makes this project; its API server would.
const PROJECT: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: default, namespace: argocd}
spec:
  sourceRepos: ["*"]
  destinations: [{server: "*", namespace: "*"}]
  clusterResourceWhitelist: [{group: "*", kind: "*"}]
"#;

/// The folder with Argo CD's programs and manifests.
pub fn programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let argo_cd = "github.com/argoproj/argo-cd/v3";
    let module = GoModule {
        folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gitops/argocd"),
        what: "Argo CD",
        package: ".",
        version_of: argo_cd,
        programs: &["argocd-application-controller", "argocd-repo-server", "argocd-health"],
        toolchain: Some("go1.27.3"),
        stamp: |_| String::new(),
        copied: &[
            ("github.com/argoproj/argo-cd/v3", "manifests"),
            ("github.com/argoproj/argo-cd/v3", "hack/git-verify-wrapper.sh"),
        ],
        takes: "4 to 6 minutes",
        otherwise: "",
    };
    BUILT.get_or_init(|| module.built(&Terminal::new()).unwrap_or_else(|error| panic!("{error}")))
}

/// Dropped with the process.
pub struct ArgoCd {
    controller: Guarded,
    repo_server: Guarded,
    redis: Guarded,
}

/// The one of this test process, started by the first caller.
pub fn argo_cd() -> &'static ArgoCd {
    static STARTED: OnceLock<ArgoCd> = OnceLock::new();
    STARTED.get_or_init(|| ArgoCd::start(plane(), programs()))
}

impl ArgoCd {
    /// One of a control plane of the caller's own.
    pub fn start(plane: &ControlPlane, programs: &Path) -> Self {
        install(plane, programs);
        let folder = plane.folder().join(NAMESPACE);
        fs::create_dir(&folder).unwrap();
        let [redis_port, repo_port, repo_metrics, controller_metrics] = free_ports().unwrap();
        let [redis_at, repo_at] = [redis_port, repo_port].map(|port| format!("127.0.0.1:{port}"));
        let [repo_port, repo_metrics, controller_metrics] =
            [repo_port, repo_metrics, controller_metrics].map(|port| port.to_string());

        let mut redis = Command::new("redis-server");
        redis.args(["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--port", &redis_port.to_string()]);
        let redis = start(redis.current_dir(&folder), "redis-server", &folder, &redis_at);

        let mut repo_server = Command::new(programs.join("argocd-repo-server"));
        repo_server.args(["--disable-tls", "--client-ca-path", "", "--address", "127.0.0.1", "--port", &repo_port]);
        repo_server.args(["--metrics-port", &repo_metrics, "--redis", &redis_at, "--parallelismlimit", "2"]);
        surroundings(&mut repo_server, programs, &folder);
        let repo_server = start(&mut repo_server, "argocd-repo-server", &folder, &repo_at);

        let mut controller = Command::new(programs.join("argocd-application-controller"));
        controller.args(["--namespace", NAMESPACE, "--redis", &redis_at, "--repo-server", &repo_at]);
        controller.args(["--repo-server-plaintext", "--metrics-port", &controller_metrics]);
        // So that the tests read the health of each resource where `kubectl` can.
        controller.arg("--persist-resource-health");
        controller.env("KUBECONFIG", plane.kubeconfig()).env("ARGOCD_FAKE_IN_CLUSTER", "true");
        controller.env("HOSTNAME", "controller-0").env("ARGOCD_SYNC_WAVE_DELAY", "0");
        surroundings(&mut controller, programs, &folder);
        let at = format!("127.0.0.1:{controller_metrics}");
        let controller = start(&mut controller, "argocd-application-controller", &folder, &at);
        Self { controller, repo_server, redis }
    }

    /// What its programs said last, for a failing test.
    pub fn story(&self) -> String {
        [&self.redis, &self.repo_server, &self.controller].map(processes::errors).concat()
    }
}

fn install(plane: &ControlPlane, programs: &Path) {
    let manifests = |folder: &str| programs.join("manifests").join(folder).to_string_lossy().into_owned();
    let definitions =
        ["application", "applicationset", "appproject"].map(|name| manifests(&format!("crds/{name}-crd.yaml")));
    processes::install(plane, &definitions.each_ref().map(|file| ["-f", file]).concat());
    plane.run(&["create", "namespace", NAMESPACE]).unwrap();
    plane.run(&["apply", "-n", NAMESPACE, "-k", &manifests("base/config")]).unwrap();
    plane.apply(PROJECT).unwrap();
    guide::run(plane, guide::HEALTH, "");
}

/// What both programs of Argo CD look for on the machine.
fn surroundings(command: &mut Command, programs: &Path, folder: &Path) {
    command.env("ARGOCD_GPG_ENABLED", "false");
    command.env("ARGOCD_TLS_DATA_PATH", folder.join("tls")).env("ARGOCD_SSH_DATA_PATH", folder.join("ssh"));
    // git-verify-wrapper.sh is there; git is the machine's own.
    let path = std::env::var("PATH").unwrap_or_default();
    let helm = Helm::find(Major::Four).unwrap().linked(folder).unwrap();
    command.env("PATH", format!("{}:{}:{path}", programs.display(), helm.display())).env("TMPDIR", folder);
}
