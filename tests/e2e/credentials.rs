use apio_operator::api::Group;
use testkit::simulator::{PASSWORD, USERNAME};

use crate::{
    fixtures::{credentials, hq},
    world::{Wish, World, has, message},
};

const WRONG: &str = "Wr0ng-pa55word";

async fn with_acme(no_credentials: bool) -> World {
    let world = World::with(Wish { no_credentials, ..Wish::default() }).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world
}

fn logins(world: &World) -> usize {
    world.platform.journal().iter().filter(|call| call.is_login()).count()
}

#[tokio::test]
async fn a_secret_that_comes_later_is_used_without_a_restart() {
    let world = with_acme(true).await;
    world.apply(&hq(""));
    let group: Group = world.reason("hq", "Ready", "CredentialsUnavailable").await;
    assert!(has(&group, "Stalled"));
    assert!(message(&group, "Ready").contains("credentials Secret"), "{}", message(&group, "Ready"));
    assert_eq!(world.platform.journal().len(), 0);
    world.apply(&credentials(USERNAME, PASSWORD));
    world.group("hq").await;
}

#[tokio::test]
async fn a_refused_login_is_not_tried_again_until_the_secret_changes() {
    let world = with_acme(true).await;
    world.apply(&credentials(USERNAME, WRONG));
    world.apply(&hq(""));
    let group: Group = world.reason("hq", "Ready", "CredentialsUnavailable").await;
    assert!(message(&group, "Ready").contains(USERNAME), "{}", message(&group, "Ready"));
    // Another resource gets past the point where it would log in.
    world.apply(&crate::fixtures::manifest("Group", "other", "tenantId: Acme, groupName: Other"));
    world.reason::<Group>("other", "Ready", "CredentialsUnavailable").await;
    let failed = world.metric(r#"apio_operator_reconciles_total{kind="Group",result="failed"}"#).await;
    world.nudge::<Group>("hq").await;
    world
        .poll("one more pass", || async {
            world.metric(r#"apio_operator_reconciles_total{kind="Group",result="failed"}"#).await > failed
        })
        .await;
    assert_eq!(logins(&world), 1, "{}", world.story());
    world.apply(&credentials(USERNAME, PASSWORD));
    world.group("hq").await;
    world.group("other").await;
    assert_eq!(logins(&world), 2);
}

#[tokio::test]
async fn a_password_shows_up_nowhere() {
    let arguments = &["--log", "trace,h2=info"];
    let world = World::with(Wish { arguments, no_credentials: true, ..Wish::default() }).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&credentials(USERNAME, WRONG));
    world.apply(&hq(""));
    world.reason::<Group>("hq", "Ready", "CredentialsUnavailable").await;
    world.apply(&credentials(USERNAME, PASSWORD));
    world.group("hq").await;
    let said = [
        world.operator.log(),
        world.kubectl(&["get", "apio,events", "-o", "yaml"]),
        world.kubectl(&["describe", "groups"]),
        world.page("/metrics").await.unwrap().1,
    ]
    .concat();
    for secret in [WRONG, PASSWORD, "sessionid="] {
        let line = said.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{}", line.unwrap_or_default());
    }
}
