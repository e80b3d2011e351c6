//! What the API server has: objects, their history, and what the driver has set.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::kinds::{Kind, Kinds};

/// Group and plural.
pub(super) type KindKey = (String, String);
/// Namespace and name; the namespace is empty for an object of the cluster.
pub(super) type Name = (String, String);

/// What a driver forbids.
#[derive(Clone, Debug)]
pub struct Denial {
    /// Verb of a rule of RBAC, or `*`.
    pub verb: String,
    /// Plural, with `/status` for the subresource, or `*`.
    pub resource: String,
}

/// One request that was answered. Bodies, which may hold secrets, are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Code of the answer.
    pub status: u16,
}

pub(super) struct Change {
    pub version: u64,
    pub event: &'static str,
    pub object: Value,
    pub at: Instant,
}

/// The objects of one kind.
#[derive(Default)]
pub(super) struct Shelf {
    pub objects: BTreeMap<Name, Value>,
    /// Those that are stored without defaults which every reader is shown: the first write of all writes them too.
    pub bare: BTreeSet<Name>,
    pub history: Vec<Change>,
    /// The last version of which the history was forgotten.
    pub compacted: u64,
    pub changed: Arc<Notify>,
    /// Watches that were opened in an earlier epoch end.
    pub epoch: u64,
    pub lag: Duration,
    /// How many objects a namespace may hold.
    pub quota: Option<usize>,
}

pub(super) struct State {
    pub kinds: Arc<Kinds>,
    pub shelves: BTreeMap<KindKey, Shelf>,
    pub version: u64,
    pub identities: u64,
    pub clock: Box<dyn Fn() -> Timestamp + Send>,
    pub denials: Vec<Denial>,
    pub journal: Vec<Answered>,
    pub changed: Arc<Notify>,
}

impl State {
    pub fn new(kinds: Arc<Kinds>, clock: Box<dyn Fn() -> Timestamp + Send>) -> Self {
        let shelves = kinds.all.keys().map(|key| (key.clone(), Shelf::default())).collect();
        let (denials, journal, changed) = (Vec::new(), Vec::new(), Arc::default());
        Self { kinds, shelves, version: 1, identities: 0, clock, denials, journal, changed }
    }

    pub fn now(&self) -> String {
        (self.clock)().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// An identity that no object had before.
    pub fn identity(&mut self) -> String {
        self.identities += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.identities)
    }

    pub fn get(&self, kind: &Kind, name: &Name) -> Option<&Value> {
        self.shelves.get(&key(kind))?.objects.get(name)
    }

    /// Stores an object under the next version, and gives it as it is then.
    pub fn put(&mut self, kind: &Kind, name: &Name, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let version = self.version;
        let shelf = self.shelves.entry(key(kind)).or_default();
        shelf.bare.remove(name);
        let event = if shelf.objects.insert(name.clone(), object.clone()).is_some() { "MODIFIED" } else { "ADDED" };
        shelf.history.push(Change { version, event, object: object.clone(), at: Instant::now() });
        self.tell(kind);
        object
    }

    /// Removes an object, and gives what watches are shown.
    pub fn remove(&mut self, kind: &Kind, name: &Name) -> Option<Value> {
        let shelf = self.shelves.get_mut(&key(kind))?;
        let mut object = shelf.objects.remove(name)?;
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let change = Change { version: self.version, event: "DELETED", object: object.clone(), at: Instant::now() };
        shelf.history.push(change);
        self.tell(kind);
        Some(object)
    }

    /// Only the watches of the kind are woken.
    fn tell(&self, kind: &Kind) {
        if let Some(shelf) = self.shelves.get(&key(kind)) {
            shelf.changed.notify_waiters();
        }
        self.changed.notify_waiters();
    }
}

pub(super) fn key(kind: &Kind) -> KindKey {
    (kind.group.clone(), kind.plural.clone())
}
