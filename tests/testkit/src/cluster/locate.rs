//! Where the programs of the control plane come from.

use std::env::consts::ARCH;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::Error;

/// The programs that a control plane is started from.
#[derive(Clone, Debug, PartialEq)]
pub struct Programs {
    /// The key-value store under the API server.
    pub etcd: PathBuf,
    /// The API server.
    pub kube_apiserver: PathBuf,
    /// Namespace deletion, default ServiceAccounts, aggregated roles. The envtest archives lack it.
    pub kube_controller_manager: Option<PathBuf>,
    /// The client.
    pub kubectl: PathBuf,
}

/// What [`locate`] found.
#[derive(Debug, PartialEq)]
pub enum Located {
    /// A cluster that runs already, by the wish of the person who runs the tests.
    ExistingCluster {
        /// The value of `KUBECONFIG`: one path or several.
        kubeconfig: OsString,
        /// The client.
        kubectl: PathBuf,
    },
    /// Programs that are there.
    Programs(Programs),
    /// Nothing, but a Go to build them with.
    Build {
        /// The `go` command.
        go: PathBuf,
        /// The client.
        kubectl: PathBuf,
    },
}

/// Looks for a cluster or for programs, in the order below. `variable` reads an environment variable: [`std::env::var_os`], or
/// what a test says.
///
/// 1. `USE_EXISTING_CLUSTER=true` with `KUBECONFIG`
/// 2. `TEST_ASSET_KUBE_APISERVER`, `TEST_ASSET_ETCD`, `TEST_ASSET_KUBE_CONTROLLER_MANAGER`, `TEST_ASSET_KUBECTL`; what they leave open
///    is looked for in `KUBEBUILDER_ASSETS`
/// 3. the store of setup-envtest
/// 4. a build with Go; `APIO_TEST_CONTROL_PLANE=build` goes straight to it
pub fn locate(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Located, Error> {
    let search = Search { variable };
    if search.text("USE_EXISTING_CLUSTER").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        let kubeconfig =
            search.set("KUBECONFIG").ok_or_else(|| Error::ExistingCluster("KUBECONFIG is not set".to_owned()))?;
        return Ok(Located::ExistingCluster { kubeconfig, kubectl: search.kubectl(None)? });
    }
    if search.text("APIO_TEST_CONTROL_PLANE").as_deref() != Some("build") {
        if let Some(programs) = search.settings()? {
            return Ok(Located::Programs(programs));
        }
        if let Some(programs) = search.store()? {
            return Ok(Located::Programs(programs));
        }
    }
    let go = search.on_path("go").ok_or_else(|| Error::NoPrograms { go: "there is no Go on the PATH".to_owned() })?;
    Ok(Located::Build { go, kubectl: search.kubectl(None)? })
}

/// The folder that what was built or fetched is kept in, for all checkouts of this user.
pub(crate) fn cache_folder(variable: &dyn Fn(&str) -> Option<OsString>) -> PathBuf {
    let search = Search { variable };
    search.set("APIO_TEST_CACHE").map(PathBuf::from).unwrap_or_else(|| {
        let cache = search.set("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| search.set("HOME").map(|home| Path::new(&home).join(".cache")));
        cache.unwrap_or_else(std::env::temp_dir).join("apio-operator")
    })
}

/// The first program of this name on the PATH.
pub(super) fn on_path(variable: &dyn Fn(&str) -> Option<OsString>, program: &str) -> Option<PathBuf> {
    Search { variable }.on_path(program)
}

struct Search<'a> {
    variable: &'a dyn Fn(&str) -> Option<OsString>,
}

