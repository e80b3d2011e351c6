//! What no archive is made of.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::archive::{VERSION, result_of, root, said};

/// A checkout of what is in the commit, with the scripts of now.
fn checkout() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    said("git", &["clone", "--quiet", "--shared", root().to_str().unwrap(), "."], folder.path());
    fs::copy(root().join("release/archive"), folder.path().join("release/archive")).unwrap();
    commit(folder.path());
    folder
}

fn commit(folder: &Path) {
    let who = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.net"];
    said("git", &[&who[..], &["commit", "--quiet", "--all", "--allow-empty", "--message=As it is"]].concat(), folder);
}

/// What it complains of, having made nothing.
fn refused(checkout: &Path, arguments: &[&str]) -> String {
    let made = tempfile::tempdir().unwrap();
    let mut command = Command::new("release/archive");
    let error = result_of(command.args(arguments).arg(made.path()).current_dir(checkout)).unwrap_err();
    assert_eq!(fs::read_dir(made.path()).unwrap().count(), 0);
    error
}

#[test]
fn a_tree_with_changes_is_refused_by_the_names_of_the_files() {
    let checkout = checkout();
    fs::write(checkout.path().join("new.rs"), "").unwrap();
    fs::write(checkout.path().join("Dockerfile"), "FROM nothing\n").unwrap();
    let error = refused(checkout.path(), &[]);
    assert!(error.contains("--allow-dirty: Dockerfile new.rs") && error.lines().count() == 1, "{error}");
}

#[test]
fn a_version_of_which_the_changelog_tells_nothing_is_refused() {
    let checkout = checkout();
    let section = |title: &str, text: &str| format!("# Changelog\n\n## {title}\n\n{text}\n\n## 0.0.1\n\n- A change.\n");
    // A title alone tells nothing, and another version has another section.
    for changelog in [section("Unreleased", "### Added"), section(&format!("{VERSION}1"), "- A change.")] {
        fs::write(checkout.path().join("CHANGELOG.md"), changelog).unwrap();
        commit(checkout.path());
        let error = refused(checkout.path(), &[]);
        assert!(error.contains(&format!("CHANGELOG.md tells no change of {VERSION}")), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}
