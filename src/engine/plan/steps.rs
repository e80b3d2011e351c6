use std::fmt;

use crate::{
    api::{AutoCreating, Ownership},
    engine::{
        check_group::Cleared,
        events::Note,
        facts::Query,
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
