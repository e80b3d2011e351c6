//! Wiring: from the command line to a running operator.

use std::{future::IntoFuture, net::SocketAddr, process::ExitCode, sync::Arc};

use clap::Parser;
use kube::{Api, Client, Config, CustomResourceExt, Resource, api::ListParams, client::ClientBuilder};
use serde::de::DeserializeOwned;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tower::timeout::TimeoutLayer;
use tracing::info;

use crate::{
    api::{self, Group, Reseller, Tenant},
    cli::{Cli, Command, Run},
    controller::{
        self, CLUSTER_SILENCE, CLUSTER_TIMEOUT, CredentialsWatch, CurrentSettings, Elector, Events, Operator,
    },
    docs,
    engine::{
        budget::pace::Limits,
        failure::chain,
        managers::{Managers, OPERATOR, Release},
        settings,
    },
    platform::{Address, Claim, Http, Network, Platform, Transport, Turns, authorities},
    surroundings::Surroundings,
    telemetry::{health, logs, metrics::Metrics},
};

/// Ten thousand resources come and go in pieces of all sizes. The allocator of glibc keeps the holes: 8 MB of them after as many
/// groups were created, which this one does not.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The program. Whatever stops it is one line on standard error.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Crds { into: None } => print_definitions(),
        Command::Crds { into: Some(folder) } => definitions().and_then(|files| write_all(&folder, files)),
        Command::Docs { into } => write_all(&into, docs::pages()),
        Command::CheckSettings { file } => check_settings(&file),
        Command::Run(flags) => run(*flags),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("apio-operator: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn print_definitions() -> Result<(), String> {
    use std::io::Write;
    let all = definitions()?.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("---\n");
    match std::io::stdout().write_all(all.as_bytes()) {
        // `apio-operator crds | head` is no error.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("cannot write: {error}")),
        _ => Ok(()),
    }
}

fn write_all(
    folder: &std::path::Path,
    files: impl IntoIterator<Item = (impl AsRef<str>, String)>,
) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    for (name, text) in files {
        let path = folder.join(name.as_ref());
        std::fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(())
}

fn check_settings(file: &std::path::Path) -> Result<(), String> {
    let shown = file.display();
    let text =
        if file.as_os_str() == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
    let text = text.map_err(|error| format!("cannot read {shown}: {error}"))?;
    let told =
        |remarks: Vec<settings::Remark>| remarks.iter().map(|remark| format!("{shown}: {remark}")).collect::<Vec<_>>();
    let (settings, warnings) = settings::parse_file(&text).map_err(|errors| told(errors).join("\napio-operator: "))?;
    for warning in told(warnings) {
        eprintln!("apio-operator: warning: {warning}");
    }
    for (section, key, value) in settings.entries() {
        println!("{section}.{key}: {value}");
    }
    Ok(())
}

fn definitions() -> Result<Vec<(String, String)>, String> {
    api::manifests().map_err(|error| format!("cannot write the definitions: {error}"))
}

fn run(flags: Run) -> Result<(), String> {
    logs::start(&flags.log, flags.log_format)?;
    // kube and reqwest must agree on one provider; with two in the process, building a client panics.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    let ended = runtime.block_on(async {
        // Before anything takes time: the first process of a container is not ended by a signal that it does not handle.
        let stop = stop_signal()?;
        operate(flags, connected(), stop, Outside::default()).await
    });
    // What nobody waits for any more, such as a name that no server resolves, must not keep the process.
    runtime.shutdown_background();
    ended
}

/// A cluster to work on.
pub struct Cluster {
    /// Its client.
    pub client: Client,
    /// Its address, for what is told.
    pub url: String,
}

/// The cluster that the environment names.
async fn connected() -> Result<Cluster, String> {
    let mut config = Config::infer().await.map_err(|error| {
        format!("no cluster to work on: set KUBECONFIG, or run in a pod with a ServiceAccount ({error})")
    })?;
    config.read_timeout = Some(CLUSTER_SILENCE);
    let url = config.cluster_url.to_string();
    let builder =
        ClientBuilder::try_from(config).map_err(|error| format!("cannot use the cluster at {url}: {error}"))?;
    Ok(Cluster { client: builder.with_layer(&TimeoutLayer::new(CLUSTER_TIMEOUT)).build(), url })
}

