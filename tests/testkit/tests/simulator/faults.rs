use std::time::Duration;

use serde_json::{Value, json};
use testkit::simulator::{Fault, PASSWORD, Simulator, USERNAME};

use crate::client::{Client, GROUPS, HQ, acme_hq};

const ENOUGH: Duration = Duration::from_secs(10);

fn cli_name(platform: &Simulator) -> Value {
    platform.edit(|s| s.group("Acme", "HQ").expect("HQ").attributes.get("cliName").cloned().unwrap_or_default())
}

#[tokio::test]
async fn a_status_fault_hits_so_many_fitting_calls_and_carries_none_out() {
    let (platform, client) = acme_hq().await;
    platform.inject(Fault::status(503).on("PUT", HQ).times(2));
    assert_eq!(client.get(HQ).await.status, 200, "another method");
    assert_eq!(client.put("/tenants/Acme/", json!({})).await.status, 200, "another path");
    for _ in 0..2 {
        assert_eq!(client.put(HQ, json!({"cliName": "x"})).await.status, 503);
    }
    assert_eq!(cli_name(&platform), Value::Null);
    assert_eq!(client.put(HQ, json!({"cliName": "x"})).await.status, 200);
}

#[tokio::test]
async fn overload_comes_with_or_without_retry_after() {
    let (platform, client) = acme_hq().await;
    platform.inject(Fault::status(429).retry_after(7));
    platform.inject(Fault::status(429));
    for expected in [Some("7"), None] {
        let response = client.http.get(format!("{}{HQ}", client.base)).send().await.expect("an answer");
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers().get("retry-after").map(|v| v.to_str().expect("text")), expected);
    }
}

#[tokio::test]
async fn a_fault_spares_logins_unless_it_names_them() {
    let (platform, client) = acme_hq().await;
    let login = json!({"username": USERNAME, "password": PASSWORD});
    for anything in [Fault::status(500).forever(), Fault::status(500).on("*", "*").forever()] {
        platform.inject(anything);
        assert_eq!(client.post("/login/", login.clone()).await.status, 200);
        assert_eq!(client.get(HQ).await.status, 500);
        platform.clear_faults();
    }
    platform.inject(Fault::status(502).on("POST", "/login/"));
    assert_eq!(client.post("/login/", login).await.status, 502);
    assert_eq!(client.get(HQ).await.status, 200);
}

#[tokio::test]
async fn a_fault_hits_an_exact_path_or_a_prefix_with_a_star() {
    let (platform, client) = acme_hq().await;
    platform.inject(Fault::status(500).on("GET", HQ).forever());
    assert_eq!(client.get(&format!("{HQ}users/")).await.status, 200);
    platform.inject(Fault::status(502).on("*", &format!("{HQ}*")).forever());
    assert_eq!(client.get(&format!("{HQ}users/")).await.status, 502);
    assert_eq!(client.get(HQ).await.status, 500, "the first one ordered");
    assert_eq!(client.get(GROUPS).await.status, 200);
    platform.clear_faults();
    assert_eq!(client.get(HQ).await.status, 200);
}

#[tokio::test]
async fn a_connection_dropped_before_leaves_nothing_behind() {
    let (platform, client) = acme_hq().await;
    platform.inject(Fault::drop_before().on("PUT", HQ));
    client.unanswered("PUT", HQ, Some(json!({"cliName": "x"}))).await;
    assert_eq!(cli_name(&platform), Value::Null);
    let call = platform.writes().pop().expect("the PUT");
    assert_eq!((call.path.as_str(), call.status), (HQ, None));
    assert_eq!(call.to_string(), format!("PUT {HQ} {{\"cliName\":\"x\"}} -> (no answer)"));
}

#[tokio::test]
async fn a_connection_dropped_after_the_write_leaves_the_write_done() {
    let (platform, client) = acme_hq().await;
    platform.inject(Fault::drop_after().on("POST", GROUPS));
    let body = json!({"groupId": "New", "groupName": "x"});
    client.unanswered("POST", GROUPS, Some(body.clone())).await;
    assert!(platform.edit(|s| s.group("Acme", "New").is_some()));
    assert_eq!(platform.writes().len(), 1, "sent once");
    assert_eq!(client.post(GROUPS, body).await.code(), Some(11));
}

#[tokio::test]
async fn a_stuck_call_is_journaled_and_never_answered() {
    let (platform, client) = acme_hq().await;
    platform.inject(Fault::stuck().on("GET", HQ));
    let stuck = client.get(HQ);
    let seen = platform.wait_for("the call", ENOUGH, |calls, _| calls.iter().any(|call| call.path == HQ));
    tokio::pin!(stuck);
    tokio::select! {
        answer = &mut stuck => panic!("answered: {answer:?}"),
        () = seen => {}
    }
    let another = Client::core(&platform);
    let more = another.get(HQ);
    tokio::select! {
        answer = stuck => panic!("answered: {answer:?}"),
        answer = more => assert_eq!(answer.status, 200, "others are not held up"),
    }
}

