//! When the client logs in, and when it does not.

use apio_operator::engine::failure::Speaker;
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

fn token(text: &str) -> Option<Credentials> {
    let token = Some(SecretString::from(text.to_owned()));
    Some(Credentials { token, ..account("", "").unwrap() })
}

#[tokio::test]
async fn a_token_that_no_header_can_carry_is_told_before_it_is_sent() {
    let client = client(Mode::Core).await;
    for text in ["m2m-t\noken", "m2m-t\roken", "m2m token", "m2m-t\u{e9}ken", "m2m\u{7f}", " m2m"] {
        client.credentials.send_replace(token(text));
        let failure = client.ask(look("HQ")).await.unwrap_err();
        assert!(failure.cause == Cause::LoginRefused && failure.message.contains("key token"), "{failure}");
        assert!(!failure.message.contains("is made") && !failure.message.contains("m2m"), "{failure}");
        assert!(!client.platform.has_credentials());
    }
    assert_eq!(client.simulator.journal().len(), 0);
    client.credentials.send_replace(token(M2M_TOKEN));
    assert!(client.ask(look("HQ")).await.is_ok() && client.platform.has_credentials());
}

#[tokio::test]
async fn a_token_that_core_refuses_at_first_or_later_is_a_matter_of_the_credentials() {
    let client = client_with(Mode::Core, SHORT).await;
    client.credentials.send_replace(token("wrong-token"));
    let failure = client.platform.log_in().await.unwrap_err();
    assert!(failure.cause == Cause::LoginRefused && !failure.message.contains("wrong-token"), "{failure}");
    client.credentials.send_replace(token(M2M_TOKEN));
    client.ask(look("HQ")).await.unwrap();
    client.simulator.edit(|state| state.m2m_tokens.clear());
    tokio::time::sleep(SHORT).await;
    assert_eq!(client.cause(look("HQ")).await, Cause::LoginRefused);
    assert!(!client.platform.has_credentials());
}

#[tokio::test]
async fn a_call_that_core_denies_with_401_says_nothing_of_the_token() {
    let client = client_with(Mode::Core, SHORT).await;
    client.credentials.send_replace(token(M2M_TOKEN));
    client.simulator.inject(Fault::status(401).on("GET", "/tenants/Acme/groups/HQ/").forever());
    for _ in 0..3 {
        tokio::time::sleep(SHORT).await;
        assert_eq!(client.cause(look("HQ")).await, Cause::Unauthorized);
    }
    assert!(client.platform.has_credentials());
}

#[tokio::test]
async fn the_gateway_is_never_sent_the_token() {
    let client = client(Mode::Gateway).await;
    for text in [M2M_TOKEN, "not\na token"] {
        let token = Some(SecretString::from(text.to_owned()));
        client.credentials.send_replace(Some(Credentials { token, ..account(USERNAME, PASSWORD).unwrap() }));
        // The simulated one lets nobody in who sends one.
        client.ask(look("HQ")).await.unwrap();
    }
}

