//! What runs: the Deployment's pods, at the gate of a namespace that is restricted, and as a process.

use apio_operator::api::Group;
use serde_json::{Value, json};
use testkit::helm::Major;

use crate::{
    fixtures::hq,
    release::{Release, SYSTEM, TELEPHONY},
};

/// A pod as the Deployment would have it made.
fn pod_of(release: &Release) -> Value {
    let template = release.get("deployment/apio-apio-operator")["spec"]["template"].clone();
    let mut pod =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"]});
    pod["metadata"]["name"] = "tried".into();
    pod
}

#[tokio::test]
async fn the_pods_are_taken_by_a_namespace_that_enforces_the_restricted_standard() {
    let release = Release::none().await;
    release.install(Major::Four, &json!({"platform": {"url": "https://x", "caBundle": {"configMap": "ca"}}}));
    release.kubectl(&["label", "namespace", SYSTEM, "pod-security.kubernetes.io/enforce=restricted"]);
    let tried = |pod: &Value| release.plane.apply_in(SYSTEM, &pod.to_string()).map_err(|error| error.to_string());
    let mut pod = pod_of(&release);
    tried(&pod).unwrap();
    release.kubectl(&["delete", "pod", "tried", "-n", SYSTEM, "--force"]);
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = true.into();
    assert!(tried(&pod).unwrap_err().contains("violates PodSecurity"), "the gate is open");
}

#[tokio::test]
async fn the_port_of_the_pods_is_the_one_that_the_operator_listens_on() {
    let release = Release::none().await;
    release.install(Major::Four, &json!({}));
    let port = pod_of(&release)["spec"]["containers"][0]["ports"][0]["containerPort"].clone();
    use clap::CommandFactory;
    let cli = apio_operator::cli::Cli::command();
    let run = cli.get_subcommands().find(|command| command.get_name() == "run").unwrap();
    let listen = run.get_arguments().find(|argument| argument.get_id() == "listen").unwrap();
    assert_eq!(listen.get_default_values(), [format!("0.0.0.0:{port}").as_str()]);
}

#[tokio::test]
async fn every_value_of_the_chart_reaches_an_operator_that_works_with_it() {
    let release = Release::none().await;
    release.kubectl(&["create", "namespace", SYSTEM]);
    let authority = rcgen::generate_simple_self_signed(["platform.example".to_owned()]).unwrap().cert.pem();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own-ca"}, "data": {"own.pem": authority}});
    release.plane.apply_in(SYSTEM, &map.to_string()).unwrap();
    release.install(
        Major::Four,
        &json!({
            "platform": {
                "url": release.platform.url(), "mode": "core", "prefix": "/api/v01/p1", "concurrency": 3, "rate": 500,
                "timeouts": {"connect": "2s", "read": "3s", "total": "4s"},
                "caBundle": {"configMap": "own-ca", "key": "own.pem"},
            },
            "credentials": {"secretName": "own-account"},
            "settings": {"configMapName": "own-settings"},
            "lease": {"name": "own-lease", "duration": "5s"},
            "watchNamespaces": [TELEPHONY, SYSTEM],
            "tenantsByNamespace": {TELEPHONY: {"tenants": ["Acme"], "resellers": ["Best"]}},
            "driftInterval": "3m",
            "succeed": ["apio-old/apio-operator"],
            "log": {"filter": "debug,h2=info,hyper=info", "format": "text"},
            "serviceAccount": {"name": "own-name"},
        }),
    );
    let secret = crate::fixtures::credentials(testkit::simulator::USERNAME, testkit::simulator::PASSWORD);
    release.plane.apply_in(SYSTEM, &secret.replace("apio-credentials", "own-account")).unwrap();
    release.platform.edit(|state| {
        state.add_tenant("Acme");
        state.add_reseller("Best");
    });
    let world = release.operate(TELEPHONY).await;
    world.apply(&hq("resellerId: Best"));
    world.group("hq").await;
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    world.apply(&crate::fixtures::manifest("Group", "other", "tenantId: Globex, groupName: Other"));
    world.reason::<Group>("other", "Ready", "NotPermitted").await;
    let lease = release.get("lease/own-lease");
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 5);
    assert_eq!(lease["spec"]["holderIdentity"], "apio-apio-operator-0", "the pod's name");
    assert!(!world.operator.log().contains("forbidden"), "{}", world.operator.log());
}
