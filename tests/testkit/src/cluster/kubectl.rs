//! `kubectl`, the harness's only client of the API.

use std::ffi::OsStr;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::Error;

pub(super) struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    cache: PathBuf,
}

impl Kubectl {
    /// `folder` is for its cache: the one in the home folder goes by address, and would tell what an earlier control plane on the
    /// same port served.
    pub fn new(program: &Path, kubeconfig: &Path, folder: &Path) -> Self {
        Self { program: program.to_owned(), kubeconfig: kubeconfig.to_owned(), cache: folder.join("kubectl-cache") }
    }

    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    pub fn command<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(args)
            .env("KUBECACHEDIR", &self.cache)
            .stdin(Stdio::null());
        command
    }

    /// What it prints on standard output.
    pub fn run(&self, args: &[&str]) -> Result<String, Error> {
        self.output(args, self.command(args))
    }

    pub fn run_with_input(&self, args: &[&str], input: &str) -> Result<String, Error> {
        // A file instead of a pipe, so that nobody waits for the other to read.
        let mut file = tempfile::tempfile().map_err(Error::io("write in", &std::env::temp_dir()))?;
        let written = file.write_all(input.as_bytes()).and_then(|()| file.rewind());
        written.map_err(Error::io("write in", &std::env::temp_dir()))?;
        let mut command = self.command(args);
        command.stdin(file);
        self.output(args, command)
    }

    fn output(&self, args: &[&str], mut command: Command) -> Result<String, Error> {
        let output = command.output().map_err(Error::io("start", &self.program))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Error::Kubectl { arguments: args.join(" "), stderr })
    }
}
