//! The portal of the platform, and the hands that use it.

use std::collections::BTreeSet;

use apio_operator::{
    api::Ownership,
    engine::{
        ids::{Key, Object},
        ownership,
        plan::Step,
    },
};
use serde_json::json;

use super::{Action, Pass, World, platform::Thing, resources::Name};

/// What somebody does in the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hand {
    /// Changes a field that specs declare.
    Renames,
    /// Changes a field that no spec declares.
    Notes,
    /// Puts a user into a group, or takes it out.
    Fills,
    Removes,
    /// Creates what a spec would, or something else.
    MakesSame,
    MakesOther,
}

impl World {
    /// What it can do with the object of a resource.
    pub fn of_portal(&self, name: Name, all: &mut Vec<Action>) {
        let key = name.key();
        let can = |hand: Hand| Action::Portal(name, hand);
        let is_group = matches!(key, Key::Group(..));
        match self.platform.things.get(&key) {
            Some(thing) => {
                let is_new = |field: &str, value: &str| thing.fields.get(field) != Some(&json!(value));
                all.extend(is_new(title(&key), "x").then_some(can(Hand::Renames)));
                all.extend(is_new("cliName", "by hand").then_some(can(Hand::Notes)));
                // The portal removes no tenant with its groups, and no reseller that is named.
                let is_free = match &key {
                    Key::Tenant(tenant) => self.platform.groups(tenant).is_empty(),
                    Key::Reseller(reseller) => !self.platform.names(reseller),
                    Key::Group(..) => true,
                };
                all.extend(is_free.then_some(can(Hand::Removes)));
                all.extend(is_group.then_some(can(Hand::Fills)));
            }
            None if !is_group || self.platform.things.contains_key(&Name::Acme.key()) => {
                all.extend([Hand::MakesSame, Hand::MakesOther].map(can));
            }
            None => {}
        }
    }

    pub fn portal(&mut self, name: Name, hand: Hand) {
        let key = name.key();
        let (owners, doubtful) = (self.owners_by_record(&key), self.those_who_created(&key));
        self.on_platform(|platform| {
            if let Hand::Removes = hand {
                return platform.remove(&key);
            }
            let thing = platform.things.entry(key.clone()).or_default();
            match hand {
                Hand::Renames => _ = thing.fields.insert(title(&key).to_owned(), json!("x")),
                Hand::Notes => _ = thing.fields.insert("cliName".to_owned(), json!("by hand")),
                Hand::Fills => thing.users = 1 - thing.users,
                Hand::MakesSame | Hand::MakesOther => *thing = Thing { owners, doubtful, ..made(name, hand) },
                Hand::Removes => {}
            }
        });
        self.doubt();
    }

    /// Those who cannot know that what the portal creates is not theirs: they have a record, by which it was there before.
    fn owners_by_record(&self, key: &Key) -> BTreeSet<String> {
        let all = self.live.all().filter(|(_, it)| it.status.ownership.as_ref().is_some_and(|it| holds(it, key)));
        all.map(|(name, it)| name.uid(it.life)).collect()
    }

    /// Those who heard that the platform created it and did not look since, or saw it and could not tell yet: another one in its
    /// place is theirs too.
    fn those_who_created(&self, key: &Key) -> BTreeSet<String> {
        let passes = self.operators.iter().flat_map(|operator| &operator.passes);
        let has_created = |pass: &Pass| pass.facts.done().any(|step| matches!(step, Step::Create(of, _) if of == key));
        let passes = passes.filter(|(_, pass)| has_created(pass)).map(|(name, pass)| name.uid(pass.basis.life));
        let memories = self.operators.iter().flat_map(|operator| Name::ALL.into_iter().zip(&operator.memories));
        let untold = memories.filter(|(_, memory)| {
            let record = memory.unwritten.as_ref().and_then(|status| status.ownership.as_ref());
            record.is_some_and(|record| holds(record, key))
        });
        passes.chain(untold.map(|(name, memory)| name.uid(memory.life))).collect()
    }
}

/// Whether by a record an object is there and its resource's, whatever reads back.
fn holds(record: &Ownership, key: &Key) -> bool {
    Key::of(&record.key).as_ref() == Some(key) && (!ownership::is_pending(record) || ownership::is_taken(record))
}

/// The field that a person would change.
fn title(key: &Key) -> &'static str {
    match key {
        Key::Tenant(_) => "name",
        Key::Group(..) => "groupName",
        Key::Reseller(_) => "externalName",
    }
}

/// What the portal creates.
pub fn made(name: Name, hand: Hand) -> Thing {
    let value = if hand == Hand::MakesSame { "a" } else { "x" };
    let mut fields = Object::from_iter([(title(&name.key()).to_owned(), json!(value))]);
    match name.key() {
        Key::Tenant(_) => _ = fields.insert("type".to_owned(), json!("Enterprise")),
        Key::Reseller(reseller) => _ = fields.insert("name".to_owned(), json!(reseller)),
        Key::Group(..) => {}
    }
    Thing { fields, by_hand: true, ..Thing::default() }
}
