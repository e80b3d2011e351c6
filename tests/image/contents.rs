//! What is in the image.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use serde_json::json;

use crate::built::Image;

fn tar(arguments: &[&str], archive: &Path) -> Vec<u8> {
    let output = Command::new("tar").args(arguments).arg("--file").arg(archive).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Mode and owner of each file.
fn files(image: &Image) -> BTreeMap<String, String> {
    let listed = image.layers().into_iter().map(|layer| tar(&["--list", "--verbose", "--numeric-owner"], &layer));
    let lines = String::from_utf8(listed.collect::<Vec<_>>().concat()).unwrap();
    let row = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        (words[words.len() - 1].to_owned(), words[..2].join(" "))
    };
    lines.lines().map(row).filter(|(name, _)| !name.ends_with('/')).collect()
}

/// The text of one file.
fn file(image: &Image, name: &str) -> Vec<u8> {
    image
        .layers()
        .iter()
        .find_map(|layer| {
            let output =
                Command::new("tar").args(["--extract", "--to-stdout", name, "--file"]).arg(layer).output().unwrap();
            output.status.success().then_some(output.stdout)
        })
        .unwrap_or_else(|| panic!("no layer has {name}"))
}

#[test]
fn two_builds_give_the_same_digest_and_the_same_archive() {
    let (one, other) = (Image::built(), Image::build("again"));
    assert!(one.digest.starts_with("sha256:"), "{}", one.digest);
    assert_eq!(one.digest, other.digest);
    assert!(fs::read(one.archive()).unwrap() == fs::read(other.archive()).unwrap());
}

#[test]
fn the_image_holds_the_program_and_the_public_certificates_and_nothing_else() {
    let image = Image::built();
    let expected = [("apio-operator", "-r-xr-xr-x 0/0"), ("etc/ssl/certs/ca-certificates.crt", "-r--r--r-- 0/0")];
    assert_eq!(files(image), expected.map(|(name, mode)| (name.to_owned(), mode.to_owned())).into());
    let certificates = String::from_utf8(file(image, "etc/ssl/certs/ca-certificates.crt")).unwrap();
    let mut public: Vec<_> =
        fs::read_dir("/usr/share/ca-certificates/mozilla").unwrap().map(|entry| entry.unwrap().path()).collect();
    public.sort();
    assert!(public.len() > 100, "{}", public.len());
    let public: String = public.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert!(certificates == public, "other certificates than those of Mozilla's list");
}

#[test]
fn the_image_says_who_runs_what_in_it_and_nothing_of_when_and_where_it_was_built() {
    let config = Image::built().config();
    let version = env!("CARGO_PKG_VERSION");
    let expected = json!({
        "User": "65532:65532",
        "ExposedPorts": {"8080/tcp": {}},
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        "Entrypoint": ["/apio-operator"],
        "Labels": {
            "org.opencontainers.image.title": "apio-operator",
            "org.opencontainers.image.version": version,
            "org.opencontainers.image.licenses": "Apache-2.0",
        },
    });
    assert_eq!(config["config"], expected);
    assert_eq!(config["created"], "1970-01-01T00:00:00Z");
    assert_eq!((&config["os"], &config["architecture"]), (&json!("linux"), &json!("amd64")));
}

#[test]
fn the_program_tells_nothing_of_the_folders_it_was_built_in() {
    let program = file(Image::built(), "apio-operator");
    let cargo = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{}/.cargo", std::env::var("HOME").unwrap()));
    for folder in [env!("CARGO_MANIFEST_DIR"), &cargo] {
        let told = program.windows(folder.len()).any(|bytes| bytes == folder.as_bytes());
        assert!(!told, "{folder} is in the binary");
    }
}