#[tokio::test]
async fn a_delayed_call_is_answered_after_its_time() {
    let (platform, client) = acme_hq().await;
    platform.inject(Fault::delay(Duration::from_millis(50)).on("GET", HQ));
    let before = std::time::Instant::now();
    assert_eq!(client.get(HQ).await.status, 200);
    assert!(before.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn latency_holds_every_call() {
    let (platform, client) = acme_hq().await;
    platform.set_latency(Duration::from_millis(50));
    let before = std::time::Instant::now();
    assert_eq!(client.get(HQ).await.status, 200);
    assert!(before.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_write_given_up_during_its_delay_is_not_done() {
    let (platform, client) = acme_hq().await;
    platform.inject(Fault::delay(Duration::from_secs(3600)).on("PUT", HQ));
    let put = client.put(HQ, json!({"cliName": "x"}));
    let seen = platform.wait_for("the call", ENOUGH, |calls, _| calls.iter().any(|call| call.method == "PUT"));
    tokio::select! {
        answer = put => panic!("answered: {answer:?}"),
        () = seen => {}
    }
    assert_eq!(client.put(HQ, json!({"groupName": "y"})).await.status, 200);
    assert_eq!(cli_name(&platform), Value::Null);
}

#[tokio::test]
async fn a_partial_success_answers_207_with_the_write_done() {
    let (platform, client) = acme_hq().await;
    platform.inject(Fault::partial().on("PUT", HQ));
    assert_eq!(client.put(HQ, json!({"cliName": "x"})).await.status, 207);
    assert_eq!(cli_name(&platform), "x");
}

#[tokio::test]
async fn answers_come_in_every_wrong_form() {
    let (platform, client) = acme_hq().await;
    platform.inject(Fault::html(502));
    platform.inject(Fault::empty(200));
    platform.inject(Fault::wrong_shape());
    platform.inject(Fault::answer(json!({"users": []})));
    platform.inject(Fault::details_only(400, "no such thing"));
    platform.inject(Fault::error(400, 77, "ODD", "because"));
    let page = client.get(HQ).await;
    assert_eq!((page.status, page.body.as_str().expect("no JSON").starts_with("<html>")), (502, true));
    assert_eq!(client.get(HQ).await.body, json!(""));
    assert_eq!(client.get(HQ).await.body, json!([]));
    assert_eq!(client.get(HQ).await.body, json!({"users": []}));
    let details = client.get(HQ).await;
    assert_eq!((details.status, details.body), (400, json!({"details": "no such thing"})));
    let error = client.get(HQ).await;
    let expected = json!({"errors": [{"code": 77, "message": "ODD", "details": {"reason": "because"}}]});
    assert_eq!((error.status, error.body), (400, expected));
    assert_eq!(client.get(HQ).await.status, 200);
}

#[tokio::test]
async fn a_truncated_answer_is_the_beginning_of_the_real_one() {
    let (platform, client) = acme_hq().await;
    platform.inject(Fault::truncated().on("PUT", HQ));
    let cut = client.put(HQ, json!({"cliName": "x"})).await;
    let whole = client.get(HQ).await.body.to_string();
    let text = cut.body.as_str().expect("no JSON");
    assert!(cut.status == 200 && !text.is_empty() && whole.starts_with(text), "{text}");
    assert_eq!(cli_name(&platform), "x");
}

#[tokio::test]
async fn a_refused_value_is_accepted_and_not_kept() {
    let (platform, client) = acme_hq().await;
    platform.inject(Fault::refuse_value("cliName").on("PUT", HQ));
    platform.inject(Fault::refuse_value("contactInformation.name").on("PUT", HQ));
    let body = json!({"cliName": "x", "groupName": "y", "contactInformation": {"name": "Jo", "phoneNumber": "1"}});
    let first = client.put(HQ, body.clone()).await.ok();
    assert_eq!((&first["cliName"], &first["groupName"]), (&json!(""), &json!("y")));
    platform.edit(|s| s.group_mut("Acme", "HQ").expect("HQ").attributes.remove("contactInformation"));
    let second = client.put(HQ, body.clone()).await.ok();
    assert_eq!(second["contactInformation"], json!({"name": "", "phoneNumber": "1", "emailAddress": ""}));
    assert_eq!(platform.writes().pop().expect("the PUT").body, Some(body), "the journal has what was sent");
}
