//! What the templates make of values, without a cluster.

use std::{collections::BTreeSet, fs};

use apio_operator::api::crds;
use serde_json::{Value, json};
use testkit::helm::{Helm, Major};

use crate::{
    release::{Release, chart},
    world::RULES,
};

/// What a chart renders to with a file of its ci folder and more arguments, in the order of kinds and names.
pub fn rendered(major: Major, file: &str, args: &[&str]) -> Vec<Value> {
    let values = chart().join("ci").join(file).to_string_lossy().into_owned();
    let helm = Helm::find(major).unwrap();
    let text = helm.template(&chart(), &[&["--namespace", "sys", "--values", &values], args].concat()).unwrap();
    let documents = text.split("---\n").map(|document| serde_yaml::from_str::<Value>(document).unwrap());
    let mut objects: Vec<_> = documents.filter(|object| !object.is_null()).map(whole).collect();
    objects.sort_by_key(|object| (object["kind"].to_string(), object["metadata"].to_string()));
    objects
}

/// With 1.0 written as 1: the same number, to Kubernetes.
fn whole(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 => json!(float as i64),
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, whole(value))).collect(),
        other => other,
    }
}

#[tokio::test]
async fn everything_that_can_be_rendered_is_taken_by_the_api_server_without_a_field_too_many() {
    let release = Release::none().await;
    release.add_definitions_of_prometheus_operator();
    for namespace in ["sys", "telephony-test"] {
        release.kubectl(&["create", "namespace", namespace]);
    }
    for values in ["default-values.yaml", "full-values.yaml"] {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": rendered(Major::Four, values, &[])});
        let file = release.plane.folder().join(values);
        fs::write(&file, list.to_string()).unwrap();
        release.kubectl(&["apply", "--dry-run=server", "--validate=strict", "-f", file.to_str().unwrap()]);
    }
}

fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

#[test]
fn both_helms_render_the_same_and_find_nothing_to_complain_of() {
    for file in ["default-values.yaml", "full-values.yaml"] {
        let [three, four] = Major::ALL.map(|major| rendered(major, file, &[]));
        let differ: Vec<_> = three.iter().zip(&four).filter(|(three, four)| three != four).collect();
        assert!(differ.is_empty() && three.len() == four.len(), "{file}: {differ:#?}");
        for major in Major::ALL {
            let values = chart().join("ci").join(file);
            let mut lint = Helm::find(major).unwrap().command(&["lint", "--strict"]);
            let output = lint.arg(chart()).arg("--values").arg(values).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        }
    }
}

#[test]
fn a_second_rendering_is_the_first() {
    assert_eq!(rendered(Major::Four, "full-values.yaml", &[]), rendered(Major::Four, "full-values.yaml", &[]));
    let unsteady = ["lookup", "now", "rand", "uuidv4", "genCA", "genSelfSignedCert", "htpasswd", "bcrypt"];
    for file in fs::read_dir(chart().join("templates")).unwrap().map(|entry| entry.unwrap().path()) {
        let text = fs::read_to_string(&file).unwrap();
        let actions = text.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap());
        for word in actions.flat_map(|action| action.split(|c: char| !c.is_ascii_alphanumeric())) {
            assert!(!unsteady.iter().any(|name| word.starts_with(name)), "{}: {word}", file.display());
        }
    }
}

#[test]
fn the_definitions_are_the_generated_ones_and_are_kept() {
    let objects = rendered(Major::Four, "full-values.yaml", &[]);
    let found: Vec<_> = of_kind(&objects, "CustomResourceDefinition").collect();
    let generated: Vec<_> = crds().iter().map(|crd| whole(serde_json::to_value(crd).unwrap())).collect();
    assert_eq!(found.len(), generated.len());
    for (found, generated) in found.into_iter().zip(generated) {
        assert_eq!(found["spec"], generated["spec"]);
        assert_eq!(found["metadata"]["name"], generated["metadata"]["name"]);
        let expected = json!({"helm.sh/resource-policy": "keep", "example.net/owner": "telephony"});
        assert_eq!(found["metadata"]["annotations"], expected);
    }
    let without = rendered(Major::Four, "default-values.yaml", &["--set", "crds.install=false"]);
    assert_eq!(of_kind(&without, "CustomResourceDefinition").count(), 0);
}

