//! Calls and a whole operator in process: on one thread, on a runtime that has no sockets, with what a simulation gives.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use apio_operator::{
    api,
    cli::{Cli, Command},
    platform::{Body, Lost, Network, Request, Response, Wire},
    run::{Cluster, Outside, operate},
    surroundings::Surroundings,
};
use clap::Parser;
use futures::future::BoxFuture;
use k8s_openapi::jiff::Timestamp;
use reqwest::{
    cookie::{CookieStore, Jar},
    header::{HeaderMap, HeaderValue},
};
use testkit::apiserver::{ApiServer, Denial, Kinds};

use super::*;

/// No name server knows it.
const NOWHERE: &str = "http://platform.invalid";

/// A platform with one group, and the next answer that is lost.
#[derive(Clone, Debug, Default)]
struct InProcess {
    asked: Arc<Mutex<Vec<String>>>,
    loses: Arc<Mutex<Option<Lost>>>,
}

struct Line {
    end: InProcess,
    cookies: Arc<Jar>,
}

impl Network for InProcess {
    fn open(&self, cookies: Arc<Jar>) -> Result<Arc<dyn Wire>, Failure> {
        Ok(Arc::new(Line { end: self.clone(), cookies }))
    }
}

impl Wire for Line {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Lost>> {
        Box::pin(async move {
            let (path, asked) = (request.url.path(), format!("{} {}", request.method, request.url.path()));
            self.end.asked.lock().unwrap().push(asked);
            if let Some(lost) = self.end.loses.lock().unwrap().take() {
                return Err(lost);
            }
            let (status, body) = if path.ends_with("/login/") {
                let session = HeaderValue::from_static("sessionid=1; Path=/; HttpOnly");
                self.cookies.set_cookies(&mut [session].iter(), &request.url);
                (200, json!({"ids": {}, "profile": {}}))
            } else if self.cookies.cookies(&request.url).is_none() {
                (401, json!({}))
            } else if path.ends_with("/users/") {
                (200, json!({"users": [{"userId": "a"}]}))
            } else {
                (200, json!({"groupId": "HQ", "groupName": "Head office"}))
            };
            Ok(Response { status, headers: HeaderMap::new(), body: Body::Whole(body.to_string().into()) })
        })
    }
}

/// Runs it in simulated time, where a socket would be a panic; the number of threads that it started besides.
fn on_one_thread(what: impl Future<Output = ()>) -> usize {
    let threads = Arc::new(AtomicUsize::new(0));
    let started = threads.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .on_thread_start(move || {
            started.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    runtime.block_on(what);
    threads.load(Ordering::Relaxed)
}

fn platform(network: InProcess) -> Platform {
    let transport = Transport {
        network: Arc::new(network),
        total: LONG,
        login_interval: LONG,
        surroundings: Surroundings::default(),
    };
    let address = Address::new(NOWHERE, None, Mode::Gateway).unwrap();
    Platform::new(address, transport, watch::channel(account(USERNAME, PASSWORD)).1)
}

fn turn() -> Turn {
    Turns::new(Limits { concurrency: 1, rate: None }).take("", Class::Change, "", || {}).unwrap()
}

#[test]
fn a_network_that_is_given_carries_every_call() {
    let network = InProcess::default();
    let threads = on_one_thread(async {
        let platform = platform(network.clone());
        let Ok(Answer::Object(Some(found))) = platform.ask(&turn(), &look("HQ")).await else { panic!() };
        assert_eq!(found["groupName"], "Head office");
        let counted = platform.ask(&turn(), &users()).await;
        assert_eq!(counted, Ok(Answer::Count { items: 1, in_trunk_groups: 0 }));
    });
    assert_eq!(threads, 0);
    let group = "GET /api/v1/tenants/Acme/groups/HQ/";
    let asked = network.asked.lock().unwrap();
    assert_eq!(*asked, ["POST /api/v1/login/".to_owned(), group.to_owned(), format!("{group}users/")]);
}

#[test]
fn an_answer_that_is_lost_in_process_means_what_it_means_on_the_network() {
    let network = InProcess::default();
    let claim = Claim::default();
    claim.extend(Instant::now() + LONG);
    on_one_thread(async {
        let platform = platform(network.clone());
        platform.log_in().await.unwrap();
        for (unsent, timed_out, of_write, of_read) in [
            (true, false, Cause::Unreachable, Cause::Unreachable),
            (true, true, Cause::Unreachable, Cause::Unreachable),
            (false, false, Cause::Ambiguous, Cause::Unreachable),
            (false, true, Cause::Ambiguous, Cause::TimedOut),
        ] {
            let lose = || *network.loses.lock().unwrap() = Some(Lost { unsent, timed_out, words: "lost".to_owned() });
            let update = Step::Update(group("HQ"), body(json!({"userLimit": 7})));
            lose();
            let written = platform.act(&turn(), &claim, &update, std::future::ready(Ok(()))).await;
            assert_eq!(written.unwrap_err().cause, of_write, "unsent {unsent}, timed out {timed_out}");
            lose();
            let failure = platform.ask(&turn(), &look("HQ")).await.unwrap_err();
            assert_eq!(failure.cause, of_read, "unsent {unsent}, timed out {timed_out}");
            assert!(failure.message.contains("lost"), "{failure}");
        }
    });
}

/// What the API server in memory holds before the operator comes: the credentials, and a group that is on the platform.
fn api_server(clock: impl Fn() -> Timestamp + Send + 'static) -> ApiServer {
    let definitions = api::manifests().unwrap();
    let definitions: Vec<_> = definitions.iter().map(|(_, text)| text.as_str()).collect();
    let server = ApiServer::new(Arc::new(Kinds::new(&definitions).unwrap()), clock);
    for (place, object) in [
        (
            "/api/v1/namespaces/default/secrets",
            json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "apio-credentials"},
                "data": {"username": "b3BlcmF0b3I=", "password": "c2VjcmV0"},
            }),
        ),
        (
            "/apis/apio.netaxis.be/v1alpha1/namespaces/default/groups",
            json!({
                "apiVersion": "apio.netaxis.be/v1alpha1", "kind": "Group", "metadata": {"name": "hq"},
                "spec": {"tenantId": "Acme", "groupId": "HQ", "groupName": "Head office"},
            }),
        ),
    ] {
        let (code, answer) = server.edit("POST", place, &object);
        assert_eq!(code, 201, "{answer}");
    }
    server
}

