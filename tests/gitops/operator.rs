//! The operator's own Application of the guide: Argo CD renders the chart and applies it. On a control plane of its own, because
//! the chart brings the definitions.

use std::process::Command;

use apio_operator::api::{Reseller, Tenant};
use kube::api::{Api, DynamicObject};
use serde_json::{Value, json};
use testkit::cluster::within;

use crate::{
    application::{Mode, SOON, examples, is_synced, refresh},
    argo_cd::{ArgoCd, NAMESPACE, programs},
    guide, live,
    release::{Release, SYSTEM, TELEPHONY, chart},
    repository::Repository,
    world::{World, client},
};

/// The guide's name for it.
const NAME: &str = "apio-operator";

struct Cluster {
    release: Release,
    argo_cd: ArgoCd,
    repository: Repository,
    api: Api<DynamicObject>,
}

impl Cluster {
    /// Argo CD, a repository with the chart, and nothing of ours in the cluster.
    async fn new() -> Self {
        let release = Release::none().await;
        let plane = release.plane;
        let argo_cd = tokio::task::spawn_blocking(move || ArgoCd::start(plane, programs())).await.unwrap();
        let repository = Repository::new();
        let copied = Command::new("cp").arg("-r").arg(chart()).arg(repository.path()).status().unwrap();
        assert!(copied.success());
        repository.commit("the chart");
        let api = live::api(&client(plane).await, "argoproj.io/v1alpha1", "Application", NAMESPACE);
        Self { release, argo_cd, repository, api }
    }

    /// The Application of the guide, but for the addresses, and with the finalizer that deletes everything with it.
    fn manifest(&self, mode: Mode) -> Value {
        let mut manifest = guide::manifest("Application", NAME);
        let options = manifest["spec"]["syncPolicy"]["syncOptions"].as_array().unwrap().clone();
        mode.set(&mut manifest);
        manifest["spec"]["syncPolicy"]["syncOptions"].as_array_mut().unwrap().extend(options);
        manifest["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
        let source = &mut manifest["spec"]["source"];
        (source["repoURL"], source["targetRevision"]) = (json!(self.repository.url()), json!("main"));
        assert_eq!(source["path"], "charts/apio-operator");
        source["path"] = json!(chart().file_name().unwrap().to_string_lossy());
        source["helm"]["valuesObject"]["platform"]["url"] = json!(self.release.platform.url());
        manifest
    }

    /// Compared as often as it takes: Argo CD may miss that a definition is established.
    async fn is_synced(&self, health: &str) -> Value {
        let head = self.repository.head();
        let wanted = |app: &Value| is_synced(app, &head) && app["status"]["health"]["status"] == health;
        let found = refresh(&self.api, NAME, &head, wanted).await;
        found.unwrap_or_else(|| panic!("synced and {health}: not within {SOON:?}\n{}", self.story()))
    }

    /// Says of the pod what the kubelet of a node would: that it runs.
    fn play_kubelet(&self) {
        let names = || self.release.kubectl(&["get", "pods", "-n", SYSTEM, "-o", "jsonpath={.items[*].metadata.name}"]);
        let pod = within(SOON, || Some(names()).filter(|names| !names.is_empty())).expect("a pod");
        let ready = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
        let patch = ["--subresource=status", "--type=merge", "--patch", &ready.to_string()];
        self.release.kubectl(&[&["patch", "pod", &pod, "-n", SYSTEM], &patch[..]].concat());
    }

    /// Everything that the chart brought, with its resource versions and the owners of its fields.
    fn installed(&self) -> String {
        let kinds = "deployment,service,configmap,serviceaccount,role,rolebinding,networkpolicy,poddisruptionbudget,crd,\
            clusterrole,clusterrolebinding";
        self.release.kubectl(&["get", kinds, "-n", SYSTEM, "-o", "yaml", "--show-managed-fields"])
    }

    fn story(&self) -> String {
        let shown = ["get", "application", "-n", NAMESPACE, "-o", "yaml"];
        format!("{}\n{}", self.release.plane.run(&shown).unwrap_or_default(), self.argo_cd.story())
    }
}

async fn examples_are_ready(world: &World) {
    world.ready::<Reseller>("best-reseller").await;
    world.ready::<Tenant>("acme").await;
    world.group("headquarters").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_cd_installs_the_operator_keeps_it_and_leaves_the_resources_when_it_takes_it_away() {
    let cluster = Cluster::new().await;
    let release = &cluster.release;
    for mode in [Mode::ThreeWay, Mode::ServerSideApply, Mode::ServerSideDiff] {
        release.plane.apply(&cluster.manifest(mode).to_string()).unwrap();
        // There is no node, so that no pod runs.
        cluster.is_synced("Progressing").await;
        cluster.play_kubelet();
        let manifest = cluster.is_synced("Healthy").await;
        assert_eq!(manifest["spec"].get("ignoreDifferences"), None);

        release.add_credentials();
        let world = release.operate(TELEPHONY).await;
        for (_, text) in examples().into_iter().filter(|(name, _)| *name != "settings.yaml") {
            world.apply(&text);
        }
        examples_are_ready(&world).await;
        let before = cluster.installed();
        for _ in 0..3 {
            cluster.is_synced("Healthy").await;
        }
        assert_eq!(cluster.installed(), before, "{mode:?}\n{}", cluster.story());

        let (written, resources) = (world.writes(), world.kubectl(&["get", "apio", "-o", "yaml"]));
        release.kubectl(&["delete", "application", NAME, "-n", NAMESPACE, "--wait=true", "--timeout=120s"]);
        world.operator.kill();
        assert_eq!(release.get("deployment,service,role,networkpolicy")["items"], json!([]), "{mode:?}");
        assert_eq!(world.kubectl(&["get", "apio", "-o", "yaml"]), resources, "{mode:?}");
        assert_eq!(world.writes(), written, "{mode:?}");
    }
}
