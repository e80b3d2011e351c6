//! A ground for storms in memory, on which nothing waits for real time.

use std::{
    collections::BTreeSet,
    panic,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use apio_operator::{
    api,
    cli::{Cli, Command},
    controller::CLUSTER_TIMEOUT,
    run::{Cluster, Outside, operate},
    surroundings::Surroundings,
};
use clap::Parser;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::Client;
use serde_json::{Value, json};
use testkit::{
    apiserver::{ApiServer, Kinds},
    simulator::{Call, PASSWORD, Simulator, USERNAME},
};
use tokio::{sync::oneshot, task::JoinHandle, time::Instant};
use tower::timeout::Timeout;

use super::{
    storms::{
        actions::{NEWER, POLICIES, WATCHED, releases},
        ground::{Grace, Ground, arguments, namespaces},
        targets::Extent,
    },
    ways::{Journal, Life, Shared, ToPlatform, Way},
};

/// The day on which every round begins.
const DAY: &str = "2030-01-01T00:00:00Z";

/// How long all takes between a look at something and the write that it leads to, or between a change and its being shown.
const ON_THE_WAY: Duration = Duration::from_millis(150);

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// One counts whatever it ends, and whoever starts that again.
pub fn count_panics() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        tell(info);
    }));
}

/// All of a round.
pub struct Memory {
    shared: Shared,
    client: Client,
    systems: Vec<String>,
    operators: Vec<Operator>,
    began: Instant,
    clock: Surroundings,
    /// By how many seconds the clock of the day was set forward.
    jumped: Arc<AtomicI64>,
    extent: Extent,
    /// The longest lag of a watch so far.
    lagged: Duration,
}

struct Operator {
    revoked: Arc<Mutex<BTreeSet<String>>>,
    lives: usize,
    running: Option<Running>,
}

struct Running {
    life: Life,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), String>>,
}

impl Memory {
    /// A platform, operators and two empty namespaces.
    pub fn new(seed: u64, extent: Extent) -> Result<Self, String> {
        let began = Instant::now();
        let day: Timestamp = DAY.parse().map_err(|error| format!("{DAY}: {error}"))?;
        // No two looks at it are the same, as on a real clock: events are named by them.
        let looks = Arc::new(AtomicU64::new(0));
        let jumped = Arc::new(AtomicI64::new(0));
        let jumps = jumped.clone();
        let clock = move || {
            let look = Duration::from_nanos(looks.fetch_add(1, Ordering::Relaxed) % 1_000_000);
            day + began.elapsed() + look + SignedDuration::from_secs(jumps.load(Ordering::Relaxed))
        };
        let systems: Vec<_> = (0..releases(seed)).map(|number| format!("sim-{number}")).collect();
        let server =
            ApiServer::new(Arc::new(Kinds::new(&definitions()?.each_ref().map(String::as_str))?), clock.clone());
        let shared = Shared::new(server, Simulator::in_process(), seed);
        let chance = shared.clone();
        let surroundings = Surroundings::new(clock, move || chance.below(1 << 20) as f64 / f64::from(1 << 20));
        let person = Life::person(shared.clone(), began);
        let client = Client::new(Way { life: person, inner: shared.server.service() }, "default");
        let operator = || Operator { revoked: Arc::default(), lives: 0, running: None };
        let operators = systems.iter().map(|_| operator()).collect();
        let mut memory = Self {
            shared,
            client,
            systems,
            operators,
            began,
            clock: surroundings,
            jumped,
            extent,
            lagged: Duration::ZERO,
        };
        memory.furnish()?;
        for number in 0..memory.systems.len() {
            memory.start(number);
        }
        Ok(memory)
    }

    /// What was asked so far.
    pub fn journal(&self) -> Journal {
        self.shared.journal.clone()
    }

    fn furnish(&self) -> Result<(), String> {
        for name in self.systems.iter().chain(&namespaces(&self.systems)) {
            self.create(
                "/api/v1/namespaces",
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
            )?;
        }
        for system in &self.systems {
            let place = format!("/api/v1/namespaces/{system}");
            self.create(
                &format!("{place}/secrets"),
                json!({
                    "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "apio-credentials"},
                    "stringData": {"username": USERNAME, "password": PASSWORD},
                }),
            )?;
            self.create(
                &format!("{place}/configmaps"),
                json!({
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "apio-settings"},
                    "data": {"settings.yaml": "CHECK_GROUP: {}"},
                }),
            )?;
        }
        Ok(())
    }

    fn create(&self, path: &str, object: Value) -> Result<(), String> {
        match self.shared.server.edit("POST", path, &object) {
            (201, _) => Ok(()),
            (code, answer) => Err(format!("{path}: {code} {answer}")),
        }
    }

    fn life(&self, number: usize) -> Option<&Running> {
        self.operators[number].running.as_ref()
    }
}

