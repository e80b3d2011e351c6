use std::time::Duration;

use serde_json::json;
use testkit::simulator::{Door, PASSWORD, Simulator, USERNAME};

use crate::client::{Client, GROUPS, HQ, acme_hq};

const ENOUGH: Duration = Duration::from_secs(10);

#[tokio::test]
async fn the_journal_has_every_call_in_order_with_its_answer() {
    let (platform, client) = acme_hq().await;
    client.get(&format!("{GROUPS}?responseSizeLimit=5")).await.ok();
    client.put(HQ.trim_end_matches('/'), json!({"cliName": "x"})).await.ok();
    let journal = platform.journal();
    assert_eq!(journal.iter().map(|call| call.seq).collect::<Vec<_>>(), [1, 2, 3]);
    let lines: Vec<String> = journal[1..].iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [format!("GET {GROUPS}?responseSizeLimit=5 -> 200"), format!("PUT {HQ} {{\"cliName\":\"x\"}} -> 200")]
    );
    assert_eq!((journal[2].door, journal[2].user.as_deref()), (Door::Gateway, Some(USERNAME)));
    platform.clear_journal();
    assert!(platform.journal().is_empty());
}

#[tokio::test]
async fn the_journal_keeps_no_password() {
    let (platform, _client) = acme_hq().await;
    let login = platform.journal().remove(0);
    assert_eq!((login.path.as_str(), login.status), ("/login/", Some(200)));
    assert!(!format!("{login:?}").contains(PASSWORD));
}

#[tokio::test]
async fn writes_are_neither_reads_nor_logins() {
    let (platform, client) = acme_hq().await;
    let core = Client::stranger(&format!("{}/api/v01", platform.url()));
    core.post("/auth/login", json!({"username": USERNAME, "password": PASSWORD})).await.ok();
    client.get(HQ).await.ok();
    assert!(platform.writes().is_empty());
    client.delete(HQ).await.ok();
    assert_eq!(platform.writes().len(), 1);
}

#[tokio::test]
async fn a_stopped_platform_refuses_connections_and_keeps_its_state() {
    let (platform, client) = acme_hq().await;
    client.get(HQ).await.ok();
    platform.stop().await;
    // One that has no connection from before.
    let refused = Client::core(&platform).unanswered("GET", HQ, None).await;
    assert!(refused.is_connect(), "{refused:?}");
    platform.resume().await.expect("the same port is still ours");
    assert_eq!(client.get(HQ).await.ok()["groupName"], "Head office");
}

#[tokio::test]
async fn a_test_that_blocks_does_not_stop_its_platform() {
    use std::io::{Read, Write};
    let platform = Simulator::start().await.expect("a free port");
    let address = platform.url().trim_start_matches("http://").to_owned();
    let mut line = std::net::TcpStream::connect(address).expect("it listens");
    line.set_read_timeout(Some(ENOUGH)).expect("a time above zero");
    line.write_all(b"GET /_sim/settings HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("a line");
    let mut answer = String::new();
    line.read_to_string(&mut answer).expect("an answer while this thread waits");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn stopping_cuts_the_calls_that_are_under_way() {
    let (platform, client) = acme_hq().await;
    platform.inject(testkit::simulator::Fault::stuck().on("GET", HQ));
    let stuck = client.unanswered("GET", HQ, None);
    let stop = async {
        platform.wait_for("the call", ENOUGH, |calls, _| calls.iter().any(|call| call.path == HQ)).await;
        platform.stop().await;
    };
    tokio::join!(stuck, stop);
}

#[tokio::test]
async fn the_platform_ends_with_its_last_handle() {
    let (platform, client) = acme_hq().await;
    let another = platform.clone();
    drop(platform);
    client.get(HQ).await.ok();
    let address = another.url().trim_start_matches("http://").to_owned();
    drop(another);
    client.unanswered("GET", HQ, None).await;
    let address = address.parse().expect("an address");
    // Its connections may end a moment before its port is free.
    let start = async {
        loop {
            match Simulator::start_on(address).await {
                Err(_) => tokio::task::yield_now().await,
                Ok(again) => break again,
            }
        }
    };
    let again = tokio::time::timeout(ENOUGH, start).await.expect("the port is free again");
    assert_eq!(Client::gateway(&again).await.get(HQ).await.status, 404, "another platform");
}

#[tokio::test]
async fn waiting_ends_with_the_change_that_was_waited_for() {
    let (platform, client) = acme_hq().await;
    let wait = platform.wait_for("the new name", ENOUGH, |calls, state| {
        let name = &state.group("Acme", "HQ").expect("HQ").attributes["groupName"];
        name == "new" && calls.last().is_some_and(|call| call.status == Some(200))
    });
    let (_, answer) = tokio::join!(wait, client.put(HQ, json!({"groupName": "new"})));
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn an_edit_wakes_those_who_wait() {
    let (platform, _client) = acme_hq().await;
    let wait = platform.wait_for("a tenant", ENOUGH, |_, state| state.tenants.contains_key("New"));
    let edit = async { platform.edit(|s| s.add_tenant("New")) };
    tokio::join!(wait, edit);
}

#[tokio::test]
#[should_panic(expected = "the impossible; the last of 1 calls:\n  POST /login/")]
async fn waiting_in_vain_tells_what_for_and_what_happened_last() {
    let (platform, _client) = acme_hq().await;
    platform.wait_for("the impossible", Duration::from_millis(1), |_, _| false).await;
}

#[tokio::test]
async fn a_change_behind_the_operators_back_is_no_call() {
    let (platform, client) = acme_hq().await;
    let calls = platform.journal().len();
    platform.edit(|s| {
        let group = s.group_mut("Acme", "HQ").expect("HQ");
        group.attributes.insert("groupName".into(), json!("drifted"));
    });
    assert_eq!(platform.journal().len(), calls);
    assert_eq!(client.get(HQ).await.ok()["groupName"], "drifted");
}
