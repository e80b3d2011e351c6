//! A git repository on this machine.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

pub struct Repository {
    folder: TempDir,
}

impl Repository {
    pub fn new() -> Self {
        let repository = Self { folder: tempfile::tempdir().unwrap() };
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository
    }

    pub fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, content: &str) {
        fs::write(self.path().join(name), content).unwrap();
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path().join(name)).unwrap();
    }

    /// Commits what the folder holds; gives the revision.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
        self.head()
    }

    /// Takes the last commit back by another one; gives the revision.
    pub fn revert(&self) -> String {
        self.git(&["revert", "--no-edit", "HEAD"]);
        self.head()
    }

    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// The last commit as a tar.gz, and its SHA-256.
    pub fn archive(&self) -> (Vec<u8>, String) {
        let file = self.folder.path().join(".git/archive.tar.gz");
        self.git(&["archive", "--format=tar.gz", "--output", &file.to_string_lossy(), "HEAD"]);
        let output = Command::new("sha256sum").arg(&file).output().unwrap();
        let digest = String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned();
        (fs::read(file).unwrap(), digest)
    }

    fn git(&self, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=tests", "-c", "user.email=tests@example.net"]).args(args);
        // The settings of whoever runs the tests are not those of the tests.
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").current_dir(self.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}
