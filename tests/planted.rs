//! Holds the faults that the simulation has to find to the code, and the page that tells of them to what was planted.

#![allow(clippy::unwrap_used)]

#[path = "../examples/planted/faults.rs"]
mod faults;

use std::{fs, path::Path};

use faults::FAULTS;

fn sources(folder: &Path) -> String {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.map(|path| if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap() }).collect()
}

#[test]
fn every_fault_takes_the_place_of_one_line() {
    let source = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    for fault in FAULTS {
        let lines = source.lines().filter(|line| line.trim() == fault.line).count();
        assert_eq!(lines, 1, "{}: {}", fault.name, fault.line);
        assert_ne!(fault.line, fault.becomes, "{}", fault.name);
        assert!(fault.becomes.contains("IT"), "{}", fault.name);
    }
}

#[test]
fn the_page_has_a_row_for_every_fault_and_no_other() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability.md")).unwrap();
    let rows = page.lines().skip_while(|line| *line != "| --- | --- | --- | --- |").skip(1);
    let rows: Vec<_> = rows.take_while(|line| line.starts_with("| ")).collect();
    let told: Vec<_> = rows.iter().map(|row| row.split(" | ").take(2).collect::<Vec<_>>().join(" | ")).collect();
    let planted: Vec<_> = FAULTS.iter().map(|fault| format!("| {} | {}", fault.name, fault.takes)).collect();
    assert_eq!(told, planted, "run `cargo run --release --example planted` and put its table there");
}
