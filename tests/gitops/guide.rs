//! The guide: its manifests and commands are what the tests use.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use testkit::cluster::ControlPlane;

use crate::{argo_cd::argo_cd, flux::controller, generated::committed, world::plane};

const GUIDE: &str = "docs/gitops.md";

/// The commands of the guide, by what only they contain.
pub const HEALTH: &str = "patch configmap argocd-cm";
pub const APPROVE: &str = "deletion-approved";
pub const TERMINATE: &str = "Terminating";
pub const DESCRIBE: &str = "describe group";
pub const ORPHAN: &str = "apio.netaxis.be/deletion=Orphan";

/// Each is run by a test.
const COMMANDS: [&str; 5] = [HEALTH, APPROVE, TERMINATE, DESCRIBE, ORPHAN];

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
    let manifests: Vec<Value> = blocks("yaml").iter().map(|block| serde_yaml::from_str(block).unwrap()).collect();
    let found = manifests.into_iter().find(|manifest| manifest["kind"] == kind && manifest["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("{GUIDE} has no {kind} {name}"))
}

/// The code blocks of a language.
pub fn blocks(language: &str) -> Vec<String> {
    let guide = committed(GUIDE);
    let fence = format!("```{language}\n");
    guide.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_command_of_the_guide_is_run_by_a_test() {
    for line in blocks("sh").concat().lines().filter(|line| !line.trim().is_empty()) {
        assert_eq!(COMMANDS.iter().filter(|command| line.contains(**command)).count(), 1, "{line}");
    }
}

#[test]
fn every_manifest_of_the_guide_is_taken_by_the_api_server() {
    let (_argo_cd, _flux) = (argo_cd(), controller());
    let whole: Vec<_> = blocks("yaml").into_iter().filter(|block| block.starts_with("apiVersion")).collect();
    assert!(!whole.is_empty());
    for manifest in whole {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), manifest).unwrap();
        let file = file.path().to_string_lossy();
        plane().run(&["apply", "--dry-run=server", "--validate=strict", "-f", &file]).unwrap();
    }
}

#[test]
fn every_link_of_the_guide_leads_to_a_file() {
    let guide = committed(GUIDE);
    for link in guide.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap()) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(link);
        assert!(link.starts_with("https://") || path.exists(), "{link}");
    }
}
