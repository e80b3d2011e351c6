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
    let grant = |kind: &str, name: String, place: Option<&str>, rules: Value| {
        let group = "rbac.authorization.k8s.io";
        let meta = place.map_or_else(|| json!({"name": name}), |place| json!({"name": name, "namespace": place}));
        [
            json!({"apiVersion": format!("{group}/v1"), "kind": kind, "metadata": meta, "rules": rules}),
            json!({"apiVersion": format!("{group}/v1"), "kind": format!("{kind}Binding"), "metadata": meta, "subjects": [account],
                "roleRef": {"apiGroup": group, "kind": kind, "name": name}}),
        ]
    };
    let mut all = vec![
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "apio-operator", "namespace": namespace}}),
    ];
    all.extend(grant("Role", "apio-operator-own".into(), Some(namespace), section("own")));
    all.extend(grant("ClusterRole", format!("apio-operator-{namespace}"), None, section("cluster")));
    all.extend(match watched {
        Some(place) => grant("Role", "apio-operator-watched".into(), Some(place), section("watched")),
        None => grant("ClusterRole", format!("apio-operator-watched-{namespace}"), None, section("watched")),
    });
    let list = json!({"apiVersion": "v1", "kind": "List", "items": all});
    serde_yaml::to_string(&list).expect("JSON is YAML")
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
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(program.get_program());
        // The name outlives a crash, so that the next start need not wait for the lease of the one before.
        let own = ["--listen", &address, "--platform-url", platform, "--identity", &address];
        command.args(program.get_args()).args(own).args(arguments);
        command.envs(program.get_envs().filter_map(|(key, value)| Some((key, value?)))).env("KUBECONFIG", kubeconfig);
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

    /// Kills it as a crash would.
    pub fn kill(&self) {
        if let Some(process) = self.process.lock().expect("no panic while locked").take() {
            process.kill();
            process.wait(Duration::from_secs(10));
        }
    }

    /// Asks it to end and waits; its exit code, if it ended in time.
    pub fn stop(&self) -> Option<i32> {
        let process = self.process.lock().expect("no panic while locked").take()?;
        process.terminate();
        process.wait(Duration::from_secs(20))?.code()
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

    /// Everything it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}
