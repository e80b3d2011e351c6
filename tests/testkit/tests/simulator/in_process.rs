//! A platform that is called as a function, in simulated time.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::Request;
use serde_json::json;
use testkit::simulator::{Fault, NoAnswer, PASSWORD, Simulator, USERNAME};
use tokio::time::Instant;

fn call(method: &str, path: &str, cookie: &str, body: &str) -> Request<Bytes> {
    let request = Request::builder().method(method).uri(format!("/api/v1{path}")).header("cookie", cookie);
    request.header("content-type", "application/json").body(Bytes::from(body.to_owned())).unwrap()
}

async fn session(platform: &Simulator) -> String {
    let login = json!({"username": USERNAME, "password": PASSWORD}).to_string();
    let answer = platform.answer(call("POST", "/login/", "", &login)).await.unwrap();
    assert_eq!(answer.status(), 200);
    let cookies = answer.headers().get_all("set-cookie").iter().map(|one| one.to_str().unwrap());
    cookies.map(|one| one.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

#[tokio::test(start_paused = true)]
async fn a_platform_in_the_process_answers_and_its_faults_are_those_of_a_connection() {
    let platform = Simulator::in_process();
    platform.edit(|state| state.add_tenant("Acme"));
    let cookie = session(&platform).await;
    let get = || platform.answer(call("GET", "/tenants/Acme/", &cookie, ""));
    assert_eq!(get().await.unwrap().status(), 200);

    platform.inject(Fault::drop_after().on("POST", "*"));
    let created =
        platform.answer(call("POST", "/tenants/Acme/groups/", &cookie, r#"{"groupId": "HQ", "groupName": "G"}"#));
    assert_eq!(created.await.unwrap_err(), NoAnswer::Cut);
    assert!(platform.edit(|state| state.group("Acme", "HQ").is_some()), "it was carried out");

    let began = Instant::now();
    platform.inject(Fault::delay(Duration::from_secs(3600)).on("GET", "*"));
    assert_eq!(get().await.unwrap().status(), 200);
    assert_eq!(began.elapsed(), Duration::from_secs(3600));

    platform.inject(Fault::stuck().on("GET", "*"));
    let (stuck, ()) = tokio::join!(get(), async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        platform.stop().await;
    });
    assert_eq!(stuck.unwrap_err(), NoAnswer::Cut);
    assert_eq!(get().await.unwrap_err(), NoAnswer::Refused);
    platform.resume().await.unwrap();
    assert_eq!(get().await.unwrap().status(), 200);
}
