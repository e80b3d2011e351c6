//! What kstatus and Argo CD make of our objects, by their own code: every state is brought about live, shown to both, and kept as
//! the test data of the health script, in Argo CD's own layout.

use std::{
    collections::BTreeSet,
    io::{Seek, Write},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use apio_operator::{api::Group, engine::failure::Cause};
use serde_json::{Value, json};
use testkit::{
    cluster::{GoModule, Terminal},
    simulator::{Fault, PASSWORD, Simulator, USERNAME},
};

use crate::{
    argo_cd,
    fixtures::{credentials, manifest, settings},
    generated::is_committed,
    live::{self, lasting},
    states::{bring_about, seen, states},
    world::{SETTINGS, Wish, World},
};

const SCRIPT: &str = "deploy/argocd/resource_customizations/apio.netaxis.be/_";

/// What a live operator does not say on demand.
const NOT_BROUGHT_ABOUT: [&str; 3] = ["ClusterUnreachable", "NotLeader", "InternalError"];

/// An object and what shall be made of it.
struct Exhibit {
    name: String,
    object: Value,
    kstatus: &'static str,
    health: &'static str,
}

impl Exhibit {
    fn new(object: &Value, names: &[(&str, &str)], kstatus: &'static str, health: &'static str) -> Self {
        let object = lasting(object, names);
        let text = |value: &Value| value.as_str().unwrap().to_lowercase();
        let name = format!("{}_{}", text(&object["kind"]), text(&object["metadata"]["name"]));
        Self { name, object, kstatus, health }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_state_is_what_it_should_be_for_kstatus_and_for_argo_cd() {
    let (argo, kstatus) = tokio::task::spawn_blocking(|| (argo_cd::programs(), kstatus())).await.unwrap();
    let (some, others, late) = tokio::join!(side_by_side(), around_an_operator(), after_two_minutes());
    let mut exhibits = [some, others, late].into_iter().flatten().collect::<Vec<_>>();
    exhibits.sort_by(|a, b| a.name.cmp(&b.name));
    let list =
        json!({"kind": "List", "apiVersion": "v1", "items": exhibits.iter().map(|e| &e.object).collect::<Vec<_>>()});

    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/argocd/argocd-cm.yaml");
    let mut argo = Command::new(argo.join("argocd-health"));
    let (by_argo, by_kstatus) = (ask(argo.arg(settings), &list), ask(&mut Command::new(kstatus), &list));
    let mut wrong = Vec::new();
    let mut tests = Vec::new();
    for (n, exhibit) in exhibits.iter().enumerate() {
        let verdicts = (&by_kstatus[n]["Status"], &by_argo[n]["health"]["status"]);
        if verdicts != (&json!(exhibit.kstatus), &json!(exhibit.health)) {
            wrong.push(format!("{}: {verdicts:?}, not {} and {}", exhibit.name, exhibit.kstatus, exhibit.health));
        }
        let path = format!("testdata/{}.yaml", exhibit.name);
        is_committed(&format!("{SCRIPT}/{path}"), &serde_yaml::to_string(&exhibit.object).unwrap());
        tests.push(json!({"inputPath": path, "healthStatus": by_argo[n]["script"]}));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    is_committed(&format!("{SCRIPT}/health_test.yaml"), &serde_yaml::to_string(&json!({"tests": tests})).unwrap());
    every_reason_is_among(&exhibits);
    for kind in ["Group", "Tenant", "Reseller"] {
        let shown: BTreeSet<_> = exhibits.iter().filter(|e| e.object["kind"] == kind).map(|e| e.health).collect();
        assert!(shown.is_superset(&["Healthy", "Progressing", "Degraded"].into()), "{kind}: {shown:?}");
    }
}

fn every_reason_is_among(exhibits: &[Exhibit]) {
    let conditions =
        exhibits.iter().flat_map(|exhibit| exhibit.object["status"]["conditions"].as_array().into_iter().flatten());
    let told: BTreeSet<_> = conditions.filter_map(|condition| condition["reason"].as_str()).collect();
    for reason in
        Cause::ALL.iter().map(|cause| cause.reason().name()).filter(|reason| !NOT_BROUGHT_ABOUT.contains(reason))
    {
        assert!(told.contains(reason), "no state with the reason {reason}");
    }
}

/// The states that need nothing but a platform and its faults.
async fn side_by_side() -> Vec<Exhibit> {
    let world = World::new().await;
    let names = [(&*world.namespace, "telephony"), (&*world.platform.url(), "https://apio.example.net")];
    let mut exhibits = Vec::new();
    for state in states() {
        let object = bring_about(&world, &state).await;
        exhibits.push(Exhibit::new(&object, &names, state.kstatus, state.health));
    }
    exhibits
}

async fn ready(world: &World, names: &[&str]) {
    world.platform.edit(|state| state.add_tenant("Acme"));
    for name in names {
        world.apply(&manifest("Group", name, "tenantId: Acme, groupName: Head office"));
        world.group(name).await;
    }
}

/// The states before an operator has looked, and those that its surroundings make.
async fn around_an_operator() -> Vec<Exhibit> {
    let mut world = World::new().await;
    let other = Simulator::start().await.unwrap();
    let (url, other_url, namespace) = (world.platform.url(), other.url(), world.namespace.clone());
    let names =
        [(&*namespace, "telephony"), (&*url, "https://apio.example.net"), (&*other_url, "https://other.example.net")];
    let deleted = ["deletion-unseen", "deletion-without-credentials", "deletion-without-settings"];
    ready(&world, &[&["changed", "another-platform", "deletion-elsewhere"], deleted.as_slice()].concat()).await;
    let mut exhibits = Vec::new();
    let mut exhibit = |object: Value, kstatus, health| exhibits.push(Exhibit::new(&object, &names, kstatus, health));

    world.operator.kill();
    world.apply(&manifest("Group", "new", "tenantId: Acme, groupName: Head office"));
    world.kubectl(&["patch", "group", "changed", "--type=merge", "-p", r#"{"spec":{"userLimit":30}}"#]);
    for name in deleted {
        world.delete(&format!("group/{name}"));
    }
    let get = |world: &World, name: &str| -> Value {
        serde_json::from_str(&world.kubectl(&["get", "group", name, "-o", "json"])).unwrap()
    };
    exhibit(get(&world, "new"), "InProgress", "Progressing");
    exhibit(get(&world, "changed"), "InProgress", "Progressing");
    exhibit(get(&world, "deletion-unseen"), "Terminating", "Progressing");

    world.apply(&manifest("Group", "no-credentials", "tenantId: Acme, groupName: Head office"));
    world.kubectl(&["delete", "secret/apio-credentials"]);
    world.operator.start_again().unwrap();
    exhibit(seen(&world, "Group", "no-credentials", "Ready", "CredentialsUnavailable").await, "Failed", "Degraded");
    let waits =
        seen(&world, "Group", "deletion-without-credentials", "DeletionBlocked", "CredentialsUnavailable").await;
    exhibit(waits, "Terminating", "Progressing");

    world.kubectl(&["delete", "configmap/apio-settings"]);
    world.apply(&credentials(USERNAME, PASSWORD));
    let waits = seen(&world, "Group", "deletion-without-settings", "DeletionBlocked", "SettingsUnavailable").await;
    exhibit(waits, "Terminating", "Progressing");

    world.apply(&settings(SETTINGS));
    world.replace_operator(&other_url, &[]);
    exhibit(seen(&world, "Group", "another-platform", "Ready", "PlatformChanged").await, "Failed", "Degraded");
    world.delete("group/deletion-elsewhere");
    let stalled = seen(&world, "Group", "deletion-elsewhere", "DeletionBlocked", "PlatformChanged").await;
    exhibit(stalled, "Terminating", "Degraded");
    exhibits
}

/// What lasts: an outage makes Ready Unknown, and what is not found is not waited for any more.
async fn after_two_minutes() -> Vec<Exhibit> {
    let world = World::with(Wish { arguments: &["--drift-interval", "5s"], ..Wish::default() }).await;
    let names = [(&*world.namespace, "telephony"), (&*world.platform.url(), "https://apio.example.net")];
    ready(&world, &["outage"]).await;
    world.platform.inject(Fault::status(502).on("GET", "/tenants/Acme/groups/outage/").forever());
    world.nudge::<Group>("outage").await;
    let failed = || async { world.metric(r#"apio_operator_reconciles_total{kind="Group",result="failed"}"#).await > 0 };
    world.poll("a failed look", failed).await;
    let [domain, reseller] = ["domain-given-up", "reseller-given-up"];
    world.apply(&manifest("Group", domain, "tenantId: Acme, groupName: Head office, defaultDomain: no.example"));
    world.apply(&manifest("Group", reseller, "tenantId: Acme, groupName: Head office, resellerId: Nobody"));
    let api = live::api(&world.client, "apio.netaxis.be/v1alpha1", "Group", &world.namespace);
    let is_stalled = |object: &Value| live::condition(object, "Stalled")["status"] == "True";
    let mut exhibits = Vec::new();
    for name in [domain, reseller] {
        let object = live::until(&api, name, Duration::from_secs(200), is_stalled).await.expect("stalled");
        exhibits.push(Exhibit::new(&object, &names, "Failed", "Degraded"));
    }
    world.nudge::<Group>("outage").await;
    let object = seen(&world, "Group", "outage", "Ready", "PlatformUnreachable").await;
    assert_eq!(live::condition(&object, "Ready")["status"], "Unknown");
    exhibits.push(Exhibit::new(&object, &names, "InProgress", "Progressing"));
    exhibits
}

/// The program around the library.
fn kstatus() -> PathBuf {
    let module = GoModule {
        folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gitops/kstatus"),
        what: "kstatus",
        package: ".",
        version_of: "github.com/fluxcd/cli-utils",
        programs: &["kstatus"],
        toolchain: None,
        stamp: |_| String::new(),
        copied: &[],
        takes: "a minute",
        otherwise: "",
    };
    module.built(&Terminal::new()).unwrap_or_else(|error| panic!("{error}")).join("kstatus")
}

/// What a program answers to a list of objects.
fn ask(program: &mut Command, list: &Value) -> Vec<Value> {
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(list.to_string().as_bytes()).unwrap();
    input.rewind().unwrap();
    let output = program.stdin(input).output().unwrap();
    assert!(output.status.success(), "{program:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
