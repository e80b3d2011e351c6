use std::thread;

use super::super::progress::Silent;
use super::*;

/// A `go` that takes a moment to build, counts its builds, and fails when there is a file `broken` beside it; the module that is
/// required is the folder `required` beside it.
const GO: &str = r#"#!/bin/sh
beside=$(dirname "$0")
if [ "$1" = env ]; then echo "${GOTOOLCHAIN:-go1.26.0}"; exit; fi
if [ "$1" = mod ]; then echo "{\"Dir\": \"$beside/required\"}"; exit; fi
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

/// A module in a folder of this name under `tools`.
fn module(tools: &Path) -> GoModule {
    let folder = tools.join("thing");
    fs::create_dir_all(&folder).unwrap();
    for name in ["go.mod", "go.sum", "main.go"] {
        fs::write(folder.join(name), format!("content of {name}")).unwrap();
    }
    GoModule {
        folder,
        what: "a thing",
        package: ".",
        version_of: "example.com/thing",
        programs: &["one", "other"],
        toolchain: None,
        stamp: |version| format!(" -X version={version}"),
        copied: &[],
        takes: "a moment",
        otherwise: "do without it",
    }
}

#[test]
fn those_who_need_a_build_at_the_same_time_get_the_same_one() {
    let (tools, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let go = go(tools.path());
    let module = module(tools.path());
    let build = || module.built_in(&go, cache.path(), &Silent).unwrap();
    let folders = thread::scope(|scope| {
        [scope.spawn(build), scope.spawn(build), scope.spawn(build)].map(|one| one.join().unwrap())
    });
    assert!(folders.iter().all(|folder| *folder == folders[0]));
    for name in module.programs {
        assert_eq!(fs::read_to_string(folders[0].join(name)).unwrap(), "whole\n");
    }
    assert_eq!(fs::read_to_string(tools.path().join("builds")).unwrap(), "build\n");
}

#[test]
fn a_build_that_failed_or_was_interrupted_leaves_nothing_that_looks_finished() {
    let (tools, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (go, module) = (go(tools.path()), module(tools.path()));
    let interrupted = cache.path().join("thing").join(format!("{UNFINISHED}before"));
    fs::create_dir_all(&interrupted).unwrap();
    fs::write(tools.path().join("broken"), "").unwrap();
    let error = module.built_in(&go, cache.path(), &Silent).unwrap_err().to_string();
    assert!(error.starts_with("a thing could not be built with Go.") && error.contains("do without it"), "{error}");
    assert!(error.ends_with("Go said:\ngo: no such module"), "{error}");
    let left: Vec<_> = fs::read_dir(cache.path().join("thing")).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);

    fs::remove_file(tools.path().join("broken")).unwrap();
    assert!(module.built_in(&go, cache.path(), &Silent).unwrap().join("other").is_file());
}

#[test]
fn what_comes_along_can_be_written_and_run() {
    let (tools, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let script = tools.path().join("required/hack/script.sh");
    fs::create_dir_all(script.parent().unwrap()).unwrap();
    fs::write(&script, "echo hello").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o444)).unwrap();
    let go = go(tools.path());
    let module = GoModule { copied: &[("example.com/required", "hack")], ..module(tools.path()) };
    let copy = module.built_in(&go, cache.path(), &Silent).unwrap().join("hack/script.sh");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(fs::read_to_string(copy).unwrap(), "echo hello");
}

#[test]
fn the_hash_changes_with_every_input_and_with_nothing_else() {
    let tools = tempfile::tempdir().unwrap();
    let (go, module) = (go(tools.path()), module(tools.path()));
    let hash = |module: &GoModule| Inputs::read(module, &go).unwrap().hash();
    let mut hashes = vec![hash(&module)];
    fs::write(module.folder.join("README.md"), "not built").unwrap();
    assert_eq!(hash(&GoModule { what: "another name", ..module.clone() }), hashes[0]);
    for name in ["go.mod", "go.sum", "main.go", "added.go"] {
        fs::write(module.folder.join(name), "changed").unwrap();
        hashes.push(hash(&module));
    }
    hashes.push(hash(&GoModule { stamp: |_| " -X version=other".to_owned(), ..module.clone() }));
    hashes.push(hash(&GoModule { toolchain: Some("go1.27.3"), ..module.clone() }));
    hashes.push(hash(&GoModule { package: "example.com/other", ..module.clone() }));
    hashes.push(hash(&GoModule { copied: &[("example.com/required", "hack")], ..module }));
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 9);
}

#[test]
fn versions_are_read() {
    assert!(is_sufficient("go1.26.8") && is_sufficient("go1.27rc1") && is_sufficient("go1.26"));
    assert!(!is_sufficient("go1.25.9") && !is_sufficient("") && !is_sufficient("devel"));
    let go_mod = "require (\n\tk8s.io/kubernetes-csi v0.1.0\n\tk8s.io/kubernetes v1.36.4\n)\n";
    assert_eq!(required_version(go_mod, "k8s.io/kubernetes"), Some("v1.36.4"));
    let go_mod = "tool example.com/tool\n\nrequire example.com/tool v1.9.4 // indirect\n";
    assert_eq!(required_version(go_mod, "example.com/tool"), Some("v1.9.4"));
}

#[test]
fn a_go_that_is_too_old_is_told_with_the_remedies() {
    let tools = tempfile::tempdir().unwrap();
    let module = GoModule { toolchain: Some("go1.25.0"), ..module(tools.path()) };
    let error = module.built_in(&go(tools.path()), tools.path(), &Silent).unwrap_err().to_string();
    assert!(
        error.contains("is too old (go1.25.0). Install Go 1.26") && error.ends_with(", or do without it"),
        "{error}"
    );
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
