//! The values: what is offered, explained and refused.

use std::{collections::BTreeSet, fs};

use serde_json::Value;
use testkit::helm::{Helm, Major};

use crate::release::chart;

fn file(name: &str) -> String {
    fs::read_to_string(chart().join(name)).unwrap()
}

/// Paths of what can be set: the leaves, where an empty list or map is one too.
fn leaves(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value.as_object().filter(|map| !map.is_empty()) {
        Some(map) => map.iter().for_each(|(key, value)| leaves(&format!("{path}.{key}"), value, found)),
        None => drop(found.insert(path.to_owned())),
    }
}

/// The same of the schema; also checks that every object of it is closed.
fn described(path: &str, schema: &Value, found: &mut BTreeSet<String>) {
    let Some(properties) = schema["properties"].as_object() else {
        found.insert(path.to_owned());
        return;
    };
    assert_eq!(schema["additionalProperties"], false, "{path} takes what it does not know");
    for (name, property) in properties {
        described(&format!("{path}.{name}"), property, found);
    }
}

#[test]
fn the_schema_knows_every_value_and_no_other() {
    let (mut offered, mut known) = (BTreeSet::new(), BTreeSet::new());
    leaves("", &serde_yaml::from_str(&file("values.yaml")).unwrap(), &mut offered);
    described("", &serde_json::from_str(&file("values.schema.json")).unwrap(), &mut known);
    // Of any chart, when it is part of another.
    known.remove(".global");
    // What is under a map of the schema without properties has keys of the user.
    let in_schema =
        |path: &str| known.iter().find(|known| path == **known || path.starts_with(&format!("{known}."))).cloned();
    let offered: BTreeSet<_> = offered.iter().map(|path| in_schema(path).unwrap_or_else(|| path.clone())).collect();
    assert_eq!(offered, known);
}

#[test]
fn every_value_is_explained_in_its_place() {
    let text = file("values.yaml");
    let lines: Vec<_> = text.lines().collect();
    let depth = |line: &str| line.len() - line.trim_start().len();
    for (n, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(':') && !line.trim().starts_with('#')) {
        let above = lines[n - 1];
        // A comment stands over it, or over the run of its neighbours, or over what it is part of.
        let goes_on = !above.is_empty() && depth(above) <= depth(line);
        assert!(above.trim().starts_with('#') || goes_on, "line {} of values.yaml: {line}", n + 1);
    }
}

#[test]
fn a_wrong_value_is_refused_with_its_path_or_its_remedy() {
    for major in Major::ALL {
        let helm = Helm::find(major).unwrap();
        let refused = |args: &[&str]| helm.template(&chart(), args).unwrap_err();
        let said = refused(&[]);
        assert!(said.contains("platform.url is not set: it is the base URL of the platform"), "{said}");
        for (set, path, word) in [
            ("platform.ulr=https://x", "platform", "ulr"),
            ("platform.url=apio.example.net", "url", "https?"),
            ("platform.url=https://me:secret@x", "url", "https?"),
            ("platform.mode=door", "mode", "gateway"),
            ("platform.concurrency=0", "concurrency", "1"),
            ("platform.timeouts.total=10x", "total", "pattern"),
            ("settings.content.CHECK_GROUP.CHECK_USER=true", "CHECK_GROUP", "CHECK_USER"),
            ("settings.content.CHECK_GROUP.CHECK_USERS=maybe", "CHECK_USERS", "boolean"),
            ("tenantsByNamespace.telephony=Acme", "telephony", "array"),
            ("tenantsByNamespace.telephony.reseller={Best}", "telephony", "reseller"),
            ("tenantsByNamespace.telephony.resellers=Best", "resellers", "array"),
            ("tenantsByNamespace.telephony.systemDomains=maybe", "systemDomains", "boolean"),
            ("watchNamespaces=telephony", "watchNamespaces", "array"),
            ("watchNamespaces={Telephony}", "watchNamespaces", "pattern"),
            ("lease.duration=2s", "duration", "pattern"),
            ("succeed={apio-old}", "succeed", "pattern"),
            ("image.digest=latest", "digest", "sha256"),
            ("crds.kept=true", "crds", "kept"),
            ("replica=2", "replica", "additional"),
            ("credentials.password=hunter2", "credentials", "password"),
            ("log.format=xml", "format", "json"),
        ] {
            let said = refused(&["--set", "platform.url=https://apio.example.net", "--set", set]);
            let lower = said.to_lowercase();
            assert!(
                [path, word].iter().all(|word| lower.contains(&word.to_lowercase())),
                "helm {major}, {set}: {said}"
            );
        }
    }
}

#[test]
fn the_version_of_the_chart_is_that_of_the_program() {
    let chart: Value = serde_yaml::from_str(&file("Chart.yaml")).unwrap();
    assert_eq!(
        (&chart["version"], &chart["appVersion"]),
        (&env!("CARGO_PKG_VERSION").into(), &env!("CARGO_PKG_VERSION").into())
    );
}
