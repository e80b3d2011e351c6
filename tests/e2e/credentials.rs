use std::time::{Duration, Instant};

use apio_operator::api::Group;
use testkit::simulator::{Account, Fault, M2M_TOKEN, PASSWORD, Simulator, TlsFront, USERNAME};

use crate::{
    fixtures::{credentials, hq, manifest},
    world::{SOON, Wish, World, has, message},
};

const CORE: &[&str] = &["--platform-mode", "core"];
const WRONG: &str = "Wr0ng-pa55word";

async fn with_acme(no_credentials: bool) -> World {
    let world = World::with(Wish { no_credentials, ..Wish::default() }).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world
}

async fn with_acme_and_logins_apart(interval: &str) -> World {
    let world = World::with(Wish { arguments: &["--platform-login-interval", interval], ..Wish::default() }).await;
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
    let said = message(&group, "Ready");
    assert!(said.starts_with("the operator has no credentials") && said.contains("credentials Secret"), "{said}");
    assert_eq!(world.platform.journal().len(), 0);
    world.apply(&credentials(USERNAME, PASSWORD));
    world.group("hq").await;
}

#[tokio::test]
async fn a_refused_login_is_not_tried_by_every_pass_and_at_once_when_the_secret_changes() {
    let world = with_acme(true).await;
    world.apply(&credentials(USERNAME, WRONG));
    world.apply(&hq(""));
    let group: Group = world.reason("hq", "Ready", "CredentialsUnavailable").await;
    assert!(message(&group, "Ready").contains(USERNAME), "{}", message(&group, "Ready"));
    // Another resource gets past the point where it would log in.
    world.apply(&manifest("Group", "other", "tenantId: Acme, groupName: Other"));
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
async fn a_login_that_is_refused_by_chance_is_tried_again_when_somebody_asks_for_it_on_the_secret() {
    let world = with_acme(true).await;
    world.platform.inject(Fault::error(401, 8, "AUTH_BACKEND_DOWN", "try later").on("POST", "/login/"));
    world.apply(&(credentials(USERNAME, PASSWORD) + &hq("")));
    let group: Group = world.reason("hq", "Ready", "CredentialsUnavailable").await;
    let said = message(&group, "Ready");
    assert!(said.contains("the next one is made at 20") && said.contains("requested-at"), "{said}");
    world.told("apio-credentials", "CredentialsInvalid").await;
    assert_eq!(world.metric("apio_operator_credentials_valid").await, 0);
    world.kubectl(&["annotate", "secret", "apio-credentials", "apio.netaxis.be/requested-at=now"]);
    world.group("hq").await;
    assert_eq!((logins(&world), world.metric("apio_operator_credentials_valid").await), (2, 1), "{}", world.story());
}

#[tokio::test]
async fn a_login_that_is_refused_by_chance_is_tried_again_later_and_what_waits_for_it_goes_on() {
    let arguments = ["--platform-login-interval", "1s"];
    let world = World::with(Wish { no_credentials: true, arguments: &arguments, ..Wish::default() }).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.platform.inject(Fault::error(401, 8, "AUTH_BACKEND_DOWN", "try later").on("POST", "/login/"));
    world.apply(&(credentials(USERNAME, PASSWORD) + &hq("")));
    world.reason::<Group>("hq", "Ready", "CredentialsUnavailable").await;
    world.group("hq").await;
    assert_eq!((logins(&world), world.metric("apio_operator_credentials_valid").await), (2, 1), "{}", world.story());
}

/// The best of three changes counts: the machine that runs the tests may be busy for a while.
#[tokio::test]
async fn a_new_password_is_in_use_within_two_seconds_without_a_restart() {
    let world = with_acme(false).await;
    world.apply(&hq(""));
    world.group("hq").await;
    let mut took = Vec::new();
    for user in ["first", "second", "third"] {
        world.platform.edit(|state| state.add_account(user, Account::system("other")));
        world.apply(&credentials(user, "other"));
        let applied = Instant::now();
        let in_use = || world.platform.journal().iter().any(|call| call.user.as_deref() == Some(user));
        while !in_use() {
            world.nudge::<Group>("hq").await;
            assert!(applied.elapsed() < SOON, "{}", world.story());
        }
        took.push(applied.elapsed());
        world.looked::<Group>("hq").await;
        assert_eq!(world.platform.journal().last().unwrap().user.as_deref(), Some(user));
    }
    assert!(took.iter().any(|took| *took < Duration::from_secs(2)), "{took:?}");
}

#[tokio::test]
async fn a_new_password_that_is_refused_leaves_the_old_session_in_use_and_is_told_on_the_secret() {
    let world = with_acme(false).await;
    world.apply(&credentials(USERNAME, WRONG));
    world.told("apio-credentials", "CredentialsInvalid").await;
    assert_eq!(world.metric("apio_operator_credentials_valid").await, 0);
    world.apply(&hq(""));
    world.group("hq").await;
    assert_eq!(logins(&world), 2);
    world.apply(&credentials(USERNAME, PASSWORD));
    world.has_credentials(2).await;
    assert_eq!(world.metric("apio_operator_credentials_valid").await, 1);
}

#[tokio::test]
async fn an_account_that_is_locked_out_later_shows_in_the_metric_and_is_tried_again_with_a_new_secret() {
    let world = with_acme_and_logins_apart("5s").await;
    let valid = || world.metric("apio_operator_credentials_valid");
    world.apply(&hq(""));
    world.group("hq").await;
    assert_eq!(valid().await, 1);
    world.platform.inject(Fault::status(401).on("POST", "/login/").forever());
    world.platform.expire_sessions();
    world.nudge::<Group>("hq").await;
    world.poll("refused", || async { valid().await == 0 }).await;
    world.told("apio-credentials", "CredentialsInvalid").await;
    world.platform.clear_faults();
    world.delete("secret/apio-credentials");
    world.apply(&credentials(USERNAME, PASSWORD));
    world.looked::<Group>("hq").await;
    assert_eq!((logins(&world), valid().await), (3, 1));
}

#[tokio::test]
async fn many_groups_share_one_login() {
    let world = with_acme_and_logins_apart("100ms").await;
    let groups: Vec<_> = (0..12).map(|n| manifest("Group", &format!("g{n}"), "tenantId: Acme, groupName: G")).collect();
    world.apply(&groups.concat());
    for n in 0..12 {
        world.group(&format!("g{n}")).await;
    }
    assert_eq!(logins(&world), 1);
    world.platform.expire_sessions();
    for n in 0..12 {
        world.nudge::<Group>(&format!("g{n}")).await;
    }
    for n in 0..12 {
        world.looked::<Group>(&format!("g{n}")).await;
    }
    assert_eq!(logins(&world), 2);
}

#[tokio::test]
async fn a_machine_token_needs_no_login() {
    let world = World::with(Wish { no_credentials: true, arguments: CORE, ..Wish::default() }).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.kubectl(&["create", "secret", "generic", "apio-credentials", &format!("--from-literal=token={M2M_TOKEN}")]);
    world.apply(&hq(""));
    world.group("hq").await;
    assert_eq!(logins(&world), 0);
    assert_no_secret_is_told(&world, &[M2M_TOKEN]).await;
}

#[tokio::test]
async fn a_token_that_cannot_be_used_is_told_on_the_secret_and_in_the_metric_and_a_good_one_is_in_use_at_once() {
    let world = World::with(Wish { no_credentials: true, arguments: CORE, ..Wish::default() }).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    let secret = |token: &str| {
        world.apply(&format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: apio-credentials}}\nstringData: {{token: {token:?}}}\n"
        ))
    };
    world.apply(&hq(""));
    for (token, words) in
        [("wrapped-\ntoken", "key token of the credentials Secret holds"), ("expired-token", "refuses the token")]
    {
        secret(token);
        let told = |group: &Group| has(group, "Stalled") && message(group, "Ready").contains(words);
        world.until("hq", words, told).await;
        world.reason::<Group>("hq", "Ready", "CredentialsUnavailable").await;
        world.told("apio-credentials", "CredentialsInvalid").await;
        assert_eq!(world.metric("apio_operator_credentials_valid").await, 0);
    }
    secret(M2M_TOKEN);
    world.group("hq").await;
    assert_eq!(world.metric("apio_operator_credentials_valid").await, 1);
    assert_no_secret_is_told(&world, &["wrapped-", "expired-token"]).await;
}