/// When the operators of these tests begin.
const DAY: &str = "2015-10-21T07:28:00Z";

/// An operator on a server, until the future ends.
async fn operator(server: &ApiServer, network: &InProcess, until: impl Future<Output = ()> + Send) {
    let (began, day) = (Instant::now(), DAY.parse::<Timestamp>().unwrap());
    let command = ["apio-operator", "run", "--platform-url", NOWHERE, "--namespace", "default"];
    let Command::Run(flags) = Cli::parse_from(command).command else { panic!() };
    let cluster = Cluster { client: kube::Client::new(server.service(), "default"), url: "in process".to_owned() };
    let surroundings = Surroundings::new(move || day + began.elapsed(), || 0.5);
    let outside = Outside { surroundings, network: Some(Arc::new(network.clone())) };
    let operator = operate(*flags, std::future::ready(Ok(cluster)), until, outside);
    tokio::time::timeout(LONG * 70, operator).await.unwrap().unwrap();
}

fn clock() -> impl Fn() -> Timestamp + Send + 'static {
    let (began, day) = (Instant::now(), DAY.parse::<Timestamp>().unwrap());
    move || day + began.elapsed()
}

async fn is_ready(server: &ApiServer) {
    let group = || server.object("apio.netaxis.be", "groups", ("default", "hq")).unwrap();
    let is_ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    server.until(|_| group()["status"]["conditions"].as_array()?.iter().find(|one| is_ready(one)).cloned()).await;
}

#[test]
fn an_operator_takes_its_clock_its_chance_and_its_network_from_outside() {
    let network = InProcess::default();
    let threads = on_one_thread(async {
        let server = api_server(clock());
        let now = clock();
        operator(&server, &network, async {
            is_ready(&server).await;
            tokio::time::sleep(Duration::from_secs(3600)).await;
            let lease = server.object("coordination.k8s.io", "leases", ("default", "apio-operator")).unwrap();
            assert!(lease["spec"]["holderIdentity"].as_str().unwrap().ends_with("-7fffffff"), "{lease}");
            let renewed: Timestamp = lease["spec"]["renewTime"].as_str().unwrap().parse().unwrap();
            assert!(now().duration_since(renewed).as_secs() < 15, "{lease}");
        })
        .await;
    });
    assert_eq!(threads, 0);
    let asked = network.asked.lock().unwrap();
    assert!(asked.iter().all(|call| call.starts_with("GET ") || call.ends_with("/login/")), "{asked:?}");
}

#[test]
fn what_a_watch_showed_before_it_failed_decides_on_nothing() {
    let network = InProcess::default();
    on_one_thread(async {
        let server = api_server(clock());
        operator(&server, &network, async {
            is_ready(&server).await;
            let denied = |verb: &str| Denial { verb: verb.to_owned(), resource: "groups".to_owned() };
            server.deny(vec![denied("watch"), denied("list")]);
            server.cut_watches("groups");
            tokio::time::sleep(Duration::from_secs(5)).await;
            let group = "/apis/apio.netaxis.be/v1alpha1/namespaces/default/groups/hq";
            let (code, answer) = server.edit("PATCH", group, &json!({"spec": {"groupName": "Main office"}}));
            assert_eq!(code, 200, "{answer}");
            tokio::time::sleep(Duration::from_secs(1200)).await;
        })
        .await;
    });
    let asked = network.asked.lock().unwrap();
    assert!(asked.iter().any(|call| call.starts_with("PUT ")), "{asked:?}");
}
