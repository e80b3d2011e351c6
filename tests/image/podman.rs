//! Containers of one test alone, away from those of the user.

use std::{path::Path, process::Command};

use tempfile::TempDir;

/// What the chart's securityContext asks for, as podman calls it. The limits are those that runc can set where the tests may
/// not raise any; the tmpfs that podman adds to a read-only container is not what a kubelet gives.
const RESTRICTED: [&str; 9] = [
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--ulimit=nofile=1024:1024",
    "--ulimit=nproc=1024:1024",
    "--network=host",
    "--log-driver=none",
    // Should the test be killed.
    "--timeout=600",
];

pub struct Podman {
    folder: TempDir,
    image: String,
}

impl Podman {
    /// A store that holds the image of this archive only.
    pub fn load(archive: &Path) -> Self {
        let mut podman = Self { folder: tempfile::tempdir().unwrap(), image: String::new() };
        podman.image = podman.output(&["pull", "--quiet", &format!("oci-archive:{}", archive.display())]);
        podman
    }

    /// A command that runs the image under the chart's securityContext, up to the arguments of its program.
    pub fn restricted(&self, more: &[&str]) -> Command {
        let mut command = self.command(&["run", "--rm"]);
        command.args(RESTRICTED).args(more).arg(&self.image);
        command
    }

    /// Runs podman and gives what it printed; panics with what it complained of.
    pub fn output(&self, arguments: &[&str]) -> String {
        said(self.command(arguments))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("podman");
        // crun needs more than a sandbox gives; vfs needs nothing.
        command.args(["--runtime=runc", "--storage-driver=vfs", "--cgroup-manager=cgroupfs"]);
        for (flag, folder) in [("--root", "store"), ("--runroot", "run"), ("--tmpdir", "tmp")] {
            command.arg(flag).arg(self.folder.path().join(folder));
        }
        command.args(arguments);
        command
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.command(&["rm", "--all", "--force", "--time=0"]).output();
    }
}

/// What a command printed; panics with what it complained of.
pub fn said(mut command: Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    assert!(output.status.success(), "{command:?}: {}", text(output.stderr));
    text(output.stdout)
}