/// Those of the operator, but for a policy that only a newer one knows, as after this one was rolled back.
fn definitions() -> Result<[String; 3], String> {
    let all = api::manifests().map_err(|error| error.to_string())?;
    let all: Vec<_> = all.into_iter().map(|(_, text)| text).collect();
    let mut all: [String; 3] = all.try_into().map_err(|_| "there are not three definitions".to_owned())?;
    for text in &mut all {
        let mut definition: Value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        if definition["spec"]["names"]["kind"] == "Group" {
            let policies = definition.pointer_mut(POLICIES).and_then(Value::as_array_mut);
            policies.ok_or("groups have no driftPolicy")?.push(json!(NEWER));
            *text = definition.to_string();
        }
    }
    Ok(all)
}

impl Ground for Memory {
    fn client(&self) -> &Client {
        &self.client
    }

    fn platform(&self) -> &Simulator {
        &self.shared.platform
    }

    fn systems(&self) -> &[String] {
        &self.systems
    }

    fn permit(&mut self, system: usize, namespace: &str, is_granted: bool) {
        let mut revoked = self.operators[system].revoked.lock().unwrap_or_else(PoisonError::into_inner);
        if is_granted {
            revoked.remove(namespace);
        } else {
            revoked.insert(namespace.to_owned());
        }
    }

    async fn restart_api(&mut self) {
        self.shared.be_away(true);
        for plural in WATCHED {
            self.shared.server.cut_watches(plural);
        }
        tokio::time::sleep(Duration::from_millis(500 + self.shared.below(4000))).await;
        if self.shared.below(2) == 0 {
            self.shared.server.compact();
        }
        self.shared.be_away(false);
    }

    fn kill(&mut self, number: usize) {
        if let Some(running) = self.operators[number].running.take() {
            running.life.end();
            running.task.abort();
        }
    }

    async fn stop(&mut self, number: usize) {
        if let Some(mut running) = self.operators[number].running.take() {
            // It fails only when the operator has ended by itself.
            let _ = running.stop.take().map(|stop| stop.send(()));
            let _ = running.task.await;
            running.life.end();
        }
    }

    fn start(&mut self, number: usize) {
        self.kill(number);
        let system = self.systems[number].clone();
        self.operators[number].lives += 1;
        let name = format!("{system}-{}", self.operators[number].lives);
        let revoked = self.operators[number].revoked.clone();
        let life = Life::new(name.clone(), self.shared.clone(), revoked, self.began);
        let own = ["apio-operator", "run", "--platform-url", "http://platform.invalid", "--namespace", &system];
        let told = arguments(&namespaces(&self.systems), self.extent);
        let told = own.into_iter().chain(["--identity", &name]).chain(told.iter().map(String::as_str));
        let Command::Run(flags) = Cli::parse_from(told).command else { panic!("that runs no operator") };
        let way = Timeout::new(Way { life: life.clone(), inner: self.shared.server.service() }, CLUSTER_TIMEOUT);
        let cluster = Cluster { client: Client::new(way, system), url: "memory".to_owned() };
        let network = Arc::new(ToPlatform(life.clone()));
        let outside = Outside { surroundings: self.clock.clone(), network: Some(network) };
        let (stop, stopped) = oneshot::channel();
        let stopped = async { _ = stopped.await };
        let task = tokio::spawn(operate(*flags, std::future::ready(Ok(cluster)), stopped, outside));
        self.operators[number].running = Some(Running { life, stop: Some(stop), task });
    }

    fn has_ended(&self, number: usize) -> bool {
        self.life(number).is_none_or(|running| running.task.is_finished())
    }

    fn has_panicked(&self, _: usize) -> bool {
        PANICS.load(Ordering::Relaxed) > 0
    }

    fn storm(&mut self, is_on: bool) {
        self.shared.be_stormy(is_on);
    }

    fn lag(&mut self, plural: &str, by: Duration) {
        self.shared.server.lag(plural, by);
        self.lagged = self.lagged.max(by);
    }

    fn cover_eyes(&mut self, is_on: bool) {
        for plural in WATCHED {
            // Longer than anything takes.
            self.shared.server.lag(plural, if is_on { Duration::from_secs(1 << 20) } else { Duration::ZERO });
        }
        if !is_on {
            self.shared.server.compact();
            WATCHED.into_iter().for_each(|plural| self.shared.server.cut_watches(plural));
        }
    }

    fn slow(&mut self, by: Duration) {
        self.shared.be_slow(by);
    }

    fn jump(&mut self, seconds: i64) {
        self.jumped.fetch_add(seconds, Ordering::Relaxed);
    }

    fn grace(&self) -> Grace {
        let asked = ON_THE_WAY + self.shared.longest_way();
        Grace { sent: ON_THE_WAY, asked, shown: asked + self.lagged }
    }

    fn written(&self) -> Vec<String> {
        self.shared.journal.written()
    }

    fn news(&self) -> Option<u64> {
        let told = self.shared.server.last_change(&["groups", "tenants", "resellers", "events"]);
        let steps = |call: &Call| u64::from(call.is_write()) + u64::from(call.is_write() && call.status.is_some());
        let written = self.shared.platform.look(|calls| calls.iter().map(steps).sum::<u64>());
        Some((told << 32) + written)
    }

    fn log(&self, number: usize) -> String {
        self.life(number).map_or_else(String::new, |running| format!("{}: see standard error", running.life.name))
    }
}
