//! What was found in whole calls, each by its name; what one function does wrong has its test beside that.

use apio_operator::{
    engine::{facts::Query, failure::Cause, ids::Key},
    platform::Mode,
};

use super::{
    platform::{Client, Given, account, asked, simulated},
    told::{MARK, told},
};

#[test]
fn who_answers_with_another_object_named_like_the_password_is_told_of_without_it() {
    let password = format!("<{MARK} {}", "x".repeat(200));
    let answers = [Given::session(), Given::yes(serde_json::json!({"groupId": password}).to_string())];
    let failure = simulated(async {
        let client = Client::new(Mode::Gateway, account(&password, None), answers);
        client.ask(&Query::Object(Key::Group("Acme".to_owned(), "HQ".to_owned()))).await.unwrap_err()
    });
    told(&failure.message);
    assert!(failure.message.contains("another object, of groupId \"***"), "{failure}");
}

#[test]
fn a_list_of_groups_that_repeats_the_session_is_no_list() {
    let list = format!(r#"{{"groups": [{{"groupId": "HQ"}}, {{"groupId": "session{MARK}"}}]}}"#);
    let failure = asked(&Query::Groups("Acme".to_owned()), Given::yes(list)).0.unwrap_err();
    assert_eq!(failure.cause, Cause::Unreadable);
    told(&failure.message);
}

#[test]
fn the_name_of_an_account_is_told_as_it_can_be_seen_and_in_short() {
    let mut credentials = account("password", None);
    credentials.username = format!("\u{1b}[2J{}", "x".repeat(5_000));
    let refusal = simulated(async {
        let client = Client::new(Mode::Gateway, credentials, [Given { status: 401, ..Given::yes("{}") }]);
        client.platform.log_in().await.unwrap_err()
    });
    assert!(refusal.message.starts_with("the platform refuses the login of \\u001b[2Jxxx"), "{refusal}");
    told(&refusal.message);
}
