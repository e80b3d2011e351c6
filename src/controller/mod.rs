//! The only part that knows the Kubernetes client: it reads what a plan needs, takes its steps and publishes its report.

mod act;
mod credentials;
mod driver;
mod events;
mod fence;
mod finalizer;
mod follow;
mod index;
mod leader;
mod ours;
mod packed;
mod publish;
mod resolve;
mod rivals;
mod settings;
mod watches;

pub use credentials::Watch as CredentialsWatch;
pub use events::Events;
pub use leader::Elector;
pub use settings::Current as CurrentSettings;
pub use watches::run;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kube::Client;
use tokio::sync::watch;

use crate::{
    api::{Group, Reseller, Status, Tenant},
    engine::{events::Note, grants::Grants, managers::Managers, report::Memory, standing::Standing},
    platform::{Claim, Platform, Turns},
    surroundings::Surroundings,
    telemetry::metrics::Metrics,
};
use index::{Index, Watched};

/// Longest single call to the API server, to its headers.
pub const CLUSTER_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest silence of the API server in the middle of an answer; a watch is never silent for so long.
pub const CLUSTER_SILENCE: Duration = Duration::from_secs(300);
/// Longest wait for the first sight of the settings and of the credentials.
const FIRST_READ: Duration = Duration::from_secs(10);

/// What every pass of every kind shares.
pub struct Operator {
    /// The cluster.
    pub client: Client,
    /// The platform.
    pub platform: Platform,
    /// Whose turn it is to talk to it.
    pub turns: Turns,
    /// The right to write to it.
    pub claim: Claim,
    /// The settings in force.
    pub settings: CurrentSettings,
    /// Every resource that is watched.
    pub index: Index,
    /// Emits events.
    pub events: Events,
    /// Counters.
    pub metrics: Metrics,
    /// The time of day, and chance.
    pub surroundings: Surroundings,
    /// How often a healthy resource is looked at.
    pub drift_interval: Duration,
    /// What of the platform each namespace may use.
    pub grants: Grants,
    /// Whose resources are ours.
    pub managers: Managers,
    /// Other operators that resources were met of.
    met: Mutex<BTreeSet<String>>,
    first_read: FirstRead,
    memories: Memories,
}

impl Operator {
    /// Puts the parts together.
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        client: Client,
        platform: Platform,
        turns: Turns,
        claim: Claim,
        settings: CurrentSettings,
        events: Events,
        metrics: Metrics,
        surroundings: Surroundings,
        drift_interval: Duration,
        grants: Grants,
        managers: Managers,
        namespaces: &[Option<String>],
    ) -> (Self, watches::Streams) {
        let (index, streams) = watches::open(&client, namespaces);
        let operator = Self {
            client,
            platform,
            turns,
            claim,
            settings,
            index,
            events,
            metrics,
            surroundings,
            drift_interval,
            grants,
            managers,
            met: Mutex::default(),
            first_read: FirstRead::default(),
            memories: Memories::default(),
        };
        (operator, streams)
    }

    /// Counts the resources anew, by kind and state.
    pub fn count_resources(&self) {
        self.count::<Group>();
        self.count::<Tenant>();
        self.count::<Reseller>();
        self.metrics.unlisted_namespaces(self.index.blind().len());
    }

    fn count<K: Watched>(&self) {
        let unreadable = self.index.all::<K>().filter(|packed| packed.is_unreadable).count();
        self.metrics.unreadable_resources(&K::kind(&()), unreadable);
        let all: Vec<_> = self.index.all::<K>().map(|packed| packed.standing).collect();
        for standing in Standing::ALL {
            let count = all.iter().filter(|one| *one == standing).count();
            self.metrics.resources(&K::kind(&()), *standing, count);
        }
    }

    /// Whether resources can be worked on: everything that is watched was tried, and at least one namespace was listed.
    pub fn is_ready(&self) -> bool {
        self.index.is_ready()
    }

    /// The watched namespaces that cannot be listed.
    pub fn unlisted(&self) -> BTreeSet<String> {
        self.index.blind()
    }
}

/// What is read before the first pass: one that knew less would tell, after every restart, that something is missing which
/// is only not read yet.
#[derive(Debug, Default)]
struct FirstRead {
    settings: watch::Sender<bool>,
    credentials: watch::Sender<bool>,
}

impl FirstRead {
    /// Waits until both were read, or found missing. What cannot be read in time is missing.
    async fn done(&self) {
        for one in [&self.settings, &self.credentials] {
            let mut read = one.subscribe();
            if tokio::time::timeout(FIRST_READ, read.wait_for(|read| *read)).await.is_err() {
                one.send_replace(true);
            }
        }
    }
}

/// What is remembered of each resource, by uid. What says nothing takes no place: most resources are as they should be.
#[derive(Default)]
pub struct Memories(Mutex<HashMap<String, Remembered>>);

