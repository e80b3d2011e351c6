//! From the first install to the last uninstall.

use apio_operator::api::Group;
use serde_json::{Value, json};
use testkit::{
    cluster::within,
    helm::{Helm, Major},
};

use crate::{
    fixtures::{acme, hq, manifest},
    release::{Release, SYSTEM, TELEPHONY, chart},
    world::{SOON, World, message},
};

fn without_check_of_users() -> Value {
    json!({"settings": {"content": {"CHECK_GROUP": {"CHECK_USERS": false}}}, "driftInterval": "1m", "replicas": 2})
}

/// A group that holds a user, being deleted.
async fn blocked(world: &World, name: &str) {
    world.apply(&manifest("Group", name, &format!("tenantId: Acme, groupId: {name}, groupName: G")));
    world.group(name).await;
    world.platform.edit(|state| state.add_user("Acme", name, &format!("{name}@acme.example"), false));
    world.delete(&format!("group/{name}"));
    let group: Group = world.reason(name, "DeletionBlocked", "GroupNotEmpty").await;
    assert!(message(&group, "DeletionBlocked").contains("1 user"));
}

/// The blocks of the page that begin with helm, each run as it stands there on a cluster of its own.
#[tokio::test]
async fn each_install_of_the_documentation_brings_up_an_operator() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/install.md")).unwrap();
    let blocks = page.split("```sh\n").filter(|rest| rest.starts_with("helm "));
    let blocks: Vec<_> = blocks.map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 2);
    for (block, major) in blocks.iter().flat_map(|block| Major::ALL.map(|major| (block, major))) {
        let release = Release::none().await;
        let folder = release.plane.folder();
        std::os::unix::fs::symlink(chart().parent().unwrap(), folder.join("charts")).unwrap();
        let mut shell = Helm::find(major).unwrap().shell(release.plane).unwrap();
        let output = shell.args(["-ec", block]).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{block}\n{}", String::from_utf8_lossy(&output.stderr));
        let world = release.operate(TELEPHONY).await;
        world.has_credentials(1).await;
    }
}

fn strategy(release: &Release) -> Value {
    release.get("deployment/apio-apio-operator")["spec"]["strategy"].clone()
}

