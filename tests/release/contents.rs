//! What is in the archive, and that it belongs together.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;

use crate::archive::{VERSION, archive, image, made, read, release, root, said};

fn chart() -> String {
    format!("apio-operator-{VERSION}.tgz")
}

fn files() -> BTreeSet<String> {
    fs::read_dir(release()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_archive_holds_what_a_release_is_made_of() {
    let expected = [
        "CHANGES.md",
        "LICENSE",
        "SHA256SUMS",
        "apio-operator",
        &chart(),
        "crds.yaml",
        "image-digest.txt",
        "image.tar",
        "sbom.cdx.json",
    ];
    assert_eq!(files(), expected.map(str::to_owned).into());
    assert_eq!(archive().file_name().unwrap().to_str().unwrap(), format!("apio-operator-{VERSION}.tar.gz"));
}

/// helm takes the times of the files, which two archives of one checkout share: so the times are looked at.
#[test]
fn nothing_in_the_archive_and_in_the_chart_says_when_and_by_whom_it_was_made() {
    let commit = said("git", &["log", "-1", "--format=@%ct"], root());
    let time = said("date", &["--utc", "--date", commit.trim(), "+%F %T"], root());
    for packed in [archive(), &release().join(chart())] {
        let how = ["--list", "--verbose", "--utc", "--full-time", "--numeric-owner", "--file"];
        let listed = said("tar", &[&how[..], &[packed.to_str().unwrap()]].concat(), root());
        assert!(listed.lines().count() > 9, "{listed}");
        for line in listed.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            assert!(["drwxr-xr-x", "-rwxr-xr-x", "-rw-r--r--"].contains(&words[0]), "{line}");
            assert_eq!((words[1], words[3..5].join(" ").as_str()), ("0/0", time.trim()), "{line}");
        }
    }
}

#[test]
fn the_checksums_are_those_of_every_file() {
    said("sha256sum", &["--check", "--strict", "--quiet", "SHA256SUMS"], release());
    let sums = read("SHA256SUMS");
    let mut summed: BTreeSet<_> = sums.lines().map(|line| line.split_once("  ").unwrap().1.to_owned()).collect();
    summed.insert("SHA256SUMS".to_owned());
    assert_eq!(summed, files());
}

/// As a C compiler writes it: `Nov 24 2026`.
fn is_date(text: &[u8]) -> bool {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let shape: Vec<u8> = text[3..].iter().map(|c| if c.is_ascii_digit() { b'0' } else { *c }).collect();
    months.iter().any(|month| text.starts_with(month.as_bytes()))
        && [&b" 00 0000"[..], b"  0 0000"].contains(&&*shape)
        && text[7..9] == *b"20"
}

#[test]
fn no_c_library_in_the_binary_says_when_it_was_built() {
    let binary = std::fs::read(release().join("apio-operator")).unwrap();
    let told = binary.windows(11).find(|text| is_date(text)).map(String::from_utf8_lossy);
    assert_eq!(told, None);
    assert!(is_date(b"Nov 24 2026") && is_date(b"Feb  1 2026") && !is_date(b"Jan  1 1970"));
}

#[test]
fn the_binary_is_of_this_version_static_and_the_one_in_the_image() {
    let binary = release().join("apio-operator");
    assert_eq!(said(&binary, &["--version"], root()), format!("apio-operator {VERSION}\n"));
    // PT_INTERP, type 3: what a program has that wants a dynamic linker.
    let program = fs::read(&binary).unwrap();
    let number = |at: usize, length: usize| {
        program[at..at + length].iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let (table, size, count) = (number(0x20, 8), number(0x36, 2), number(0x38, 2));
    let kinds: Vec<_> = (0..count).map(|entry| number(table + entry * size, 4)).collect();
    assert!(kinds.contains(&1) && !kinds.contains(&3), "{kinds:?}");

    let folder = tempfile::tempdir().unwrap();
    said("skopeo", &["copy", "--quiet", &image(), &format!("dir:{}", folder.path().display())], root());
    let manifest: Value = serde_json::from_slice(&fs::read(folder.path().join("manifest.json")).unwrap()).unwrap();
    for layer in manifest["layers"].as_array().unwrap() {
        let blob = layer["digest"].as_str().unwrap().trim_start_matches("sha256:");
        said("tar", &["--extract", "--file", blob], folder.path());
    }
    assert!(fs::read(folder.path().join("apio-operator")).unwrap() == program);
}

#[test]
fn the_digest_is_that_of_the_image() {
    assert_eq!(said("skopeo", &["inspect", "--format={{.Digest}}", &image()], root()), read("image-digest.txt"));
}

#[test]
fn the_definitions_are_the_generated_ones() {
    let generated: Vec<_> = apio_operator::api::manifests().unwrap().into_iter().map(|(_, text)| text).collect();
    assert!(generated.len() == 3 && read("crds.yaml") == generated.join("---\n"));
}

#[test]
fn the_changes_are_those_of_this_version() {
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let section = |title: &str| {
        let begins =
            |part: &&str| part.split_whitespace().next().is_some_and(|name| name.trim_matches(['[', ']']) == title);
        let part = changelog.split("\n## ").skip(1).find(begins)?;
        Some(part.split_once('\n')?.1.trim())
    };
    let changes = read("CHANGES.md");
    assert_eq!(Some(changes.trim()), section(VERSION).or_else(|| section("Unreleased")));
    assert!(changes.contains("\n- "), "{changes}");
}

#[test]
fn the_chart_is_the_one_of_the_repository_under_this_version() {
    let folder = tempfile::tempdir().unwrap();
    said("tar", &["--extract", "--file", release().join(chart()).to_str().unwrap()], folder.path());
    let packed = folder.path().join("apio-operator");
    let value: Value = serde_yaml::from_str(&fs::read_to_string(packed.join("Chart.yaml")).unwrap()).unwrap();
    assert_eq!((value["version"].as_str(), value["appVersion"].as_str()), (Some(VERSION), Some(VERSION)));

    // helm writes this file anew, and leaves out what the chart says it should.
    let ours = root().join("charts/apio-operator");
    let own = |file: &PathBuf| !["Chart.yaml", "ci", ".helmignore"].iter().any(|name| file.starts_with(name));
    let all = |folder: &PathBuf| -> BTreeSet<PathBuf> {
        let listed = said("find", &[".", "-type", "f", "-printf", "%P\\n"], folder);
        listed.lines().map(PathBuf::from).filter(own).collect()
    };
    let names = all(&packed);
    assert_eq!(names, all(&ours));
    for name in names {
        assert!(fs::read(packed.join(&name)).unwrap() == fs::read(ours.join(&name)).unwrap(), "{}", name.display());
    }
}

#[test]
fn the_same_commit_gives_the_same_archive() {
    let again = made("release-again");
    assert!(fs::read(archive()).unwrap() == fs::read(again).unwrap(), "two archives differ");
}
