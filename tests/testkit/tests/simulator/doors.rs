use serde_json::{Value, json};
use testkit::simulator::{Account, Door, M2M_TOKEN, PASSWORD, SECOND_FACTOR, Simulator, USERNAME};

use crate::client::{Client, HQ, acme_hq};

fn credentials() -> Value {
    json!({"username": USERNAME, "password": PASSWORD})
}

async fn core_stranger() -> (Simulator, Client) {
    let (platform, _) = acme_hq().await;
    let stranger = Client::stranger(&format!("{}/api/v01", platform.url()));
    (platform, stranger)
}

#[tokio::test]
async fn a_gateway_login_answers_the_profile_and_a_session_cookie() {
    let (platform, client) = acme_hq().await;
    let url = format!("{}/api/v1/login/", platform.url());
    let response = client.http.post(url).json(&credentials()).send().await.expect("an answer");
    let cookies: Vec<_> = response.cookies().map(|cookie| cookie.name().to_owned()).collect();
    assert!(cookies.contains(&"sessionid".to_owned()), "{cookies:?}");
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body, json!({"ids": {}, "profile": {"user_level": 16, "is_first_login": false}}));
    assert_eq!(client.get(HQ).await.status, 200);
}

#[tokio::test]
async fn a_gateway_login_with_a_bad_password_answers_401() {
    let (platform, _) = acme_hq().await;
    let stranger = Client::stranger(&format!("{}/api/v1", platform.url()));
    let answer = stranger.post("/login/", json!({"username": USERNAME, "password": "wrong"})).await;
    assert_eq!(answer.status, 401);
    assert!(answer.code().is_some());
    assert_eq!(stranger.get(HQ).await.status, 401);
}

#[tokio::test]
async fn all_cookies_of_the_login_are_to_be_replayed() {
    let (platform, client) = acme_hq().await;
    let url = format!("{}/api/v1/login/", platform.url());
    let login = client.http.post(url).json(&credentials()).send().await.expect("an answer");
    let session = login.cookies().find(|c| c.name() == "sessionid").expect("a session").value().to_owned();
    let only_session = || {
        let request = reqwest::Client::new().get(format!("{}/api/v1{HQ}", platform.url()));
        request.header("cookie", format!("sessionid={session}")).send()
    };
    assert_eq!(only_session().await.expect("an answer").status(), 401);
    platform.edit(|s| s.settings.assumptions.require_all_cookies = false);
    assert_eq!(only_session().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn an_expired_session_answers_401_until_the_next_login() {
    let (platform, client) = acme_hq().await;
    assert_eq!(client.get(HQ).await.status, 200);
    platform.expire_sessions();
    assert_eq!(client.get(HQ).await.status, 401);
    client.post("/login/", credentials()).await.ok();
    assert_eq!(client.get(HQ).await.status, 200);
}

#[tokio::test]
async fn repeated_bad_passwords_lock_the_account() {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| s.settings.assumptions.lock_after_bad_passwords = Some(2));
    for _ in 0..2 {
        client.post("/login/", json!({"username": USERNAME, "password": "wrong"})).await;
    }
    assert_eq!(client.post("/login/", credentials()).await.status, 401);
    assert!(platform.edit(|s| s.users[USERNAME].locked));
}

#[tokio::test]
async fn a_good_password_resets_the_count_of_bad_ones() {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| s.settings.assumptions.lock_after_bad_passwords = Some(2));
    for _ in 0..3 {
        assert_eq!(client.post("/login/", json!({"username": USERNAME, "password": "wrong"})).await.status, 401);
        assert_eq!(client.post("/login/", credentials()).await.status, 200);
    }
}

#[tokio::test]
async fn core_tells_its_health_to_anyone() {
    let (_platform, stranger) = core_stranger().await;
    assert_eq!(stranger.get("/health").await.ok(), json!({"status": "ok"}));
}

#[tokio::test]
async fn a_core_login_answers_tokens_that_open_the_proxied_gateway() {
    let (_platform, stranger) = core_stranger().await;
    let login = stranger.post("/auth/login", credentials()).await.ok();
    assert!(login["refresh_token"].is_string());
    let client = stranger.with_bearer(login["access_token"].as_str().expect("a token"));
    assert_eq!(client.get(&format!("/p1{HQ}")).await.ok()["groupName"], "Head office");
}

#[tokio::test]
async fn a_core_login_refuses_other_keys_and_long_values() {
    let (_platform, stranger) = core_stranger().await;
    let mut body = credentials();
    body["remember"] = json!(true);
    let answer = stranger.post("/auth/login", body).await;
    assert_eq!((answer.status, answer.body["error"].is_string()), (400, true));
    let long = json!({"username": "u".repeat(201), "password": "p"});
    assert_eq!(stranger.post("/auth/login", long).await.status, 400);
}

#[tokio::test]
async fn core_answers_a_bad_password_with_its_own_error_shape() {
    let (_platform, stranger) = core_stranger().await;
    let answer = stranger.post("/auth/login", json!({"username": USERNAME, "password": "wrong"})).await;
    assert_eq!(answer.status, 401);
    assert!(answer.body["error"].is_string(), "{answer:?}");
}

