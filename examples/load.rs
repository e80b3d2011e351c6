//! What many groups cost: N applied at once, N idle and polled, a new one behind them, a restart with them. A real
//! Kubernetes API, and the simulated platform at 20 ms a call: `cargo run --release --example load [-- --groups N]`.

mod stage;

use std::{
    collections::HashMap,
    error::Error,
    fs,
    process::ExitCode,
    time::{Duration, Instant},
};

use apio_operator::api::Group;
use futures::{StreamExt, TryStreamExt, stream};
use kube::{
    Api, Client, Config, ResourceExt,
    api::{Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::json;
use testkit::{
    cluster::{ControlPlane, Terminal},
    deployment::Operator,
    simulator::Simulator,
};
use tokio::time::sleep;

const USAGE: &str = "usage: cargo run --release --example load [-- --groups N]   (1000 unless told)";
const SYSTEM: &str = "apio-load";
/// What every call to the platform takes.
const LATENCY: Duration = Duration::from_millis(20);
/// Groups are spread over tenants like these.
const TENANTS: usize = 20;
/// How many are applied at the same time.
const APPLIERS: usize = 32;
/// How long the idle state is watched.
const IDLE: Duration = Duration::from_secs(30);
/// Longest wait for anything.
const LONGEST: Duration = Duration::from_secs(1200);

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    if let Some(ended) = stage::as_operator() {
        return ended;
    }
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let groups = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Some(1000),
        ["--groups", number] => number.parse().ok(),
        _ => None,
    };
    let Some(groups) = groups else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let ended = tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(load(groups)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn load(groups: usize) -> Result<(), Failure> {
    let plane = ControlPlane::start(&Terminal::new())?;
    let platform = Simulator::start().await?;
    platform.edit(|state| (0..TENANTS).for_each(|tenant| state.add_tenant(&format!("T{tenant}"))));
    platform.set_latency(LATENCY);
    let told = |error: Box<dyn Error>| Failure::from(error.to_string());
    stage::install(&plane).map_err(told)?;
    stage::prepare(&plane, SYSTEM, &[]).map_err(told)?;
    let kubeconfig = Kubeconfig::read_from(plane.kubeconfig())?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    let api: Api<Group> = Api::namespaced(Client::try_from(config)?, SYSTEM);
    let operator = stage::start(&plane, SYSTEM, &platform.url(), &[]).map_err(told)?;
    let seen = Seen { platform: &platform, operator: &operator };
    seen.is_up().await?;
    println!("{groups} groups, {} ms a call, load average {}", LATENCY.as_millis(), load_average());
    println!("{HEAD}");

    let mut spent = seen.spent().await?;
    let waiting = ready_times(&api, groups);
    let applying = apply(&api, 0..groups);
    let (ready, applied) = tokio::try_join!(tokio::time::timeout(LONGEST, waiting), async { Ok(applying.await) })?;
    let (ready, applied) = (ready?, applied?);
    let mut waits: Vec<_> = ready.iter().filter_map(|(name, at)| Some(*at - *applied.get(name)?)).collect();
    waits.sort();
    let first = applied.values().min().copied().unwrap_or_else(Instant::now);
    let last = ready.values().max().copied().unwrap_or_else(Instant::now);
    let at = |share: usize| waits.get((waits.len() * share / 100).min(waits.len().saturating_sub(1))).copied();
    spent = seen.row("applied at once", Some((at(50), at(99), last - first)), spent).await?;

    sleep(IDLE).await;
    spent = seen.row("idle", None, spent).await?;

    // From here on, everything is polled all the time.
    operator.stop();
    drop(operator);
    let interval = format!("{}s", (groups / 150).max(2));
    let operator = stage::start(&plane, SYSTEM, &platform.url(), &["--drift-interval", &interval]).map_err(told)?;
    let seen = Seen { platform: &platform, operator: &operator };
    seen.is_up().await?;
    spent = Spent { cpu: 0.0, status_writes: 0, reconciles: 0, ..spent };
    seen.has_looked_at(groups).await?;
    spent = seen.row("restarted, all looked at", None, spent).await?;

    let name = format!("g{groups}");
    let waiting = async {
        let mut events = std::pin::pin!(watcher(api.clone(), only(&name)).default_backoff().applied_objects());
        while let Some(group) = events.try_next().await? {
            if is_ready(&group) {
                break;
            }
        }
        Ok::<_, Failure>(Instant::now())
    };
    let (ready, applied) = tokio::try_join!(waiting, async { apply(&api, groups..groups + 1).await })?;
    let wait = applied.get(&name).map(|applied| ready - *applied);
    seen.row(&format!("a new one, {interval} polls"), Some((wait, wait, wait.unwrap_or_default())), spent).await?;
    println!("load average {}", load_average());
    Ok(())
}

fn only(name: &str) -> watcher::Config {
    watcher::Config::default().fields(&format!("metadata.name={name}"))
}

fn is_ready(group: &Group) -> bool {
    let conditions = group.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Applies groups, many at the same time; when each was taken.
async fn apply(api: &Api<Group>, numbers: std::ops::Range<usize>) -> Result<HashMap<String, Instant>, Failure> {
    let owner = PatchParams::apply("load").force();
    let one = |number: usize| {
        let owner = &owner;
        async move {
            let name = format!("g{number}");
            let spec = json!({
                "tenantId": format!("T{}", number % TENANTS), "groupName": format!("Group {number}"), "userLimit": 25,
                "contactInformation": {"name": "Jo", "emailAddress": "jo@acme.example"},
            });
            let group = json!({"apiVersion": "apio.netaxis.be/v1alpha1", "kind": "Group", "metadata": {"name": name}, "spec": spec});
            api.patch(&name, owner, &Patch::Apply(&group)).await?;
            Ok((name, Instant::now()))
        }
    };
    stream::iter(numbers).map(one).buffer_unordered(APPLIERS).try_collect().await
}

/// When each of so many groups became Ready.
async fn ready_times(api: &Api<Group>, groups: usize) -> Result<HashMap<String, Instant>, Failure> {
    let mut ready = HashMap::new();
    let mut events =
        std::pin::pin!(watcher(api.clone(), watcher::Config::default()).default_backoff().applied_objects());
    while ready.len() < groups
        && let Some(group) = events.try_next().await?
    {
        if is_ready(&group) {
            ready.entry(group.name_any()).or_insert_with(Instant::now);
        }
    }
    Ok(ready)
}

const HEAD: &str = "                           Ready p50   Ready p99   all Ready   calls   writes  passes  status  CPU s  RSS MB  peak MB";

/// What was spent up to a moment.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    calls: usize,
    writes: usize,
    reconciles: u64,
    status_writes: u64,
    cpu: f64,
}

struct Seen<'a> {
    platform: &'a Simulator,
    operator: &'a Operator,
}

impl Seen<'_> {
    async fn page(&self, path: &str) -> Option<String> {
        let answer = reqwest::get(self.operator.url(path)).await.ok()?.error_for_status().ok()?;
        answer.text().await.ok()
    }

    async fn is_up(&self) -> Result<(), Failure> {
        self.waits("the operator is not ready", async || self.page("/readyz").await.is_some()).await
    }

    /// Each group once since the start of the operator.
    async fn has_looked_at(&self, groups: usize) -> Result<(), Failure> {
        let passes = async || self.spent().await.is_ok_and(|spent| spent.reconciles >= groups as u64);
        self.waits("not every group was looked at", passes).await
    }

    async fn waits(&self, otherwise: &str, until: impl AsyncFn() -> bool) -> Result<(), Failure> {
        let began = Instant::now();
        while !until().await {
            if began.elapsed() > LONGEST {
                return Err(format!("{otherwise} within {LONGEST:?}; its log:\n{}", self.operator.log()).into());
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    async fn spent(&self) -> Result<Spent, Failure> {
        let text = self.page("/metrics").await.ok_or("the operator does not answer")?;
        let sum = |begin: &str| -> u64 {
            let values = text.lines().filter(|line| line.starts_with(begin)).filter_map(|line| line.rsplit(' ').next());
            values.filter_map(|value| value.parse::<u64>().ok()).sum()
        };
        Ok(Spent {
            calls: self.platform.journal().len(),
            writes: self.platform.writes().len(),
            reconciles: sum("apio_operator_reconciles_total"),
            status_writes: sum("apio_operator_status_writes_total"),
            cpu: self.process("stat").and_then(|stat| cpu_seconds(&stat)).unwrap_or_default(),
        })
    }

    /// Prints what was spent since, with how long it took until half, nearly all and all groups were Ready.
    async fn row(
        &self,
        what: &str,
        times: Option<(Option<Duration>, Option<Duration>, Duration)>,
        since: Spent,
    ) -> Result<Spent, Failure> {
        let now = self.spent().await?;
        let status = self.process("status").unwrap_or_default();
        let megabytes = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).unwrap_or_default() / 1024.0
        };
        let seconds =
            |time: Option<Duration>| time.map_or("-".to_owned(), |time| format!("{:.2} s", time.as_secs_f64()));
        let (half, nearly, all) = times.map_or((None, None, None), |(half, nearly, all)| (half, nearly, Some(all)));
        println!(
            "{what:<24} {:>11} {:>11} {:>11} {:>7} {:>8} {:>7} {:>7} {:>6.1} {:>7.1} {:>8.1}",
            seconds(half),
            seconds(nearly),
            seconds(all),
            now.calls - since.calls,
            now.writes - since.writes,
            now.reconciles - since.reconciles,
            now.status_writes - since.status_writes,
            now.cpu - since.cpu,
            megabytes("VmRSS"),
            megabytes("VmHWM"),
        );
        Ok(now)
    }

    /// A page of the operator's process in /proc.
    fn process(&self, page: &str) -> Option<String> {
        fs::read_to_string(format!("/proc/{}/{page}", self.operator.pid()?)).ok()
    }
}

/// User and system time of a process: fields 14 and 15, in hundredths of a second.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let after_name = stat.rsplit_once(')')?.1;
    let mut ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Some((ticks.next()?.ok()? + ticks.next()?.ok()?) / 100.0)
}

fn load_average() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').take(1).collect()
}
