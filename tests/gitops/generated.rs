//! Files that derive from others, or from what a live server says.

use std::{fs, path::Path};

use serde_json::json;

/// Set to write the files instead of comparing them.
const UPDATE: &str = "APIO_UPDATE";

pub fn committed(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Holds a committed file to the text that it should have.
pub fn is_committed(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&file, text).unwrap();
    }
    let remedy = format!("{path} is not current; run: {UPDATE}=1 cargo test --test gitops");
    assert_eq!(fs::read_to_string(&file).unwrap_or_default(), text, "{remedy}");
}

/// What is merged into Argo CD's own settings, from the script.
#[test]
fn the_settings_of_argo_cd_hold_the_health_script_for_each_kind() {
    let script = committed("deploy/argocd/resource_customizations/apio.netaxis.be/_/health.lua");
    let key = |kind: &str| (format!("resource.customizations.health.apio.netaxis.be_{kind}"), json!(script));
    let data: serde_json::Map<_, _> = ["Group", "Reseller", "Tenant"].map(key).into_iter().collect();
    let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"}, "data": data});
    let head = "# Generated from resource_customizations/apio.netaxis.be/_/health.lua.\n";
    is_committed("deploy/argocd/argocd-cm.yaml", &format!("{head}{}", serde_yaml::to_string(&settings).unwrap()));
}
