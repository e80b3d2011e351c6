//! The build of the control plane.

use std::path::{Path, PathBuf};

use super::error::Error;
use super::go_module::GoModule;
use super::progress::Progress;

/// The programs of the control plane, with the version stamps of the upstream release builds: without them `/version` says v0.0.0
/// and Helm's checks of it fail.
fn module() -> GoModule {
    GoModule {
        folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("../controlplane"),
        what: "Kubernetes",
        package: ".",
        version_of: "k8s.io/kubernetes",
        programs: &["kube-apiserver", "etcd", "kube-controller-manager"],
        toolchain: None,
        stamp: version_stamps,
        copied: &[],
        takes: "4 to 8 minutes",
        otherwise: "set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver",
    }
}

/// The folder with the three programs: from the cache, or built now, by this process or by the one that does it already.
pub(super) fn built(go: &Path, cache: &Path, progress: &dyn Progress) -> Result<PathBuf, Error> {
    module().built_in(go, cache, progress)
}

fn version_stamps(kubernetes: &str) -> String {
    let minor = kubernetes.split('.').nth(1).unwrap_or_default();
    let values = [
        ("gitVersion", kubernetes),
        ("gitMajor", "1"),
        ("gitMinor", minor),
        ("gitTreeState", "clean"),
        ("gitCommit", kubernetes),
        ("buildDate", "1970-01-01T00:00:00Z"),
    ];
    let stamp = |package: &str| {
        let of_package = values.iter().map(|(name, value)| format!(" -X {package}.{name}={value}"));
        of_package.collect::<String>()
    };
    ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"].map(stamp).concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_stamped_into_both_packages_that_tell_it() {
        let stamps = version_stamps("v1.36.4");
        assert!(stamps.contains(" -X k8s.io/component-base/version.gitMinor=36 "), "{stamps}");
        assert!(stamps.contains(" -X k8s.io/client-go/pkg/version.gitVersion=v1.36.4 "), "{stamps}");
    }
}
