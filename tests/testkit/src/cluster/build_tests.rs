use std::thread;

use super::super::progress::Silent;
use super::*;

/// A `go` that takes a moment to build, counts its builds, and fails when there is a file `broken` beside it.
const GO: &str = r#"#!/bin/sh
beside=$(dirname "$0")
if [ "$1" = env ]; then echo go1.26.0; exit; fi
echo build >> "$beside/builds"
while [ "$1" != -o ]; do shift; done
echo half > "$2"
if [ -e "$beside/broken" ]; then echo "go: no such module"; exit 1; fi
sleep 0.2
echo whole > "$2"
"#;

/// Written by another process: one that this process still has open for writing, through a fork of another test, can't be started.
fn go(folder: &Path) -> PathBuf {
    let path = folder.join("go");
    let mut command = Command::new("sh");
    command.args(["-c", r#"printf %s "$1" > "$2"; chmod 755 "$2""#, "sh", GO]).arg(&path);
    assert!(command.status().unwrap().success());
    path
}

#[test]
fn those_who_need_a_build_at_the_same_time_get_the_same_one() {
    let (tools, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let go = go(tools.path());
    let build = || built(&go, cache.path(), &Silent).unwrap();
    let folders = thread::scope(|scope| {
        [scope.spawn(build), scope.spawn(build), scope.spawn(build)].map(|one| one.join().unwrap())
    });
    assert!(folders.iter().all(|folder| *folder == folders[0]));
    for name in NAMES {
        assert_eq!(fs::read_to_string(folders[0].join(name)).unwrap(), "whole\n");
    }
    assert_eq!(fs::read_to_string(tools.path().join("builds")).unwrap(), "build\n");
}

#[test]
fn a_build_that_failed_or_was_interrupted_leaves_nothing_that_looks_finished() {
    let (tools, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let go = go(tools.path());
    let interrupted = cache.path().join("controlplane").join(format!("{UNFINISHED}before"));
    fs::create_dir_all(&interrupted).unwrap();
    fs::write(tools.path().join("broken"), "").unwrap();
    let error = built(&go, cache.path(), &Silent).unwrap_err().to_string();
    assert!(error.ends_with("Go said:\ngo: no such module"), "{error}");
    let left: Vec<_> =
        fs::read_dir(cache.path().join("controlplane")).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);

    fs::remove_file(tools.path().join("broken")).unwrap();
    assert!(built(&go, cache.path(), &Silent).unwrap().join("etcd").is_file());
}

#[test]
fn the_hash_changes_with_every_input_and_with_nothing_else() {
    let sources = ["go.mod", "go.sum", "main.go"].map(|name| (name, format!("content of {name}"))).to_vec();
    let kubernetes = "v1.36.4".to_owned();
    let inputs = Inputs { sources, flags: flags(&kubernetes), go_version: "go1.26.8".to_owned(), kubernetes };
    let mut hashes = vec![inputs.hash()];
    assert_eq!(inputs.clone().hash(), hashes[0]);
    for index in 0..3 {
        let mut changed = inputs.clone();
        changed.sources[index].1.push('\n');
        hashes.push(changed.hash());
    }
    hashes.push(Inputs { flags: flags("v1.37.1"), ..inputs.clone() }.hash());
    hashes.push(Inputs { go_version: "go1.26.9".to_owned(), ..inputs }.hash());
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 6);
}

#[test]
fn versions_are_read() {
    assert!(is_sufficient("go1.26.8") && is_sufficient("go1.27rc1") && is_sufficient("go1.26"));
    assert!(!is_sufficient("go1.25.9") && !is_sufficient("") && !is_sufficient("devel"));
    let go_mod = "require (\n\tk8s.io/kubernetes-csi v0.1.0\n\tk8s.io/kubernetes v1.36.4\n)\n";
    assert_eq!(required_version(go_mod, "k8s.io/kubernetes"), Some("v1.36.4"));
    assert!(flags("v1.36.4")[6].contains("component-base/version.gitMinor=36 "));
}

#[test]
fn progress_tells_what_go_does() {
    let log = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(what_go_does(log.path()), "");
    fs::write(&log, "go: downloading k8s.io/api v0.36.4\n").unwrap();
    assert_eq!(what_go_does(log.path()), "downloading k8s.io/api v0.36.4");
    fs::write(&log, "go: downloading k8s.io/api v0.36.4\nunicode\nk8s.io/api/core/v1\n").unwrap();
    assert_eq!(what_go_does(log.path()), "2 packages compiled, now k8s.io/api/core/v1");
}
