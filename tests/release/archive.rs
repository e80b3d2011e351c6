//! The archive as `release/archive` makes it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a command printed, or complained of.
pub fn result_of(command: &mut Command) -> Result<String, String> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// What a program printed in a folder; panics with what it complained of.
pub fn said(program: impl AsRef<Path>, arguments: &[&str], folder: &Path) -> String {
    let mut command = Command::new(program.as_ref());
    result_of(command.args(arguments).current_dir(folder)).unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Makes an archive in a folder of this name. A developer's tree may have changes.
pub fn made(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    said(root().join("release/archive"), &["--allow-dirty", folder.to_str().unwrap()], root()).trim().into()
}

/// The one of this run of the tests.
pub fn archive() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| made("release"))
}

/// The same, unpacked.
pub fn release() -> &'static Path {
    static UNPACKED: OnceLock<PathBuf> = OnceLock::new();
    UNPACKED.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("unpacked");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        said("tar", &["--extract", "--file", archive().to_str().unwrap()], &folder);
        folder.join(format!("apio-operator-{VERSION}"))
    })
}

/// The text of a file of the release.
pub fn read(name: &str) -> String {
    fs::read_to_string(release().join(name)).unwrap()
}

/// A file of the release as skopeo names an image.
pub fn image() -> String {
    format!("oci-archive:{}", release().join("image.tar").display())
}
