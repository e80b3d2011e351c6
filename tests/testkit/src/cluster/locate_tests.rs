use std::collections::HashMap;

use super::*;

/// A folder with empty files in place of programs, and an environment.
struct Machine {
    root: tempfile::TempDir,
    variables: HashMap<&'static str, OsString>,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let variables =
            HashMap::from([("HOME", root.path().join("home").into()), ("PATH", root.path().join("bin").into())]);
        Self { root, variables }
    }

    fn with(self, files: &[&str]) -> Self {
        for file in files {
            let path = self.path(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        self
    }

    fn setting(mut self, name: &'static str, value: &str) -> Self {
        self.variables.insert(name, value.into());
        self
    }

    fn setting_path(self, name: &'static str, file: &str) -> Self {
        let path = self.path(file);
        self.setting(name, path.to_str().unwrap())
    }

    fn path(&self, file: &str) -> PathBuf {
        self.root.path().join(file)
    }

    fn locate(&self) -> Result<Located, Error> {
        locate(&|name| self.variables.get(name).cloned())
    }

    fn programs(&self) -> Programs {
        match self.locate().unwrap() {
            Located::Programs(programs) => programs,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn without_programs_and_go_the_error_names_both_remedies() {
    let error = Machine::new().with(&["bin/kubectl"]).locate().unwrap_err().to_string();
    assert!(error.contains("install Go 1.26 or newer"), "{error}");
    assert!(error.contains("set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver"), "{error}");
}

#[test]
fn without_kubectl_the_error_says_how_to_get_it() {
    let error = Machine::new().with(&["bin/go"]).locate().unwrap_err().to_string();
    assert!(error.contains("there is no kubectl: install it"), "{error}");
}

#[test]
fn go_builds_when_there_is_nothing_else() {
    let machine = Machine::new().with(&["bin/go", "bin/kubectl"]);
    let expected = Located::Build { go: machine.path("bin/go"), kubectl: machine.path("bin/kubectl") };
    assert_eq!(machine.locate().unwrap(), expected);
}

#[test]
fn the_newest_version_of_the_store_comes_before_a_build() {
    let machine = Machine::new().with(&["bin/go", "bin/kubectl"]);
    let architecture = if ARCH == "x86_64" { "amd64" } else { "arm64" };
    for version in ["1.9.0", "1.36.9", "1.36.10", "1.37.0"] {
        let folder = format!("home/.local/share/kubebuilder-envtest/k8s/{version}-linux-{architecture}");
        fs::create_dir_all(machine.path(&folder)).unwrap();
        if version != "1.37.0" {
            fs::write(machine.path(&folder).join("etcd"), "").unwrap();
            fs::write(machine.path(&folder).join("kube-apiserver"), "").unwrap();
        }
    }
    let programs = machine.programs();
    assert!(programs.etcd.to_str().unwrap().contains("/1.36.10-linux"), "{programs:?}");
    assert_eq!(programs.kube_controller_manager, None);
    assert_eq!(programs.kubectl, machine.path("bin/kubectl"));
    let build = machine.setting("APIO_TEST_CONTROL_PLANE", "build").locate().unwrap();
    assert!(matches!(build, Located::Build { .. }), "{build:?}");
}

#[test]
fn a_single_setting_comes_before_the_folder() {
    let machine = Machine::new()
        .with(&["assets/etcd", "assets/kube-apiserver", "assets/kubectl", "bin/kubectl", "mine/etcd", "mine/manager"])
        .setting_path("KUBEBUILDER_ASSETS", "assets")
        .setting_path("TEST_ASSET_ETCD", "mine/etcd")
        .setting_path("TEST_ASSET_KUBE_CONTROLLER_MANAGER", "mine/manager");
    let expected = Programs {
        etcd: machine.path("mine/etcd"),
        kube_apiserver: machine.path("assets/kube-apiserver"),
        kube_controller_manager: Some(machine.path("mine/manager")),
        kubectl: machine.path("assets/kubectl"),
    };
    assert_eq!(machine.programs(), expected);
}

#[test]
fn a_setting_that_is_wrong_is_told_instead_of_passed_over() {
    let machine = Machine::new().with(&["bin/go", "bin/kubectl", "assets/etcd"]);
    let error = machine.setting_path("KUBEBUILDER_ASSETS", "assets").locate().unwrap_err().to_string();
    assert!(error.starts_with("KUBEBUILDER_ASSETS is set, but there is no /"), "{error}");
    assert!(error.contains("assets/kube-apiserver"), "{error}");

    let machine = Machine::new().with(&["bin/go", "bin/kubectl", "mine/etcd"]);
    let error = machine.setting_path("TEST_ASSET_ETCD", "mine/etcd").locate().unwrap_err().to_string();
    assert!(error.contains("there is no TEST_ASSET_KUBE_APISERVER or KUBEBUILDER_ASSETS"), "{error}");
}

#[test]
fn an_existing_cluster_comes_first_and_must_be_named() {
    let machine = Machine::new().with(&["bin/go", "bin/kubectl"]).setting("USE_EXISTING_CLUSTER", "true");
    let error = machine.locate().unwrap_err().to_string();
    assert!(error.contains("KUBECONFIG is not set"), "{error}");
    let machine = machine.setting("KUBECONFIG", "/some/where");
    let expected = Located::ExistingCluster { kubeconfig: "/some/where".into(), kubectl: machine.path("bin/kubectl") };
    assert_eq!(machine.locate().unwrap(), expected);
}
