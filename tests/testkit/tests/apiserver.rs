//! What a driver does to the API server in memory, in simulated time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use futures::StreamExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use testkit::apiserver::{ApiServer, Denial, Kinds};
use tokio::time::{Instant, timeout};
use tower_service::Service;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn server() -> ApiServer {
    ApiServer::new(Arc::new(Kinds::new(&[]).unwrap()), || Timestamp::UNIX_EPOCH)
}

async fn asked(server: &ApiServer, method: &str, path: &str, body: &Value) -> (u16, Body) {
    let request = Request::builder().method(method).uri(path).body(Body::from(body.to_string())).unwrap();
    let response = server.service().call(request).await.unwrap();
    (response.status().as_u16(), response.into_body())
}

async fn json_of(body: Body) -> Value {
    serde_json::from_slice(&to_bytes(body, usize::MAX).await.unwrap()).unwrap()
}

/// The events of a watch from a version on.
async fn watch(server: &ApiServer, version: &str) -> impl futures::Stream<Item = Value> + Unpin + use<> {
    let path = format!("{MAPS}?watch=true&allowWatchBookmarks=true&timeoutSeconds=290&resourceVersion={version}");
    let (_, body) = asked(server, "GET", &path, &Value::Null).await;
    body.into_data_stream().map(|line| serde_json::from_slice(&line.unwrap()).unwrap())
}

async fn version(server: &ApiServer) -> String {
    let (_, body) = asked(server, "GET", MAPS, &Value::Null).await;
    json_of(body).await["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}

fn create(server: &ApiServer, name: &str) -> u16 {
    server.edit("POST", MAPS, &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})).0
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_lags_shows_a_change_when_its_time_has_come() {
    let server = server();
    let mut events = watch(&server, &version(&server).await).await;
    server.lag("configmaps", Duration::from_secs(7));
    assert_eq!(create(&server, "late"), 201);
    let before = Instant::now();
    let event = events.next().await.unwrap();
    assert_eq!((&event["type"], before.elapsed().as_secs()), (&json!("ADDED"), 7));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_cut_ends_and_another_goes_on_from_the_version_that_was_seen() {
    let server = server();
    create(&server, "first");
    let start = version(&server).await;
    let mut events = watch(&server, &start).await;
    server.cut_watches("configmaps");
    assert_eq!(events.next().await, None);
    create(&server, "second");
    let mut events = watch(&server, &start).await;
    assert_eq!(events.next().await.unwrap()["object"]["metadata"]["name"], "second");
}

#[tokio::test(start_paused = true)]
async fn after_a_compaction_an_old_version_is_gone_and_the_list_goes_on() {
    let server = server();
    let start = version(&server).await;
    create(&server, "first");
    server.compact();
    let mut events = watch(&server, &start).await;
    let event = events.next().await.unwrap();
    assert_eq!(
        (&event["type"], &event["object"]["code"], &event["object"]["reason"]),
        (&json!("ERROR"), &json!(410), &json!("Expired"))
    );
    assert_eq!(events.next().await, None);
    let mut events = watch(&server, &version(&server).await).await;
    create(&server, "second");
    assert_eq!(events.next().await.unwrap()["type"], "ADDED");
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_tells_the_version_each_minute_and_ends_at_its_time() {
    let server = server();
    let before = Instant::now();
    let events: Vec<Value> = watch(&server, &version(&server).await).await.collect().await;
    assert!(events.iter().all(|event| event["type"] == "BOOKMARK") && events.len() == 5, "{events:?}");
    assert_eq!(before.elapsed().as_secs(), 290);
}

#[tokio::test(start_paused = true)]
async fn a_write_to_one_kind_does_not_wake_the_watches_of_another() {
    let server = server();
    let mut events = watch(&server, &version(&server).await).await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
    assert_eq!(server.edit("POST", "/api/v1/namespaces/default/secrets", &secret).0, 201);
    assert!(timeout(Duration::from_secs(30), events.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_denied_and_what_exceeds_a_quota_is_forbidden() {
    let server = server();
    server.deny(vec![Denial { verb: "list".into(), resource: "configmaps".into() }]);
    let (code, body) = asked(&server, "GET", MAPS, &Value::Null).await;
    assert_eq!((code, json_of(body).await["reason"].clone()), (403, json!("Forbidden")));
    server.deny(Vec::new());
    server.limit("configmaps", Some(1));
    assert_eq!((create(&server, "a"), create(&server, "b")), (201, 403));
    server.limit("configmaps", None);
    assert_eq!(create(&server, "b"), 201);
    assert_eq!(server.journal().iter().map(|answered| answered.status).collect::<Vec<_>>(), [403]);
}

#[tokio::test(start_paused = true)]
async fn a_driver_waits_for_a_change_without_looking_again_and_again() {
    let server = server();
    let seen = tokio::spawn({
        let server = server.clone();
        async move { server.until(|server| server.object("", "configmaps", ("default", "a"))).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    create(&server, "a");
    assert_eq!(seen.await.unwrap()["metadata"]["name"], "a");
}
