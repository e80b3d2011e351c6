//! The control plane as its users see it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};

use super::audit::{Audit, Request};
use super::build::built;
use super::certificates::Certificates;
use super::error::Error;
use super::instance_folder::InstanceFolder;
use super::kubectl::Kubectl;
use super::locate::{Located, Programs, cache_folder, locate};
use super::processes::{Failure, Launch, Ports, Processes, local};
use super::progress::{Progress, Silent, Terminal};
use super::waiting::within;

/// How often a start is tried again because another process took a port in the meantime.
const ATTEMPTS: u32 = 5;

/// How long the default ServiceAccount of a new namespace may take.
const SERVICE_ACCOUNT_WITHIN: Duration = Duration::from_secs(60);

/// A running Kubernetes API: etcd, kube-apiserver and, unless the programs lack it, kube-controller-manager.
///
/// RBAC is on and ServiceAccounts are real. Dropping it ends the processes and removes the folder; the death of this process does
/// the same, whatever it dies of.
pub struct ControlPlane {
    /// `None` for a cluster that is not ours. Dropped before the folder that it writes to.
    processes: Option<Processes>,
    kubectl: Kubectl,
    folder: InstanceFolder,
}

impl ControlPlane {
    /// The control plane of this test process: started by the first caller, shared by all threads, gone with the process.
    ///
    /// # Panics
    ///
    /// If there can't be one; the message says what to install or to set.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<ControlPlane, String>> = OnceLock::new();
        let started = SHARED.get_or_init(|| Self::start(&Terminal::new()).map_err(|error| error.to_string()));
        match started {
            Ok(control_plane) => control_plane,
            Err(error) => panic!("{error}"),
        }
    }

    /// An instance of its own, from whatever [`locate()`] finds. Blocks until the API is served; needs no async runtime.
    pub fn start(progress: &dyn Progress) -> Result<Self, Error> {
        Self::found(false, progress)
    }

    /// [`ControlPlane::start`], with a record of what each ServiceAccount asks for; [`ControlPlane::asked_by`] reads it.
    pub fn start_audited(progress: &dyn Progress) -> Result<Self, Error> {
        Self::found(true, progress)
    }

    fn found(audited: bool, progress: &dyn Progress) -> Result<Self, Error> {
        let variable = |name: &str| env::var_os(name);
        match locate(&variable)? {
            Located::ExistingCluster { .. } if audited => {
                Err(Error::ExistingCluster("this test needs an API server with a record of requests".to_owned()))
            }
            Located::ExistingCluster { kubeconfig, kubectl } => Self::existing(&kubeconfig, &kubectl),
            Located::Programs(programs) => Self::launched(&programs, audited, progress),
            Located::Build { go, kubectl } => {
                let folder = built(&go, &cache_folder(&variable), progress)?;
                let programs = Programs {
                    etcd: folder.join("etcd"),
                    kube_apiserver: folder.join("kube-apiserver"),
                    kube_controller_manager: Some(folder.join("kube-controller-manager")),
                    kubectl,
                };
                Self::launched(&programs, audited, progress)
            }
        }
    }

    /// An instance of its own, from these programs.
    pub fn start_from(programs: &Programs, progress: &dyn Progress) -> Result<Self, Error> {
        Self::launched(programs, false, progress)
    }

    fn launched(programs: &Programs, audited: bool, progress: &dyn Progress) -> Result<Self, Error> {
        progress.started("Starting a Kubernetes API");
        let mut attempt = 1;
        loop {
            let folder = InstanceFolder::create()?;
            match Self::start_in(folder.path(), programs, audited, progress)? {
                Ok((processes, kubectl)) => {
                    progress.done();
                    return Ok(Self { processes: Some(processes), kubectl, folder });
                }
                Err(failure) if failure.is_lost_port() && attempt < ATTEMPTS => attempt += 1,
                Err(failure) => {
                    // The logs are worth keeping, the data is not.
                    let _ = fs::remove_dir_all(folder.path().join("etcd"));
                    return Err(Error::from((failure, folder.keep())));
                }
            }
        }
    }

    /// The inner error is a program that did not start, the outer one everything else.
    fn start_in(
        folder: &Path,
        programs: &Programs,
        audited: bool,
        progress: &dyn Progress,
    ) -> Result<Result<(Processes, Kubectl), Failure>, Error> {
        let ports = Ports::free().map_err(Error::io("find free ports on", Path::new("127.0.0.1")))?;
        let certificates = Certificates::create(folder)?;
        let kubeconfig = folder.join("admin.kubeconfig");
        let content = certificates.admin_kubeconfig(&local("https", ports.apiserver));
        fs::write(&kubeconfig, content).map_err(Error::io("write", &kubeconfig))?;
        let kubectl = Kubectl::new(&programs.kubectl, &kubeconfig, folder);
        let audit = audited.then(|| Audit::in_folder(folder)).transpose()?;
        let launch = Launch { programs: programs.clone(), folder: folder.to_owned(), ports, certificates, audit };
        Ok(Processes::start(launch, &kubectl, progress).map(|processes| (processes, kubectl)))
    }

    fn existing(kubeconfig: &OsStr, kubectl: &Path) -> Result<Self, Error> {
        let folder = InstanceFolder::create()?;
        let copy = folder.path().join("admin.kubeconfig");
        let mut view = Command::new(kubectl);
        view.args(["config", "view", "--raw", "--flatten", "--minify"]).env("KUBECONFIG", kubeconfig);
        let output = view.output().map_err(Error::io("start", kubectl))?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(Error::ExistingCluster(format!("its kubeconfig can't be read ({})", stderr.trim())));
        }
        fs::write(&copy, output.stdout).map_err(Error::io("write", &copy))?;
        let kubectl = Kubectl::new(kubectl, &copy, folder.path());
        match kubectl.run(&["get", "--raw", "/readyz", "--request-timeout=10s"]) {
            Ok(_) => Ok(Self { processes: None, kubectl, folder }),
            Err(error) => Err(Error::ExistingCluster(format!("it does not answer ({error})"))),
        }
    }

    /// A file that holds all that a client needs to act as a member of system:masters.
    pub fn kubeconfig(&self) -> &Path {
        self.kubectl.kubeconfig()
    }

    /// `kubectl` with these arguments as a member of system:masters. Its input is empty unless the caller gives it one.
    pub fn kubectl(&self, args: &[&str]) -> Command {
        self.kubectl.command(args)
    }

    /// Runs `kubectl` and gives what it printed; the error holds what it complained of.
    pub fn run(&self, args: &[&str]) -> Result<String, Error> {
        self.kubectl.run(args)
    }

    /// `kubectl apply` of these documents; gives what it printed.
    pub fn apply(&self, yaml: &str) -> Result<String, Error> {
        self.kubectl.run_with_input(&["apply", "-f", "-"], yaml)
    }

    /// [`ControlPlane::apply`], into this namespace unless a document names another one.
    pub fn apply_in(&self, namespace: &str, yaml: &str) -> Result<String, Error> {
        self.kubectl.run_with_input(&["apply", "--validate=strict", "-n", namespace, "-f", "-"], yaml)
    }

    /// `kubectl delete` of these documents, in their order and without waiting; gives what it printed.
    pub fn delete_in(&self, namespace: &str, yaml: &str) -> Result<String, Error> {
        self.kubectl.run_with_input(&["delete", "--wait=false", "-n", namespace, "-f", "-"], yaml)
    }

    /// Returns when the namespace can be worked in: with kube-controller-manager, when its default ServiceAccount exists.
    pub fn create_namespace(&self, name: &str) -> Result<(), Error> {
        self.kubectl.run(&["create", "namespace", name])?;
        if !self.has_controller_manager() {
            return Ok(());
        }
        let mut last = Ok(());
        within(SERVICE_ACCOUNT_WITHIN, || {
            last = self.kubectl.run(&["get", "serviceaccount", "default", "--namespace", name]).map(drop);
            last.is_ok().then_some(())
        });
        last
    }

    /// A file like [`ControlPlane::kubeconfig`] that acts as this ServiceAccount, by a token that the API server made for it.
    pub fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<PathBuf, Error> {
        let token = self.kubectl.run(&["create", "token", name, "--namespace", namespace, "--duration=24h"])?;
        let admin = self.kubeconfig();
        let content = fs::read_to_string(admin).map_err(Error::io("read", admin))?;
        let invalid = |error: serde_yaml::Error| io::Error::other(error.to_string());
        let parsed = serde_yaml::from_str::<Value>(&content).map_err(invalid);
        let mut kubeconfig = parsed.map_err(Error::io("read", admin))?;
        // One cluster, one user, one context: only who it is changes, and where it works by default.
        kubeconfig["users"][0]["user"] = json!({ "token": token.trim() });
        kubeconfig["contexts"][0]["context"]["namespace"] = json!(namespace);
        let path = self.folder().join(format!("{namespace}.{name}.kubeconfig"));
        fs::write(&path, kubeconfig.to_string()).map_err(Error::io("write", &path))?;
        Ok(path)
    }

    /// What this ServiceAccount has asked for so far, of a plane that was started by [`ControlPlane::start_audited`].
    ///
    /// # Panics
    ///
    /// If there is no record.
    pub fn asked_by(&self, namespace: &str, name: &str) -> Vec<Request> {
        Audit::requests(self.folder(), &format!("system:serviceaccount:{namespace}:{name}"))
    }

    /// Whether namespaces are deleted, owned objects collected and default ServiceAccounts made. An existing cluster is taken to.
    pub fn has_controller_manager(&self) -> bool {
        self.processes.as_ref().is_none_or(Processes::has_controller_manager)
    }

    /// For the first line of a test that can't do without kube-controller-manager: true if it is there. If it is not, the test
    /// fails; only under `APIO_TEST_PARTIAL=1` the answer is false, and the test is told on standard error to be left out.
    ///
    /// # Panics
    ///
    /// If kube-controller-manager is missing, unless `APIO_TEST_PARTIAL=1`.
    #[track_caller]
    pub fn needs_controller_manager(&self, test: &str) -> bool {
        if self.has_controller_manager() {
            return true;
        }
        let partial = env::var("APIO_TEST_PARTIAL").is_ok_and(|value| value == "1");
        assert!(
            partial,
            "{test} needs kube-controller-manager, which the envtest archives lack. Either put it beside kube-apiserver or set \
             TEST_ASSET_KUBE_CONTROLLER_MANAGER to it, or set APIO_TEST_CONTROL_PLANE=build to have all programs built with Go, \
             or leave such tests out with APIO_TEST_PARTIAL=1"
        );
        // Not `eprintln!`, which the test runner hides for a test that passes.
        let _ = writeln!(io::stderr(), "NOT TESTED: {test} needs kube-controller-manager (APIO_TEST_PARTIAL=1)");
        false
    }

    /// Kills the API server, as a crash would. kube-controller-manager and etcd stay.
    ///
    /// # Panics
    ///
    /// If this is an existing cluster, which is not ours to stop.
    pub fn stop_apiserver(&self) {
        self.own_processes().stop_apiserver();
    }

    /// Starts the API server again, at the same address and with the same data. Returns when it serves.
    ///
    /// # Panics
    ///
    /// If this is an existing cluster.
    pub fn start_apiserver(&self) -> Result<(), Error> {
        let started = self.own_processes().start_apiserver(&self.kubectl, &Silent);
        started.map_err(|failure| Error::from((failure, self.folder().to_owned())))
    }

    /// The process ids by program; none of an existing cluster.
    pub fn process_ids(&self) -> Vec<(&'static str, u32)> {
        self.processes.as_ref().map(Processes::ids).unwrap_or_default()
    }

    /// Holds the logs (`<program>.log`), kubeconfigs, certificates and data, as long as the control plane lives.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn own_processes(&self) -> &Processes {
        match &self.processes {
            Some(processes) => processes,
            None => panic!(
                "this test restarts the API server, so it can't use an existing cluster: unset USE_EXISTING_CLUSTER"
            ),
        }
    }
}
