//! A Go module that is built once per user and version, into one binary that is several programs.

use std::env;
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::error::Error;
use super::guard::{Guarded, log_tail};
use super::locate::{cache_folder, on_path};
use super::progress::Progress;
use super::waiting::within;

/// Where builds in progress are; whatever is left of such a name was interrupted.
const UNFINISHED: &str = "building-";

/// No build takes this long, and nobody waits longer for another process's.
const LONGEST: Duration = Duration::from_secs(2 * 60 * 60);

/// A Go module of this repository. Its binary is the program whose name it is started under.
#[derive(Clone, Debug)]
pub struct GoModule {
    /// Where go.mod, go.sum and the sources are. The folder's name is that of the build in the cache.
    pub folder: PathBuf,
    /// What it is, for the person who waits.
    pub what: &'static str,
    /// The package that is built: `.`, or one of a required module.
    pub package: &'static str,
    /// The module among the requirements whose version is that of the build.
    pub version_of: &'static str,
    /// The names of the binary; the first is that of the file, the others are links.
    pub programs: &'static [&'static str],
    /// The version of Go, where the module needs another one than the machine's: Go fetches it as it fetches modules.
    pub toolchain: Option<&'static str>,
    /// What the linker is told besides, for that version.
    pub stamp: fn(&str) -> String,
    /// Files and folders that come along: a required module, or any with `@` and its version, and a path in it. They are put
    /// beside the programs.
    pub copied: &'static [(&'static str, &'static str)],
    /// How long a build takes on two cores.
    pub takes: &'static str,
    /// What the person can do who has no access to modules; empty if nothing.
    pub otherwise: &'static str,
}

impl GoModule {
    /// The folder with the programs: from the user's cache, or built now, by this process or by the one that does it already.
    ///
    /// # Errors
    /// When there is no Go, or the build failed.
    pub fn built(&self, progress: &dyn Progress) -> Result<PathBuf, Error> {
        let variable = |name: &str| env::var_os(name);
        let go = on_path(&variable, "go").ok_or_else(|| self.no_go("there is no Go on the PATH".to_owned()))?;
        self.built_in(&go, &cache_folder(&variable), progress)
    }

    pub(super) fn built_in(&self, go: &Path, cache: &Path, progress: &dyn Progress) -> Result<PathBuf, Error> {
        let inputs = Inputs::read(self, go)?;
        let folder = cache.join(self.folder.file_name().unwrap_or_default());
        let finished = folder.join(inputs.hash());
        if finished.is_dir() {
            return Ok(finished);
        }
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let _lock = self.lock(&folder, progress)?;
        if !finished.is_dir() {
            self.build(go, &inputs, &folder, &finished, progress)?;
        }
        Ok(finished)
    }

