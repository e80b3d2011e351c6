//! The platform of the small world, at its worst: it refuses no deletion for what an object holds, deletes a tenant with its
//! groups, and knows no conditions. With each object goes what the model alone knows: whose it is.

use std::collections::{BTreeMap, BTreeSet};

use apio_operator::engine::{
    check_group::Part,
    facts::{Answer, Query},
    failure::{Cause, Failure},
    ids::{Key, Level, Object},
    plan::Step,
};
use serde_json::{Value, json};

/// An object of the platform.
#[derive(Clone, Debug, Default)]
pub struct Thing {
    pub fields: Object,
    /// What a group holds.
    pub users: i64,
    /// The resources, by uid, that created it or took it over.
    pub owners: BTreeSet<String>,
    /// Those who created it, and who cannot know that once they forgot: it was changed before anybody saw it.
    pub doubtful: BTreeSet<String>,
    /// Whether the portal created it.
    pub by_hand: bool,
}

impl Thing {
    /// Whether it is for this resource to change and to delete.
    pub fn may_be_of(&self, uid: &str) -> bool {
        self.owners.contains(uid) || self.doubtful.contains(uid)
    }
}

/// What it holds.
#[derive(Clone, Debug, Default)]
pub struct Platform {
    pub things: BTreeMap<Key, Thing>,
    pub domains: BTreeMap<Level, BTreeSet<String>>,
    /// The resources that are gone and said that they leave something here.
    pub left_by: BTreeSet<String>,
}

fn refused<T>(cause: Cause) -> Result<T, Failure> {
    Err(Failure::new(cause, "the platform's own words"))
}

impl Platform {
    pub fn answer(&self, query: &Query) -> Result<Answer, Failure> {
        Ok(match query {
            Query::Object(key) => Answer::Object(self.things.get(key).map(|thing| shown(key, thing))),
            Query::Domains(level) => Answer::Domains(self.domains.get(level).cloned().unwrap_or_default()),
            Query::Count(tenant, group, part) => {
                let Some(thing) = self.things.get(&Key::Group(tenant.clone(), group.clone())) else {
                    return refused(Cause::NotFound);
                };
                let items = if *part == Part::Users { thing.users } else { 0 };
                Answer::Count { items, in_trunk_groups: 0 }
            }
            Query::Groups(tenant) if !self.things.contains_key(&Key::Tenant(tenant.clone())) => {
                return refused(Cause::NotFound);
            }
            Query::Groups(tenant) => Answer::Groups(self.groups(tenant)),
        })
    }

    pub fn groups(&self, tenant: &str) -> Vec<String> {
        let inside = self.things.keys().filter_map(|key| match key {
            Key::Group(of, group) if of == tenant => Some(group.clone()),
            _ => None,
        });
        inside.collect()
    }

    /// Carries a step out for a resource.
    pub fn act(&mut self, step: &Step, uid: &str) -> Result<(), Failure> {
        match step {
            Step::Hold(..) | Step::Release(_) => return refused(Cause::Bug),
            Step::CreateDomain(domain) => {
                if !self.domains.entry(Level::System).or_default().insert(domain.clone()) {
                    return refused(Cause::AlreadyExists);
                }
            }
            Step::AssignDomain(level, domain) => {
                if !self.domains.entry(level.clone()).or_default().insert(domain.clone()) {
                    return refused(Cause::AlreadyExists);
                }
            }
            Step::CreateReseller(name) => {
                let key = Key::Reseller(name.clone());
                // What is created on the way is nobody's: it is never removed.
                self.create(&key, &Object::from_iter([("name".to_owned(), json!(name))]), None)?;
            }
            Step::Create(key, body) => self.create(key, body, Some(uid))?,
            Step::Update(key, body) => {
                self.accepts(key, body)?;
                let Some(thing) = self.things.get_mut(key) else { return refused(Cause::NotFound) };
                put(&mut thing.fields, body);
            }
            Step::Delete(Key::Reseller(name), ..) if self.names(name) => return refused(Cause::Rejected),
            Step::Delete(key, ..) => self.remove(key),
        }
        Ok(())
    }

    pub fn remove(&mut self, key: &Key) {
        self.things.remove(key);
        if let Key::Tenant(tenant) = key {
            self.things.retain(|there, _| there.tenant() != Some(tenant));
        }
        self.domains.retain(|level, _| match (level, key) {
            (Level::Tenant(tenant), Key::Tenant(gone)) => tenant != gone,
            (Level::Group(tenant, group), key) => *key != Key::Group(tenant.clone(), group.clone()),
            _ => true,
        });
    }

    /// Whether an object names a reseller.
    pub fn names(&self, reseller: &str) -> bool {
        self.things.values().any(|thing| thing.fields.get("resellerId") == Some(&json!(reseller)))
    }

    fn create(&mut self, key: &Key, body: &Object, owner: Option<&str>) -> Result<(), Failure> {
        if self.things.contains_key(key) {
            return refused(Cause::AlreadyExists);
        }
        if let Key::Group(tenant, _) = key
            && !self.things.contains_key(&Key::Tenant(tenant.clone()))
        {
            return refused(Cause::NotFound);
        }
        self.accepts(key, body)?;
        let mut thing = Thing { owners: owner.into_iter().map(str::to_owned).collect(), ..Thing::default() };
        put(&mut thing.fields, body);
        if let (Key::Group(tenant, group), Some(Value::String(domain))) = (key, body.get("defaultDomain")) {
            let level = Level::Group(tenant.clone(), group.clone());
            self.domains.entry(level).or_default().insert(domain.clone());
        }
        self.things.insert(key.clone(), thing);
        Ok(())
    }

    /// An unknown reseller or domain is refused.
    fn accepts(&self, key: &Key, body: &Object) -> Result<(), Failure> {
        if let Some(Value::String(name)) = body.get("resellerId")
            && !self.things.contains_key(&Key::Reseller(name.clone()))
        {
            return refused(Cause::Rejected);
        }
        if let (Some(Value::String(domain)), Key::Group(tenant, group)) = (body.get("defaultDomain"), key) {
            let level = match self.things.contains_key(key) {
                true => Level::Group(tenant.clone(), group.clone()),
                false => Level::Tenant(tenant.clone()),
            };
            if !self.domains.get(&level).is_some_and(|known| known.contains(domain)) {
                return refused(Cause::Rejected);
            }
        }
        Ok(())
    }
}

/// What is sent along and is no attribute.
pub const OPTIONS: [&str; 5] = ["groupId", "tenantId", "templateName", "autoCreateDomain", "_excludedAppIds"];

fn put(fields: &mut Object, body: &Object) {
    for (key, value) in body.iter().filter(|(key, _)| !OPTIONS.contains(&key.as_str())) {
        fields.insert(key.clone(), value.clone());
    }
}

fn shown(key: &Key, thing: &Thing) -> Object {
    let mut shown = thing.fields.clone();
    if let Key::Group(..) = key {
        shown.insert("userCount".to_owned(), json!(thing.users));
    }
    shown
}
