//! An operator in a cluster, as its chart would install it: definitions, ServiceAccount, rules, process.

use std::{
    fs, io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    time::Duration,
};

use serde_json::{Value, json};

use crate::cluster::{ControlPlane, Error, Guarded};

/// The chart's terminationGracePeriodSeconds.
const GRACE: Duration = Duration::from_secs(60);

/// Applies every definition of a folder and waits until the API serves them.
///
/// # Errors
/// What kubectl said.
pub fn install_definitions(plane: &ControlPlane, folder: &Path) -> Result<(), Error> {
    let folder = folder.to_string_lossy();
    plane.run(&["apply", "-f", &folder])?;
    plane.run(&["wait", "--for=condition=Established", "--timeout=60s", "-f", &folder]).map(drop)
}

/// The rights of the chart's ServiceAccount, from the file that holds them once: YAML with the sections `watched`, `own` and
/// `cluster`. `watched` is the only namespace that the operator sees; without one it sees all.
///
/// # Panics
/// When the file is not as described.
pub fn rights(rules: &str, namespace: &str, watched: Option<&str>) -> String {
    let rules: Value = serde_yaml::from_str(rules).expect("the rules are YAML");
    let section = |name: &str| rules.get(name).cloned().unwrap_or_else(|| panic!("the rules have no section {name}"));
    let account = json!({"kind": "ServiceAccount", "name": "apio-operator", "namespace": namespace});
    let grant =
        |kind: &str, name: String, place: Option<&str>, rules: Value| grant(&account, kind, &name, place, rules);
    let mut all = vec![
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "apio-operator", "namespace": namespace}}),
    ];
    all.extend(grant("Role", "apio-operator-own".into(), Some(namespace), section("own")));
    all.extend(grant("ClusterRole", format!("apio-operator-{namespace}"), None, section("cluster")));
    all.extend(match watched {
        Some(place) => grant("Role", format!("apio-operator-watched-{namespace}"), Some(place), section("watched")),
        None => grant("ClusterRole", format!("apio-operator-watched-{namespace}"), None, section("watched")),
    });
    let list = json!({"apiVersion": "v1", "kind": "List", "items": all});
    serde_yaml::to_string(&list).expect("JSON is YAML")
}

/// What the chart adds, unless it is told not to, for an operator that sees some namespaces only: the rules of section `watched`
/// on its own kinds, in every namespace.
///
/// # Panics
/// When the file is not as described.
pub fn finishing(rules: &str, namespace: &str) -> String {
    let rules: Value = serde_yaml::from_str(rules).expect("the rules are YAML");
    let mut watched = rules["watched"].as_array().cloned().expect("the rules have a section watched");
    watched.retain(|rule| rule["apiGroups"] == json!(["apio.netaxis.be"]));
    let account = json!({"kind": "ServiceAccount", "name": "apio-operator", "namespace": namespace});
    let name = format!("apio-operator-finishing-{namespace}");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": grant(&account, "ClusterRole", &name, None, watched.into())});
    serde_yaml::to_string(&list).expect("JSON is YAML")
}

/// A role and its binding.
fn grant(account: &Value, kind: &str, name: &str, place: Option<&str>, rules: Value) -> [Value; 2] {
    let group = "rbac.authorization.k8s.io";
    let meta = place.map_or_else(|| json!({"name": name}), |place| json!({"name": name, "namespace": place}));
    [
        json!({"apiVersion": format!("{group}/v1"), "kind": kind, "metadata": meta, "rules": rules}),
        json!({"apiVersion": format!("{group}/v1"), "kind": format!("{kind}Binding"), "metadata": meta, "subjects": [account],
            "roleRef": {"apiGroup": group, "kind": kind, "name": name}}),
    ]
}

/// A running operator.
pub struct Operator {
    command: Command,
    address: String,
    log: PathBuf,
    process: Mutex<Option<Guarded>>,
}

impl Operator {
    /// Starts `program`, a command line up to `run`, against this platform; `arguments` are added.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        program: &Command,
        kubeconfig: &Path,
        platform: &str,
        arguments: &[&str],
        log: &Path,
    ) -> io::Result<Self> {
        let address = free_address()?;
        let mut command = again(program, kubeconfig);
        // The name outlives a crash, so that the next start need not wait for the lease of the one before.
        command.args(["--listen", &address, "--platform-url", platform, "--identity", &address]).args(arguments);
        Self::launch(command, address, log)
    }

    /// Starts a command line that lacks only the address to listen on, as [`crate::pod::Pod`] gives it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn listening(mut command: Command, log: &Path) -> io::Result<Self> {
        let address = free_address()?;
        command.args(["--listen", &address]);
        Self::launch(command, address, log)
    }

    fn launch(command: Command, address: String, log: &Path) -> io::Result<Self> {
        let operator = Self { command, address, log: log.to_owned(), process: Mutex::default() };
        operator.start_again()?;
        Ok(operator)
    }

    /// Starts it again after it ended or was killed.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_again(&self) -> io::Result<()> {
        let process = Guarded::spawn(&self.command, &self.log)?;
        *self.process.lock().expect("no panic while locked") = Some(process);
        Ok(())
    }

    /// The command line that it is started with, for a test that runs it in another way.
    pub fn command(&self) -> &Command {
        &self.command
    }

    /// Kills it as a crash would.
    pub fn kill(&self) {
        if let Some(process) = self.process.lock().expect("no panic while locked").take() {
            process.kill();
            process.wait(Duration::from_secs(10));
        }
    }

    /// Asks it to end and waits as long as the chart's pods may take; its exit code, if it ended in time.
    pub fn stop(&self) -> Option<i32> {
        let process = self.process.lock().expect("no panic while locked").take()?;
        process.terminate();
        process.wait(GRACE)?.code()
    }

    /// Waits for it to end by itself; its exit code.
    pub fn ended(&self, limit: Duration) -> Option<i32> {
        self.process.lock().expect("no panic while locked").as_ref()?.wait(limit)?.code()
    }

    /// Its process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.lock().expect("no panic while locked").as_ref().map(Guarded::pid)
    }

    /// URL of `/livez`, `/readyz` or `/metrics`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The file that it logs to.
    pub fn log_file(&self) -> &Path {
        &self.log
    }

    /// Everything it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// The same program with what was set on it, in this cluster.
fn again(program: &Command, kubeconfig: &Path) -> Command {
    let mut command = Command::new(program.get_program());
    command.args(program.get_args());
    command.envs(program.get_envs().filter_map(|(key, value)| Some((key, value?)))).env("KUBECONFIG", kubeconfig);
    command
}

fn free_address() -> io::Result<String> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    Ok(format!("127.0.0.1:{port}"))
}
