//! What every world stands on: the control plane, clients of it, and the operator's process.

use std::{
    path::Path,
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use testkit::{
    cluster::{ControlPlane, Silent},
    deployment::{Operator, install_definitions},
};

/// The folder of the definitions.
pub const DEFINITIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/apio-operator/files/crds");
/// The file that holds the operator's rights.
pub const RULES: &str = include_str!("../../charts/apio-operator/files/rules.yaml");

/// The control plane of this test process, with the definitions.
pub fn plane() -> &'static ControlPlane {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    let plane = ControlPlane::shared();
    INSTALLED.get_or_init(|| defined(plane));
    plane
}

/// A control plane of the caller's own, with the definitions.
pub async fn own_plane() -> &'static ControlPlane {
    let start = || {
        let plane: &ControlPlane = Box::leak(Box::new(ControlPlane::start(&Silent).unwrap()));
        defined(plane);
        plane
    };
    tokio::task::spawn_blocking(start).await.unwrap()
}

pub fn defined(plane: &ControlPlane) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    install_definitions(plane, Path::new(DEFINITIONS)).unwrap();
}

/// A name that nothing else in this run has.
pub fn new_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("e2e-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub async fn client(plane: &ControlPlane) -> Client {
    let kubeconfig = Kubeconfig::read_from(plane.kubeconfig()).unwrap();
    Client::try_from(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap()).unwrap()
}

/// The operator's command line, up to `run`.
pub fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_apio-operator"));
    program.arg("run");
    program
}

/// An operator under the rights of the ServiceAccount of a namespace.
pub fn operator(program: Command, plane: &ControlPlane, namespace: &str, url: &str, arguments: &[&str]) -> Operator {
    let kubeconfig = plane.service_account_kubeconfig(namespace, "apio-operator").unwrap();
    let log = plane.folder().join(format!("{namespace}.log"));
    Operator::start(&program, &kubeconfig, url, arguments, &log).unwrap()
}
