//! The platform client against the simulator, without a cluster: both front doors, the session, and what it makes of answers.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod in_process;
mod session;

use std::time::Duration;

use apio_operator::{
    engine::{
        budget::{Class, pace::Limits},
        check_group::Part,
        facts::{Answer, Query},
        failure::{Cause, Failure},
        ids::{Key, Level, Object},
        plan::Step,
    },
    platform::{Address, Claim, Credentials, Http, Mode, News, Platform, Transport, Turn, Turns, authorities},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use testkit::simulator::{Account, Call, Door, Fault, M2M_TOKEN, PASSWORD, Simulator, TlsFront, USERNAME};
use tokio::{sync::watch, time::Instant};

struct Client {
    simulator: Simulator,
    platform: Platform,
    credentials: watch::Sender<Option<Credentials>>,
    turn: Turn,
    claim: Claim,
}

fn account(username: &str, password: &str) -> Option<Credentials> {
    Some(Credentials { username: username.into(), password: SecretString::from(password.to_owned()), token: None })
}

/// Longer than a test takes.
const LONG: Duration = Duration::from_secs(60);
/// Much shorter than a test takes.
const SHORT: Duration = Duration::from_millis(2);

async fn client(mode: Mode) -> Client {
    client_with(mode, LONG).await
}

/// One whose logins are so far apart.
async fn client_with(mode: Mode, login_interval: Duration) -> Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let simulator = Simulator::start().await.unwrap();
    let address = Address::new(&simulator.url(), None, mode).unwrap();
    let limit = Duration::from_secs(2);
    let (credentials, told) = watch::channel(account(USERNAME, PASSWORD));
    let platform = Platform::new(
        address,
        Transport::http(Http { connect: limit, read: limit, total: limit, authorities: vec![] }, login_interval),
        told,
    );
    simulator.edit(|state| {
        state.add_tenant("Acme");
        state.add_group("Acme", "HQ", json!({"groupName": "Head office"}));
    });
    let claim = Claim::default();
    claim.extend(Instant::now() + Duration::from_secs(600));
    Client {
        simulator,
        platform,
        credentials,
        turn: Turns::new(Limits { concurrency: 1, rate: None }).take("", Class::Change, "", || {}).unwrap(),
        claim,
    }
}

impl Client {
    async fn ask(&self, query: Query) -> Result<Answer, Failure> {
        self.platform.ask(&self.turn, &query).await
    }

    async fn act(&self, step: Step) -> Result<(), Failure> {
        self.platform.act(&self.turn, &self.claim, &step, std::future::ready(Ok(()))).await
    }

    async fn cause(&self, query: Query) -> Cause {
        self.ask(query).await.unwrap_err().cause
    }

    fn logins(&self) -> usize {
        self.simulator.journal().iter().filter(|call| call.is_login()).count()
    }
}

fn group(id: &str) -> Key {
    Key::Group("Acme".into(), id.into())
}

fn look(id: &str) -> Query {
    Query::Object(group(id))
}

fn body(value: Value) -> Object {
    value.as_object().unwrap().clone()
}

fn users() -> Query {
    Query::Count("Acme".into(), "HQ".into(), Part::Users)
}

#[tokio::test]
async fn both_front_doors_lead_to_the_same_objects_with_one_login() {
    for (mode, door) in [(Mode::Gateway, Door::Gateway), (Mode::Core, Door::Core)] {
        let client = client(mode).await;
        client.act(Step::Create(group("B"), body(json!({"groupId": "B", "groupName": "B"})))).await.unwrap();
        let Answer::Object(Some(found)) = client.ask(look("B")).await.unwrap() else { panic!("{mode:?}") };
        assert_eq!(found["groupName"], "B");
        assert_eq!(client.logins(), 1, "{mode:?}");
        assert!(client.simulator.journal().iter().all(|call| call.door == door));
    }
}

#[tokio::test]
async fn only_the_platforms_own_404_is_absence() {
    let client = client(Mode::Gateway).await;
    assert_eq!(client.ask(look("none")).await, Ok(Answer::Object(None)));
    client.simulator.inject(Fault::html(404));
    assert_eq!(client.cause(look("HQ")).await, Cause::NotFound);
    let elsewhere = Address::new(&client.simulator.url(), Some("/wrong"), Mode::Core).unwrap();
    let limit = Duration::from_secs(2);
    let (_keep, told) = watch::channel(account(USERNAME, PASSWORD));
    let lost = Platform::new(
        elsewhere,
        Transport::http(Http { connect: limit, read: limit, total: limit, authorities: vec![] }, limit),
        told,
    );
    assert_eq!(lost.ask(&client.turn, &look("HQ")).await.unwrap_err().cause, Cause::NotFound);
}

