//! Containers of one test alone, away from those of the user.

use std::{path::Path, process::Command};

use tempfile::TempDir;

/// What says nothing of the operator: the limits are those that runc can set where the tests may not raise any.
const RUN: [&str; 6] = [
    "run",
    "--rm",
    "--ulimit=nofile=1024:1024",
    "--ulimit=nproc=1024:1024",
    "--log-driver=none",
    // Should the test be killed.
    "--timeout=600",
];

pub struct Podman {
    folder: TempDir,
    pub image: String,
}

impl Podman {
    /// A store that holds the image of this archive only.
    pub fn load(archive: &Path) -> Self {
        let mut podman = Self { folder: tempfile::tempdir().unwrap(), image: String::new() };
        podman.image = podman.output(&["pull", "--quiet", &format!("oci-archive:{}", archive.display())]);
        podman
    }

    /// What `podman run` begins with, up to the flags that matter.
    pub fn run(&self) -> Command {
        self.command(&RUN)
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
