//! Every watched resource, and which of them concern each other.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use k8s_openapi::NamespaceResourceScope;
use kube::{
    Resource, ResourceExt,
    runtime::{reflector::ObjectRef, reflector::Store},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::{mpsc::UnboundedSender, watch},
    time::Instant,
};

use super::{packed::Packed, rivals::Agreed};
use crate::{
    api::{Group, Reseller, Status, Tenant},
    engine::{
        facts::{Cluster, Reference},
        ids::Key,
        kind::Kind,
        neighbours::{Neighbour, Neighbours},
        schedule::LONGEST_WATCH_WAIT,
        shown::Shown,
        stray::Recorded,
    },
};

/// A kind that is watched.
pub trait Watched:
    Kind
    + Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// Its part of the index.
    fn slices(index: &Index) -> &[Slice<Self>];
    /// A reference to a resource of this kind.
    fn reference(name: &str) -> Option<Reference>;
}

/// The resources of one kind in one namespace, or in all of them.
#[derive(Clone, Debug)]
pub struct Slice<K: Watched> {
    /// What the watch shows.
    pub store: Store<Packed<K>>,
    /// Takes what is to be looked at.
    pub woken: UnboundedSender<ObjectRef<Packed<K>>>,
    /// The namespace, unless it is all of them.
    pub namespace: Option<String>,
    /// How it goes. (`Store::wait_until_ready` of kube 5.0.0 wakes only the last of several waiters, and the controller of the
    /// kind is one.)
    pub sight: watch::Receiver<Sight>,
    /// When it was last seen to show everything.
    pub agreed: Agreed,
    /// Those of which the store does not say whether they wait for something.
    pub doubts: Doubts<K>,
}

/// Resources, and why nobody knows whether they wait for something.
pub type Doubts<K> = Arc<Mutex<HashMap<ObjectRef<Packed<K>>, Doubt>>>;

/// Why nobody knows whether a resource waits for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It has a pass now, and a wake that may concern it came meanwhile or did not.
    Passing(bool),
    /// Its last pass left it waiting, and it reads as settled: its watch is behind, or that is not told yet.
    Untold,
}

/// How the watch of a slice goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sight {
    /// Whether it was listed once.
    pub is_listed: bool,
    /// When it failed last.
    pub failed: Option<Instant>,
    /// The newest version that it showed; versions are comparable since Kubernetes 1.35, and in fact long before.
    pub shown: u64,
}

impl Sight {
    /// Whether it was listed once, or at least tried.
    fn is_tried(&self) -> bool {
        self.is_listed || self.failed.is_some()
    }

    /// Whether it does not show what is there now. A watch that goes on again says so only when something changes, so a
    /// failure that was not repeated for long counts as over.
    fn is_blind(&self) -> bool {
        !self.is_listed || self.failed.is_some_and(|failed| failed.elapsed() < 2 * LONGEST_WATCH_WAIT)
    }
}

/// Every resource that is watched.
#[derive(Debug, Default)]
pub struct Index {
    pub(super) groups: Vec<Slice<Group>>,
    pub(super) tenants: Vec<Slice<Tenant>>,
    pub(super) resellers: Vec<Slice<Reseller>>,
    /// Which of them concern each other.
    pub(super) neighbours: Mutex<Neighbours>,
}

impl Watched for Group {
    fn slices(index: &Index) -> &[Slice<Self>] {
        &index.groups
    }
    fn reference(_: &str) -> Option<Reference> {
        None
    }
}

impl Watched for Tenant {
    fn slices(index: &Index) -> &[Slice<Self>] {
        &index.tenants
    }
    fn reference(name: &str) -> Option<Reference> {
        Some(Reference::Tenant(name.to_owned()))
    }
}

impl Watched for Reseller {
    fn slices(index: &Index) -> &[Slice<Self>] {
        &index.resellers
    }
    fn reference(name: &str) -> Option<Reference> {
        Some(Reference::Reseller(name.to_owned()))
    }
}

impl Index {
    /// Waits until what concerns the resources of a namespace was listed once: every kind there, and in the others as far as
    /// they can be. `false` when a watch ended.
    pub async fn ready(&self, namespace: &str) -> bool {
        listed(&self.groups, namespace).await
            && listed(&self.tenants, namespace).await
            && listed(&self.resellers, namespace).await
    }

    /// How the watches go: that of each kind in each namespace.
    pub fn sights(&self) -> Vec<(Option<&str>, Sight)> {
        fn of<K: Watched>(slices: &[Slice<K>]) -> impl Iterator<Item = (Option<&str>, Sight)> {
            slices.iter().map(|slice| (slice.namespace.as_deref(), *slice.sight.borrow()))
        }
        of(&self.groups).chain(of(&self.tenants)).chain(of(&self.resellers)).collect()
    }

