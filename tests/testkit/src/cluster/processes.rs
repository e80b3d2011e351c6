//! The processes of one control plane: how each is started, and when it counts as started.

use std::collections::hash_map::RandomState;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::audit::Audit;
use super::certificates::Certificates;
use super::error::Error;
use super::guard::{Guarded, log_tail};
use super::kubectl::Kubectl;
use super::locate::Programs;
use super::progress::Progress;
use super::waiting::within;

/// Far more than any of them needs, on a machine that does other things at the same time.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// What the operator's tests and charts need, and nothing that would only take memory and processor time.
const CONTROLLERS: &str = "namespace-controller,garbage-collector-controller,serviceaccount-controller,\
    serviceaccount-token-controller,root-ca-certificate-publisher-controller,clusterrole-aggregation-controller,\
    resourcequota-controller,validatingadmissionpolicy-status-controller,deployment-controller,replicaset-controller,job-controller";

/// A program that did not become ready.
pub(super) struct Failure {
    pub what: String,
    pub tail: String,
}

impl Failure {
    /// Another process took the port between our look and the program's.
    pub fn is_lost_port(&self) -> bool {
        self.tail.contains("address already in use")
    }
}

/// Dropped in this order: nobody is left talking to a server that is gone.
pub(super) struct Processes {
    controller_manager: Option<Guarded>,
    apiserver: Mutex<Option<Guarded>>,
    etcd: Guarded,
    launch: Launch,
}

impl Processes {
    /// Returns when the API is served and, with kube-controller-manager, the first ServiceAccount exists.
    pub fn start(launch: Launch, kubectl: &Kubectl, progress: &dyn Progress) -> Result<Self, Failure> {
        progress.tick("etcd");
        let etcd = launch.etcd()?;
        progress.tick("kube-apiserver");
        let apiserver = launch.apiserver(kubectl, progress)?;
        let controller_manager = match &launch.programs.kube_controller_manager {
            Some(program) => Some(launch.controller_manager(program, kubectl, progress)?),
            None => None,
        };
        Ok(Self { controller_manager, apiserver: Mutex::new(Some(apiserver)), etcd, launch })
    }

    pub fn has_controller_manager(&self) -> bool {
        self.controller_manager.is_some()
    }

    pub fn stop_apiserver(&self) {
        if let Some(apiserver) = self.apiserver_slot().take() {
            drop(apiserver);
        }
    }

    pub fn start_apiserver(&self, kubectl: &Kubectl, progress: &dyn Progress) -> Result<(), Failure> {
        let mut slot = self.apiserver_slot();
        if slot.is_none() {
            *slot = Some(self.launch.apiserver(kubectl, progress)?);
        }
        Ok(())
    }

    pub fn ids(&self) -> Vec<(&'static str, u32)> {
        let apiserver = self.apiserver_slot().as_ref().map(|apiserver| ("kube-apiserver", apiserver.pid()));
        let manager = self.controller_manager.as_ref().map(|manager| ("kube-controller-manager", manager.pid()));
        [Some(("etcd", self.etcd.pid())), apiserver, manager].into_iter().flatten().collect()
    }

    fn apiserver_slot(&self) -> MutexGuard<'_, Option<Guarded>> {
        self.apiserver.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that the command lines are made of.
pub(super) struct Launch {
    pub programs: Programs,
    pub folder: PathBuf,
    pub ports: Ports,
    pub certificates: Certificates,
    pub audit: Option<Audit>,
}

impl Launch {
    fn etcd(&self) -> Result<Guarded, Failure> {
        let (clients, peers) = (local("http", self.ports.etcd), local("http", self.ports.etcd_peers));
        let args = [
            flag("data-dir", self.folder.join("etcd")),
            flag("listen-client-urls", &clients),
            flag("advertise-client-urls", &clients),
            flag("listen-peer-urls", peers),
            flag("log-level", "warn"),
            // Nobody needs the data after a power failure.
            "--unsafe-no-fsync=true".into(),
        ];
        let etcd = self.spawn("etcd", &self.programs.etcd, args.into())?;
        self.ready("etcd", &etcd, || answers_health(self.ports.etcd))?;
        Ok(etcd)
    }

    fn apiserver(&self, kubectl: &Kubectl, progress: &dyn Progress) -> Result<Guarded, Failure> {
        let port = self.ports.apiserver;
        let certificates = &self.certificates;
        let args = [
            flag("etcd-servers", local("http", self.ports.etcd)),
            flag("bind-address", "127.0.0.1"),
            flag("secure-port", port.to_string()),
            // Without it a machine that has no default route is refused.
            flag("advertise-address", "127.0.0.1"),
            // Nothing here is reached through the `kubernetes` Service, and a loopback address can't be in its endpoints.
            flag("endpoint-reconciler-type", "none"),
            flag("service-cluster-ip-range", "10.0.0.0/24"),
            flag("allow-privileged", "true"),
            flag("authorization-mode", "RBAC"),
            flag("cert-dir", &self.folder),
            flag("tls-cert-file", &certificates.server_certificate),
            flag("tls-private-key-file", &certificates.server_key),
            flag("client-ca-file", &certificates.client_ca),
            flag("service-account-issuer", format!("{}/", local("https", port))),
            flag("service-account-key-file", &certificates.service_account_public_key),
            flag("service-account-signing-key-file", &certificates.service_account_key),
            flag("profiling", "false"),
        ];
        let audit = self.audit.iter().flat_map(Audit::flags).map(|(name, value)| flag(name, value));
        let args = args.into_iter().chain(audit).collect();
        let apiserver = self.spawn("kube-apiserver", &self.programs.kube_apiserver, args)?;
        self.ready("kube-apiserver", &apiserver, || {
            progress.tick("kube-apiserver");
            // A connection costs less than a process; kubectl is asked as soon as there is a chance.
            connect(port).is_ok() && kubectl.run(&["get", "--raw", "/readyz"]).is_ok()
        })?;
        Ok(apiserver)
    }

