//! What the examples share: the operator, the definitions and a place to work in, on a control plane of their own.

use std::{env, error::Error, path::Path, process::Command, process::ExitCode};

use testkit::{
    cluster::ControlPlane,
    deployment::{Operator, install_definitions, rights},
};

/// What the operator may do.
pub const RULES: &str = include_str!("../../charts/apio-operator/files/rules.yaml");

/// Set when an example starts itself again as the operator: `cargo run --example` builds no binaries.
const AS_OPERATOR: &str = "APIO_EXAMPLE_OPERATOR";

/// Runs the operator, if this process is to be one.
pub fn as_operator() -> Option<ExitCode> {
    env::var_os(AS_OPERATOR).map(|_| apio_operator::run::main())
}

/// A file of the repository.
pub fn file(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).to_string_lossy().into_owned()
}

/// Makes the kinds known.
pub fn install(plane: &ControlPlane) -> Result<(), Box<dyn Error>> {
    Ok(install_definitions(plane, Path::new(&file("charts/apio-operator/files/crds")))?)
}

/// A namespace for an operator, with its rights, the settings and the credentials of the examples; it sees the namespaces
/// `watched`, or all.
pub fn prepare(plane: &ControlPlane, system: &str, watched: &[&str]) -> Result<(), Box<dyn Error>> {
    plane.create_namespace(system)?;
    if watched.is_empty() {
        plane.apply(&rights(RULES, system, None))?;
    }
    for namespace in watched {
        plane.apply(&rights(RULES, system, Some(namespace)))?;
    }
    for name in ["settings.yaml", "credentials.yaml"] {
        plane.run(&["apply", "-n", system, "-f", &file(&format!("examples/{name}"))])?;
    }
    Ok(())
}

/// Starts an operator that serves a platform; its log is `<system>.log` in the folder of the control plane.
pub fn start(
    plane: &ControlPlane,
    system: &str,
    platform: &str,
    arguments: &[&str],
) -> Result<Operator, Box<dyn Error>> {
    let kubeconfig = plane.service_account_kubeconfig(system, "apio-operator")?;
    let mut program = Command::new(env::current_exe()?);
    program.arg("run").env(AS_OPERATOR, "1");
    let arguments = [&["--namespace", system], arguments].concat();
    let log = plane.folder().join(format!("{system}.log"));
    Ok(Operator::start(&program, &kubeconfig, platform, &arguments, &log)?)
}
