//! What can go wrong with a control plane, each with its remedy.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why there is no control plane, or why it did not do what it was told.
#[derive(Debug)]
pub enum Error {
    /// Neither the programs nor a Go to build them with.
    NoPrograms {
        /// What was found instead of a sufficient Go.
        go: String,
    },
    /// No Go, or none that is sufficient, to build programs with.
    NoGo {
        /// What would be built.
        what: &'static str,
        /// What was found instead of a sufficient Go.
        go: String,
        /// What else can be done; empty if nothing.
        otherwise: &'static str,
    },
    /// A setting names programs that are not there.
    Incomplete {
        /// The environment variable.
        setting: &'static str,
        /// What is missing.
        missing: String,
    },
    /// There is no `kubectl`.
    NoKubectl,
    /// `USE_EXISTING_CLUSTER` is set, and the cluster can't be used.
    ExistingCluster(String),
    /// The build of programs failed.
    Build {
        /// What was built.
        what: &'static str,
        /// What else can be done; empty if nothing.
        otherwise: &'static str,
        /// The last lines that Go printed.
        tail: String,
    },
    /// A program ended while the control plane started, or was not ready in time.
    NotStarted {
        /// The program, and what was the matter with it.
        what: String,
        /// The last lines of its log.
        tail: String,
        /// The folder with all logs, which is kept.
        folder: PathBuf,
    },
    /// `kubectl` failed.
    Kubectl {
        /// Its arguments.
        arguments: String,
        /// What it printed on standard error.
        stderr: String,
    },
    /// A certificate could not be made.
    Certificate(rcgen::Error),
    /// A file or a process could not be handled.
    Io {
        /// What was attempted.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: what was attempted, and on which path.
    pub(crate) fn io(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let doing = format!("{doing} {}", path.display());
        move |source| Self::Io { doing, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPrograms { go } => write!(
                f,
                "no control plane to test against: there is no etcd and kube-apiserver here, and {go}. Either install Go 1.26 or newer \
                 (https://go.dev/dl; the control plane is then built once, which takes some minutes), or set KUBEBUILDER_ASSETS to a \
                 folder with etcd and kube-apiserver (`setup-envtest use -p path` prints one)"
            ),
            Self::NoGo { what, go, otherwise } => {
                write!(f, "{what} is not here and can't be built: {go}. Install Go 1.26 or newer (https://go.dev/dl)")?;
                if otherwise.is_empty() { Ok(()) } else { write!(f, ", or {otherwise}") }
            }
            Self::Incomplete { setting, missing } => {
                write!(f, "{setting} is set, but there is no {missing}: correct {setting}, or unset it")
            }
            Self::NoKubectl => write!(
                f,
                "there is no kubectl: install it on the PATH (https://kubernetes.io/docs/tasks/tools), \
                 or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl"
            ),
            Self::ExistingCluster(reason) => write!(
                f,
                "USE_EXISTING_CLUSTER is set, but {reason}: set KUBECONFIG to the cluster's kubeconfig, or unset USE_EXISTING_CLUSTER"
            ),
            Self::Build { what, otherwise, tail } => {
                write!(f, "{what} could not be built with Go. Its modules come from GOPROXY")?;
                if !otherwise.is_empty() {
                    write!(f, "; without access to it, {otherwise}")?;
                }
                write!(f, ". Go said:\n{tail}")
            }
            Self::NotStarted { what, tail, folder } => {
                write!(f, "{what}. All logs are kept in {}. Its last lines:\n{tail}", folder.display())
            }
            Self::Kubectl { arguments, stderr } => write!(f, "kubectl {arguments}: {}", stderr.trim_end()),
            Self::Certificate(source) => write!(f, "can't make a certificate: {source}"),
            Self::Io { doing, source } => write!(f, "can't {doing}: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Certificate(source) => Some(source),
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<rcgen::Error> for Error {
    fn from(source: rcgen::Error) -> Self {
        Self::Certificate(source)
    }
}
