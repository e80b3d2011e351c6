use std::fmt;

use serde_json::Value;

use crate::{
    api::{AutoCreating, Ownership},
    engine::{
        check_group::Cleared,
        events::Note,
        facts::{Answer, Facts, Query},
        ids::{Key, Level, Object},
    },
};

/// One write. Its text is what a user reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Put the finalizer and this record on the resource, and what is about to be created on the way.
    Hold(Ownership, AutoCreating),
    /// Make a domain known to the platform.
    CreateDomain(String),
    /// Make a domain known to a tenant or a group.
    AssignDomain(Level, String),
    /// Create a reseller that a spec names.
    CreateReseller(String),
    /// Create the object with this body.
    Create(Key, Object),
    /// Send these fields.
    Update(Key, Object),
    /// Delete the object, with this body.
    Delete(Key, Object, Cleared),
    /// Take the finalizer off; what to tell of what stays on the platform.
    Release(Option<Note>),
}

impl Step {
    /// The facts that taking this step makes stale.
    pub fn touches(&self) -> Vec<Query> {
        match self {
            Self::Hold(..) | Self::Release(_) => Vec::new(),
            Self::CreateDomain(_) => vec![Query::Domains(Level::System)],
            Self::AssignDomain(level, _) => vec![Query::Domains(level.clone())],
            Self::CreateReseller(name) => vec![Query::Object(Key::Reseller(name.clone()))],
            Self::Create(key, _) | Self::Update(key, _) | Self::Delete(key, ..) => vec![Query::Object(key.clone())],
        }
    }

    /// Label in metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Hold(..) => "hold",
            Self::CreateDomain(_) => "create_domain",
            Self::AssignDomain(..) => "assign_domain",
            Self::CreateReseller(_) | Self::Create(Key::Reseller(_), _) => "create_reseller",
            Self::Create(Key::Tenant(_), _) => "create_tenant",
            Self::Create(Key::Group(..), _) => "create_group",
            Self::Update(Key::Tenant(_), _) => "update_tenant",
            Self::Update(Key::Group(..), _) => "update_group",
            Self::Update(Key::Reseller(_), _) => "update_reseller",
            Self::Delete(Key::Tenant(_), ..) => "delete_tenant",
            Self::Delete(Key::Group(..), ..) => "delete_group",
            Self::Delete(Key::Reseller(_), ..) => "delete_reseller",
            Self::Release(_) => "release",
        }
    }

    /// Whether it only prepares the write of the object itself.
    pub const fn is_prerequisite(&self) -> bool {
        matches!(self, Self::CreateDomain(_) | Self::AssignDomain(..) | Self::CreateReseller(_))
    }

    /// Whether it writes to the platform.
    pub fn is_platform_write(&self) -> bool {
        !matches!(self, Self::Hold(..) | Self::Release(_))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hold(..) => f.write_str("recorded the ownership"),
            Self::CreateDomain(domain) => write!(f, "created domain {domain} at system level"),
            Self::AssignDomain(level, domain) => write!(f, "assigned domain {domain} to {level}"),
            Self::CreateReseller(name) => write!(f, "created reseller {name}"),
            Self::Create(key, _) => write!(f, "created {key}"),
            Self::Update(key, body) => {
                let keys: Vec<_> = body.keys().map(String::as_str).collect();
                write!(f, "updated {} of {key}", keys.join(", "))
            }
            Self::Delete(key, ..) => write!(f, "deleted {key}"),
            Self::Release(_) => f.write_str("released the resource"),
        }
    }
}

impl Facts {
    /// What would be known if this step had succeeded: for properties and for plans made offline.
    pub fn after(mut self, step: &Step) -> Self {
        let merged = |there: Option<&Object>, body: &Object| {
            let mut object = there.cloned().unwrap_or_default();
            object.extend(body.iter().filter(|(key, _)| !is_option(key)).map(|(k, v)| (k.clone(), v.clone())));
            object
        };
        let domains = |facts: &Self, level: &Level, domain: &str| {
            let mut known = facts.domains(level.clone()).cloned().unwrap_or_default();
            known.insert(domain.to_owned());
            (Query::Domains(level.clone()), Answer::Domains(known))
        };
        let learnt = match step {
            Step::Hold(..) | Step::Release(_) => None,
            Step::CreateDomain(domain) => Some(domains(&self, &Level::System, domain)),
            Step::AssignDomain(level, domain) => Some(domains(&self, level, domain)),
            Step::CreateReseller(name) => {
                let object = Object::from_iter([("name".to_owned(), Value::from(name.clone()))]);
                Some((Query::Object(Key::Reseller(name.clone())), Answer::Object(Some(object))))
            }
            Step::Create(key, body) | Step::Update(key, body) => {
                Some((Query::Object(key.clone()), Answer::Object(Some(merged(self.seen(key), body)))))
            }
            Step::Delete(key, ..) => Some((Query::Object(key.clone()), Answer::Object(None))),
        };
        self.record(step.clone(), Ok(()));
        if let Some((query, answer)) = learnt {
            self.learn(query, Ok(answer));
        }
        self
    }
}

/// Keys of a body that the platform never shows.
fn is_option(key: &str) -> bool {
    ["templateName", "autoCreateDomain"].contains(&key)
}