    fn controller_manager(
        &self,
        program: &Path,
        kubectl: &Kubectl,
        progress: &dyn Progress,
    ) -> Result<Guarded, Failure> {
        let name = "kube-controller-manager";
        let args = [
            flag("kubeconfig", kubectl.kubeconfig()),
            flag("authentication-kubeconfig", kubectl.kubeconfig()),
            flag("authorization-kubeconfig", kubectl.kubeconfig()),
            flag("leader-elect", "false"),
            flag("use-service-account-credentials", "true"),
            flag("service-account-private-key-file", &self.certificates.service_account_key),
            flag("root-ca-file", &self.certificates.server_ca),
            // Otherwise it takes the time to make an RSA key.
            flag("tls-cert-file", &self.certificates.server_certificate),
            flag("tls-private-key-file", &self.certificates.server_key),
            flag("bind-address", "127.0.0.1"),
            flag("secure-port", self.ports.controller_manager.to_string()),
            flag("concurrent-gc-syncs", "5"),
            flag("controllers", CONTROLLERS),
            flag("profiling", "false"),
        ];
        let manager = self.spawn(name, program, args.into())?;
        self.ready(name, &manager, || {
            progress.tick(name);
            kubectl.run(&["get", "serviceaccount", "default", "--namespace", "default"]).is_ok()
        })?;
        Ok(manager)
    }

    fn spawn(&self, name: &str, program: &Path, args: Vec<OsString>) -> Result<Guarded, Failure> {
        let mut command = Command::new(program);
        command.args(args);
        Guarded::spawn(&command, &self.log(name)).map_err(|error| Failure {
            what: format!("{name} ({}) could not be started: {error}", program.display()),
            tail: log_tail(&self.log(name), 20),
        })
    }

    fn ready(&self, name: &str, process: &Guarded, mut is_ready: impl FnMut() -> bool) -> Result<(), Failure> {
        let failure = |what: String| Failure { what, tail: log_tail(&self.log(name), 20) };
        let outcome = within(READY_WITHIN, || match process.is_running() {
            true => is_ready().then_some(Ok(())),
            false => Some(Err(failure(format!("{name} ended while it started{}", exit_code(process))))),
        });
        outcome
            .unwrap_or_else(|| Err(failure(format!("{name} was not ready within {} seconds", READY_WITHIN.as_secs()))))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }
}

fn exit_code(process: &Guarded) -> String {
    let code = process.wait(Duration::ZERO).and_then(|status| status.code());
    code.map(|code| format!(", with exit code {code}")).unwrap_or_default()
}

fn flag(name: &str, value: impl Into<OsString>) -> OsString {
    let mut flag = OsString::from(format!("--{name}="));
    flag.push(value.into());
    flag
}

pub(super) fn local(scheme: &str, port: u16) -> String {
    format!("{scheme}://127.0.0.1:{port}")
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    Ok(stream)
}

fn answers_health(port: u16) -> bool {
    let ask = || {
        let mut stream = connect(port)?;
        stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    };
    ask().is_ok_and(|answer| answer.lines().next().is_some_and(|status| status.contains(" 200 ")))
}

/// Where each program listens.
pub(super) struct Ports {
    pub etcd: u16,
    pub etcd_peers: u16,
    pub apiserver: u16,
    pub controller_manager: u16,
}

impl Ports {
    pub fn free() -> io::Result<Self> {
        let [etcd, etcd_peers, apiserver, controller_manager] = free_ports()?;
        Ok(Self { etcd, etcd_peers, apiserver, controller_manager })
    }
}

/// Ports that are free now. They are below those that the system gives to outgoing connections, so that none of these takes
/// one while its program is not there.
///
/// # Errors
/// When a thousand ports in a row hold too few.
pub fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    let first = 20_000 + (RandomState::new().build_hasher().finish() % 10_000) as u16;
    // All listeners live until all are found, so that they differ.
    let (free, _listeners): (Vec<_>, Vec<_>) = (first..first + 1_000)
        .filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok().map(|listener| (port, listener)))
        .take(N)
        .unzip();
    free.try_into().map_err(|_| io::Error::other(format!("no {N} free ports among a thousand")))
}

impl From<(Failure, PathBuf)> for Error {
    fn from((failure, folder): (Failure, PathBuf)) -> Self {
        Self::NotStarted { what: failure.what, tail: failure.tail, folder }
    }
}
