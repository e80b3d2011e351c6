//! What people asked for, and since when: nothing is written that nobody asks for any more.

use std::collections::BTreeMap;

use kube::{ResourceExt, api::DynamicObject};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{
    actions::{DELETION, PAUSED},
    ground::Grace,
    resources::declared,
    targets::{Id, Target},
};

/// What a resource asks for.
#[derive(Clone, Debug)]
struct Word {
    declared: Map<String, Value>,
    is_paused: bool,
    /// A deletion leaves its object there, or waits for a person.
    is_kept: bool,
    /// An object that is there and differs may be taken over.
    may_adopt: bool,
    is_deleting: bool,
    /// The Tenant resource that a group refers to.
    tenant: Option<Target>,
    /// Somebody asked for it, and had the answer.
    between: (Instant, Instant),
}

/// All that every resource asked for, in order.
#[derive(Debug, Default)]
pub struct Mandates(BTreeMap<Target, Vec<Word>>);

/// A write to an object.
pub struct Write<'a> {
    /// `POST`, `PUT` or `DELETE`.
    pub method: &'a str,
    /// Its fields, but for options.
    pub fields: Vec<(&'a String, &'a Value)>,
    /// When it arrived.
    pub at: Instant,
    /// How old what it was decided on may be.
    pub grace: Grace,
}

impl Mandates {
    /// Notes what a resource is after somebody changed it, which began then.
    pub fn note(&mut self, target: &Target, object: &DynamicObject, began: Instant) {
        let spec = object.data["spec"].as_object().cloned().unwrap_or_default();
        let annotation = |name: &str| object.annotations().get(name).map(String::as_str);
        let is_orphan = spec.get("deletionPolicy").is_some_and(|policy| policy == "Orphan");
        let tenant = spec.get("tenantRef").and_then(|reference| reference["name"].as_str());
        let tenant = tenant.map(|name| Target { kind: "Tenant", place: target.place, name: name.to_owned() });
        let word = Word {
            tenant,
            declared: declared(target, &spec),
            is_paused: annotation(PAUSED).is_some(),
            is_kept: is_orphan || annotation(DELETION).is_some(),
            may_adopt: spec.get("adoptionPolicy").is_some_and(|policy| policy == "Always"),
            is_deleting: object.metadata.deletion_timestamp.is_some(),
            between: (began, Instant::now()),
        };
        self.0.entry(target.clone()).or_default().push(word);
    }

    /// Notes that somebody deleted a resource, which may be gone at once.
    pub fn delete(&mut self, target: &Target, began: Instant) {
        let words = self.0.entry(target.clone()).or_default();
        let last = words.last().cloned();
        words.extend(last.map(|word| Word { is_deleting: true, between: (began, Instant::now()), ..word }));
    }

    fn lives(&self, target: &Target, write: &Write<'_>) -> bool {
        let words = self.0.get(target).map(|words| in_force(words, write)).unwrap_or_default();
        !words.is_empty() && words.iter().all(|word| !word.is_deleting)
    }

    fn standing_for<'a>(&'a self, id: &'a Id) -> impl Iterator<Item = (&'a Target, &'a Vec<Word>)> {
        self.0.iter().filter(move |(target, _)| target.id() == *id)
    }

    /// Whether somebody ever wanted what was there to be taken over. That it may be identical is left out: nobody declares what
    /// was there before.
    pub fn may_adopt(&self, id: &Id, write: &Write<'_>) -> bool {
        write.method == "POST"
            || self
                .standing_for(id)
                .flat_map(|(_, words)| words)
                .any(|word| word.may_adopt && word.between.0 <= write.at)
    }

    /// Why nobody asks for a write, if nobody does.
    pub fn forbid(&self, id: &Id, write: &Write<'_>) -> Option<String> {
        let all: Vec<Vec<&Word>> = self.standing_for(id).map(|(_, words)| in_force(words, write)).collect();
        let any = |asks: &dyn Fn(&Word) -> bool| all.iter().flatten().any(|word| asks(word));
        if write.method == "DELETE" {
            if !any(&|word| word.is_deleting && !word.is_kept) {
                return Some("nobody wants it deleted".to_owned());
            }
            // Without its Tenant resource nobody knows for which group one stands.
            let is_known = |word: &Word| word.tenant.as_ref().is_none_or(|tenant| self.lives(tenant, write));
            let lives =
                |words: &Vec<&Word>| !words.is_empty() && words.iter().all(|word| !word.is_deleting && is_known(word));
            return all.iter().any(lives).then(|| "a resource that is not deleted stands for it".to_owned());
        }
        if !any(&|word| !word.is_paused && !word.is_deleting) {
            return Some("nobody wants it written".to_owned());
        }
        let is_declared = |key: &String, value: &Value| {
            any(&|word| {
                let there = word.declared.get(key);
                // What is in it beside that is the platform's, and goes along.
                let is_nested = value.is_object() && key != "extraData" && there.is_some();
                is_nested || there == Some(value)
            })
        };
        let foreign = write.fields.iter().find(|(key, value)| !is_declared(key, value));
        foreign.map(|(key, value)| format!("nobody declares {key} {value}"))
    }
}

/// What counted at the moment of a write, or so shortly before that whoever decided on it may not have heard more.
fn in_force<'a>(words: &'a [Word], write: &Write<'_>) -> Vec<&'a Word> {
    let grace = if write.method == "DELETE" { write.grace.asked } else { write.grace.shown };
    let next = words.iter().skip(1).map(|word| Some(word.between.1)).chain([None]);
    let all = words.iter().zip(next);
    let counts = |(word, next): &(&Word, Option<Instant>)| {
        word.between.0 <= write.at && next.is_none_or(|next| next + grace >= write.at)
    };
    all.filter(counts).map(|(word, _)| word).collect()
}
