//! Metrics. No label carries the name of an object.

use std::sync::Arc;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use tokio::time::Instant;

use crate::engine::{
    failure::Failure,
    plan::Verdict,
    reason::{Reason, State},
    standing::Standing,
};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Kind {
    kind: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Pass {
    kind: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Call {
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WatchOf {
    watch: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfResources {
    kind: String,
    state: &'static str,
}

/// What is watched; each failure of a watch names one.
const WATCHES: [&str; 5] = ["Group", "Reseller", "Tenant", "credentials", "settings"];

/// The counters, and the registry that shows them.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    passes: Family<Pass, Counter>,
    durations: Family<Kind, Histogram>,
    calls: Family<Call, Counter>,
    status_writes: Family<Kind, Counter>,
    event_failures: Counter,
    watch_failures: Family<WatchOf, Counter>,
    settings_valid: Gauge,
    credentials_valid: Gauge,
    leader: Gauge,
    platform_answers: Gauge,
    stopped_tenants: Gauge,
    resources: Family<OfResources, Gauge>,
    unreadable_resources: Family<Kind, Gauge>,
    unlisted_namespaces: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("apio_operator");
        let durations: Family<Kind, Histogram> =
            Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.005, 2.0, 14)));
        let (passes, calls, status_writes) = (Family::default(), Family::default(), Family::default());
        let (event_failures, resources) = (Counter::default(), Family::default());
        let watch_failures: Family<WatchOf, Counter> = Family::default();
        // From zero on, so that the first failure is a rise.
        for watch in WATCHES {
            drop(watch_failures.get_or_create(&WatchOf { watch }));
        }
        let (settings_valid, credentials_valid, leader) = (Gauge::default(), Gauge::default(), Gauge::default());
        let (platform_answers, stopped_tenants) = (Gauge::default(), Gauge::default());
        registry.register("reconciles", "Passes that ended, by kind and result", passes.clone());
        registry.register(
            "reconcile_duration_seconds",
            "Duration of a pass with its wait for a turn",
            durations.clone(),
        );
        registry.register("platform_calls", "Queries and steps on the platform, by outcome", calls.clone());
        registry.register("status_writes", "Status writes to the API server", status_writes.clone());
        registry.register("event_failures", "Events that the API server did not take", event_failures.clone());
        registry.register("watch_failures", "Failures of watches", watch_failures.clone());
        registry.register(
            "settings_valid",
            "1 while the settings ConfigMap is there and valid",
            settings_valid.clone(),
        );
        registry.register(
            "credentials_valid",
            "1 while the credentials Secret is there and not refused",
            credentials_valid.clone(),
        );
        registry.register("leader", "1 while this operator holds the lease", leader.clone());
        registry.register(
            "platform_answers",
            "0 while the platform does not answer and is only tried once in a while",
            platform_answers.clone(),
        );
        registry.register(
            "stopped_tenants",
            "Tenants for which the platform answers with errors only, and that are only tried once in a while",
            stopped_tenants.clone(),
        );
        registry.register("resources", "Resources by kind and state", resources.clone());
        let unreadable_resources = Family::default();
        registry.register(
            "unreadable_resources",
            "Resources with a field that this version of the operator cannot read",
            unreadable_resources.clone(),
        );
        let unlisted_namespaces = Gauge::default();
        registry.register(
            "unlisted_namespaces",
            "Watched namespaces in which the resources cannot be listed",
            unlisted_namespaces.clone(),
        );
        let registry = Arc::new(registry);
        Self {
            registry,
            passes,
            durations,
            calls,
            status_writes,
            event_failures,
            watch_failures,
            settings_valid,
            credentials_valid,
            leader,
            platform_answers,
            stopped_tenants,
            resources,
            unreadable_resources,
            unlisted_namespaces,
        }
    }
}