#[tokio::test]
async fn a_session_cookie_that_is_never_sent_back_is_told_as_what_it_is() {
    let platform = Simulator::start().await.unwrap();
    let proxy = platform.url();
    // A host of its own: on this machine a Secure cookie is sent over http too.
    let world = World::with(Wish {
        no_credentials: true,
        platform: Some(platform),
        platform_url: Some("http://apio.invalid"),
        environment: &[("HTTP_PROXY", &proxy), ("NO_PROXY", "")],
        ..Wish::default()
    })
    .await;
    world.platform.edit(|state| {
        state.add_tenant("Acme");
        state.settings.assumptions.secure_cookies = true;
    });
    world.apply(&(credentials(USERNAME, PASSWORD) + &hq("")));
    let group: Group = world.reason("hq", "Ready", "CredentialsUnavailable").await;
    let said = message(&group, "Ready");
    assert!(said.contains("marked Secure") && said.contains("https://"), "{said}");
    world.told("apio-credentials", "CredentialsInvalid").await;
    assert_eq!((logins(&world), world.metric("apio_operator_credentials_valid").await), (1, 0));
    world.platform.edit(|state| state.settings.assumptions.secure_cookies = false);
    world.kubectl(&["annotate", "secret", "apio-credentials", "apio.netaxis.be/requested-at=now"]);
    world.group("hq").await;
}

