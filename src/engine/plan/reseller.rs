//! Resellers: the kind itself, and the reseller that owns a tenant or a group.

use serde::Serialize;
use serde_json::json;

use super::{Halt, Next, Refusal, Step, Verdict, not_of_this_kind};
use crate::{
    api::{LocalReference, Policies, Reseller, Status},
    engine::{
        check_group::{self, Cleared},
        facts::{Cluster, Facts, Reference},
        failure::{Cause, Failure},
        ids::{Key, Object, RESELLER_ID},
        kind::{Change, Kind, Verb},
        reason::Reason,
        size,
        stray::Lead,
    },
};

impl Reseller {
    /// Name on the platform: the spec's, or the resource's name.
    pub fn reseller_name(&self) -> String {
        self.spec.reseller_name.clone().or_else(|| self.metadata.name.clone()).unwrap_or_default()
    }
}

impl Kind for Reseller {
    const IMMUTABLE: &'static [&'static str] = &[];

    fn policies(&self) -> Policies {
        self.spec.policies
    }

    fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }

    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }

    fn named(&self) -> Vec<Key> {
        Vec::new()
    }

    fn key(&self, _: &Cluster) -> Next<Key> {
        Ok(Key::Reseller(self.reseller_name()))
    }

    fn parents(&self, _: &Key, _: &Object) -> Vec<Key> {
        Vec::new()
    }

    fn declared(&self, _: &Cluster) -> Next<Object> {
        attributes(&self.spec.attributes)
    }

    fn options(&self, verb: Verb, key: &Key, _: &Object, _: &Cluster) -> Object {
        match (verb, key) {
            (Verb::Create, Key::Reseller(name)) => Object::from_iter([("name".to_owned(), json!(name))]),
            _ => Object::new(),
        }
    }

    fn prerequisites(&self, _: &Key, _: &Change<'_>, _: &Facts) -> Next<Vec<Step>> {
        Ok(Vec::new())
    }

    fn clearance(key: &Key, _: &Object, facts: &Facts) -> Next<Cleared> {
        match key {
            Key::Reseller(_) => check_group::reseller(key, facts),
            other => not_of_this_kind(other, "reseller"),
        }
    }

    fn usage(_: &Object) -> Option<String> {
        None
    }
}

/// The declared attributes, with the reseller that a reference leads to. One that leads nowhere any more is neither compared nor
/// sent.
pub(super) fn declared(of: &impl Serialize, reference: Option<&LocalReference>, cluster: &Cluster) -> Next<Object> {
    let mut declared = attributes(of)?;
    if let Some(reference) = reference
        && let Lead::To(id) = cluster.lead(&Reference::Reseller(reference.name.clone()))?
    {
        declared.insert(RESELLER_ID.to_owned(), json!(id));
    }
    Ok(declared)
}

/// The reseller that a declared object belongs to.
pub(super) fn owner(declared: &Object) -> Option<Key> {
    declared.get(RESELLER_ID).and_then(|id| id.as_str()).map(|id| Key::Reseller(id.to_owned()))
}

/// What must happen before a write that sets a new reseller: it has to be on the platform.
pub(super) fn prerequisites(change: &Change<'_>, reference: Option<&LocalReference>, facts: &Facts) -> Next<Vec<Step>> {
    let Some(name) = change.new_text(RESELLER_ID) else { return Ok(Vec::new()) };
    let key = Key::Reseller(name.to_owned());
    if facts.object(&key)?.is_some() {
        return Ok(Vec::new());
    }
    if reference.is_some() || facts.cluster.described.contains_key(&key) {
        let message = format!(
            "waiting for {key}, which a Reseller resource of this namespace is about to create; look at that one if it lasts"
        );
        return Refusal::new(Reason::WaitingForReseller, message).refuse();
    }
    if facts.cluster.settings.is_some_and(|settings| settings.reseller) {
        return Ok(vec![Step::CreateReseller(name.to_owned())]);
    }
    let message = format!(
        "resellerId {name} is unknown to the platform; create it there or as a Reseller resource, or enable APIO_OBJECT_CREATION.RESELLER in the settings"
    );
    Refusal::new(Reason::ResellerNotFound, message).refuse()
}

fn attributes(of: &impl Serialize) -> Next<Object> {
    match serde_json::to_value(of) {
        Ok(serde_json::Value::Object(object)) => {
            let unfit = object.iter().find_map(|(key, value)| Some((key, size::unfit(value)?)));
            let Some((key, why)) = unfit else { return Ok(object) };
            Refusal::new(Reason::Invalid, format!("{key} is {why}")).refuse()
        }
        _ => Err(Halt::Stop(Verdict::Failed(Failure::new(Cause::Bug, "the attributes are no JSON object")))),
    }
}