#[tokio::test]
async fn an_expired_session_is_renewed_once_and_shared() {
    for mode in [Mode::Gateway, Mode::Core] {
        let client = client_with(mode, SHORT).await;
        client.ask(look("HQ")).await.unwrap();
        client.simulator.expire_sessions();
        tokio::time::sleep(SHORT).await;
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
    assert_eq!(client.logins(), 1);
}

#[tokio::test]
async fn calls_that_are_denied_with_401_beside_others_that_are_not_cost_no_session_each() {
    let client = client(Mode::Gateway).await;
    client.simulator.inject(Fault::status(401).on("GET", "/tenants/Acme/groups/HQ/").forever());
    for _ in 0..20 {
        assert_eq!(client.cause(look("HQ")).await, Cause::Unauthorized);
        client.ask(users()).await.unwrap();
    }
    assert_eq!(client.logins(), 1);
}

#[tokio::test]
async fn a_call_that_a_new_session_does_not_help_waits_for_longer_and_longer_before_the_next() {
    let client = client_with(Mode::Gateway, SHORT).await;
    client.simulator.inject(Fault::status(401).on("GET", "/tenants/Acme/groups/HQ/").forever());
    let begun = Instant::now();
    while client.logins() < 5 {
        assert_eq!(client.cause(look("HQ")).await, Cause::Unauthorized);
        client.ask(users()).await.unwrap();
    }
    // At 0, and at 1, 3, 7, 15 of them.
    assert!(begun.elapsed() >= SHORT * 15, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_was_denied_by_a_session_that_ended_at_once_is_due_again_when_the_next_may_be_opened() {
    let interval = Duration::from_millis(300);
    let client = client_with(Mode::Gateway, interval).await;
    client.ask(look("HQ")).await.unwrap();
    client.simulator.expire_sessions();
    assert_eq!(client.cause(look("HQ")).await, Cause::Unauthorized);
    until_due(&client).await;
    client.ask(look("HQ")).await.unwrap();
    assert_eq!(client.logins(), 2);
}

#[tokio::test]
async fn what_was_denied_by_a_session_that_ended_is_due_again_when_somebody_else_opens_the_next() {
    let client = client(Mode::Gateway).await;
    client.ask(look("HQ")).await.unwrap();
    client.simulator.expire_sessions();
    assert_eq!(client.cause(look("HQ")).await, Cause::Unauthorized);
    client.platform.try_again();
    client.ask(users()).await.unwrap();
    assert_eq!((client.logins(), client.platform.lets_in_again().now_or_never()), (2, Some(())));
}

#[tokio::test]
async fn that_the_platform_lets_in_again_is_said_once_for_each_session() {
    let client = client(Mode::Gateway).await;
    let said = || client.platform.lets_in_again().now_or_never().is_some();
    let refused = Fault::status(401).on("GET", "*").forever();
    for expected in [true, false] {
        client.simulator.inject(refused.clone());
        for _ in 0..2 {
            assert_eq!(client.cause(look("HQ")).await, Cause::Unauthorized);
        }
        assert!(!said());
        client.simulator.clear_faults();
        client.ask(look("HQ")).await.unwrap();
        assert_eq!([said(), said()], [expected, false]);
    }
}

/// Whoever decided on a write looks again before it is sent with another session.
#[tokio::test]
async fn no_write_is_sent_again_after_a_login() {
    let steps = [
        ("POST", "/tenants/Acme/groups/", Step::Create(group("B"), body(json!({"groupId": "B", "groupName": "B"})))),
        ("PUT", "/tenants/Acme/groups/HQ/", Step::Update(group("HQ"), body(json!({"userLimit": 7})))),
        ("PUT", "/tenants/Acme/domains/", Step::AssignDomain(Level::Tenant("Acme".into()), "a.example".into())),
        ("POST", "/local/resellers/", Step::CreateReseller("Best".into())),
    ];
    for (method, path, step) in steps {
        let client = client_with(Mode::Gateway, SHORT).await;
        client.ask(look("HQ")).await.unwrap();
        client.simulator.expire_sessions();
        tokio::time::sleep(SHORT).await;
        assert_eq!(client.act(step).await.unwrap_err().cause, Cause::HeldBack, "{method} {path}");
        let sent = client.simulator.writes().iter().filter(|call| call.path == path).count();
        assert_eq!((sent, client.logins()), (1, 2), "{method} {path}");
    }
}

#[tokio::test]
async fn an_account_that_may_read_and_not_write_is_denied_and_not_logged_in_without_end() {
    let client = client(Mode::Gateway).await;
    client.simulator.inject(Fault::status(401).on("PUT", "*").forever());
    let mut causes = Vec::new();
    for _ in 0..5 {
        client.ask(look("HQ")).await.unwrap();
        let step = Step::Update(group("HQ"), body(json!({"userLimit": 7})));
        causes.push(client.act(step).await.unwrap_err().cause);
    }
    assert_eq!((client.logins(), causes), (1, vec![Cause::Unauthorized; 5]));
}

/// Waits until a login may be made that was not to be made before.
async fn until_due(client: &Client) {
    let due = async { while client.platform.news().await != News::Due {} };
    tokio::time::timeout(Duration::from_secs(30), due).await.unwrap();
}

#[tokio::test]
async fn refused_credentials_are_tried_twice_more_by_themselves_and_what_waits_goes_on() {
    let client = client_with(Mode::Gateway, Duration::from_millis(50)).await;
    client.credentials.send_replace(account(USERNAME, "wrong"));
    for tries in 1..=3 {
        for _ in 0..3 {
            let failure = client.ask(look("HQ")).await.unwrap_err();
            assert_eq!(failure.cause, Cause::LoginRefused);
            let tells_when = failure.message.contains("is made at 20");
            assert_eq!(tells_when, tries < 3, "{failure}");
            assert!(failure.message.contains("annotation apio.netaxis.be/requested-at"), "{failure}");
        }
        assert_eq!(client.logins(), tries);
        if tries < 3 {
            until_due(&client).await;
        }
    }
    let due =
        tokio::time::timeout(Duration::from_secs(1), async { while client.platform.news().await != News::Due {} });
    assert!(due.await.is_err(), "no account is locked by the operator");
    client.platform.try_again();
    assert_eq!((client.cause(look("HQ")).await, client.logins()), (Cause::LoginRefused, 4));
}

#[tokio::test]
async fn one_login_that_is_refused_by_chance_stops_nothing_for_good() {
    let client = client_with(Mode::Gateway, Duration::from_millis(50)).await;
    client.simulator.inject(Fault::error(401, 8, "AUTH_BACKEND_DOWN", "try later").on("POST", "/login/"));
    assert_eq!(client.cause(look("HQ")).await, Cause::LoginRefused);
    assert!(!client.platform.has_credentials());
    until_due(&client).await;
    client.platform.log_in().await.unwrap();
    assert!(client.ask(look("HQ")).await.is_ok() && client.platform.has_credentials());
}

/// An error that the platform answers to a call is about an object, and to a login it is about everything.
#[tokio::test]
async fn a_login_that_fails_is_no_matter_of_one_tenant() {
    let client = client(Mode::Gateway).await;
    client.ask(look("HQ")).await.unwrap();
    client.simulator.inject(Fault::error(500, 1, "ODD", "no").on("GET", "/tenants/*"));
    let of_object = client.ask(look("HQ")).await.unwrap_err();
    client.simulator.inject(Fault::error(500, 1, "ODD", "no").on("POST", "/login/"));
    client.credentials.send_replace(account("another", PASSWORD));
    let of_login = client.ask(look("HQ")).await.unwrap_err();
    assert_eq!(
        [of_object, of_login].map(|failure| (failure.cause, failure.speaker)),
        [(Cause::ServerError, Speaker::Platform), (Cause::ServerError, Speaker::Operator)]
    );
}

#[tokio::test]
async fn a_login_that_is_refused_as_a_request_is_a_matter_of_the_credentials() {
    for (mode, login) in [(Mode::Gateway, "/login/"), (Mode::Core, "/auth/login/")] {
        // The word of something in between says nothing of them, and is no reason to try no more, but later.
        for status in [400, 403, 405, 413, 431] {
            let client = client(mode).await;
            client.simulator.inject(Fault::html(status).on("POST", login).forever());
            assert_eq!(client.cause(look("HQ")).await, Cause::Unreadable, "{status}");
            assert_eq!(client.cause(look("HQ")).await, Cause::HeldBack, "{status}");
            assert_eq!(client.logins(), 1, "{mode:?} {status}");
        }
        // The form of either door: what may be the platform's word is no reason to try again and again.
        for refusal in [Fault::error(400, 77, "TOO_LONG", "password"), Fault::core_error(403, "Invalid credentials")] {
            let client = client(mode).await;
            client.simulator.inject(refusal.on("POST", login).forever());
            for _ in 0..3 {
                assert_eq!(client.cause(look("HQ")).await, Cause::LoginRefused);
            }
            assert_eq!(client.logins(), 1, "{mode:?}");
        }
    }
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
    client.platform.try_again();
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

#[tokio::test]
async fn a_write_does_not_wait_for_the_login_of_another_call_after_its_decision_was_looked_at() {
    let client = client_with(Mode::Gateway, SHORT).await;
    client.platform.log_in().await.unwrap();
    tokio::time::sleep(SHORT * 2).await;
    client.simulator.inject(Fault::status(401).on("GET", "*").times(1));
    client.simulator.inject(Fault::delay(Duration::from_secs(1)).on("POST", "/login/"));
    let (looking, looks) = tokio::sync::oneshot::channel();
    let holds = async {
        looking.send(()).unwrap();
        // The other call was answered 401, and its login has arrived.
        let logs_in = |calls: &[Call]| calls.iter().filter(|call| call.is_login()).count() == 2;
        client.simulator.wait_for("the login", LONG, |calls, _| logs_in(calls)).await;
        Ok(())
    };
    let step = Step::Update(group("HQ"), body(json!({"groupName": "B"})));
    let writing = client.platform.act(&client.turn, &client.claim, &step, holds);
    let asking = async {
        looks.await.unwrap();
        client.ask(look("HQ")).await
    };
    let written = async {
        writing.await.unwrap();
        client.simulator.journal().into_iter().rfind(Call::is_login).unwrap()
    };
    let (login, asked) = tokio::join!(written, asking);
    asked.unwrap();
    assert_eq!(login.status, None, "the write was answered before the login of the other call");
}
