//! What the operator's account and its credentials lead to.

use std::sync::Arc;

use apio_operator::{api::Group, engine::reason::Reason::*};
use serde_json::json;
use testkit::simulator::{Account, PASSWORD, USERNAME};

use super::{
    page::Page,
    stage::{Shown, Stage, meets},
};
use crate::{
    fixtures::{credentials, manifest},
    world::World,
};

pub async fn scenarios(page: Arc<Page>) -> Shown {
    let world = World::new().await;
    world.platform.edit(|state| {
        state.add_tenant("Acme");
        state.add_reseller("Best");
        state.add_account("best@acme.example", Account::restricted_to("pw", "Best"));
        state.add_account("admin@acme.example", Account::tenant_admin("pw", "Acme"));
    });
    let stage = Stage::of(page, &world);
    bad_credentials(&world, &stage).await;
    no_credentials(&world, &stage).await;
    restricted(&world, &stage).await;
    unprivileged(&world, &stage).await;
    stage.end()
}

fn group(name: &str, more: &str) -> String {
    manifest("Group", name, &format!("tenantId: Acme, groupName: {name}, {more}"))
}

async fn bad_credentials(world: &World, stage: &Stage) {
    world.apply(&credentials(USERNAME, "mistyped"));
    world.told("apio-credentials", CredentialsInvalid.name()).await;
    stage.play("credentials-invalid");
    // The session of the good ones ends.
    world.platform.expire_sessions();
    world.apply(&group("tongeren", ""));
    meets::<Group>(world, "tongeren", "Ready", CredentialsUnavailable).await;
    stage.play("credentials-refused");
    world.group("tongeren").await;
}

async fn no_credentials(world: &World, stage: &Stage) {
    world.delete("secret/apio-credentials");
    world.poll("the operator has seen it", || async { world.operator.log().contains("there is no Secret") }).await;
    world.apply(&group("uccle", ""));
    meets::<Group>(world, "uccle", "Ready", CredentialsUnavailable).await;
    stage.play("credentials-unavailable");
    world.group("uccle").await;
}

/// Uses another account from now on.
async fn logs_in(world: &World, username: &str, password: &str) {
    let before = world.operator.log().matches("new credentials in use").count();
    world.apply(&credentials(username, password));
    world.has_credentials(before + 1).await;
}

async fn restricted(world: &World, stage: &Stage) {
    world.apply(&group("vielsalm", ""));
    world.group("vielsalm").await;
    world.told("vielsalm", "Synced").await;
    logs_in(world, "best@acme.example", "pw").await;
    world.platform.edit(|state| state.add_group("Acme", "wavre", json!({"groupName": "Depot"})));
    world.apply(&group("wavre", ""));
    meets::<Group>(world, "wavre", "Ready", NotVisible).await;
    stage.play("not-visible");

    // An account that sees the group, but maybe not all that is in it.
    world.platform.edit(|state| state.settings.reseller_group = false);
    world.delete("group/vielsalm");
    meets::<Group>(world, "vielsalm", "DeletionBlocked", ContentsUnknown).await;
    stage.play("contents-unknown");
    logs_in(world, USERNAME, PASSWORD).await;
    world.until_gone::<Group>("vielsalm").await;
}

async fn unprivileged(world: &World, stage: &Stage) {
    logs_in(world, "admin@acme.example", "pw").await;
    world.apply(&group("yvoir", "defaultDomain: yvoir.example, autoCreateDomain: true"));
    meets::<Group>(world, "yvoir", "Ready", Denied).await;
    stage.play("denied");
    logs_in(world, USERNAME, PASSWORD).await;
    world.group("yvoir").await;
}