impl Search<'_> {
    fn set(&self, name: &str) -> Option<OsString> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.set(name)?.into_string().ok()
    }

    /// `None` when no setting speaks of the two programs that are always needed.
    fn settings(&self) -> Result<Option<Programs>, Error> {
        let assets = self.set("KUBEBUILDER_ASSETS").map(PathBuf::from);
        let single = ["TEST_ASSET_KUBE_APISERVER", "TEST_ASSET_ETCD"].into_iter().find(|name| self.set(name).is_some());
        let Some(setting) = single.or(assets.as_ref().map(|_| "KUBEBUILDER_ASSETS")) else { return Ok(None) };
        let needed = |name: &'static str, program: &str| match (self.set(name), &assets) {
            (Some(path), _) => existing(name, PathBuf::from(path)),
            (None, Some(folder)) => existing("KUBEBUILDER_ASSETS", folder.join(program)),
            (None, None) => Err(Error::Incomplete { setting, missing: format!("{name} or KUBEBUILDER_ASSETS") }),
        };
        Ok(Some(Programs {
            kube_apiserver: needed("TEST_ASSET_KUBE_APISERVER", "kube-apiserver")?,
            etcd: needed("TEST_ASSET_ETCD", "etcd")?,
            kube_controller_manager: self.controller_manager(assets.as_deref())?,
            kubectl: self.kubectl(assets.as_deref())?,
        }))
    }

    fn controller_manager(&self, folder: Option<&Path>) -> Result<Option<PathBuf>, Error> {
        match self.set("TEST_ASSET_KUBE_CONTROLLER_MANAGER") {
            Some(path) => existing("TEST_ASSET_KUBE_CONTROLLER_MANAGER", PathBuf::from(path)).map(Some),
            None => Ok(folder.map(|folder| folder.join("kube-controller-manager")).filter(|path| path.is_file())),
        }
    }

    fn kubectl(&self, folder: Option<&Path>) -> Result<PathBuf, Error> {
        if let Some(path) = self.set("TEST_ASSET_KUBECTL") {
            return existing("TEST_ASSET_KUBECTL", PathBuf::from(path));
        }
        let assets = self.set("KUBEBUILDER_ASSETS").map(PathBuf::from);
        let folders = [folder.map(Path::to_owned), assets];
        let beside = folders.into_iter().flatten().map(|folder| folder.join("kubectl")).find(|path| path.is_file());
        beside.or_else(|| self.on_path("kubectl")).ok_or(Error::NoKubectl)
    }

    /// The newest Kubernetes 1.3x that setup-envtest has fetched.
    fn store(&self) -> Result<Option<Programs>, Error> {
        let data = self.set("XDG_DATA_HOME").map(PathBuf::from);
        let data = data.or_else(|| self.set("HOME").map(|home| Path::new(&home).join(".local/share")));
        let Some(store) = data.map(|data| data.join("kubebuilder-envtest/k8s")) else { return Ok(None) };
        let Ok(entries) = fs::read_dir(store) else { return Ok(None) };
        let complete = |folder: &PathBuf| folder.join("etcd").is_file() && folder.join("kube-apiserver").is_file();
        let versions = entries.flatten().filter_map(|entry| {
            let version = stored_version(entry.file_name().to_str()?)?;
            Some((version, entry.path())).filter(|(_, folder)| complete(folder))
        });
        let Some((_, folder)) = versions.max() else { return Ok(None) };
        Ok(Some(Programs {
            etcd: folder.join("etcd"),
            kube_apiserver: folder.join("kube-apiserver"),
            kube_controller_manager: self.controller_manager(Some(&folder))?,
            kubectl: self.kubectl(Some(&folder))?,
        }))
    }

    fn on_path(&self, program: &str) -> Option<PathBuf> {
        std::env::split_paths(&self.set("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
    }
}

fn existing(setting: &'static str, path: PathBuf) -> Result<PathBuf, Error> {
    if path.is_file() { Ok(path) } else { Err(Error::Incomplete { setting, missing: path.display().to_string() }) }
}

/// `1.36.2-linux-amd64` to (36, 2); nothing for another system or a Kubernetes before 1.30.
fn stored_version(folder: &str) -> Option<(u32, u32)> {
    let architecture = match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let version = folder.strip_suffix(&format!("-linux-{architecture}"))?.strip_prefix("1.")?;
    let (minor, patch) = version.split_once('.')?;
    Some((minor.parse().ok()?, patch.parse().ok()?)).filter(|(minor, _)| *minor >= 30)
}

#[cfg(test)]
#[path = "locate_tests.rs"]
mod tests;
