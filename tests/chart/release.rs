//! A release of the chart on a control plane of its own: definitions belong to a cluster, so two releases would meet.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::{Value, json};
use testkit::{
    cluster::{ControlPlane, Silent},
    deployment::Operator,
    helm::{Helm, Major},
    pod::Pod,
    simulator::{PASSWORD, Simulator, USERNAME},
};

use crate::{
    fixtures::credentials,
    world::{World, client},
};

/// The chart.
pub fn chart() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("charts/apio-operator")
}

/// The namespace of the release.
pub const SYSTEM: &str = "apio-system";
/// A namespace with resources.
pub const TELEPHONY: &str = "telephony";

pub struct Release {
    pub plane: &'static ControlPlane,
    pub platform: Simulator,
}

impl Release {
    /// A cluster and a platform, and nothing of ours in either.
    pub async fn none() -> Self {
        let start = || -> &'static ControlPlane { Box::leak(Box::new(ControlPlane::start(&Silent).unwrap())) };
        let plane = tokio::task::spawn_blocking(start).await.unwrap();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        plane.create_namespace(TELEPHONY).unwrap();
        Self { plane, platform: Simulator::start().await.unwrap() }
    }

    /// `helm install` or `helm upgrade` with these values and arguments; what it says.
    pub fn helm(&self, helm: &Helm, verb: &str, values: &Value, args: &[&str]) -> Result<String, String> {
        let mut values = values.clone();
        if values["platform"].is_null() {
            values["platform"] = json!({"url": self.platform.url()});
        }
        let file = self.plane.folder().join("values.yaml");
        fs::write(&file, values.to_string()).unwrap();
        let (chart, file) = (chart(), file.to_string_lossy().into_owned());
        let own = [verb, "apio", &chart.to_string_lossy(), "--namespace", SYSTEM, "--values", &file];
        helm.run(self.plane, &[&own[..], args].concat())
    }

    /// Installs it into a namespace that is made for it.
    pub fn install(&self, major: Major, values: &Value) -> Helm {
        let helm = Helm::find(major).unwrap();
        self.helm(&helm, "install", values, &["--create-namespace"]).unwrap();
        helm
    }

    pub fn kubectl(&self, args: &[&str]) -> String {
        self.plane.run(args).unwrap()
    }

    /// An object of the release's namespace or of the cluster, or all of a kind.
    pub fn get(&self, what: &str) -> Value {
        serde_json::from_str(&self.kubectl(&["get", what, "-n", SYSTEM, "-o", "json"])).unwrap()
    }

    /// The account on the platform, as a user would put it there.
    pub fn add_credentials(&self) {
        self.plane.apply_in(SYSTEM, &credentials(USERNAME, PASSWORD)).unwrap();
    }

    /// The pod of the only Deployment.
    pub fn pod(&self) -> Pod {
        Pod::of(self.plane, &self.get("deployment")["items"][0]).unwrap()
    }

    /// The operator as the Deployment says, under its ServiceAccount, with an eye on a namespace.
    pub async fn operate(&self, namespace: &str) -> World {
        let pod = self.pod();
        let kubeconfig = self.plane.service_account_kubeconfig(SYSTEM, &pod.account).unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_apio-operator"));
        self.run(namespace, pod.process(program, &kubeconfig)).await
    }

    /// What this command line of a pod runs, with an eye on a namespace.
    pub async fn run(&self, namespace: &str, command: Command) -> World {
        let log = self.plane.folder().join("operator.log");
        let operator = Operator::listening(command, &log).unwrap();
        let world = World {
            plane: self.plane,
            namespace: namespace.to_owned(),
            platform: self.platform.clone(),
            operator,
            client: client(self.plane).await,
        };
        world
            .poll("the operator is ready", || async {
                let ended = world.operator.ended(Duration::ZERO);
                assert!(ended.is_none(), "{ended:?}: {}", world.operator.log());
                world.page("/readyz").await.is_some_and(|(code, _)| code == 200)
            })
            .await;
        world
    }
}