#[tokio::test]
async fn an_account_that_asks_for_a_second_factor_is_told_what_to_use_instead() {
    let world = World::with(Wish { no_credentials: true, arguments: CORE, ..Wish::default() }).await;
    world.platform.edit(|state| {
        state.add_tenant("Acme");
        state.users.get_mut(USERNAME).unwrap().two_factor = true;
    });
    world.apply(&credentials(USERNAME, PASSWORD));
    world.apply(&hq(""));
    let group: Group = world.reason("hq", "Ready", "CredentialsUnavailable").await;
    assert!(message(&group, "Ready").contains("key token of the Secret"), "{}", message(&group, "Ready"));
    assert_eq!(logins(&world), 1);
}

#[tokio::test]
async fn a_secret_without_its_keys_is_told_in_the_log_without_a_value() {
    let world = World::with(Wish { no_credentials: true, ..Wish::default() }).await;
    world.kubectl(&["create", "secret", "generic", "apio-credentials", &format!("--from-literal=pasword={WRONG}")]);
    world.poll("the log", || async { world.operator.log().contains("needs the keys username and password") }).await;
    assert!(!world.operator.log().contains(WRONG));
}

#[tokio::test]
async fn a_platform_with_a_private_authority_is_trusted_when_its_bundle_is_given() {
    let platform = Simulator::start().await.unwrap();
    let front = TlsFront::before(&platform).await.unwrap();
    let bundle = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(bundle.path(), &front.certificate).unwrap();
    let trusting = ["--platform-ca-bundle", bundle.path().to_str().unwrap()];
    let world = World::with(Wish {
        platform: Some(platform),
        platform_url: Some(&front.url),
        arguments: &trusting,
        ..Wish::default()
    })
    .await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq(""));
    let group = world.group("hq").await;
    assert_eq!(group.status.unwrap().ownership.unwrap().platform, front.url);
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
}