#[tokio::test]
async fn answers_that_are_not_as_documented_are_no_answers() {
    let client = client(Mode::Gateway).await;
    for (fault, cause) in [
        (Fault::truncated(), Cause::Unreadable),
        (Fault::wrong_shape(), Cause::Unreadable),
        (Fault::empty(200), Cause::Unreadable),
        (Fault::html(200), Cause::Unreadable),
        (Fault::html(502), Cause::ServerError),
        (Fault::status(403), Cause::Forbidden),
        (Fault::status(410), Cause::WrongEndpoint),
        (Fault::status(302), Cause::WrongEndpoint),
        (Fault::status(429), Cause::RateLimited),
        (Fault::drop_before(), Cause::Unreachable),
        (Fault::stuck(), Cause::TimedOut),
    ] {
        client.simulator.clear_faults();
        client.simulator.inject(fault.on("GET", "*"));
        assert_eq!(client.cause(users()).await, cause);
    }
}

#[tokio::test]
async fn the_platforms_wait_is_told() {
    let client = client(Mode::Gateway).await;
    client.simulator.inject(Fault::status(503).retry_after(7).on("GET", "*"));
    assert_eq!(client.ask(look("HQ")).await.unwrap_err().retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_ambiguous_and_not_repeated() {
    let client = client(Mode::Gateway).await;
    for (id, fault) in [("A", Fault::drop_after()), ("B", Fault::status(504)), ("C", Fault::stuck())] {
        client.simulator.inject(fault.on("POST", "/tenants/Acme/groups/"));
        let create = Step::Create(group(id), body(json!({"groupId": id, "groupName": id})));
        assert_eq!(client.act(create).await.unwrap_err().cause, Cause::Ambiguous, "{id}");
    }
    client.simulator.inject(Fault::partial().on("PUT", "*"));
    let update = Step::Update(group("HQ"), body(json!({"userLimit": 7})));
    assert_eq!(client.act(update).await.unwrap_err().cause, Cause::Partial);
    assert_eq!(client.simulator.writes().len(), 4);
}

#[tokio::test]
async fn refusals_carry_their_code_and_the_platforms_words() {
    let client = client(Mode::Gateway).await;
    let create = Step::Create(group("HQ"), body(json!({"groupId": "HQ", "groupName": "x"})));
    assert_eq!(client.act(create).await.unwrap_err().cause, Cause::AlreadyExists);
    let update = Step::Update(group("HQ"), body(json!({"userLimit": 0})));
    let failure = client.act(update).await.unwrap_err();
    assert_eq!(failure.cause, Cause::Rejected);
    assert!(failure.message.contains("userLimit"), "{failure}");
    client.simulator.inject(Fault::details_only(400, "no such thing").on("PUT", "*"));
    let failure = client.act(Step::Update(group("HQ"), body(json!({"userLimit": 3})))).await.unwrap_err();
    assert!(failure.message.contains("no such thing"), "{failure}");
}

#[tokio::test]
async fn odd_ids_reach_the_object_that_they_name() {
    let client = client(Mode::Gateway).await;
    for id in ["a b", "a+b", "a%b", "user@host", "é", "a?b#c", "..."] {
        client.act(Step::Create(group(id), body(json!({"groupId": id, "groupName": id})))).await.unwrap();
        let Ok(Answer::Object(Some(found))) = client.ask(look(id)).await else { panic!("{id}") };
        assert_eq!(found["groupName"], id);
    }
    for id in ["..", "a%20b"] {
        assert_eq!(client.cause(look(id)).await, Cause::Rejected, "{id}: it may be another object's URL");
    }
}

#[tokio::test]
async fn a_filtered_list_proves_nothing() {
    let client = client(Mode::Gateway).await;
    client.simulator.edit(|state| {
        state.add_reseller("R");
        state.add_account("restricted", Account::restricted_to(PASSWORD, "R"));
        state.settings.reseller_group = false;
        state.settings.reseller_tenant = false;
    });
    assert!(client.ask(users()).await.is_ok());
    client.credentials.send_replace(account("restricted", PASSWORD));
    let failure = client.ask(users()).await.unwrap_err();
    assert_eq!(failure.cause, Cause::Unreadable);
    assert!(failure.message.contains("filtered"), "{failure}");
}

#[tokio::test]
async fn lists_whose_key_is_not_documented_are_counted_whatever_their_key() {
    let client = client(Mode::Gateway).await;
    client.simulator.edit(|state| {
        state.settings.assumptions.hunt_groups_key = "anything".into();
        state.add_hunt_group("Acme", "HQ", "h");
        state.add_user("Acme", "HQ", "a", false);
        state.add_user("Acme", "HQ", "b", true);
    });
    let hunt_groups = Query::Count("Acme".into(), "HQ".into(), Part::HuntGroups);
    assert_eq!(client.ask(hunt_groups).await, Ok(Answer::Count { items: 1, in_trunk_groups: 0 }));
    assert_eq!(client.ask(users()).await, Ok(Answer::Count { items: 2, in_trunk_groups: 1 }));
}

#[tokio::test]
async fn domains_go_down_the_levels_and_a_tenant_admin_may_not_create_one() {
    let client = client(Mode::Gateway).await;
    client.act(Step::CreateDomain("d.example".into())).await.unwrap();
    for level in [Level::Tenant("Acme".into()), Level::Group("Acme".into(), "HQ".into())] {
        client.act(Step::AssignDomain(level.clone(), "d.example".into())).await.unwrap();
        let Ok(Answer::Domains(domains)) = client.ask(Query::Domains(level)).await else { panic!() };
        assert!(domains.contains("d.example"));
    }
    client.simulator.edit(|state| state.add_account("admin", Account::tenant_admin(PASSWORD, "Acme")));
    client.credentials.send_replace(account("admin", PASSWORD));
    let failure = client.act(Step::CreateDomain("e.example".into())).await.unwrap_err();
    assert_eq!(failure.cause, Cause::Forbidden);
    assert!(failure.message.contains("needs System Admin"), "{failure}");
}

#[tokio::test]
async fn without_the_claim_nothing_is_written() {
    let client = client(Mode::Gateway).await;
    client.claim.end();
    let update = Step::Update(group("HQ"), body(json!({"userLimit": 7})));
    assert_eq!(client.act(update).await.unwrap_err().cause, Cause::NotLeader);
    assert!(client.simulator.writes().is_empty());
}

#[tokio::test]
async fn whether_a_decision_still_holds_is_looked_at_when_nothing_lies_between_it_and_its_write() {
    let client = client(Mode::Gateway).await;
    let update = Step::Update(group("HQ"), body(json!({"userLimit": 9})));
    for (holds, sent) in [(false, 0), (true, 1)] {
        let overtaken = async {
            let logins = client.simulator.journal().iter().filter(|call| call.is_login()).count();
            assert_eq!(logins, 1, "a login takes time");
            if holds { Ok(()) } else { Err(Failure::new(Cause::Superseded, "another spec")) }
        };
        let result = client.platform.act(&client.turn, &client.claim, &update, overtaken).await;
        assert_eq!(result.map_err(|failure| failure.cause), if holds { Ok(()) } else { Err(Cause::Superseded) });
        assert_eq!(client.simulator.writes().len(), sent);
    }
}

#[tokio::test]
async fn a_private_authority_is_trusted_only_when_it_is_given() {
    let client = client(Mode::Gateway).await;
    let front = TlsFront::before(&client.simulator).await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &front.certificate).unwrap();
    let limit = Duration::from_secs(5);
    let look_with = async |authorities| {
        let (_keep, told) = watch::channel(account(USERNAME, PASSWORD));
        let address = Address::new(&front.url, None, Mode::Gateway).unwrap();
        let transport = Transport::http(Http { connect: limit, read: limit, total: limit, authorities }, limit);
        Platform::new(address, transport, told).ask(&client.turn, &look("HQ")).await
    };
    let failure = look_with(vec![]).await.unwrap_err();
    assert_eq!(failure.cause, Cause::Unreachable);
    assert!(failure.message.contains("certificate"), "{failure}");
    assert!(look_with(authorities(file.path()).unwrap()).await.is_ok());
}

#[test]
fn a_bundle_without_a_certificate_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (path, words) in [(file.path(), "holds no certificate"), (std::path::Path::new("/none"), "cannot read")] {
        let problem = authorities(path).unwrap_err();
        assert!(problem.contains(words) && problem.contains(path.to_str().unwrap()), "{problem}");
    }
}
