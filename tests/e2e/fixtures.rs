//! Manifests, as short as they can be.

use serde_json::Value;

/// A resource of ours.
pub fn manifest(kind: &str, name: &str, spec: &str) -> String {
    format!("---\napiVersion: apio.netaxis.be/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n")
}

/// A resource of ours with a spec that was put together.
pub fn resource(kind: &str, name: &str, spec: &Value) -> String {
    let text = spec.to_string();
    manifest(kind, name, text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap())
}

/// A Group resource `hq` for group HQ of tenant Acme, with more in its spec.
pub fn hq(more: &str) -> String {
    manifest("Group", "hq", &format!("tenantId: Acme, groupId: HQ, groupName: Head office, {more}"))
}

/// A Tenant resource `acme` for tenant Acme, with more in its spec.
pub fn acme(more: &str) -> String {
    manifest("Tenant", "acme", &format!("tenantId: Acme, type: Enterprise, {more}"))
}

/// A settings ConfigMap.
pub fn settings(text: &str) -> String {
    let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: apio-settings}}\ndata:\n  settings.yaml: |\n{indented}"
    )
}

/// A credentials Secret.
pub fn credentials(username: &str, password: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: apio-credentials}}\nstringData: {{username: {username:?}, password: {password:?}}}\n"
    )
}
