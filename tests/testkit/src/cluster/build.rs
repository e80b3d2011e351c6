//! The build of the control plane from Go modules, once per user and version.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::error::Error;
use super::guard::{Guarded, log_tail};
use super::progress::Progress;
use super::waiting::within;

/// The Go module that is built: one binary, which is the program whose name it is started under.
const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../controlplane");

/// The names of that binary.
const NAMES: [&str; 3] = ["kube-apiserver", "etcd", "kube-controller-manager"];

/// Where builds in progress are; whatever is left of such a name was interrupted.
const UNFINISHED: &str = "building-";

/// No build takes this long, and nobody waits longer for another process's.
const LONGEST: Duration = Duration::from_secs(2 * 60 * 60);

/// The folder with the three programs: from the cache, or built now, by this process or by the one that does it already.
pub(super) fn built(go: &Path, cache: &Path, progress: &dyn Progress) -> Result<PathBuf, Error> {
    let inputs = Inputs::read(Path::new(MODULE), go)?;
    let folder = cache.join("controlplane");
    let finished = folder.join(inputs.hash());
    if finished.is_dir() {
        return Ok(finished);
    }
    fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    let _lock = lock(&folder, progress)?;
    if !finished.is_dir() {
        build(go, &inputs, &folder, &finished, progress)?;
    }
    Ok(finished)
}

/// Held until the file is closed, which the system does for a process that dies.
fn lock(folder: &Path, progress: &dyn Progress) -> Result<File, Error> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(Error::io("create", &path))?;
    let mut waits = false;
    let locked = within(LONGEST, || match file.try_lock() {
        Ok(()) => Some(Ok(())),
        Err(TryLockError::Error(error)) => Some(Err(error)),
        Err(TryLockError::WouldBlock) => {
            if !std::mem::replace(&mut waits, true) {
                progress.started("Waiting for another process that builds the control plane");
            }
            progress.tick("");
            None
        }
    });
    if waits {
        progress.done();
    }
    let held = || std::io::Error::other("another process still holds it");
    locked.unwrap_or_else(|| Err(held())).map_err(Error::io("lock", &path))?;
    Ok(file)
}

fn build(go: &Path, inputs: &Inputs, folder: &Path, finished: &Path, progress: &dyn Progress) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let unfinished =
        tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(folder).map_err(Error::io("write in", folder))?;
    let programs = unfinished.path().join("programs");
    fs::create_dir(&programs).map_err(Error::io("create", &programs))?;
    let [first, others @ ..] = NAMES;
    let binary = programs.join(first);

    progress.started(&format!(
        "Building Kubernetes {} with {} (once; 4 to 8 minutes on 2 cores)",
        inputs.kubernetes, inputs.go_version
    ));
    let mut command = Command::new(go);
    command.args(["build", "-v"]).args(&inputs.flags).arg("-o").arg(&binary).arg(".");
    command.current_dir(MODULE).env("CGO_ENABLED", "0");
    let log = unfinished.path().join("go.log");
    let compiler = Guarded::spawn(&command, &log).map_err(Error::io("start", go))?;
    let began = Instant::now();
    let status = loop {
        if let Some(status) = compiler.wait(Duration::from_millis(250)) {
            break Some(status);
        }
        progress.tick(&what_go_does(&log));
        if began.elapsed() > LONGEST {
            break None;
        }
    };
    if !status.is_some_and(|status| status.success()) {
        return Err(Error::Build { tail: log_tail(&log, 20) });
    }
    for name in others {
        fs::hard_link(&binary, programs.join(name)).map_err(Error::io("link", &binary))?;
    }
    // Only now there is a folder of the right name: an interrupted build leaves nothing that looks finished.
    fs::rename(&programs, finished).map_err(Error::io("rename to", finished))?;
    progress.done();
    Ok(())
}

/// `go build -v` prints a line for each package that it compiles, and for each module that it fetches.
fn what_go_does(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    match lines.last() {
        Some(last) if last.starts_with("go: downloading ") => last["go: ".len()..].to_owned(),
        Some(last) => {
            let packages = lines.iter().filter(|line| !line.starts_with("go: ")).count();
            format!("{packages} packages compiled, now {last}")
        }
        None => String::new(),
    }
}

/// All that the binary depends on.
#[derive(Clone)]
struct Inputs {
    sources: Vec<(&'static str, String)>,
    flags: Vec<String>,
    go_version: String,
    kubernetes: String,
}

impl Inputs {
    fn read(module: &Path, go: &Path) -> Result<Self, Error> {
        let mut sources = Vec::new();
        for name in ["go.mod", "go.sum", "main.go"] {
            let path = module.join(name);
            sources.push((name, fs::read_to_string(&path).map_err(Error::io("read", &path))?));
        }
        let kubernetes = required_version(&sources[0].1, "k8s.io/kubernetes").unwrap_or("v1.0.0").to_owned();
        let go_version = go_version(go, module)?;
        Ok(Self { sources, flags: flags(&kubernetes), go_version, kubernetes })
    }

    fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        let sources = self.sources.iter().flat_map(|(name, content)| [*name, content.as_str()]);
        for part in sources.chain(self.flags.iter().map(String::as_str)).chain([self.go_version.as_str()]) {
            // The length first, so that no two lists of parts run together to the same text.
            hasher.update(part.len().to_le_bytes());
            hasher.update(part);
        }
        hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Asked in the module's folder: a Go that may fetch toolchains answers with the one that it would build this module with.
fn go_version(go: &Path, module: &Path) -> Result<String, Error> {
    let mut command = Command::new(go);
    let output = command.args(["env", "GOVERSION"]).current_dir(module).output().map_err(Error::io("start", go))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && is_sufficient(&version) {
        return Ok(version);
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let found = if version.is_empty() { stderr } else { version };
    Err(Error::NoPrograms { go: format!("{} is too old ({found})", go.display()) })
}

fn is_sufficient(version: &str) -> bool {
    let minor = version.strip_prefix("go1.").and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    minor.and_then(|minor| minor.parse::<u32>().ok()).is_some_and(|minor| minor >= 26)
}

fn required_version<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    go_mod.lines().find_map(|line| line.trim().strip_prefix(module)?.strip_prefix(' ')).map(str::trim)
}

/// Those of the upstream release builds: without the version, `/version` says v0.0.0 and Helm's checks of it fail.
fn flags(kubernetes: &str) -> Vec<String> {
    let minor = kubernetes.split('.').nth(1).unwrap_or_default();
    let values = [
        ("gitVersion", kubernetes),
        ("gitMajor", "1"),
        ("gitMinor", minor),
        ("gitTreeState", "clean"),
        ("gitCommit", kubernetes),
        ("buildDate", "1970-01-01T00:00:00Z"),
    ];
    let mut linker = "-s -w".to_owned();
    for package in ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"] {
        for (name, value) in values {
            linker += &format!(" -X {package}.{name}={value}");
        }
    }
    let flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-tags", "selinux,notest,grpcnotrace", "-ldflags"];
    flags.into_iter().map(String::from).chain([linker]).collect()
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