    /// Whether resources can be worked on: everything was tried, and at least one namespace was listed whole.
    pub fn is_ready(&self) -> bool {
        let sights = self.sights();
        let is_whole =
            |place: &Option<&str>| sights.iter().filter(|(it, _)| it == place).all(|(_, sight)| sight.is_listed);
        sights.iter().all(|(_, sight)| sight.is_tried()) && sights.iter().any(|(place, _)| is_whole(place))
    }

    /// The watched namespaces in which at least one kind cannot be listed.
    pub fn blind(&self) -> BTreeSet<String> {
        let blind = self.sights().into_iter().filter(|(_, sight)| sight.is_tried() && sight.is_blind());
        blind.filter_map(|(place, _)| Some(place?.to_owned())).collect()
    }

    /// Whether the watch of a kind does not show what is there now in a namespace.
    pub fn is_blind<K: Watched>(&self, namespace: &str) -> bool {
        let here = |slice: &&Slice<K>| slice.namespace.as_deref().is_none_or(|place| place == namespace);
        K::slices(self).iter().filter(here).any(|slice| slice.sight.borrow().is_blind())
    }

    /// The namespaces in which a kind was never listed.
    pub fn never_listed<K: Watched>(&self) -> impl Iterator<Item = &str> {
        let unknown = K::slices(self).iter().filter(|slice| !slice.sight.borrow().is_listed);
        unknown.filter_map(|slice| slice.namespace.as_deref())
    }

