//! The image as `release/image` builds it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::Value;

pub struct Image {
    pub digest: String,
    folder: PathBuf,
}

impl Image {
    /// The one of this run of the tests.
    pub fn built() -> &'static Self {
        static BUILT: OnceLock<Image> = OnceLock::new();
        BUILT.get_or_init(|| Self::build("image"))
    }

    /// Builds it into a folder of this name.
    pub fn build(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let output =
            Command::new("release/image").arg(&folder).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        assert!(output.status.success(), "release/image: {}", String::from_utf8_lossy(&output.stderr));
        Self { digest: String::from_utf8(output.stdout).unwrap().trim().to_owned(), folder }
    }

    /// The archive to load it from.
    pub fn archive(&self) -> PathBuf {
        self.folder.join("image.tar")
    }

    pub fn manifest(&self) -> Value {
        self.json(&self.digest)
    }

    pub fn config(&self) -> Value {
        self.json(self.manifest()["config"]["digest"].as_str().unwrap())
    }

    /// The layers, as compressed archives.
    pub fn layers(&self) -> Vec<PathBuf> {
        let manifest = self.manifest();
        let layers = manifest["layers"].as_array().unwrap();
        layers.iter().map(|layer| self.blob(layer["digest"].as_str().unwrap())).collect()
    }

    fn json(&self, digest: &str) -> Value {
        serde_json::from_slice(&fs::read(self.blob(digest)).unwrap()).unwrap()
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.folder.join("image/blobs").join(digest.replace(':', "/"))
    }
}