/// What the operator works in: this machine, unless told otherwise.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// The time of day, and chance.
    pub surroundings: Surroundings,
    /// What carries the calls to the platform instead of this machine's network. It limits their time itself, and nothing
    /// listens for probes: no socket is opened.
    pub network: Option<Arc<dyn Network>>,
}

/// The operator, until `stop`. It leaves nothing behind outside of the runtime that it runs on, and needs nothing of the
/// process but an installed crypto provider.
///
/// # Errors
/// One sentence with what it cannot work with, or why it cannot go on.
pub async fn operate(
    flags: Run,
    cluster: impl Future<Output = Result<Cluster, String>>,
    stop: impl Future<Output = ()> + Send,
    outside: Outside,
) -> Result<(), String> {
    let mut stop = std::pin::pin!(stop);
    if let Some(rate) = flags.platform_rate.map(usize::from).filter(|rate| flags.platform_concurrency > 15 * rate) {
        return Err(format!(
            "--platform-concurrency {} is too much for --platform-rate {rate}: a call would wait for more than 15 seconds; use at most {}",
            flags.platform_concurrency,
            15 * rate
        ));
    }
    let address = Address::new(&flags.platform_url, flags.platform_prefix.as_deref(), flags.platform_mode)?;
    let listens = outside.network.is_none();
    let transport = transport(&flags, outside)?;
    let surroundings = transport.surroundings.clone();
    let Cluster { client, url } = cluster.await?;
    let watched: Vec<Option<String>> = if flags.watch_namespaces.is_empty() {
        vec![None]
    } else {
        // Each once: two controllers of one resource would work on it at the same time.
        let each: std::collections::BTreeSet<String> = flags.watch_namespaces.iter().cloned().collect();
        each.into_iter().map(Some).collect()
    };
    let checks = async {
        check::<Group>(&client, &watched, &url).await?;
        check::<Tenant>(&client, &watched, &url).await?;
        check::<Reseller>(&client, &watched, &url).await
    };
    tokio::select! {
        checked = checks => checked?,
        () = &mut stop => return Ok(()),
    }

    let listener = if listens { Some(listen(flags.listen).await?) } else { None };
    let namespace = flags.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
    let (sender, credentials) = watch::channel(None);
    let platform = Platform::new(address, transport, credentials);
    info!(platform = platform.name(), namespace, version = env!("CARGO_PKG_VERSION"), "apio-operator starts");
    let metrics = Metrics::default();
    let me = flags.identity.clone().unwrap_or_else(|| random_identity(&surroundings));
    let claim = Claim::default();
    let leases = Api::namespaced(client.clone(), &namespace);
    let mut elector =
        Elector::new(leases, &flags.lease_name, me.clone(), flags.lease_duration, claim.clone(), surroundings.clone());
    let (operator, streams) = Operator::new(
        client.clone(),
        platform,
        Turns::new(Limits { concurrency: flags.platform_concurrency, rate: flags.platform_rate.map(f64::from) }),
        claim,
        CurrentSettings::new(&namespace, &flags.settings_configmap),
        Events::new(client, OPERATOR, me, surroundings.clone()),
        metrics.clone(),
        surroundings,
        flags.drift_interval,
        flags.tenants_by_namespace,
        Managers::new(&Release::new(&namespace, &flags.lease_name), &flags.succeed),
        &watched,
    );
    let operator = Arc::new(operator);
    let shown = operator.clone();
    // A standby is ready to take over; it lists nothing before.
    let ready: health::Ready = Arc::new(move || match shown.claim.until() {
        Some(_) if !shown.is_ready() => {
            health::Readiness { pending: vec!["the first list of resources"], unlisted: shown.unlisted() }
        }
        Some(_) => health::Readiness { unlisted: shown.unlisted(), ..health::Readiness::default() },
        None => health::Readiness::default(),
    });
    let counting = operator.clone();
    let text: health::Text = Arc::new(move || {
        counting.count_resources();
        counting.metrics.platform_answers(!counting.turns.is_stopped());
        counting.metrics.stopped_tenants(counting.turns.stopped_tenants());
        counting.metrics.credentials_valid(counting.platform.has_credentials());
        counting.metrics.text()
    });
    let secret = CredentialsWatch { namespace, name: flags.credentials_secret, sender };
    let lead = async {
        tokio::select! {
            () = elector.acquire() => {}
            () = &mut stop => return Ok(()),
        }
        metrics.leads(true);
        let ended = tokio::select! {
            ended = controller::run(operator, streams, secret, stop) => ended,
            // Whoever holds the lease now relies on this process to write no more: it ends.
            lost = elector.keep() => Err(lost),
        };
        elector.release().await;
        ended
    };
    let Some(listener) = listener else { return lead.await };
    tokio::select! {
        ended = lead => ended,
        // A standby answers too, so that its probes do not kill it.
        ended = health::serve(listener, text, ready).into_future() => {
            Err(format!("the HTTP server ended: {}", ended.err().map_or_else(String::new, |error| error.to_string())))
        }
    }
}