/// What is remembered of one resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remembered {
    /// Failures in a row.
    pub memory: Memory,
    /// The status that was written last, with the resource version that it got: the watch may show an older one.
    pub written: Option<(u64, Status)>,
    /// Whether a pass runs, which goes on with what it began with.
    running: bool,
    /// The version that our last write gave the resource: the watch, or a pass that runs, may know an older one.
    pub touched: Option<u64>,
    /// A record that is being written, before what it is a record of is begun. Whoever decides meanwhile counts with it.
    holding: Option<Status>,
    /// A report that the API server did not take yet. What it says of ownership counts all the same.
    pub unwritten: Option<Report>,
}

/// What is to be told of a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The whole status.
    pub status: Status,
    /// What is to be told once the status is written.
    pub notes: Vec<Note>,
}

impl Remembered {
    /// The status that is meant for it and not written yet.
    pub fn meant(&self) -> Option<&Status> {
        self.holding.as_ref().or(self.unwritten.as_ref().map(|report| &report.status))
    }
}

impl Memories {
    fn map(&self) -> MutexGuard<'_, HashMap<String, Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, uid: &str, change: impl FnOnce(&mut Remembered)) {
        let mut map = self.map();
        let mut remembered = map.remove(uid).unwrap_or_default();
        change(&mut remembered);
        if remembered != Remembered::default() {
            map.insert(uid.to_owned(), remembered);
        }
    }

    /// What is remembered of a resource.
    pub fn of(&self, uid: &str) -> Remembered {
        self.map().get(uid).cloned().unwrap_or_default()
    }

    /// Remembers how its last pass ended.
    pub fn keep(&self, uid: &str, memory: Memory) {
        self.change(uid, |remembered| remembered.memory = memory);
    }

    /// Remembers a record before it is written.
    pub fn holds(&self, uid: &str, status: &Status) {
        self.change(uid, |remembered| remembered.holding = Some(status.clone()));
    }

    /// A record was not written, or nobody knows: what it would be a record of is not begun, so there is nothing to keep.
    pub fn lets_go(&self, uid: &str) {
        self.change(uid, |remembered| remembered.holding = None);
    }

    /// Remembers a report before it is written, with what an earlier one could not tell.
    pub fn reports(&self, uid: &str, status: &Status, notes: &[Note]) {
        self.change(uid, |remembered| {
            let mut untold = remembered.unwritten.take().map(|report| report.notes).unwrap_or_default();
            untold.extend(notes.iter().filter(|note| !untold.contains(note)).cloned().collect::<Vec<_>>());
            remembered.unwritten = Some(Report { status: status.clone(), notes: untold });
        });
    }

    /// A pass begins.
    pub fn begins(&self, uid: &str) {
        self.change(uid, |remembered| remembered.running = true);
    }

    /// The pass ended, and the watch shows this version.
    pub fn ends(&self, uid: &str, shown: u64) {
        self.change(uid, |remembered| remembered.running = false);
        self.shown(uid, shown);
    }

    /// A write of ours gave the resource this version.
    pub fn touched(&self, uid: &str, version: u64) {
        self.change(uid, |remembered| remembered.touched = Some(version));
    }

    /// A report is not to be written any more.
    pub fn withdraws(&self, uid: &str) {
        self.change(uid, |remembered| remembered.unwritten = None);
    }

    /// A status was written; gives what is to be told now.
    pub fn wrote(&self, uid: &str, version: u64) -> Vec<Note> {
        let mut notes = Vec::new();
        self.change(uid, |remembered| {
            remembered.touched = Some(version);
            let status = remembered.holding.take().or_else(|| {
                let report = remembered.unwritten.take()?;
                notes = report.notes;
                Some(report.status)
            });
            remembered.written = status.map(|status| (version, status));
        });
        notes
    }

    /// The watch shows this version: what was written up to it need not be remembered.
    pub fn shown(&self, uid: &str, shown: u64) {
        if self.map().get(uid).is_some_and(|remembered| remembered.touched.is_some()) {
            self.change(uid, |remembered| {
                let running = remembered.running;
                remembered.touched = remembered.touched.filter(|version| running || *version > shown);
                remembered.written = remembered.written.take().filter(|(version, _)| *version > shown);
            });
        }
    }

    /// Forgets a resource that is gone.
    pub fn forget(&self, uid: &str) {
        self.map().remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    #[test]
    fn what_is_written_and_shown_takes_no_place() {
        let memories = Memories::default();
        let status = Status { usage: Some("1/2".into()), ..Status::default() };
        memories.reports("u", &status, &[]);
        memories.wrote("u", 7);
        memories.shown("u", 6);
        assert_eq!(memories.of("u").written, Some((7, status)));
        memories.shown("u", 7);
        assert!(memories.map().is_empty());
        // A pass that runs goes by its own last write, whatever the watch shows.
        memories.begins("u");
        memories.touched("u", 8);
        memories.shown("u", 9);
        assert_eq!(memories.of("u").touched, Some(8));
        memories.ends("u", 9);
        assert!(memories.map().is_empty());
        memories.keep("u", Memory { missing_since: Some(Timestamp::UNIX_EPOCH), ..Memory::default() });
        memories.keep("u", Memory::default());
        assert!(memories.map().is_empty());
    }
}
