//! The guide: its manifests and commands are what the tests use.

use std::process::Command;

use serde_json::Value;
use testkit::cluster::ControlPlane;

use crate::generated::committed;

const GUIDE: &str = "docs/gitops.md";

/// The commands of the guide, by what only they contain.
pub const HEALTH: &str = "patch configmap argocd-cm";
pub const APPROVE: &str = "deletion-approved";
pub const TERMINATE: &str = "Terminating";
pub const DESCRIBE: &str = "describe group";
pub const ORPHAN: &str = "apio.netaxis.be/deletion=Orphan";
pub const RECONCILE: &str = "reconcile.fluxcd.io/requestedAt";

/// Each is run by a test.
const COMMANDS: [&str; 6] = [HEALTH, APPROVE, TERMINATE, DESCRIBE, ORPHAN, RECONCILE];

/// Runs a command of the guide as it stands there, but with another name in place of `telephony`; gives what it printed.
pub fn run(plane: &ControlPlane, command: &str, name: &str) -> String {
    let lines = blocks("sh").concat();
    let line = lines.lines().find(|line| line.contains(command)).unwrap_or_else(|| panic!("{GUIDE} has no {command}"));
    let mut shell = Command::new("sh");
    shell.args(["-c", &line.replace("telephony", name)]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = shell.env("KUBECONFIG", plane.kubeconfig()).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The only manifest of the guide with this kind and name.
pub fn manifest(kind: &str, name: &str) -> Value {
    let mut manifests = blocks("yaml").into_iter().map(|block| serde_yaml::from_str::<Value>(&block).unwrap());
    let found = manifests.find(|manifest| manifest["kind"] == kind && manifest["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("{GUIDE} has no {kind} {name}"))
}

fn blocks(language: &str) -> Vec<String> {
    let guide = committed(GUIDE);
    let fence = format!("```{language}\n");
    guide.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_command_of_the_guide_is_run_by_a_test() {
    for line in blocks("sh").iter().flat_map(|block| block.lines()) {
        assert_eq!(COMMANDS.iter().filter(|command| line.contains(**command)).count(), 1, "{line}");
    }
}