/// How the platform is called: by what was given, or by the network of this machine.
fn transport(flags: &Run, outside: Outside) -> Result<Transport, String> {
    let network: Arc<dyn Network> = match outside.network {
        Some(network) => network,
        None => Arc::new(Http {
            connect: flags.platform_connect_timeout,
            read: flags.platform_read_timeout,
            total: flags.platform_timeout,
            authorities: flags.platform_ca_bundle.as_deref().map(authorities).transpose()?.unwrap_or_default(),
        }),
    };
    Ok(Transport {
        network,
        total: flags.platform_timeout,
        login_interval: flags.platform_login_interval,
        surroundings: outside.surroundings,
    })
}

async fn listen(on: SocketAddr) -> Result<TcpListener, String> {
    let bound = TcpListener::bind(on).await;
    bound.map_err(|error| format!("cannot listen on {on}: {error}; choose another address with --listen"))
}

/// Not the same for two processes, even on one host.
fn random_identity(surroundings: &Surroundings) -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| OPERATOR.to_owned());
    format!("{host}-{:08x}", (surroundings.random() * f64::from(u32::MAX)) as u32)
}

/// One call per kind and namespace, so that what would fail for ever fails now, in words. A namespace that is gone, or has
/// taken the operator's rights back, is no reason to leave the others alone.
async fn check<K>(client: &Client, watched: &[Option<String>], url: &impl std::fmt::Display) -> Result<(), String>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + CustomResourceExt
        + Clone
        + DeserializeOwned
        + std::fmt::Debug,
{
    let mut refused = Vec::new();
    for namespace in watched {
        let api: Api<K> = match namespace {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        };
        match api.list_metadata(&ListParams::default().limit(1)).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {
                return Err(format!(
                    "the cluster at {url} does not know {}; install the definitions first: apio-operator crds | kubectl apply -f -",
                    K::crd_name()
                ));
            }
            Err(kube::Error::Api(status)) => refused.push(status.message),
            Err(error) => return Err(format!("the cluster at {url} cannot be reached: {}", chain(&error))),
        }
    }
    match refused.first() {
        Some(words) if refused.len() == watched.len() => {
            Err(format!("the cluster at {url} refuses to list {}: {words}", K::crd_name()))
        }
        // The watches tell it again and again.
        _ => Ok(()),
    }
}

/// Handles SIGTERM and SIGINT from now on; resolves at the first.
fn stop_signal() -> Result<impl Future<Output = ()>, String> {
    let handled = |kind| signal(kind).map_err(|error| format!("cannot handle signals: {error}"));
    let (mut terminated, mut interrupted) = (handled(SignalKind::terminate())?, handled(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
        info!("stopping: running passes finish");
    })
}
