//! The pod of a Deployment. There is no kubelet in the tests: a process or a container of podman is started as a kubelet would
//! start the only container of the pod, from the same object.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;

use crate::cluster::{ControlPlane, Error};

/// Where a kubelet mounts who the pod is.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// What of a pod is played here or says nothing of how its container runs. Anything else in a Deployment fails its test: it is
/// to be played first.
const POD: &[&str] = &[
    "automountServiceAccountToken",
    "containers",
    "dnsPolicy",
    "enableServiceLinks",
    "restartPolicy",
    "schedulerName",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "terminationGracePeriodSeconds",
    "volumes",
];
const CONTAINER: &[&str] = &[
    "args",
    "env",
    "image",
    "imagePullPolicy",
    "livenessProbe",
    "name",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "startupProbe",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "volumeMounts",
];

/// A pod, as far as it is known before it runs.
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// What it runs.
    pub image: String,
    /// How long it may take to end once it was told to.
    pub grace: Duration,
    /// Its ServiceAccount.
    pub account: String,
    /// Who it is, for [`ACCOUNT`]; `None` if it is not told.
    token: Option<Mount>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    mounts: Vec<Mount>,
    restrictions: Vec<String>,
    container: Value,
}

struct Mount {
    here: PathBuf,
    there: String,
}

impl Pod {
    /// The first pod of a Deployment, with its volumes in folders of ours.
    ///
    /// # Errors
    /// What kubectl said of a ConfigMap or a ServiceAccount, or why a folder cannot be written.
    ///
    /// # Panics
    /// When the Deployment has something that is not played here.
    pub fn of(plane: &ControlPlane, deployment: &Value) -> Result<Self, Error> {
        let (name, namespace) = (text(&deployment["metadata"]["name"]), text(&deployment["metadata"]["namespace"]));
        let spec = &deployment["spec"]["template"]["spec"];
        let [container] = list(&spec["containers"]) else { panic!("one container") };
        only(spec, POD);
        only(container, CONTAINER);
        let mut pod = Self {
            name: format!("{name}-0"),
            namespace: namespace.to_owned(),
            image: text(&container["image"]).to_owned(),
            grace: Duration::from_secs(number(&spec["terminationGracePeriodSeconds"])),
            account: text(&spec["serviceAccountName"]).to_owned(),
            token: None,
            arguments: list(&container["args"]).iter().map(|argument| text(argument).to_owned()).collect(),
            environment: vec![],
            mounts: vec![],
            restrictions: restrictions(&spec["securityContext"], &container["securityContext"]),
            container: container.clone(),
        };
        pod.environment = list(&container["env"]).iter().map(|variable| pod.variable(variable)).collect();
        for mount in list(&container["volumeMounts"]) {
            let volume = list(&spec["volumes"]).iter().find(|volume| volume["name"] == mount["name"]);
            let files = config_map(plane, namespace, volume.expect("a volume"))?;
            pod.mounts.push(pod.mount(plane, text(&mount["name"]), text(&mount["mountPath"]), &files)?);
        }
        if spec["automountServiceAccountToken"] == true {
            let token = plane.run(&["create", "token", &pod.account, "-n", namespace, "--duration=1h"])?;
            let authority = plane.run(&["get", "configmap", "kube-root-ca.crt", "-n", namespace, "-o", "json"])?;
            let authority: Value = serde_json::from_str(&authority).expect("kubectl prints JSON");
            let files =
                [("token", token.trim()), ("ca.crt", text(&authority["data"]["ca.crt"])), ("namespace", namespace)];
            pod.token = Some(pod.mount(plane, "account", ACCOUNT, &files.map(owned))?);
        }
        Ok(pod)
    }

    /// A process in its place. It finds the cluster by a kubeconfig, and its volumes where they are.
    pub fn process(&self, program: &Path, kubeconfig: &Path) -> Command {
        let mut command = Command::new(program);
        for argument in &self.arguments {
            let here = |argument: String, mount: &Mount| argument.replace(&mount.there, &mount.here.to_string_lossy());
            command.arg(self.mounts.iter().fold(argument.clone(), here));
        }
        command.envs(self.environment.iter().cloned()).env("KUBECONFIG", kubeconfig);
        command
    }

