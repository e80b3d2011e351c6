//! The control plane of the tests is itself tested: as the real processes that it is.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use testkit::cluster::{ControlPlane, Error, Guarded, Programs, Silent, is_alive, within};

const SOON: Duration = Duration::from_secs(60);

fn stdout(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn stderr_of_failure(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn config_map(name: &str, namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\ndata: {{key: value}}\n"
    )
}

#[test]
fn serves_the_version_that_was_built() {
    let control_plane = ControlPlane::shared();
    let version: serde_json::Value =
        serde_json::from_str(&stdout(control_plane.kubectl(&["get", "--raw", "/version"]))).unwrap();
    assert!(version["gitVersion"].as_str().unwrap().starts_with("v1.3"), "{version}");
    let is_built = ["USE_EXISTING_CLUSTER", "TEST_ASSET_KUBE_APISERVER", "KUBEBUILDER_ASSETS"];
    if is_built.iter().all(|setting| std::env::var_os(setting).is_none()) && control_plane.has_controller_manager() {
        assert_eq!(version["gitVersion"], "v1.36.4");
        assert_eq!(version["minor"], "36");
    }
}

#[test]
fn a_service_account_may_do_what_its_rules_say_and_nothing_else() {
    let control_plane = ControlPlane::shared();
    control_plane.create_namespace("restricted").unwrap();
    let manifests = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader, namespace: restricted}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: restricted}
