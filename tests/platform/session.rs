//! When the client logs in, and when it does not.

use futures::FutureExt;

use super::*;

#[tokio::test]
async fn a_machine_token_needs_no_login() {
    let client = client(Mode::Core).await;
    let token = Some(SecretString::from(M2M_TOKEN.to_owned()));
    client.credentials.send_replace(Some(Credentials { token, ..account("", "").unwrap() }));
    assert!(client.ask(look("HQ")).await.is_ok());
    assert_eq!(client.logins(), 0);
}

#[tokio::test]
async fn an_expired_session_is_renewed_once_and_shared() {
    for mode in [Mode::Gateway, Mode::Core] {
        let client = client(mode).await;
        client.ask(look("HQ")).await.unwrap();
        client.simulator.expire_sessions();
        let (a, b) = tokio::join!(client.ask(look("HQ")), client.ask(users()));
        assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
        assert_eq!(client.logins(), 2, "one at first, one for both calls");
    }
}

#[tokio::test]
async fn a_platform_that_answers_401_for_ever_sees_no_login_loop() {
    let client = client(Mode::Gateway).await;
    client.simulator.inject(Fault::status(401).on("GET", "*").forever());
    for _ in 0..5 {
        assert_eq!(client.cause(look("HQ")).await, Cause::Unauthorized);
    }
    assert!(client.logins() <= 2, "{} logins", client.logins());
}

#[tokio::test]
async fn that_the_platform_lets_in_again_is_said_once_and_only_when_it_had_not_for_a_while() {
    let client = client(Mode::Gateway).await;
    let said = || client.platform.lets_in_again().now_or_never().is_some();
    let refused = Fault::status(401).on("GET", "*").forever();
    // A session that ends, once or twice, keeps nobody out.
    client.ask(look("HQ")).await.unwrap();
    client.simulator.inject(Fault::status(401).on("GET", "*").times(2));
    client.ask(look("HQ")).await.unwrap();
    assert!(!said());
    for (outage, expected) in [(1, true), (2, false)] {
        client.simulator.inject(refused.clone());
        for _ in 0..2 {
            assert_eq!(client.cause(look("HQ")).await, Cause::Unauthorized);
        }
        assert!(!said());
        client.simulator.clear_faults();
        client.ask(look("HQ")).await.unwrap();
        assert_eq!([said(), said()], [expected, false], "outage {outage}: not twice within a minute");
    }
}

#[tokio::test]
async fn a_login_that_is_refused_as_a_request_is_a_matter_of_the_credentials() {
    for (mode, login) in [(Mode::Gateway, "/login/"), (Mode::Core, "/auth/login/")] {
        let client = client(mode).await;
        // The word of something in between says nothing of them, and is no reason to try no more.
        let statuses = [400, 403, 405, 413, 431];
        for status in statuses {
            client.simulator.clear_faults();
            client.simulator.inject(Fault::html(status).on("POST", login).forever());
            assert_eq!(client.cause(look("HQ")).await, Cause::Unreadable, "{status}");
        }
        client.simulator.clear_faults();
        client.simulator.inject(Fault::error(400, 77, "TOO_LONG", "password").on("POST", login).forever());
        for _ in 0..3 {
            assert_eq!(client.cause(look("HQ")).await, Cause::LoginRefused);
        }
        assert_eq!(client.logins(), statuses.len() + 1, "{mode:?}");
    }
}

#[tokio::test]
async fn a_session_that_ends_before_its_first_call_is_renewed_once_more() {
    let client = client(Mode::Gateway).await;
    client.ask(look("HQ")).await.unwrap();
    client.simulator.inject(Fault::status(401).on("GET", "*").times(2));
    client.ask(look("HQ")).await.unwrap();
    assert_eq!(client.logins(), 3);
}

#[tokio::test]
async fn refused_credentials_are_tried_once_until_they_change() {
    let client = client(Mode::Gateway).await;
    client.credentials.send_replace(account(USERNAME, "wrong"));
    for _ in 0..5 {
        let failure = client.ask(look("HQ")).await.unwrap_err();
        assert_eq!(failure.cause, Cause::LoginRefused);
        assert!(failure.message.contains(USERNAME) && !failure.message.contains("wrong"), "{failure}");
    }
    assert_eq!((client.logins(), client.platform.has_credentials()), (1, false));
    client.platform.forgive();
    assert_eq!((client.cause(look("HQ")).await, client.logins()), (Cause::LoginRefused, 2));
    client.credentials.send_replace(account(USERNAME, PASSWORD));
    assert!(client.ask(look("HQ")).await.is_ok() && client.platform.has_credentials());
    client.credentials.send_replace(None);
    assert_eq!(client.cause(look("HQ")).await, Cause::NoCredentials);
}

#[tokio::test]
async fn new_credentials_that_are_refused_leave_the_old_session_in_use() {
    let client = client(Mode::Gateway).await;
    client.ask(look("HQ")).await.unwrap();
    client.credentials.send_replace(account(USERNAME, "wrong"));
    let failure = client.platform.log_in().await.unwrap_err();
    assert!(failure.message.contains("stays in use") && !failure.message.contains("wrong"), "{failure}");
    for _ in 0..3 {
        client.ask(look("HQ")).await.unwrap();
    }
    client.simulator.expire_sessions();
    for _ in 0..3 {
        assert_eq!(client.cause(look("HQ")).await, Cause::LoginRefused);
    }
    assert_eq!(client.logins(), 2);
    client.credentials.send_replace(account(USERNAME, PASSWORD));
    client.platform.log_in().await.unwrap();
    client.ask(look("HQ")).await.unwrap();
    assert_eq!(client.logins(), 3);
}

#[tokio::test]
async fn a_session_that_ended_unused_does_not_stand_in_the_way_of_its_credentials_when_they_come_back() {
    let client = client(Mode::Gateway).await;
    client.platform.log_in().await.unwrap();
    client.credentials.send_replace(account(USERNAME, "wrong"));
    client.platform.log_in().await.unwrap_err();
    client.simulator.expire_sessions();
    assert_eq!(client.cause(look("HQ")).await, Cause::LoginRefused);
    client.credentials.send_replace(account(USERNAME, PASSWORD));
    client.ask(look("HQ")).await.unwrap();
    assert_eq!(client.logins(), 3);
}

#[tokio::test]
async fn a_second_factor_is_told_as_what_it_is() {
    let client = client(Mode::Core).await;
    client.simulator.edit(|state| {
        let mut account = Account::system(PASSWORD);
        account.two_factor = true;
        state.add_account("two", account);
    });
    client.credentials.send_replace(account("two", PASSWORD));
    let failure = client.ask(look("HQ")).await.unwrap_err();
    assert_eq!(failure.cause, Cause::LoginRefused);
    assert!(failure.message.contains("second factor"), "{failure}");
}