#[tokio::test]
async fn a_refresh_token_is_good_for_a_new_access_token() {
    let (platform, stranger) = core_stranger().await;
    let login = stranger.post("/auth/login", credentials()).await.ok();
    platform.expire_sessions();
    let old = Client::core(&platform).with_bearer(login["access_token"].as_str().expect("a token"));
    assert_eq!(old.get(HQ).await.status, 401);
    let refresher = stranger.with_bearer(login["refresh_token"].as_str().expect("a token"));
    let fresh = refresher.get("/auth/access_token").await.ok();
    let client = Client::core(&platform).with_bearer(fresh["access_token"].as_str().expect("a token"));
    assert_eq!(client.get(HQ).await.status, 200);
    platform.edit(|s| s.revoke_refresh_tokens());
    assert_eq!(refresher.get("/auth/access_token").await.status, 401);
}

#[tokio::test]
async fn a_machine_token_does_not_expire() {
    let (platform, _) = acme_hq().await;
    let client = Client::core(&platform).with_bearer(M2M_TOKEN);
    platform.expire_sessions();
    assert_eq!(client.get(HQ).await.status, 200);
    assert_eq!(Client::core(&platform).with_bearer("another").get(HQ).await.status, 401);
}

#[tokio::test]
async fn a_login_with_a_second_factor_answers_no_tokens_at_first() {
    let (platform, stranger) = core_stranger().await;
    platform.edit(|s| s.add_account("two", Account { two_factor: true, ..Account::system("secret") }));
    let login = stranger.post("/auth/login", json!({"username": "two", "password": "secret"})).await.ok();
    assert!(login.get("access_token").is_none());
    let payload = &login["2fa_payload"];
    assert_eq!(stranger.post("/auth/2fa", json!({"2fa_payload": payload, "code": "0"})).await.status, 401);
    let tokens = stranger.post("/auth/2fa", json!({"2fa_payload": payload, "code": SECOND_FACTOR})).await.ok();
    assert!(tokens["access_token"].is_string());
}

#[tokio::test]
async fn both_doors_lead_to_the_same_objects() {
    let (platform, gateway) = acme_hq().await;
    let core = Client::core(&platform);
    core.put(HQ, json!({"groupName": "By core"})).await.ok();
    assert_eq!(gateway.get(HQ).await.ok()["groupName"], "By core");
    let doors: Vec<Door> = platform.journal().iter().filter(|c| c.path == HQ).map(|c| c.door).collect();
    assert_eq!(doors, [Door::Core, Door::Gateway]);
}

#[tokio::test]
async fn a_cookie_is_no_good_at_the_core_and_a_token_none_at_the_gateway() {
    let (platform, gateway) = acme_hq().await;
    let url = platform.url();
    let at_core = Client { base: format!("{url}/api/v01/p1"), ..gateway };
    assert_eq!(at_core.get(HQ).await.status, 401);
    let at_gateway = Client { base: format!("{url}/api/v1"), ..Client::core(&platform) };
    assert_eq!(at_gateway.get(HQ).await.status, 401);
}

#[tokio::test]
async fn the_final_slash_is_optional_and_nothing_is_redirected() {
    let (_platform, client) = acme_hq().await;
    let bare = HQ.trim_end_matches('/');
    assert_eq!(client.get(bare).await.status, 200);
    assert_eq!(client.put(bare, json!({"cliName": "x"})).await.status, 200);
    assert_eq!(client.call("DELETE", bare, None).await.status, 200);
}

#[tokio::test]
async fn an_unknown_uri_answers_a_platform_shaped_404() {
    let (_platform, client) = acme_hq().await;
    for (method, path) in
        [("GET", "/nothing/"), ("GET", "/tenants/Acme/groups//"), ("PATCH", HQ), ("DELETE", "/tenants/")]
    {
        let answer = client.call(method, path, None).await;
        assert_eq!((answer.status, answer.code().is_some()), (404, true), "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_path_outside_both_doors_answers_the_page_of_a_proxy() {
    let (platform, _) = acme_hq().await;
    let answer = Client::stranger(&platform.url()).get("/wrong/prefix/tenants/Acme/").await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.as_str().expect("no JSON").starts_with("<html>"));
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_answers_416() {
    let (platform, client) = acme_hq().await;
    for body in [json!([]), json!("text"), json!(null)] {
        assert_eq!(client.put(HQ, body).await.status, 416);
    }
    assert_eq!(client.call("PUT", HQ, None).await.status, 416);
    assert_eq!(client.call("DELETE", "/tenants/Acme/domains/", None).await.status, 416);
    let core = reqwest::Client::new().put(format!("{}/api/v01/p1{HQ}", platform.url())).bearer_auth(M2M_TOKEN);
    assert_eq!(core.body("{cut").send().await.expect("an answer").status(), 416);
}

#[tokio::test]
async fn ids_are_percent_encoded_and_case_sensitive() {
    let (platform, client) = acme_hq().await;
    let id = "a b@c+d%e";
    client.post("/tenants/Acme/groups/", json!({"groupId": id, "groupName": "odd"})).await.ok();
    let path = "/tenants/Acme/groups/a%20b%40c+d%25e/";
    assert_eq!(client.get(path).await.ok()["groupName"], "odd");
    assert_eq!(client.get("/tenants/Acme/groups/A%20b%40c+d%25e/").await.status, 404);
    let call = platform.journal().into_iter().rfind(|call| call.status == Some(200)).expect("the GET");
    assert_eq!((call.path, call.raw_path), (format!("/tenants/Acme/groups/{id}/"), format!("/api/v1{path}")));
}
