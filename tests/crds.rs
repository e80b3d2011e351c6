//! The definitions of the three kinds, as they are generated and as they are committed: what `tests/judges/crds.py` does not say.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use apio_operator::api::{crds, manifests};
use serde_json::{Value, json};

/// Every schema of every kind with its path, such as `Group.spec.contactInformation.name`; `[]` is an item of a list.
fn schemas() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for crd in crds() {
        for version in &crd.spec.versions {
            let root = version.schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap();
            walk(crd.spec.names.kind.clone(), serde_json::to_value(root).unwrap(), &mut found);
        }
    }
    found
}

fn walk(path: String, schema: Value, found: &mut Vec<(String, Value)>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(format!("{path}.{name}"), property.clone(), found);
    }
    if schema["items"].is_object() {
        walk(format!("{path}[]"), schema["items"].clone(), found);
    }
    found.push((path, schema));
}

/// The paths of the schemas that break a rule.
fn offenders(rule: impl Fn(&str, &Value) -> bool) -> Vec<String> {
    let schemas = schemas();
    assert!(schemas.len() > 100, "only {} schemas found", schemas.len());
    schemas.into_iter().filter(|(path, schema)| !rule(path, schema)).map(|(path, _)| path).collect()
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn the_committed_definitions_are_the_generated_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/apio-operator/files/crds");
    let generated = manifests().unwrap();
    for (name, text) in &generated {
        let committed = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(
            committed == *text,
            "{name} is out of date; run: cargo run -- crds --into charts/apio-operator/files/crds"
        );
    }
    let mut files: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let names: Vec<_> = generated.into_iter().map(|(name, _)| name).collect();
    assert_eq!(files, names, "the folder holds other files than the definitions");
}

#[test]
fn every_property_says_what_it_is() {
    let described = |path: &str, schema: &Value| {
        path.ends_with("[]") || schema["description"].as_str().is_some_and(|text| !text.trim().is_empty())
    };
    assert_eq!(offenders(described), none(), "without a description");
}

#[test]
fn every_list_has_a_maximum() {
    let bounded = |_: &str, schema: &Value| schema["type"] != "array" || schema["maxItems"].is_i64();
    assert_eq!(offenders(bounded), none(), "lists without maxItems");
}

#[test]
fn every_string_of_a_spec_is_bounded() {
    let bounded = |path: &str, schema: &Value| {
        !path.contains(".spec")
            || schema["type"] != "string"
            || ["maxLength", "enum", "format"].iter().any(|key| !schema[*key].is_null())
    };
    assert_eq!(offenders(bounded), none(), "strings without maxLength, enum or format");
}

#[test]
fn every_text_of_a_spec_has_a_rule_of_its_own() {
    let ruled = |path: &str, schema: &Value| {
        let free = path.ends_with("[]") || !schema["enum"].is_null() || schema["format"] == "date-time";
        let texts = schema["type"] == "string" || schema["items"]["type"] == "string";
        !path.contains(".spec") || !texts || free || schema["x-kubernetes-validations"].is_array()
    };
    assert_eq!(offenders(ruled), none(), "texts without a rule");
}

#[test]
fn every_number_is_signed_and_every_number_of_a_spec_bounded() {
    let signed = |path: &str, schema: &Value| {
        let unsigned = schema["format"].as_str().is_some_and(|format| format.starts_with('u'));
        let bounded = schema["minimum"].is_number() && schema["maximum"].is_number();
        !unsigned && (schema["type"] != "integer" || path.contains(".status") || bounded)
    };
    assert_eq!(offenders(signed), none(), "unsigned or unbounded numbers");
}

#[test]
fn nothing_is_nullable() {
    assert_eq!(offenders(|_, schema| schema["nullable"].is_null()), none(), "nullable");
}

#[test]
fn a_spec_has_no_defaults_and_a_status_starts_as_in_progress() {
    let defaults = |path: &str, schema: &Value| {
        let kind = path.split('.').next().unwrap_or_default();
        let expected = if path == format!("{kind}.status") { json!({"observedGeneration": -1}) } else { Value::Null };
        schema["default"] == expected
    };
    assert_eq!(offenders(defaults), none(), "with an unexpected default");
}

#[test]
fn every_kind_is_namespaced_in_the_category_apio() {
    let names: Vec<_> = crds()
        .into_iter()
        .map(|crd| {
            assert_eq!((crd.spec.group.as_str(), crd.spec.scope.as_str()), ("apio.netaxis.be", "Namespaced"));
            assert_eq!(crd.spec.names.categories, Some(vec!["apio".to_owned()]));
            let [version] = &crd.spec.versions[..] else { panic!("one version") };
            assert_eq!((version.name.as_str(), version.served, version.storage), ("v1alpha1", true, true));
            format!("{} {}", crd.spec.names.kind, crd.spec.names.plural)
        })
        .collect();
    assert_eq!(names, ["Group groups", "Reseller resellers", "Tenant tenants"]);
}

#[test]
fn every_rule_says_what_to_do_and_where() {
    for (path, schema) in schemas() {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            assert!(rule["message"].as_str().is_some_and(|text| text.len() > 20), "{path}: {rule}");
            // One of a field is there already.
            let is_told = rule["fieldPath"].as_str().is_some_and(|field| field.starts_with(".spec."));
            assert!(path.contains(".spec.") || is_told, "{path}: {rule}");
        }
    }
}

/// A waiver that nothing needs any more fails too.
#[test]
fn every_object_without_a_shape_is_there_for_a_reason() {
    let mut waivers = [
        // The platform's own free object, compared as a whole.
        "Reseller.spec.extraData",
        // Shown as the platform sent it, keys included that this version does not know; nobody writes it.
        "Group.status.observed",
        "Reseller.status.observed",
        "Tenant.status.observed",
        // What an earlier version declared; a field that this one does not know must not be lost.
        "Group.status.ownership.sent",
        "Reseller.status.ownership.sent",
        "Tenant.status.ownership.sent",
    ];
    let mut found = offenders(|path, schema| {
        let root = !path.contains('.');
        root || schema["type"] != "object" || schema["properties"].is_object()
    });
    found.sort();
    waivers.sort_unstable();
    assert_eq!(found, waivers);
}

#[test]
fn a_list_of_objects_says_how_its_items_are_told_apart() {
    let told = |path: &str, schema: &Value| {
        let objects = schema["type"] == "array" && schema["items"]["type"] == "object";
        let conditions = path.ends_with(".conditions");
        let keys = if conditions { json!(["type"]) } else { Value::Null };
        let kind = if conditions { "map" } else { "atomic" };
        !objects || (schema["x-kubernetes-list-type"] == kind && schema["x-kubernetes-list-map-keys"] == keys)
    };
    assert_eq!(offenders(told), none(), "lists of objects");
}