    /// Every resource of a kind.
    pub fn all<K: Watched>(&self) -> impl Iterator<Item = Arc<Packed<K>>> + '_ {
        K::slices(self).iter().flat_map(|slice| slice.store.state())
    }

    /// One resource by name.
    pub fn get<K: Watched>(&self, namespace: &str, name: &str) -> Option<Shown<K>> {
        self.find(namespace, name)?.1.open()
    }

    /// Where the references of a resource with this status lead, and what it goes on by where they lead nowhere.
    pub fn around<K: Watched>(&self, object: &Shown<K>, status: &Status) -> Cluster {
        let namespace = object.namespace().unwrap_or_default();
        let id = |reference: &Reference| match reference {
            Reference::Tenant(name) => Some(self.telling::<Tenant>(&namespace, name)?.tenant_id()),
            Reference::Reseller(name) => Some(self.telling::<Reseller>(&namespace, name)?.reseller_name()),
        };
        let is_there = |reference: &Reference| match reference {
            Reference::Tenant(name) => self.find::<Tenant>(&namespace, name).is_some(),
            Reference::Reseller(name) => self.find::<Reseller>(&namespace, name).is_some(),
        };
        let references = object.references();
        let leading = references.iter().filter_map(|reference| Some((reference.clone(), id(reference)?))).collect();
        let missing = references.into_iter().filter(|reference| !is_there(reference)).collect();
        Cluster { references: leading, missing, recorded: Recorded::of(status), ..Cluster::default() }
    }

    /// A resource that says which object it stands for.
    fn telling<K: Watched>(&self, namespace: &str, name: &str) -> Option<Shown<K>> {
        self.get(namespace, name).filter(|object| !object.unread.hide_object())
    }

    /// The object that a resource stands for, as far as its references lead somewhere.
    pub fn key<K: Watched>(&self, object: &Shown<K>) -> Option<Key> {
        object.key(&self.around(object, object.status().unwrap_or(&Status::default()))).ok()
    }

    /// Which resources concern each other.
    pub fn neighbours(&self) -> MutexGuard<'_, Neighbours> {
        self.neighbours.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A resource is there, as it is now: asks for a pass of everything that this concerns.
    pub fn tell<K: Watched>(&self, object: &Shown<K>) {
        let now = self.neighbour(object);
        let concerned = self.neighbours().put(now);
        self.wake_concerned(concerned);
    }

    /// A resource is gone.
    pub fn gone(&self, uid: &str) {
        let concerned = self.neighbours().remove(uid);
        self.wake_concerned(concerned);
    }

    /// A kind was listed, in one namespace or in all; gives the uids of those that are not there any more.
    pub fn relisted<K: Watched>(&self, namespace: Option<&str>, there: &[Arc<Packed<K>>]) -> Vec<String> {
        let tell = |object: Shown<K>| {
            self.tell(&object);
            object.uid()
        };
        let there: HashSet<String> = there.iter().filter_map(|packed| packed.open()).filter_map(tell).collect();
        let mut known = self.neighbours().uids(&K::kind(&()), namespace);
        known.retain(|uid| !there.contains(uid));
        for uid in &known {
            self.gone(uid);
        }
        known
    }

    fn neighbour<K: Watched>(&self, object: &Shown<K>) -> Neighbour {
        let subject = object.subject();
        let cluster = self.around(object, &subject.status);
        let (references, mut named) = (object.references(), object.named());
        // By its record it is still in what it does not lead to any more.
        named.extend(cluster.strayed_from(&references));
        let reference = K::reference(&subject.name);
        Neighbour::of(K::kind(&()), subject, object.key(&cluster).ok(), reference, references, named)
    }

    /// Asks for a pass of those that a change concerns. What is as it should be needs none because something else changed,
    /// unless it leads elsewhere or nowhere now, or somewhere again; that concerns others in turn.
    fn wake_concerned(&self, mut concerned: Vec<Neighbour>) {
        while let Some(one) = concerned.pop() {
            concerned.extend(self.wake_one::<Group>(&one));
            concerned.extend(self.wake_one::<Tenant>(&one));
            concerned.extend(self.wake_one::<Reseller>(&one));
        }
    }

    fn wake_one<K: Watched>(&self, one: &Neighbour) -> Vec<Neighbour> {
        if one.kind != K::kind(&()) {
            return Vec::new();
        }
        let reference = ObjectRef::new(&one.name).within(&one.namespace);
        // Before the store: what it shows after that is no doubt any more.
        let is_due = K::slices(self).iter().any(|slice| slice.rings(&reference));
        let Some((slice, packed)) = self.find::<K>(&one.namespace, &one.name) else { return Vec::new() };
        let Some(object) = packed.open() else { return Vec::new() };
        let now = self.neighbour(&object);
        if is_due || now.is_moved() || packed.is_unsettled || now.named != one.named {
            slice.wake(reference);
        }
        self.neighbours().put(now)
    }

    /// Asks for a pass of everything unsettled.
    pub fn wake_unsettled(&self) {
        fn each<K: Watched>(slices: &[Slice<K>]) {
            for slice in slices {
                let doubts: Vec<_> = slice.doubts().keys().cloned().collect();
                let mut due: HashSet<_> = doubts.into_iter().filter(|one| slice.rings(one)).collect();
                let unsettled = slice.store.state_filter(|packed| packed.is_unsettled);
                due.extend(unsettled.iter().map(|packed| ObjectRef::from_obj(&**packed)));
                due.into_iter().for_each(|one| slice.wake(one));
            }
        }
        each(&self.groups);
        each(&self.tenants);
        each(&self.resellers);
    }

    /// A pass of a resource begins.
    pub fn begins<K: Watched>(&self, namespace: &str, name: &str) {
        if let Some((slice, packed)) = self.find::<K>(namespace, name) {
            slice.doubts().insert(ObjectRef::from_obj(&*packed), Doubt::Passing(false));
        }
    }

    /// It ends. Whether another one is due, because a wake came during this one and it left the resource waiting.
    pub fn ends<K: Watched>(&self, namespace: &str, name: &str, is_unsettled: bool) -> bool {
        let one = ObjectRef::new(name).within(namespace);
        let mut is_due = false;
        for slice in K::slices(self) {
            let reads_settled = slice.store.get(&one).is_some_and(|packed| !packed.is_unsettled);
            let before = if is_unsettled && reads_settled {
                slice.doubts().insert(one.clone(), Doubt::Untold)
            } else {
                slice.doubts().remove(&one)
            };
            is_due |= is_unsettled && before == Some(Doubt::Passing(true));
        }
        is_due
    }

    pub(super) fn find<K: Watched>(&self, namespace: &str, name: &str) -> Option<(&Slice<K>, Arc<Packed<K>>)> {
        let object = ObjectRef::new(name).within(namespace);
        K::slices(self).iter().find_map(|slice| Some((slice, slice.store.get(&object)?)))
    }
}

impl<K: Watched> Slice<K> {
    fn doubts(&self) -> MutexGuard<'_, HashMap<ObjectRef<Packed<K>>, Doubt>> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A wake comes that may concern one: whether it needs a pass for that, as far as the store does not know.
    fn rings(&self, one: &ObjectRef<Packed<K>>) -> bool {
        match self.doubts().get_mut(one) {
            Some(Doubt::Passing(rung)) => {
                *rung = true;
                false
            }
            Some(Doubt::Untold) => true,
            None => false,
        }
    }

    /// Something is gone from the store: of that there are no doubts.
    pub fn forgets_the_gone(&self) {
        self.doubts().retain(|one, _| self.store.get(one).is_some());
    }

    /// Asks for a pass.
    pub fn wake(&self, one: ObjectRef<Packed<K>>) {
        // The receiver is gone only when the operator stops.
        let _ = self.woken.send(one);
    }
}

async fn listed<K: Watched>(slices: &[Slice<K>], namespace: &str) -> bool {
    for slice in slices {
        let is_own = slice.namespace.as_deref().is_none_or(|place| place == namespace);
        let is_enough = |sight: &Sight| if is_own { sight.is_listed } else { sight.is_tried() };
        if slice.sight.clone().wait_for(is_enough).await.is_err() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests;
