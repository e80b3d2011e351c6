//! What differs between the kinds: data, behind one trait of pure methods. Everything else is written once, in [`super::plan`].

use std::time::Duration;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use kube::ResourceExt;
use serde_json::Value;

use super::{
    annotations::{Annotations, Deletion, Unreadable},
    check_group::Cleared,
    diff::are_one_domain,
    facts::{Cluster, Facts, Reference},
    ids::{DEFAULT_DOMAIN, Key, Object},
    managers,
    plan::{Next, Step},
    reason::Reason,
    shown::Unreads,
};
use crate::api::{self, DeletionPolicy, ManagementPolicy, Policies, Status};

/// What a write is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A new object.
    Create,
    /// It was there before and is taken over: what the spec does not declare stays as it is.
    Adopt,
    /// The spec changed.
    Update,
    /// The platform changed behind our back.
    Correct,
    /// The object goes.
    Delete,
}

/// What a write would change.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// The declared fields.
    pub declared: &'a Object,
    /// What the platform holds; `None` before a create.
    pub observed: Option<&'a Object>,
}

impl Change<'_> {
    /// The declared text of a field, if the platform does not hold it yet.
    pub fn new_text(&self, key: &str) -> Option<&str> {
        let desired = self.declared.get(key)?;
        let there = self.observed.and_then(|observed| observed.get(key));
        let is_there = |there: &Value| there == desired || key == DEFAULT_DOMAIN && are_one_domain(there, desired);
        if there.is_some_and(is_there) { None } else { desired.as_str() }
    }
}

/// One kind of resource.
pub trait Kind {
    /// Declared fields that the platform can only set at creation, and that are compared all the same.
    const IMMUTABLE: &'static [&'static str];

    /// The policies of the spec.
    fn policies(&self) -> Policies;
    /// The status, if there is one.
    fn status(&self) -> Option<&Status>;
    /// The resources that the spec refers to: to resolve, and to be woken by.
    fn references(&self) -> Vec<Reference>;
    /// The objects of the platform that the spec names by id.
    fn named(&self) -> Vec<Key>;
    /// The object on the platform; waits while a reference to its parent leads nowhere.
    fn key(&self, cluster: &Cluster) -> Next<Key>;
    /// The objects that must not be on their way out when this one is created.
    fn parents(&self, key: &Key, declared: &Object) -> Vec<Key>;
    /// What is compared and sent.
    fn declared(&self, cluster: &Cluster) -> Next<Object>;
    /// The template that is sent with a create, and with an update when what is declared changed; it counts as declared.
    fn template(&self) -> Option<&str> {
        None
    }
    /// What is sent with a body and never compared.
    fn options(&self, verb: Verb, key: &Key, body: &Object, cluster: &Cluster) -> Object;
    /// What must be on the platform before the write: domains, resellers.
    fn prerequisites(&self, key: &Key, change: &Change<'_>, facts: &Facts) -> Next<Vec<Step>>;
    /// The permission to delete.
    fn clearance(key: &Key, observed: &Object, facts: &Facts) -> Next<Cleared>;
    /// Text of `status.usage`.
    fn usage(observed: &Object) -> Option<String>;
}

/// A resource as the decisions see it: not generic from here on.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// Unique id in the cluster.
    pub uid: String,
    /// Namespace and name.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Generation of the spec.
    pub generation: i64,
    /// The version of the resource; they are comparable since Kubernetes 1.35, and in fact long before.
    pub version: Option<u64>,
    /// The operators that wrote to it.
    pub operators: Vec<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether our finalizer is on it.
    pub held: bool,
    /// Whether another finalizer is on it: it stays when ours is taken off.
    pub lingers: bool,
    /// Whether an annotation pauses it.
    pub paused: bool,
    /// Whether its deletion leaves the platform as it is.
    pub orphan: bool,
    /// Value of the requested-at annotation.
    pub requested_at: Option<String>,
    /// The annotations of ours that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Whether what the platform did not keep is sent again in this pass.
    pub sends_again: bool,
    /// The policies of the spec.
    pub policies: Policies,
    /// How long it has waited for what was begun to show.
    pub awaited: Duration,
    /// The last status.
    pub status: Status,
    /// What of it cannot be read.
    pub unread: Unreads,
}

impl Subject {
    /// What the decisions need to know of a resource.
    pub fn of<K: Kind + ResourceExt>(object: &K) -> Self {
        let Annotations { paused, deletion, requested_at, unreadable } = Annotations::read(object.annotations());
        let policies = object.policies();
        let meta = object.meta();
        Self {
            uid: object.uid().unwrap_or_default(),
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            generation: meta.generation.unwrap_or_default(),
            version: object.resource_version().and_then(|version| version.parse().ok()),
            operators: managers::operators(object.managed_fields()),
            created: meta.creation_timestamp.as_ref().map(|time| time.0),
            deleting: meta.deletion_timestamp.is_some(),
            held: object.finalizers().iter().any(|finalizer| finalizer == api::FINALIZER),
            lingers: object.finalizers().iter().any(|finalizer| finalizer != api::FINALIZER),
            paused,
            orphan: policies.deletion() == DeletionPolicy::Orphan || deletion == Some(Deletion::Orphan),
            requested_at,
            unreadable,
            sends_again: false,
            policies,
            awaited: Duration::ZERO,
            status: object.status().cloned().unwrap_or_default(),
            unread: Unreads::default(),
        }
    }

