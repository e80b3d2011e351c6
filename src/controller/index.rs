//! Every watched resource, and which of them concern each other.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use k8s_openapi::NamespaceResourceScope;
use kube::{
    Resource, ResourceExt,
    runtime::{reflector::ObjectRef, reflector::Store},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::{mpsc::UnboundedSender, watch};

use crate::{
    api::{Group, Reseller, Tenant},
    engine::{
        facts::{Cluster, Reference},
        ids::Key,
        kind::{Kind, Subject},
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
#[derive(Debug)]
pub struct Slice<K: Watched> {
    /// What the watch shows.
    pub store: Store<K>,
    /// Asks for a pass.
    pub wake: UnboundedSender<ObjectRef<K>>,
    /// Whether it was listed once. (`Store::wait_until_ready` of kube 5.0.0 wakes only the last of several waiters, and the
    /// controller of the kind is one.)
    pub listed: watch::Receiver<bool>,
}

/// Every resource that is watched.
#[derive(Debug)]
pub struct Index {
    pub(super) groups: Vec<Slice<Group>>,
    pub(super) tenants: Vec<Slice<Tenant>>,
    pub(super) resellers: Vec<Slice<Reseller>>,
    /// How often everything unsettled was woken.
    pub(super) alarms: AtomicU64,
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

/// What the others need to know of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Neighbour {
    namespace: String,
    uid: String,
    reference: Option<Reference>,
    key: Option<Key>,
    references: Vec<Reference>,
    named: Vec<Key>,
    exists: bool,
    deleting: bool,
    held: bool,
    on_platform: bool,
    /// Whether its references lead to another object than the recorded one.
    moved: bool,
    resellers: Vec<String>,
}

impl Neighbour {
    /// Whether a change of one can change what becomes of the other: one names the other, or both claim one object.
    fn concerns(&self, other: &Self) -> bool {
        let names = |a: &Self, b: &Self| {
            b.reference.as_ref().is_some_and(|reference| a.references.contains(reference))
                || b.key.as_ref().is_some_and(|key| {
                    a.named.contains(key) || matches!(key, Key::Reseller(name) if a.resellers.contains(name))
                })
        };
        if self.uid == other.uid {
            return false;
        }
        (self.key.is_some() && self.key == other.key)
            || (self.namespace == other.namespace && (names(self, other) || names(other, self)))
    }
}

impl Index {
    /// Waits until every kind was listed once. `false` when a watch ended.
    pub async fn ready(&self) -> bool {
        listed(&self.groups).await && listed(&self.tenants).await && listed(&self.resellers).await
    }

    /// Whether every kind was listed once.
    pub fn is_ready(&self) -> bool {
        fn all<K: Watched>(slices: &[Slice<K>]) -> bool {
            slices.iter().all(|slice| *slice.listed.borrow())
        }
        all(&self.groups) && all(&self.tenants) && all(&self.resellers)
    }

    /// Every resource of a kind.
    pub fn all<K: Watched>(&self) -> impl Iterator<Item = Arc<K>> + '_ {
        K::slices(self).iter().flat_map(|slice| slice.store.state())
    }

    /// One resource by name.
    pub fn get<K: Watched>(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        K::slices(self).iter().find_map(|slice| slice.store.get(&ObjectRef::new(name).within(namespace)))
    }

    /// The ids that the references of a resource lead to.
    pub fn referred<K: Watched>(&self, object: &K) -> BTreeMap<Reference, String> {
        let namespace = object.namespace().unwrap_or_default();
        let id = |reference: &Reference| match reference {
            Reference::Tenant(name) => Some(self.get::<Tenant>(&namespace, name)?.tenant_id()),
            Reference::Reseller(name) => Some(self.get::<Reseller>(&namespace, name)?.reseller_name()),
        };
        object.references().into_iter().filter_map(|reference| Some((reference.clone(), id(&reference)?))).collect()
    }

    /// The object that a resource stands for, as far as its references lead somewhere.
    pub fn key<K: Watched>(&self, object: &K) -> Option<Key> {
        let cluster = Cluster { references: self.referred(object), ..Cluster::default() };
        object.key(&cluster).ok()
    }

    /// What the others need to know of a resource that is there, or just went.
    pub fn neighbour<K: Watched>(&self, object: &K, exists: bool) -> Neighbour {
        let subject = Subject::of(object);
        let key = self.key(object);
        let recorded = subject.status.ownership.as_ref().and_then(|record| Key::of(&record.key));
        Neighbour {
            reference: K::reference(&subject.name),
            moved: recorded.is_some() && key.is_some() && recorded != key,
            key,
            references: object.references(),
            named: object.named(),
            exists,
            deleting: subject.deleting,
            held: subject.status.ownership.is_some(),
            on_platform: subject.status.observed.is_some(),
            resellers: subject.status.auto_created.map(|created| created.resellers).unwrap_or_default(),
            namespace: subject.namespace,
            uid: subject.uid,
        }
    }

    /// Asks for a pass of everything that a change concerns. What is as it should be needs none because something else
    /// changed, unless it leads elsewhere now.
    pub fn wake_concerned(&self, changed: &Neighbour) {
        fn each<K: Watched>(index: &Index, changed: &Neighbour) {
            index.wake::<K>(|object| {
                let neighbour = index.neighbour(object, true);
                changed.concerns(&neighbour) && (neighbour.moved || is_unsettled(object))
            });
        }
        each::<Group>(self, changed);
        each::<Tenant>(self, changed);
        each::<Reseller>(self, changed);
    }

    /// Asks for a pass of everything unsettled.
    pub fn wake_unsettled(&self) {
        self.alarms.fetch_add(1, Ordering::Relaxed);
        self.wake::<Group>(is_unsettled);
        self.wake::<Tenant>(is_unsettled);
        self.wake::<Reseller>(is_unsettled);
    }

    /// How often everything unsettled was woken: a pass that ends unsettled, and that a wake met when its resource still
    /// read as settled, is due again.
    pub fn alarms(&self) -> u64 {
        self.alarms.load(Ordering::Relaxed)
    }

    fn wake<K: Watched>(&self, wanted: impl Fn(&K) -> bool) {
        for slice in K::slices(self) {
            for object in slice.store.state().iter().filter(|object| wanted(object)) {
                // The receiver is gone only when the operator stops.
                let _ = slice.wake.send(ObjectRef::from_obj(&**object));
            }
        }
    }
}

/// Whether it is being deleted, or waits for something.
fn is_unsettled<K: Watched>(object: &K) -> bool {
    let ready =
        object.status().and_then(|status| status.conditions.iter().find(|condition| condition.type_ == "Ready"));
    object.meta().deletion_timestamp.is_some() || ready.is_none_or(|ready| ready.status != "True")
}

async fn listed<K: Watched>(slices: &[Slice<K>]) -> bool {
    for slice in slices {
        if slice.listed.clone().wait_for(|listed| *listed).await.is_err() {
            return false;
        }
    }
    true
}
