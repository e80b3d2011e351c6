//! The folder of one control plane, which is gone when its process is gone.

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::error::Error;
use super::guard::is_alive;

/// In the system's folder for temporary files.
const PREFIX: &str = "apio-controlplane-";

/// Holds the process id of the owner. A folder without it was kept on purpose, for its logs.
const OWNER: &str = "owner.pid";

/// How long logs that were kept can be read.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes the folder when its input ends without a line. The programs that write there die at the same moment, so it goes on
/// until they leave it removed.
const REMOVER: &str = r#"
read -r keep && exit 0
tries=0
while rm -rf -- "$1"; [ -e "$1" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 100 ] || exit 1
  sleep 0.1
done"#;

/// A new folder that is removed when this value is dropped and also when this process dies.
pub(super) struct InstanceFolder {
    path: PathBuf,
    remover: Child,
}

impl InstanceFolder {
    pub fn create() -> Result<Self, Error> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        let folder =
            tempfile::Builder::new().prefix(PREFIX).tempdir_in(&parent).map_err(Error::io("write in", &parent))?;
        fs::write(folder.path().join(OWNER), std::process::id().to_string())
            .map_err(Error::io("write in", folder.path()))?;
        let mut command = Command::new("sh");
        command.args(["-c", REMOVER, "remover"]).arg(folder.path()).process_group(0);
        let remover = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let remover = remover.map_err(Error::io("start", Path::new("sh")))?;
        Ok(Self { path: folder.keep(), remover })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the folder for a person to look at; a later start removes it after a day.
    pub fn keep(mut self) -> PathBuf {
        let _ = fs::remove_file(self.path.join(OWNER));
        if let Some(input) = &mut self.remover.stdin {
            let _ = writeln!(input, "keep");
        }
        self.path.clone()
    }
}

impl Drop for InstanceFolder {
    fn drop(&mut self) {
        drop(self.remover.stdin.take());
        let _ = self.remover.wait();
    }
}

/// Removes what dead processes left behind, when even their remover was killed.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let abandoned = match fs::read_to_string(entry.path().join(OWNER)) {
            Ok(owner) => owner.parse().is_ok_and(|pid| !is_alive(pid)),
            Err(_) => {
                let changed = entry.metadata().and_then(|metadata| metadata.modified());
                changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > KEPT_FOR))
            }
        };
        if abandoned {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_when_dropped_unless_it_is_kept() {
        let folder = InstanceFolder::create().unwrap();
        let path = folder.path().to_owned();
        fs::write(path.join("it's a \"file\""), "").unwrap();
        drop(folder);
        assert!(!path.exists());

        let kept = InstanceFolder::create().unwrap().keep();
        assert!(kept.is_dir());
        fs::remove_dir(kept).unwrap();
    }

    #[test]
    fn sweep_removes_folders_of_dead_processes_only() {
        let parent = tempfile::tempdir().unwrap();
        let mut dead = Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        let folder = |name: &str, owner: Option<u32>| {
            let path = parent.path().join(format!("{name}-1"));
            fs::create_dir(&path).unwrap();
            if let Some(pid) = owner {
                fs::write(path.join(OWNER), pid.to_string()).unwrap();
            }
            path
        };
        let abandoned = folder(&format!("{PREFIX}a"), Some(dead.id()));
        let ours = folder(&format!("{PREFIX}b"), Some(std::process::id()));
        let kept = folder(&format!("{PREFIX}c"), None);
        let foreign = folder("foreign", Some(dead.id()));
        sweep(parent.path());
        assert!(!abandoned.exists());
        assert!(ours.exists() && kept.exists() && foreign.exists());
    }
}