#[test]
fn the_rights_are_the_rules_under_the_names_of_the_values() {
    let rules: Value = serde_yaml::from_str(RULES).unwrap();
    let objects = rendered(Major::Four, "full-values.yaml", &[]);
    let roles: Vec<_> = of_kind(&objects, "Role").collect();
    let places: Vec<_> = roles.iter().map(|role| role["metadata"]["namespace"].as_str().unwrap()).collect();
    assert_eq!(places, ["sys", "telephony", "telephony-test"]);
    let own =
        RULES.replace("[apio-settings]", "[platform-settings]").replace("[apio-credentials]", "[platform-account]");
    let own: Value = serde_yaml::from_str(&own.replace("[apio-operator]", "[platform-lease]")).unwrap();
    assert_ne!(own["own"], rules["own"]);
    assert_eq!(roles[0]["rules"], own["own"]);
    assert_eq!(roles[1]["rules"], rules["watched"]);
    assert_eq!(roles[2]["rules"], rules["watched"]);
    let of_operator = |objects: &[Value]| {
        of_kind(objects, "ClusterRole").find(|role| role["metadata"]["name"] == "sys:apio-operator").unwrap()["rules"]
            .clone()
    };
    assert_eq!(of_operator(&objects), rules["cluster"]);
    let everywhere = rendered(Major::Four, "default-values.yaml", &[]);
    let both = [&rules["cluster"], &rules["watched"]].map(|section| section.as_array().unwrap().clone()).concat();
    assert_eq!(of_operator(&everywhere), Value::from(both));
    let wild = objects.iter().chain(&everywhere).filter(|object| object["rules"].to_string().contains("\"*\""));
    assert_eq!(wild.count(), 0);
}

#[test]
fn the_alerts_are_those_of_the_file_with_the_labels_and_the_runbook_of_the_values() {
    let file = fs::read_to_string(chart().join("files/alerts.yaml")).unwrap();
    let mut expected: Value = serde_yaml::from_str(&file).unwrap();
    for rule in expected["groups"][0]["rules"].as_array_mut().unwrap() {
        rule["labels"]["team"] = "telephony".into();
        let section = rule["alert"].as_str().unwrap().to_lowercase();
        rule["annotations"]["runbook_url"] = format!("https://docs.example.net/monitoring#{section}").into();
    }
    let objects = rendered(Major::Four, "full-values.yaml", &[]);
    assert_eq!(of_kind(&objects, "PrometheusRule").next().unwrap()["spec"], whole(expected));
}

#[test]
fn the_parts_that_can_be_left_out_are() {
    let kinds = |args: &[&str]| -> BTreeSet<String> {
        let objects = rendered(Major::Four, "default-values.yaml", args);
        objects.iter().map(|object| object["kind"].as_str().unwrap().to_owned()).collect()
    };
    let all = kinds(&[]);
    assert!(
        !all.contains("Secret") && !all.contains("ServiceMonitor") && !all.contains("PodDisruptionBudget"),
        "{all:?}"
    );
    for (set, gone) in [
        ("serviceAccount.create=false", &["ServiceAccount"][..]),
        ("settings.create=false", &["ConfigMap"]),
        ("networkPolicy.enabled=false", &["NetworkPolicy"]),
        ("rbac.create=false", &["Role", "RoleBinding", "ClusterRoleBinding"]),
        ("crds.install=false", &["CustomResourceDefinition"]),
    ] {
        let left = kinds(&["--set", set]);
        let missing: BTreeSet<_> = all.difference(&left).map(String::as_str).collect();
        assert_eq!(missing, gone.iter().copied().collect(), "{set}");
    }
}

#[test]
fn the_settings_arm_every_check_unless_a_value_says_otherwise() {
    let settings = |objects: &[Value]| {
        let text = of_kind(objects, "ConfigMap").find_map(|map| map["data"]["settings.yaml"].as_str()).unwrap();
        apio_operator::engine::settings::parse(text).unwrap()
    };
    assert_eq!(settings(&rendered(Major::Four, "default-values.yaml", &[])), (Default::default(), vec![]));
    let (changed, remarks) = settings(&rendered(Major::Four, "full-values.yaml", &[]));
    let differs: Vec<_> = changed
        .entries()
        .into_iter()
        .zip(apio_operator::engine::settings::Settings::default().entries())
        .filter(|(new, old)| new != old)
        .map(|((_, key, value), _)| (key, value))
        .collect();
    assert_eq!((differs, remarks), (vec![("GROUP_DEFAULT_DOMAIN", true), ("CHECK_TRUNK_USERS", false)], vec![]));
}