    /// A container in its place, on the network of this machine; `podman` is a command line up to the flags of `podman run`.
    pub fn container(&self, plane: &ControlPlane, mut podman: Command, image: &str) -> Command {
        podman.arg("--network=host").args(&self.restrictions).arg(format!("--stop-timeout={}", self.grace.as_secs()));
        let server = plane.run(&["config", "view", "--output=jsonpath={.clusters[0].cluster.server}"]);
        let server = server.expect("kubectl shows its own configuration");
        let (host, port) = server.trim_start_matches("https://").rsplit_once(':').expect("a server with a port");
        let service = [("KUBERNETES_SERVICE_HOST", host), ("KUBERNETES_SERVICE_PORT", port)].map(owned);
        for (key, value) in service.iter().chain(&self.environment) {
            podman.arg(format!("--env={key}={value}"));
        }
        for Mount { here, there } in self.mounts.iter().chain(&self.token) {
            podman.arg(format!("--volume={}:{there}:ro", here.display()));
        }
        podman.arg(image).args(&self.arguments);
        podman
    }

    /// The path that a probe asks for, on the only port of the container.
    ///
    /// # Panics
    /// When it is none, or asks another port.
    pub fn probe(&self, name: &str) -> &str {
        let (probe, [port]) = (&self.container[name]["httpGet"], list(&self.container["ports"])) else {
            panic!("one port")
        };
        assert!(probe["port"] == port["name"] || probe["port"] == port["containerPort"], "{name}: {probe}");
        text(&probe["path"])
    }

    fn variable(&self, variable: &Value) -> (String, String) {
        let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
            Some("metadata.name") => &self.name,
            Some("metadata.namespace") => &self.namespace,
            Some(other) => panic!("{other} is not played here"),
            None => text(&variable["value"]),
        };
        owned((text(&variable["name"]), value))
    }

    fn mount(&self, plane: &ControlPlane, name: &str, there: &str, files: &[(String, String)]) -> Result<Mount, Error> {
        let here = plane.folder().join(format!("{}.{name}", self.namespace));
        let written = fs::create_dir_all(&here)
            .and_then(|()| files.iter().try_for_each(|(name, content)| fs::write(here.join(name), content)));
        written.map_err(Error::io("write", &here))?;
        Ok(Mount { here, there: there.to_owned() })
    }
}

/// The files of a volume.
fn config_map(plane: &ControlPlane, namespace: &str, volume: &Value) -> Result<Vec<(String, String)>, Error> {
    only(volume, &["configMap", "name"]);
    let map = plane.run(&["get", "configmap", text(&volume["configMap"]["name"]), "-n", namespace, "-o", "json"])?;
    let map: Value = serde_json::from_str(&map).expect("kubectl prints JSON");
    let items = list(&volume["configMap"]["items"]).iter();
    Ok(items.map(|item| owned((text(&item["path"]), text(&map["data"][text(&item["key"])])))).collect())
}

/// Flags of podman for both security contexts. The tmpfs that podman adds to a read-only container is not what a kubelet gives;
/// what it takes for the runtime's seccomp profile is its default.
fn restrictions(pod: &Value, container: &Value) -> Vec<String> {
    only(pod, &["runAsGroup", "runAsNonRoot", "runAsUser", "seccompProfile"]);
    only(container, &["allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem"]);
    only(&container["capabilities"], &["drop"]);
    let (user, group) = (number(&pod["runAsUser"]), number(&pod["runAsGroup"]));
    assert!(pod["runAsNonRoot"] == false || user != 0, "a kubelet does not start it");
    let mut flags = vec![format!("--user={user}:{group}")];
    if pod["seccompProfile"]["type"] != "RuntimeDefault" {
        flags.push("--security-opt=seccomp=unconfined".into());
    }
    if container["allowPrivilegeEscalation"] == false {
        flags.push("--security-opt=no-new-privileges".into());
    }
    if container["readOnlyRootFilesystem"] == true {
        flags.extend(["--read-only".into(), "--read-only-tmpfs=false".into()]);
    }
    flags.extend(list(&container["capabilities"]["drop"]).iter().map(|one| format!("--cap-drop={}", text(one))));
    flags
}

fn only(value: &Value, keys: &[&str]) {
    let others =
        value.as_object().into_iter().flatten().map(|(key, _)| key).filter(|key| !keys.contains(&key.as_str()));
    assert_eq!(others.collect::<Vec<_>>(), [""; 0], "not played here");
}

fn owned((name, content): (&str, &str)) -> (String, String) {
    (name.to_owned(), content.to_owned())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
