//! The bill of materials.

use std::{collections::BTreeSet, sync::OnceLock};

use serde_json::Value;

use crate::archive::{VERSION, read, release, root, said};

fn sbom() -> &'static Value {
    static READ: OnceLock<Value> = OnceLock::new();
    READ.get_or_init(|| serde_json::from_str(&read("sbom.cdx.json")).unwrap())
}

fn components() -> impl Iterator<Item = &'static Value> {
    sbom()["components"].as_array().unwrap().iter()
}

/// The crates that the binary needs by what cargo resolves, without macros, scripts of the build and tests.
fn resolved() -> BTreeSet<String> {
    let kinds = ["--locked", "--package=apio-operator", "--edges=no-build,no-dev,no-proc-macro"];
    let form = ["--target=x86_64-unknown-linux-gnu", "--prefix=none", "--format={p}"];
    let tree = said("cargo", &[&["tree"], &kinds[..], &form].concat(), root());
    let named = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    tree.lines().map(named).filter(|name| !name.is_empty() && *name != format!("apio-operator v{VERSION}")).collect()
}

#[test]
fn the_bill_of_materials_names_every_crate_in_the_binary_and_no_other() {
    let crates = components().filter(|part| part["purl"].as_str().unwrap().starts_with("pkg:cargo/"));
    let named: BTreeSet<_> = crates
        .map(|part| format!("{} v{}", part["name"].as_str().unwrap(), part["version"].as_str().unwrap()))
        .collect();
    assert!(named.len() > 100, "{named:?}");
    assert_eq!(named, resolved());
    let is_named = |name: &str| named.iter().any(|crate_| crate_.starts_with(&format!("{name} ")));
    assert!(["aws-lc-sys", "kube", "tokio"].iter().all(|name| is_named(name)));
    assert!(!["testkit", "proptest", "rcgen", "syn", "serde_derive", "cc"].iter().any(|name| is_named(name)));
}

#[test]
fn the_bill_of_materials_names_what_the_binary_and_the_image_take_from_the_system() {
    let others = components().filter(|part| !part["purl"].as_str().unwrap().starts_with("pkg:cargo/"));
    let names: Vec<_> = others.map(|part| part["name"].as_str().unwrap()).collect();
    let [certificates, libc, libgcc, rust] = names[..] else { panic!("{names:?}") };
    assert_eq!((certificates, rust), ("ca-certificates", "rust"));
    assert!(libc.starts_with("libc6") && libgcc.starts_with("libgcc"), "{names:?}");
}

#[test]
fn the_bill_of_materials_is_that_of_this_binary_and_this_commit() {
    let program = &sbom()["metadata"]["component"];
    assert_eq!((program["name"].as_str(), program["version"].as_str()), (Some("apio-operator"), Some(VERSION)));
    let sum = said("sha256sum", &["apio-operator"], release());
    assert_eq!(program["hashes"][0]["content"], sum.split(' ').next().unwrap());
    let commit = sbom()["metadata"]["properties"][0]["value"].as_str().unwrap();
    let head = said("git", &["rev-parse", "HEAD"], root());
    let changed =
        if said("git", &["status", "--porcelain", "--untracked-files=no"], root()).is_empty() { "" } else { "-dirty" };
    assert_eq!(commit, format!("{}{changed}", head.trim()));
}

#[test]
fn each_part_has_a_licence_and_each_dependency_is_a_part() {
    for part in components() {
        let deb = part["purl"].as_str().unwrap().starts_with("pkg:deb/");
        assert!(deb || part["licenses"][0]["expression"].is_string(), "{part}");
    }
    let known: BTreeSet<_> =
        components().chain([&sbom()["metadata"]["component"]]).map(|part| part["bom-ref"].to_string()).collect();
    let listed = sbom()["dependencies"].as_array().unwrap();
    let needed: BTreeSet<_> =
        listed.iter().flat_map(|row| row["dependsOn"].as_array().unwrap()).map(Value::to_string).collect();
    // Nothing needs the program itself, and something needs every other.
    assert_eq!(needed.len() + 1, known.len());
    assert!(needed.is_subset(&known));
}