rules: [{apiGroups: [\"\"], resources: [configmaps], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: restricted}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: restricted}]
";
    control_plane.apply(manifests).unwrap();
    let kubeconfig = control_plane.service_account_kubeconfig("restricted", "reader").unwrap();
    let as_reader = |args: &[&str]| {
        let mut command = control_plane.kubectl(args);
        command.arg("--kubeconfig").arg(&kubeconfig);
        command
    };
    let who = stdout(as_reader(&["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"]));
    assert_eq!(who, "system:serviceaccount:restricted:reader");
    // The authorizer learns of a new rule from a watch.
    within(SOON, || as_reader(&["get", "configmaps"]).output().unwrap().status.success().then_some(())).unwrap();
    let refusal = stderr_of_failure(as_reader(&["create", "configmap", "mine"]));
    assert!(refusal.contains("Forbidden") || refusal.contains("forbidden"), "{refusal}");
    let refusal = stderr_of_failure(as_reader(&["get", "secrets"]));
    assert!(refusal.contains("cannot list resource \"secrets\""), "{refusal}");
}

#[test]
fn a_namespace_can_be_deleted() {
    let control_plane = ControlPlane::shared();
    if !control_plane.needs_controller_manager("a_namespace_can_be_deleted") {
        return;
    }
    control_plane.create_namespace("short-lived").unwrap();
    control_plane.apply(&config_map("content", "short-lived")).unwrap();
    // Returns when the namespace is gone.
    stdout(control_plane.kubectl(&["delete", "namespace", "short-lived", "--timeout=60s"]));
    let error = stderr_of_failure(control_plane.kubectl(&["get", "namespace", "short-lived"]));
    assert!(error.contains("NotFound"), "{error}");
}

#[test]
fn apply_tells_what_the_server_said() {
    let error = ControlPlane::shared().apply(&config_map("No_Good", "default")).unwrap_err();
    assert!(error.to_string().contains("metadata.name: Invalid value: \"No_Good\""), "{error}");
}

#[test]
fn an_own_instance_keeps_its_data_over_a_restart_and_leaves_nothing_behind() {
    let control_plane = ControlPlane::start(&Silent).unwrap();
    let ids = control_plane.process_ids();
    assert!(ids.len() >= 2 && ids.iter().all(|(_, id)| is_alive(*id)), "{ids:?}");
    control_plane.apply(&config_map("kept", "default")).unwrap();
    let read = || control_plane.kubectl(&["get", "configmap", "kept", "-n", "default", "-o", "jsonpath={.data.key}"]);

    control_plane.stop_apiserver();
    let error = stderr_of_failure(read());
    assert!(error.contains("refused"), "{error}");
    control_plane.start_apiserver().unwrap();
    assert_eq!(stdout(read()), "value");
    // kube-controller-manager has outlived the restart: it makes the ServiceAccount that this waits for.
    control_plane.create_namespace("later").unwrap();

    let ids: Vec<_> = ids.into_iter().chain(control_plane.process_ids()).collect();
    let folder = control_plane.folder().to_owned();
    drop(control_plane);
    assert!(ids.iter().all(|(_, id)| !is_alive(*id)), "{ids:?}");
    assert!(!folder.exists());
}

/// A program that is a shell script. Written by another process: a file that this process still has open for writing, through a
/// fork of another test, can't be started.
fn script(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    let mut command = Command::new("sh");
    command.args(["-c", r#"printf '#!/bin/sh\n%s\n' "$1" > "$2"; chmod 755 "$2""#, "sh", content]).arg(&path);
    assert!(command.status().unwrap().success());
    path
}

#[test]
fn a_start_that_fails_shows_the_end_of_the_log_and_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs {
        etcd: script(folder.path(), "etcd", "seq -f 'line %g of etcd' 30; exit 4"),
        kube_apiserver: script(folder.path(), "kube-apiserver", "exit 0"),
        kube_controller_manager: None,
        kubectl: script(folder.path(), "kubectl", "exit 1"),
    };
    let error = ControlPlane::start_from(&programs, &Silent).err().expect("etcd fails");
    let text = error.to_string();
    let Error::NotStarted { tail, folder, .. } = error else { panic!("{error}") };
    assert!(text.starts_with("etcd ended while it started, with exit code 4."), "{text}");
    assert!(text.ends_with(&tail) && text.contains(folder.to_str().unwrap()), "{text}");
    assert!(tail.starts_with("line 11 of etcd\n") && tail.ends_with("line 30 of etcd"), "{tail}");
    assert!(fs::read_to_string(folder.join("etcd.log")).unwrap().starts_with("line 1 of etcd\n"));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_port_that_was_lost_is_tried_again_with_another() {
    let folder = tempfile::tempdir().unwrap();
    let starts = folder.path().join("starts");
    let programs = Programs {
        etcd: script(
            folder.path(),
            "etcd",
            &format!("echo \"$*\" >> {}; echo bind: address already in use; exit 1", starts.display()),
        ),
        kube_apiserver: script(folder.path(), "kube-apiserver", "exit 0"),
        kube_controller_manager: None,
        kubectl: script(folder.path(), "kubectl", "exit 1"),
    };
    let error = ControlPlane::start_from(&programs, &Silent).err().expect("etcd fails");
    let Error::NotStarted { folder: kept, .. } = error else { panic!("{error}") };
    fs::remove_dir_all(kept).unwrap();
    let mut starts: Vec<_> = fs::read_to_string(starts).unwrap().lines().map(String::from).collect();
    assert_eq!(starts.len(), 5);
    starts.dedup();
    assert_eq!(starts.len(), 5, "each start has its own ports and folder");
}

/// The test that runs again, in a process of its own, as the parent that will be killed; what it said first.
fn again_as_parent(test: &str) -> (Child, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(PARENT, test);
    let mut parent = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let said = lines.map_while(Result::ok).find_map(|line| line.split_once("SAID ").map(|(_, said)| said.to_owned()));
    (parent, said.expect("the parent says something"))
}

/// Set in that process.
const PARENT: &str = "APIO_TEST_PARENT";

fn is_parent() -> bool {
    std::env::var_os(PARENT).is_some()
}

fn wait_to_be_killed() -> ! {
    loop {
        std::thread::park();
    }
}

#[test]
fn a_guarded_program_dies_with_a_parent_that_is_killed() {
    if is_parent() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sleep");
        command.arg("600");
        let program = Guarded::spawn(&command, &folder.path().join("log")).unwrap();
        println!("SAID {}", program.pid());
        wait_to_be_killed();
    }
    let (mut parent, said) = again_as_parent("a_guarded_program_dies_with_a_parent_that_is_killed");
    let program: u32 = said.parse().unwrap();
    assert!(is_alive(program));
    parent.kill().unwrap();
    parent.wait().unwrap();
    within(SOON, || (!is_alive(program)).then_some(())).expect("the program dies");
}

#[test]
fn the_shared_control_plane_is_gone_with_a_process_that_is_killed() {
    if is_parent() {
        let control_plane = ControlPlane::shared();
        let ids: Vec<_> = control_plane.process_ids().iter().map(|(_, id)| id.to_string()).collect();
        println!("SAID {} {}", control_plane.folder().display(), ids.join(" "));
        wait_to_be_killed();
    }
    let (mut parent, said) = again_as_parent("the_shared_control_plane_is_gone_with_a_process_that_is_killed");
    let mut words = said.split(' ');
    let folder = PathBuf::from(words.next().unwrap());
    let ids: Vec<u32> = words.map(|id| id.parse().unwrap()).collect();
    assert!(folder.is_dir());
    assert!(ids.len() >= 2 && ids.iter().all(|id| is_alive(*id)), "{ids:?}");
    parent.kill().unwrap();
    parent.wait().unwrap();
    within(SOON, || ids.iter().all(|id| !is_alive(*id)).then_some(())).expect("all programs die");
    within(SOON, || (!folder.exists()).then_some(())).expect("the folder is removed");
}