    /// Whether the status speaks of this generation.
    pub fn is_told(&self) -> bool {
        self.status.observed_generation == Some(self.generation)
    }

    /// Whether it is being deleted, waits for something, or was not looked at since it changed.
    pub fn is_unsettled(&self) -> bool {
        let settled = |ready: &Condition| ready.status == "True" && ready.observed_generation == Some(self.generation);
        self.deleting || !self.condition("Ready").is_some_and(settled)
    }

    /// Whether it is to be looked at now, when it was this before: it is another one, its spec changed, it is being deleted, our
    /// annotations ask for something else, our finalizer was lost, or more or less of it can be read. Never for what the operator writes itself: that would
    /// cut every wait short.
    pub fn is_due_after(&self, before: &Self) -> bool {
        let asks = |subject: &Self| {
            let Self { uid, generation, deleting, paused, orphan, requested_at, unreadable, .. } = subject;
            (uid.clone(), *generation, *deleting, *paused, *orphan, requested_at.clone(), unreadable.clone())
        };
        asks(self) != asks(before) || self.unread != before.unread || before.held && !self.held && !self.deleting
    }

    /// Whether it only observes.
    pub fn observes(&self) -> bool {
        self.policies.management() == ManagementPolicy::Observe
    }

    /// Whether it asks for a look now that was not taken yet.
    pub fn is_asked(&self) -> bool {
        self.requested_at != self.status.last_handled_requested_at
    }

    /// Whether the platform did not keep what was sent last.
    pub fn was_unkept(&self) -> bool {
        let unkept = [Reason::Updating, Reason::NotAccepted].map(Reason::name);
        self.condition("Synced").is_some_and(|synced| unkept.contains(&synced.reason.as_str()))
    }

    /// The object of the ownership record.
    pub fn recorded(&self) -> Option<Key> {
        self.status.ownership.as_ref().and_then(|record| Key::of(&record.key))
    }

    /// The object that was last seen on the platform, or recorded, as this resource's or as what it stands for.
    pub fn identity(&self) -> Option<Key> {
        let seen = self.status.identity.as_ref().filter(|_| self.status.observed.is_some()).and_then(Key::of);
        self.recorded().or(seen)
    }

    /// A condition of the last status.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.type_ == kind)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    #[test]
    fn only_what_is_ready_at_its_generation_and_stays_is_settled() {
        for (deleting, ready, unsettled) in [
            (false, None, true),
            (false, Some(("True", 2)), false),
            (false, Some(("True", 1)), true),
            (false, Some(("False", 2)), true),
            (true, Some(("True", 2)), true),
        ] {
            let condition = |(status, generation): (&str, i64)| Condition {
                type_: "Ready".to_owned(),
                status: status.to_owned(),
                reason: "Synced".to_owned(),
                message: String::new(),
                last_transition_time: Time(Timestamp::UNIX_EPOCH),
                observed_generation: Some(generation),
            };
            let status = Status { conditions: ready.map(condition).into_iter().collect(), ..Status::default() };
            let subject = Subject { generation: 2, deleting, status, ..Subject::default() };
            assert_eq!(subject.is_unsettled(), unsettled, "{deleting} {ready:?}");
        }
    }

    fn deletion(value: &str) -> Vec<Unreadable> {
        Annotations::read(&[(api::DELETION.to_owned(), value.to_owned())].into()).unreadable
    }

    #[test]
    fn a_resource_is_looked_at_for_what_others_change_and_never_for_what_the_operator_writes() {
        let before = || Subject { uid: "u".into(), generation: 1, held: true, ..Subject::default() };
        assert!(!before().is_due_after(&before()));
        for now in [
            Subject { uid: "another".into(), ..before() },
            Subject { generation: 2, ..before() },
            Subject { deleting: true, ..before() },
            Subject { paused: true, ..before() },
            Subject { orphan: true, ..before() },
            Subject { requested_at: Some("now".into()), ..before() },
            Subject { unreadable: deletion("Keep"), ..before() },
            Subject { held: false, ..before() },
        ] {
            assert!(now.is_due_after(&before()), "{now:?}");
        }
        let kept = Subject { unreadable: deletion("Keep"), ..before() };
        assert!(Subject { unreadable: deletion("Orfan"), ..before() }.is_due_after(&kept), "as wrong as before");
        let status = Status { observed_generation: Some(1), ..Status::default() };
        assert!(!Subject { status, ..before() }.is_due_after(&before()));
        let new = Subject { held: false, ..before() };
        assert!(!before().is_due_after(&new), "the finalizer is put on");
        let going = Subject { deleting: true, ..before() };
        assert!(!Subject { held: false, ..going.clone() }.is_due_after(&going), "the finalizer is taken off");
    }
}
