//! Holds `src/engine` and `src/api` to their promise: decisions and types only. Their sources are read without comments.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Names that no line of code there may use.
const IMPURE: [&str; 13] = [
    "tokio",
    "reqwest",
    "Client",
    "SystemTime",
    "Instant",
    "rand",
    "tracing",
    "async",
    "await",
    "fs",
    "net",
    "env",
    "println",
];
/// Modules of this crate that do I/O, or know the time.
const OUTSIDE: [&str; 6] = ["platform", "controller", "telemetry", "run", "cli", "surroundings"];

/// What an impure source uses, by the line as far as it is known.
fn impurities(source: &str) -> Vec<String> {
    let code: Vec<_> = source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let mut found = Vec::new();
    for (at, line) in code.iter().enumerate() {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        found.extend(words.find(|word| IMPURE.contains(word)).map(|word| format!("line {}: {word}", at + 1)));
        if line.contains("Timestamp::now") {
            found.push(format!("line {}: a clock", at + 1));
        }
    }
    let dense: String = code.concat().chars().filter(|c| !c.is_whitespace()).collect();
    for module in OUTSIDE {
        let paths = [format!("crate::{module}::"), format!("crate::{module};"), format!("super::{module}::")];
        if paths.iter().any(|path| dense.contains(path)) || in_groups(&dense).iter().any(|name| name == module) {
            found.push(format!("crate::{module}"));
        }
    }
    found
}

/// The first names in each `use crate::{a::..., b}`.
fn in_groups(dense: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, start) in dense.match_indices("crate::{") {
        let (mut depth, mut name) = (1, String::new());
        for c in dense[at + start.len()..].chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 || (depth == 1 && c == ',') {
                names.push(name.split(':').next().unwrap_or_default().to_owned());
                name.clear();
            } else {
                name.push(c);
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { sources(&path) } else { vec![path] }
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn the_engine_and_the_types_are_pure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = [sources(&root.join("engine")), sources(&root.join("api"))].concat();
    assert!(files.len() > 20, "where are the sources? {files:?}");
    let found: Vec<_> = files
        .iter()
        .flat_map(|path| {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            impurities(&fs::read_to_string(path).unwrap()).into_iter().map(move |what| format!("{name}: {what}"))
        })
        .collect();
    assert!(found.is_empty(), "src/engine and src/api decide and describe only:\n{}", found.join("\n"));
}

#[test]
fn what_is_impure_is_found() {
    for source in [
        "use tokio::time::sleep;",
        "let now = std::time::Instant::now();",
        "use kube::{Api,\n    Client};",
        "pub async fn ask() {}",
        "let now = Timestamp::now();",
        "let n: u8 = rand::random();",
        "tracing::info!(\"x\");",
        "use crate::platform::Turn;",
        "use crate::surroundings::Surroundings;",
        "use crate::{api::Group, controller};",
        "use crate::{\n    api::{Group, Status},\n    telemetry::{metrics, logs},\n};",
        "use super::super::platform::Turn;",
    ] {
        assert_ne!(impurities(source), Vec::<String>::new(), "{source}");
    }
}

#[test]
fn what_only_sounds_impure_is_let_through() {
    for source in [
        "// No async, no tokio, no clock.",
        "let x = record.platform; // crate::platform",
        "use crate::{api::Status, engine::{facts::Facts, plan::Platform}};",
        "fn random(operand: Instantly) {}",
        "pub now: Timestamp,",
    ] {
        assert_eq!(impurities(source), Vec::<String>::new(), "{source}");
    }
}