/// Measures a pass until it is dropped.
pub struct Running {
    since: Instant,
    histogram: Histogram,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.histogram.observe(self.since.elapsed().as_secs_f64());
    }
}

impl Metrics {
    /// A pass begins that waited since then.
    pub fn pass_begins(&self, kind: &str, since: Instant) -> Running {
        let histogram = self.durations.get_or_create(&Kind { kind: kind.to_owned() }).clone();
        Running { since, histogram }
    }

    /// A pass ended.
    pub fn pass_ended(&self, kind: &str, verdict: &Verdict) {
        self.passes.get_or_create(&Pass { kind: kind.to_owned(), result: result(verdict) }).inc();
    }

    /// The platform was asked or written to.
    pub fn platform_call(&self, operation: &'static str, failure: Option<&Failure>) {
        let outcome = failure.map_or("ok", |failure| failure.cause.label());
        self.calls.get_or_create(&Call { operation, outcome }).inc();
    }

    /// A status was written.
    pub fn status_written(&self, kind: &str) {
        self.status_writes.get_or_create(&Kind { kind: kind.to_owned() }).inc();
    }

    /// An event was not taken.
    pub fn event_failed(&self) {
        self.event_failures.inc();
    }

    /// A watch failed: that of a kind, of the settings or of the credentials.
    pub fn watch_failed(&self, watch: &str) {
        if let Some(watch) = WATCHES.into_iter().find(|known| *known == watch) {
            self.watch_failures.get_or_create(&WatchOf { watch }).inc();
        }
    }

    /// So many resources of a kind are in a state.
    pub fn resources(&self, kind: &str, standing: Standing, count: usize) {
        let labels = OfResources { kind: kind.to_owned(), state: standing.label() };
        self.resources.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// So many resources of a kind cannot be read whole.
    pub fn unreadable_resources(&self, kind: &str, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.unreadable_resources.get_or_create(&Kind { kind: kind.to_owned() }).set(count);
    }

    /// So many of the watched namespaces cannot be listed.
    pub fn unlisted_namespaces(&self, count: usize) {
        self.unlisted_namespaces.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// The settings were read.
    pub fn settings_valid(&self, valid: bool) {
        self.settings_valid.set(i64::from(valid));
    }

    /// Whether there are credentials that were not refused.
    pub fn credentials_valid(&self, valid: bool) {
        self.credentials_valid.set(i64::from(valid));
    }

    /// Whether the platform answers.
    pub fn platform_answers(&self, answers: bool) {
        self.platform_answers.set(i64::from(answers));
    }

    /// For so many tenants the platform answers with errors only.
    pub fn stopped_tenants(&self, count: usize) {
        self.stopped_tenants.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// The lease was taken or lost.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Metrics of which each has a sample, for the documentation.
    pub fn sampled() -> Self {
        let metrics = Self::default();
        drop(metrics.pass_begins("Group", Instant::now()));
        metrics.pass_ended("Group", &Verdict::Synced);
        metrics.platform_call("get_group", None);
        metrics.status_written("Group");
        metrics.resources("Group", Standing::Ready, 1);
        metrics.unreadable_resources("Group", 0);
        metrics
    }

    /// Everything as OpenMetrics text.
    ///
    /// # Errors
    /// Never in practice: writing to a string.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn result(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Ignored => "ignored",
        Verdict::Superseded => "superseded",
        Verdict::Released => "released",
        Verdict::Paused => "paused",
        Verdict::Synced => "synced",
        Verdict::Drifted(_) => "drifted",
        Verdict::NotAccepted(..) => "not_accepted",
        Verdict::Refused(refusal) if refusal.reason.state() == State::Waiting => "waiting",
        Verdict::Refused(_) => "refused",
        Verdict::Blocked(_) => "blocked",
        Verdict::Awaiting(what) if what.reason == Reason::Deleting => "deleting",
        Verdict::Awaiting(_) => "waiting",
        Verdict::Failed(_) => "failed",
    }
}
