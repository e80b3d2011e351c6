//! What the page about installing does with a release, played in a folder that holds the archive.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use serde_json::Value;
use testkit::{
    cluster::{ControlPlane, Silent},
    helm::{Helm, Major},
};

use crate::{
    archive::{VERSION, archive, read, release, result_of, root, said},
    podman::Podman,
};

/// Where the page pushes the image. There is no registry here: a folder stands for it.
const PUSHED: &str = "docker://registry.example.net/apio-operator";

/// The blocks of commands of a section.
fn scripts(title: &str) -> Vec<String> {
    let page = fs::read_to_string(root().join("docs/install.md")).unwrap();
    let (_, section) = page.split_once(&format!("\n## {title}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// A cluster, a helm, and a folder with the archive.
struct Reader {
    plane: ControlPlane,
    folder: tempfile::TempDir,
}

impl Reader {
    fn new(major: Major) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        symlink(Helm::find(major).unwrap().command(&[]).get_program(), folder.path().join("bin/helm")).unwrap();
        Self { plane: ControlPlane::start(&Silent).unwrap(), folder }
    }

    fn pushed(&self) -> String {
        format!("dir:{}", self.folder.path().join("pushed").display())
    }

    fn plays(&self, script: &str, place: &Path) {
        let path = format!("{}:{}", self.folder.path().join("bin").display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.args(["-ec", &script.replace(&format!("{PUSHED}:{VERSION}"), &self.pushed())]).current_dir(place);
        command.env("PATH", path).env("KUBECONFIG", self.plane.kubeconfig());
        command.env("KUBECACHEDIR", self.plane.folder().join("kubectl-cache"));
        for kind in ["CACHE", "CONFIG", "DATA"] {
            command.env(format!("HELM_{kind}_HOME"), self.plane.folder().join(format!("helm-{kind}")));
        }
        result_of(&mut command).unwrap_or_else(|error| panic!("{script}{error}"));
    }

    /// The image of the operator that is installed now; the cluster takes the resources of the examples.
    fn installed(&self) -> String {
        self.plane.run(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]).unwrap();
        let examples = root().join("examples/group.yaml");
        self.plane.run(&["apply", "--dry-run=server", "-f", examples.to_str().unwrap()]).unwrap();
        let text = self.plane.run(&["get", "deployment", "-n", "apio-system", "-o", "json"]).unwrap();
        let list: Value = serde_json::from_str(&text).unwrap();
        let [deployment] = &list["items"].as_array().unwrap()[..] else { panic!("{text}") };
        assert_eq!(deployment["metadata"]["labels"]["app.kubernetes.io/version"], VERSION);
        deployment["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().to_owned()
    }
}

#[test]
fn an_archive_is_checked_pushed_and_installed_as_the_page_says() {
    let reader = Reader::new(Major::Three);
    let [whole, _] = &scripts("From a release")[..] else { panic!("the section has two blocks of commands") };
    let name = archive().file_name().unwrap();
    let beside = format!("{}.sha256", archive().display());
    symlink(archive(), reader.folder.path().join(name)).unwrap();
    symlink(beside, reader.folder.path().join(format!("{}.sha256", name.display()))).unwrap();
    reader.plays(whole, reader.folder.path());
    let digest = said("skopeo", &["inspect", "--format={{.Digest}}", &reader.pushed()], root());
    assert_eq!(reader.installed(), format!("registry.example.net/apio-operator@{}", digest.trim()));
    assert_eq!(digest, read("image-digest.txt"));
}

#[test]
fn the_definitions_of_an_archive_are_installed_apart_as_the_page_says() {
    let reader = Reader::new(Major::Four);
    reader.plays(&scripts("From a release")[1], release());
    assert_eq!(reader.installed(), format!("registry.example.net/apio-operator:{VERSION}"));
    // helm has none of them: who installs the definitions upgrades them.
    let managers =
        ["get", "crd", "--show-managed-fields", "-o", "jsonpath={.items[*].metadata.managedFields[*].manager}"];
    let managers = reader.plane.run(&managers).unwrap();
    assert!(managers.contains("kubectl") && !managers.contains("helm"), "{managers}");
}

#[test]
fn podman_loads_the_image_under_its_name_and_version() {
    let archive = release().join("image.tar");
    let loaded = Podman::load(&archive).output(&["load", "--input", archive.to_str().unwrap()]);
    assert_eq!(loaded, format!("Loaded image: localhost/apio-operator:{VERSION}"));
}