#[tokio::test]
async fn a_proxy_of_the_environment_carries_what_goes_to_the_platform() {
    // The simulator takes requests for any host, as a proxy would, and the platform's name leads nowhere else.
    let platform = Simulator::start().await.unwrap();
    let proxy = platform.url();
    let world = World::with(Wish {
        platform: Some(platform),
        platform_url: Some("http://apio.invalid"),
        environment: &[("HTTP_PROXY", &proxy), ("NO_PROXY", "")],
        ..Wish::default()
    })
    .await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq(""));
    world.group("hq").await;
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
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
    assert_no_secret_is_told(&world, &[WRONG]).await;
}

#[tokio::test]
async fn a_login_whose_answer_repeats_what_was_sent_is_told_without_it() {
    let arguments = &["--log", "trace,h2=info"];
    let world = World::with(Wish { arguments, no_credentials: true, ..Wish::default() }).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.platform.inject(Fault::error(500, 1, "cannot log in", PASSWORD).on("POST", "/login/").forever());
    world.apply(&(credentials(USERNAME, PASSWORD) + &hq("")));
    let group: Group = world.reason("hq", "Ready", "PlatformUnreachable").await;
    let said = message(&group, "Ready");
    assert!(said.contains(&format!("did not answer the login of {USERNAME} as documented")), "{said}");
    world.told("hq", "PlatformUnreachable").await;
    assert_no_secret_is_told(&world, &[]).await;
    world.platform.clear_faults();
    world.group("hq").await;
}

#[tokio::test]
async fn an_answer_that_repeats_the_request_is_told_without_what_gives_access() {
    for door in ["gateway", "core"] {
        let arguments = &["--log", "trace,h2=info", "--platform-mode", door];
        let world = World::with(Wish { arguments, no_credentials: true, ..Wish::default() }).await;
        let cases = [
            ("page", "GET", Fault::echo_page(502), "PlatformUnreachable", "was answered with 502: <html>"),
            ("no-object", "GET", Fault::echo_page(200), "PlatformUnreachable", "was answered with no JSON"),
            ("refusal", "GET", Fault::echo_json(403), "Denied", "was answered with 403: "),
            ("object", "GET", Fault::echo_json(200), "PlatformUnreachable", "was answered with the request itself"),
            ("creation", "POST", Fault::echo_json(400), "Invalid", "was answered with 400: "),
        ];
        for (tenant, method, fault, ..) in &cases {
            world.platform.edit(|state| state.add_tenant(tenant));
            world.platform.inject(fault.clone().on(method, &format!("/tenants/{tenant}/groups/*")).forever());
        }
        let login = if door == "core" { "/auth/login/" } else { "/login/" };
        world.platform.inject(Fault::echo_page(500).on("POST", login));
        world.platform.inject(Fault::echo_json(503).on("POST", login));
        world.apply(&credentials(USERNAME, PASSWORD));
        world.apply(
            &cases
                .each_ref()
                .map(|case| manifest("Group", case.0, &format!("tenantId: {}, groupName: G", case.0)))
                .concat(),
        );
        for (name, _, _, reason, words) in &cases {
            let told = |group: &Group| has(group, "Ready") && message(group, "Ready").contains(words);
            world.until(name, words, told).await;
            let group: Group = world.reason(name, "Ready", reason).await;
            let said = message(&group, "Ready");
            assert_eq!(said.contains("***"), *name != "object", "{door} {name}: {said}");
            assert_eq!(group.status.unwrap().observed, None);
        }
        assert_eq!(logins(&world), 3, "{}", world.story());
        assert_no_secret_is_told(&world, &[]).await;
    }
}

/// Neither the log nor what a user reads tells a password, a cookie or a token: those of the platform, and these.
pub async fn assert_no_secret_is_told(world: &World, more: &[&str]) {
    let said = [
        world.operator.log(),
        world.kubectl(&["get", "apio,events", "-o", "yaml"]),
        world.kubectl(&["describe", "apio"]),
        world.page("/metrics").await.unwrap().1,
    ]
    .concat();
    let keys = world.platform.edit(|state| state.keys());
    assert!(!keys.is_empty());
    for secret in keys.iter().map(String::as_str).chain([PASSWORD, "sessionid="]).chain(more.iter().copied()) {
        let line = said.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{}", line.unwrap_or_default());
    }
}
