//! A watched resource as it is kept: one text instead of some forty pieces, because there may be many thousands of them.

use std::{borrow::Cow, marker::PhantomData};

use kube::{Resource, ResourceExt, api::ObjectMeta};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use super::index::Watched;
use crate::engine::{
    managers::{self, Holder, Managers},
    shown::Shown,
    size::Readable,
    standing::Standing,
};

/// Where kubectl keeps the whole manifest.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A resource, packed: without what nobody here reads, which is half of it as it comes.
#[derive(Clone, Debug)]
pub struct Packed<K> {
    /// Namespace and name, which is what a controller knows it by, and at first the version, by which a watch goes on.
    meta: ObjectMeta,
    text: Box<str>,
    /// The operators that wrote to it, until it is known whose it is.
    operators: Vec<String>,
    /// Where it stands.
    pub standing: Standing,
    /// Whether it is unsettled.
    pub is_unsettled: bool,
    /// Whether some of it cannot be read.
    pub is_unreadable: bool,
    kind: PhantomData<fn() -> K>,
}

impl<K: Watched> Packed<K> {
    /// Packs a resource.
    ///
    /// # Errors
    /// When not even its metadata can be read.
    pub fn of(mut shown: Value) -> serde_json::Result<Self> {
        if let Some(meta) = shown.get_mut("metadata").and_then(Value::as_object_mut) {
            if let Some(all) = meta.remove("managedFields")
                && let Some(kept) = managers::kept(&serde_json::from_value::<Vec<_>>(all)?)
            {
                meta.insert("managedFields".to_owned(), serde_json::to_value(kept)?);
            }
            meta.get_mut("annotations").and_then(Value::as_object_mut).and_then(|all| all.remove(LAST_APPLIED));
        }
        let object = Shown::<K>::read(&shown)?;
        let subject = object.subject();
        let is_unreadable = !subject.unread.is_empty();
        Ok(Self {
            // What cannot be read is kept as it is, to be read again and to be written again.
            text: if is_unreadable { shown.to_string() } else { serde_json::to_string(&*object)? }.into(),
            operators: subject.operators.clone(),
            standing: Standing::of(&subject.status),
            is_unsettled: subject.is_unsettled(),
            is_unreadable,
            meta: ObjectMeta {
                namespace: Some(subject.namespace),
                name: Some(subject.name),
                resource_version: object.resource_version(),
                ..ObjectMeta::default()
            },
            kind: PhantomData,
        })
    }

    /// Takes it in as its watch shows it: without its version, which only the watch needs, and as nothing to wait for when it is
    /// another operator's.
    pub fn take_in(&mut self, managers: &Managers) {
        self.meta.resource_version = None;
        if let Holder::Other(_) = managers.holder(&std::mem::take(&mut self.operators)) {
            (self.standing, self.is_unsettled) = (Standing::Foreign, false);
        }
    }

    /// The resource; never `None`, as the text is that of one.
    pub fn open(&self) -> Option<Shown<K>> {
        if self.is_unreadable {
            Shown::read(&self.value()).ok()
        } else {
            serde_json::from_str(&self.text).map(K::into).ok()
        }
    }

    /// The resource as JSON.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl<'de, K: Watched> Deserialize<'de> for Packed<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Readable(shown) = Readable::deserialize(deserializer)?;
        Self::of(shown).map_err(D::Error::custom)
    }
}

impl<K: Watched> Resource for Packed<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(kind)
    }
    fn group(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::group(kind)
    }
    fn version(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::version(kind)
    }
    fn plural(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(kind)
    }
    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{api::Group, engine::managers::Release};

    fn group() -> Value {
        json!({
            "apiVersion": "apio.netaxis.be/v1alpha1", "kind": "Group",
            "metadata": {
                "name": "hq", "namespace": "ns", "uid": "u", "resourceVersion": "7", "generation": 2,
                "creationTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["apio.netaxis.be/platform"],
                "annotations": {"apio.netaxis.be/paused": "true"}, "labels": {"a": "b"},
            },
            "spec": {"tenantId": "Acme", "groupId": "HQ", "groupName": "G", "userLimit": 5},
            "status": {
                "observedGeneration": 2, "usage": "1/5", "observed": {"a": [1, null, {"b": 2.5}]},
                "conditions": [{
                    "type": "Ready", "status": "True", "reason": "Synced", "message": "m", "observedGeneration": 2,
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }],
            },
        })
    }

    #[test]
    fn what_is_opened_is_what_was_packed_without_what_nobody_reads() {
        let mut shown = group();
        shown["metadata"]["managedFields"] =
            json!([{"manager": "kubectl", "operation": "Apply", "fieldsType": "FieldsV1"}]);
        shown["metadata"]["annotations"][LAST_APPLIED] = json!("{}");
        let mut packed: Packed<Group> = serde_json::from_value(shown).unwrap();
        assert_eq!((packed.standing, packed.is_unsettled), (Standing::Ready, false));
        assert_eq!(packed.resource_version().as_deref(), Some("7"), "its watch goes on from there");
        packed.take_in(&Managers::new(&Release::new("ns", "lease"), &[]));
        assert_eq!(
            (packed.namespace().as_deref(), &*packed.name_any(), packed.resource_version()),
            (Some("ns"), "hq", None)
        );
        assert_eq!(json!(*packed.open().unwrap()), group());
    }

    #[test]
    fn what_is_another_operators_is_foreign_and_never_waited_for() {
        for (name, standing, is_unsettled) in [
            ("apio-operator/ns/lease", Standing::Ready, true),
            ("apio-operator/other/lease", Standing::Foreign, false),
            ("apio-operator", Standing::Ready, true),
        ] {
            let mut shown = group();
            shown["metadata"]["generation"] = json!(3);
            shown["metadata"]["managedFields"] =
                json!([{"manager": name, "operation": "Apply", "subresource": "status", "fieldsV1": {"f:status": {}}}]);
            let mut packed: Packed<Group> = serde_json::from_value(shown).unwrap();
            packed.take_in(&Managers::new(&Release::new("ns", "lease"), &[]));
            assert_eq!((packed.standing, packed.is_unsettled), (standing, is_unsettled), "{name}");
            assert_eq!(packed.open().unwrap().subject().operators, [name], "what is opened tells it too");
        }
    }
}
