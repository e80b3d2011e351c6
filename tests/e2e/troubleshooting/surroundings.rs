//! What the operator needs around it: the platform, the Kubernetes API, its settings.

use std::sync::Arc;

use apio_operator::{api::Group, engine::reason::Reason::*};
use serde_json::json;
use testkit::{deployment::rights, simulator::Simulator};

use super::{
    page::Page,
    stage::{Shown, Stage, meets},
};
use crate::{
    fixtures::{manifest, settings},
    world::{RULES, World},
};

pub async fn scenarios(page: Arc<Page>) -> Shown {
    let mut world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    let stage = Stage::of(page, &world);
    platform(&world, &stage).await;
    kubernetes(&world, &stage).await;
    bad_settings(&world, &stage).await;
    no_settings(&world, &stage).await;
    another_platform(&mut world, &stage).await;
    forbidden_tenant(&mut world, &stage).await;
    stage.end()
}

fn group(name: &str) -> String {
    manifest("Group", name, &format!("tenantId: Acme, groupName: {name}"))
}

async fn ready(world: &World, name: &str) {
    world.apply(&group(name));
    world.group(name).await;
    world.told(name, "Synced").await;
}

async fn platform(world: &World, stage: &Stage) {
    world.platform.stop().await;
    world.apply(&group("pepinster"));
    meets::<Group>(world, "pepinster", "Ready", PlatformUnreachable).await;
    stage.play("platform-unreachable");
    world.platform.resume().await.unwrap();
    world.nudge::<Group>("pepinster").await;
    world.group("pepinster").await;
}

/// Without the right to read the settings, which a deletion reads live.
async fn kubernetes(world: &World, stage: &Stage) {
    ready(world, "quevy").await;
    let role: serde_json::Value =
        serde_json::from_str(&world.kubectl(&["get", "role", "apio-operator-own", "-o", "json"])).unwrap();
    let mut rules = role["rules"].as_array().unwrap().clone();
    rules.retain(|rule| rule["resources"] != json!(["configmaps"]));
    let patch = json!({"rules": rules}).to_string();
    world.kubectl(&["patch", "role", "apio-operator-own", "--type=merge", "-p", &patch]);
    let account = format!("system:serviceaccount:{}:apio-operator", world.namespace);
    let question = ["auth", "can-i", "get", "configmap/apio-settings", "-n", &world.namespace, "--as", &account];
    let may = || world.plane.run(&question).is_ok();
    world.poll("the right is gone", || async { !may() }).await;
    world.delete("group/quevy");
    meets::<Group>(world, "quevy", "DeletionBlocked", ClusterUnreachable).await;
    stage.play("cluster-unreachable");
    world.apply(&rights(RULES, &world.namespace, Some(&world.namespace)));
    world.poll("the right is back", || async { may() }).await;
    world.until_gone::<Group>("quevy").await;
}

async fn bad_settings(world: &World, stage: &Stage) {
    world.apply(&settings("CHECK_GROUP:\n  CHECK_USER: true"));
    world.told("apio-settings", SettingsInvalid.name()).await;
    stage.play("settings-invalid");
    let valid = || async { world.metric("apio_operator_settings_valid").await == 1 };
    world.poll("the settings are valid again", valid).await;
}

async fn no_settings(world: &World, stage: &Stage) {
    ready(world, "rochefort").await;
    world.delete("configmap/apio-settings");
    world.delete("group/rochefort");
    meets::<Group>(world, "rochefort", "DeletionBlocked", SettingsUnavailable).await;
    stage.play("settings-unavailable");
    world.until_gone::<Group>("rochefort").await;
}

async fn another_platform(world: &mut World, stage: &Stage) {
    ready(world, "spa").await;
    let other = Simulator::start().await.unwrap();
    world.replace_operator(&other.url(), &[]);
    stage.calls(&other.url(), "https://other.example.net");
    meets::<Group>(world, "spa", "Ready", PlatformChanged).await;
    stage.play("platform-changed");
    world.until_gone::<Group>("spa").await;
    assert!(world.platform.edit(|state| state.group("Acme", "spa").is_some()));
    assert!(other.writes().is_empty());
}

async fn forbidden_tenant(world: &mut World, stage: &Stage) {
    world.replace_operator(&world.platform.url(), &["--tenants-by-namespace", r#"{"*": ["Globex"]}"#]);
    world.apply(&group("tienen"));
    meets::<Group>(world, "tienen", "Ready", NotPermitted).await;
    stage.play("not-permitted");
    world.until_gone::<Group>("tienen").await;
    assert!(world.platform.edit(|state| state.group("Acme", "tienen").is_none()));
}