    /// Held until the file is closed, which the system does for a process that dies.
    fn lock(&self, folder: &Path, progress: &dyn Progress) -> Result<File, Error> {
        let path = folder.join("lock");
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        let mut waits = false;
        let locked = within(LONGEST, || match file.try_lock() {
            Ok(()) => Some(Ok(())),
            Err(TryLockError::Error(error)) => Some(Err(error)),
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut waits, true) {
                    progress.started(&format!("Waiting for another process that builds {}", self.what));
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

    fn build(
        &self,
        go: &Path,
        inputs: &Inputs,
        folder: &Path,
        finished: &Path,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        for entry in fs::read_dir(folder).map_err(Error::io("read", folder))?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let unfinished =
            tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(folder).map_err(Error::io("write in", folder))?;
        let programs = unfinished.path().join("programs");
        fs::create_dir(&programs).map_err(Error::io("create", &programs))?;
        let binary = programs.join(self.programs[0]);

        progress.started(&format!(
            "Building {} {} with {} (once; {} on 2 cores)",
            self.what, inputs.version, inputs.go_version, self.takes
        ));
        let mut command = self.go(go);
        command.args(["build", "-v"]).args(&inputs.flags).arg("-o").arg(&binary).arg(self.package);
        command.env("CGO_ENABLED", "0");
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
            return Err(self.failed(log_tail(&log, 20)));
        }
        for name in &self.programs[1..] {
            fs::hard_link(&binary, programs.join(name)).map_err(Error::io("link", &binary))?;
        }
        for (module, path) in self.copied {
            let from = self.fetched(go, module)?.join(path);
            let name = from.file_name().unwrap_or_default();
            copy(&from, &programs.join(name))?;
        }
        // Only now there is a folder of the right name: an interrupted build leaves nothing that looks finished.
        fs::rename(&programs, finished).map_err(Error::io("rename to", finished))?;
        progress.done();
        Ok(())
    }

    /// `go` in the module's folder, of the version that it needs.
    fn go(&self, go: &Path) -> Command {
        let mut command = Command::new(go);
        command.current_dir(&self.folder);
        if let Some(toolchain) = self.toolchain {
            command.env("GOTOOLCHAIN", toolchain);
        }
        command
    }

    /// Asked in the module's folder: a Go that may fetch toolchains answers with the one that it would build this module with.
    fn go_version(&self, go: &Path) -> Result<String, Error> {
        let output = self.go(go).args(["env", "GOVERSION"]).output().map_err(Error::io("start", go))?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() && is_sufficient(&version) {
            return Ok(version);
        }
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let found = if version.is_empty() { stderr } else { version };
        Err(self.no_go(format!("{} is too old ({found})", go.display())))
    }

    fn no_go(&self, go: String) -> Error {
        Error::NoGo { what: self.what, go, otherwise: self.otherwise }
    }

    fn failed(&self, tail: String) -> Error {
        Error::Build { what: self.what, otherwise: self.otherwise, tail }
    }

    /// The folder of a module.
    fn fetched(&self, go: &Path, module: &str) -> Result<PathBuf, Error> {
        let mut command = self.go(go);
        let output = command.args(["mod", "download", "-json", module]).output().map_err(Error::io("start", go))?;
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        match told["Dir"].as_str() {
            Some(folder) => Ok(PathBuf::from(folder)),
            None => Err(self.failed(format!("{} {}", told["Error"], String::from_utf8_lossy(&output.stderr).trim()))),
        }
    }
}

/// Without the modes, which the module cache does not keep: read-only, and no script can be run.
fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    if from.is_dir() {
        fs::create_dir(to).map_err(Error::io("create", to))?;
        for entry in fs::read_dir(from).map_err(Error::io("read", from))?.flatten() {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    let copied = fs::copy(from, to).and_then(|_| fs::set_permissions(to, fs::Permissions::from_mode(0o755)));
    copied.map_err(Error::io("copy", from))
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

/// All that the programs depend on.
#[derive(Clone)]
struct Inputs {
    sources: Vec<(String, String)>,
    flags: Vec<String>,
    go_version: String,
    version: String,
    package: &'static str,
    copied: &'static [(&'static str, &'static str)],
}

impl Inputs {
    fn read(module: &GoModule, go: &Path) -> Result<Self, Error> {
        let names = ["go.mod".to_owned(), "go.sum".to_owned()].into_iter().chain(source_files(&module.folder)?);
        let mut sources = Vec::new();
        for name in names {
            let path = module.folder.join(&name);
            sources.push((name, fs::read_to_string(&path).map_err(Error::io("read", &path))?));
        }
        let version = required_version(&sources[0].1, module.version_of).unwrap_or("v1.0.0").to_owned();
        let (flags, go_version) = (flags(&(module.stamp)(&version)), module.go_version(go)?);
        Ok(Self { sources, flags, go_version, version, package: module.package, copied: module.copied })
    }

    fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        let sources = self.sources.iter().flat_map(|(name, content)| [name.as_str(), content.as_str()]);
        let flags = self.flags.iter().map(String::as_str);
        let copied = self.copied.iter().flat_map(|(module, path)| [*module, *path]);
        let package = Some(self.package).filter(|package| *package != ".");
        for part in sources.chain(flags).chain([self.go_version.as_str()]).chain(package).chain(copied) {
            // The length first, so that no two lists of parts run together to the same text.
            hasher.update(part.len().to_le_bytes());
            hasher.update(part);
        }
        hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The names of the Go files, sorted.
fn source_files(folder: &Path) -> Result<Vec<String>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::io("read", folder))?.flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".go")).collect();
    names.sort();
    Ok(names)
}

fn is_sufficient(version: &str) -> bool {
    let minor = version.strip_prefix("go1.").and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    minor.and_then(|minor| minor.parse::<u32>().ok()).is_some_and(|minor| minor >= 26)
}

fn required_version<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    let requirements = go_mod.lines().map(|line| line.trim().trim_start_matches("require "));
    requirements.filter_map(|line| line.strip_prefix(module)?.strip_prefix(' ')?.split_whitespace().next()).next()
}

/// Those of the upstream release builds of Kubernetes, for all: packages that two modules share are then compiled once.
fn flags(stamp: &str) -> Vec<String> {
    let flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-tags", "selinux,notest,grpcnotrace", "-ldflags"];
    flags.into_iter().map(String::from).chain([format!("-s -w{stamp}")]).collect()
}

#[cfg(test)]
#[path = "go_module_tests.rs"]
mod tests;