async fn whole_life(major: Major) {
    let release = Release::none().await;
    let helm = Helm::find(major).unwrap();
    release.kubectl(&["create", "namespace", SYSTEM]);

    let shown = release.helm(&helm, "install", &json!({}), &["--dry-run=server"]).unwrap();
    assert!(
        shown.contains("kind: Deployment") && shown.contains("kubectl --namespace apio-system create secret"),
        "{shown}"
    );
    assert_eq!(release.kubectl(&["get", "crd", "-o", "name"]), "");

    let said = release.helm(&helm, "install", &json!({}), &[]).unwrap();
    assert!(said.contains("kubectl --namespace apio-system create secret generic apio-credentials"), "{said}");
    assert!(!said.contains("WARNING"), "{said}");
    release.kubectl(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
    release.add_credentials();
    let world = release.operate(TELEPHONY).await;
    world.apply(&(acme("") + &hq("")));
    world.group("hq").await;
    blocked(&world, "doomed").await;
    assert_eq!(strategy(&release), json!({"type": "Recreate"}));

    // Settings are read live; what the arguments say takes a restart, which a kubelet would do.
    let said = release.helm(&helm, "upgrade", &without_check_of_users(), &[]).unwrap();
    assert!(said.contains("WARNING: CHECK_USERS is off"), "{said}");
    world.until_gone::<Group>("doomed").await;
    assert_eq!(strategy(&release)["rollingUpdate"], json!({"maxSurge": 1, "maxUnavailable": 0}));
    assert_eq!(world.operator.stop(), Some(0));
    drop(world);
    let world = release.operate(TELEPHONY).await;
    world.looked::<Group>("hq").await;

    helm.run(release.plane, &["rollback", "apio", "1", "--namespace", SYSTEM]).unwrap();
    assert_eq!(strategy(&release), json!({"type": "Recreate"}));
    let in_force = "Checks { users: true";
    world.poll("the first settings", || async { world.operator.log().matches(in_force).count() >= 2 }).await;
    blocked(&world, "kept").await;
    let before = world.writes();

    // As when its pods end: the resources of others stay, whatever their state.
    assert_eq!(world.operator.stop(), Some(0));
    helm.run(release.plane, &["uninstall", "apio", "--namespace", SYSTEM]).unwrap();
    let all = "deployments,replicasets,services,serviceaccounts,configmaps,roles,rolebindings,networkpolicies,clusterroles,clusterrolebindings";
    let ours = ["get", all, "-A", "-l", "app.kubernetes.io/instance=apio", "-o", "name"];
    let left = || release.kubectl(&ours).lines().filter(|name| !name.starts_with("replicaset")).count();
    world.poll("the release is gone", || async { left() == 0 }).await;
    let definitions = release.kubectl(&["get", "crd", "-o", "name"]);
    assert_eq!(definitions.lines().count(), 3, "{definitions}");
    let resources = world.kubectl(&["get", "apio", "-o", "name"]);
    assert_eq!(resources.lines().count(), 3, "{resources}");
    for group in ["HQ", "kept"] {
        assert!(world.platform.edit(|state| state.group("Acme", group).is_some()), "{group}");
    }
    drop(world);

    // The definitions that stayed are taken back, and what is there is known again.
    release.helm(&helm, "install", &json!({}), &[]).unwrap();
    let world = release.operate(TELEPHONY).await;
    world.looked::<Group>("hq").await;
    world.reason::<Group>("kept", "DeletionBlocked", "GroupNotEmpty").await;
    assert_eq!(world.writes(), before, "{}", world.story());
}

#[tokio::test]
async fn a_release_of_helm_3_is_installed_changed_rolled_back_and_removed_without_a_loss() {
    whole_life(Major::Three).await;
}

#[tokio::test]
async fn a_release_of_helm_4_is_installed_changed_rolled_back_and_removed_without_a_loss() {
    whole_life(Major::Four).await;
}

#[tokio::test]
async fn a_release_of_helm_3_goes_on_with_helm_4() {
    let release = Release::none().await;
    release.install(Major::Three, &json!({}));
    let four = Helm::find(Major::Four).unwrap();
    let drift_interval = |release: &Release| {
        let deployment = release.get("deployment/apio-apio-operator");
        let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].clone();
        arguments.as_array().unwrap().iter().find(|a| a.as_str().unwrap().starts_with("--drift")).unwrap().clone()
    };
    // As it was applied before, and then on the server's side, to which a release is moved once.
    release.helm(&four, "upgrade", &json!({"driftInterval": "2m"}), &[]).unwrap();
    assert_eq!(drift_interval(&release), "--drift-interval=2m");
    release.helm(&four, "upgrade", &without_check_of_users(), &["--server-side=true"]).unwrap();
    assert_eq!(drift_interval(&release), "--drift-interval=1m");
    assert_eq!(strategy(&release)["type"], "RollingUpdate");
    release.helm(&four, "upgrade", &json!({}), &[]).unwrap();
    assert_eq!(strategy(&release), json!({"type": "Recreate"}));
    let settings = release.get("configmap/apio-settings")["data"]["settings.yaml"].as_str().unwrap().to_owned();
    assert!(settings.contains("CHECK_USERS: true"), "{settings}");
    release.add_credentials();
    let world = release.operate(TELEPHONY).await;
    world.apply(&(acme("") + &hq("")));
    world.group("hq").await;
}

#[tokio::test]
async fn definitions_that_are_not_kept_take_the_resources_with_them_and_nothing_of_the_platform() {
    let release = Release::none().await;
    let helm = release.install(Major::Four, &json!({"crds": {"keep": false}}));
    release.add_credentials();
    let world = release.operate(TELEPHONY).await;
    world.apply(&(acme("") + &hq("")));
    world.group("hq").await;
    let before = world.writes();
    helm.run(release.plane, &["uninstall", "apio", "--namespace", SYSTEM]).unwrap();
    world.operator.kill();
    drop(world);
    // Nobody is left who could let the resources go.
    for resource in ["group/hq", "tenant/acme"] {
        release.kubectl(&["wait", resource, "-n", TELEPHONY, "--for=jsonpath={.metadata.deletionTimestamp}"]);
        let off = r#"{"metadata":{"finalizers":null}}"#;
        release.kubectl(&["patch", resource, "-n", TELEPHONY, "--type=merge", "--patch", off]);
    }
    let gone = || release.kubectl(&["get", "crd", "-o", "name"]).is_empty().then_some(());
    assert!(within(SOON, gone).is_some(), "the definitions are still there");
    assert_eq!(release.platform.writes().len(), before.len());
    assert!(release.platform.edit(|state| state.group("Acme", "HQ").is_some()));
}
