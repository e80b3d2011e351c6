//! The resources of the small world, and the few things that each may declare.

use std::fmt;

use apio_operator::{
    api::{
        self, AdoptionPolicy, Group, GroupAttributes, GroupSpec, LocalReference, ManagementPolicy, Policies, Reseller,
        ResellerAttributes, ResellerSpec, Status, Tenant, TenantAttributes, TenantSpec, TenantType,
    },
    engine::{
        ids::{Key, Object},
        settings::{Checks, Settings},
    },
};
use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
    jiff::Timestamp,
};

use super::known::Known;

pub const NAMESPACE: &str = "ns";
/// The reseller that a group may name without a resource of its own, and the one that `Best` describes.
pub const RESELLER: &str = "Best";

/// A resource of the world by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    Best,
    Acme,
    Hq,
    /// Stands for the group of `Hq` too.
    Rival,
    Branch,
}

impl Name {
    pub const ALL: [Self; 5] = [Self::Best, Self::Acme, Self::Hq, Self::Rival, Self::Branch];

    pub const fn text(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Acme => "acme",
            Self::Hq => "hq",
            Self::Rival => "rival",
            Self::Branch => "branch",
        }
    }

    /// The object of the platform that it stands for.
    pub fn key(self) -> Key {
        let group = |id: &str| Key::Group("Acme".into(), id.into());
        match self {
            Self::Best => Key::Reseller(RESELLER.into()),
            Self::Acme => Key::Tenant("Acme".into()),
            Self::Hq | Self::Rival => group("HQ"),
            Self::Branch => group("BR"),
        }
    }

    /// How many specs it may have.
    pub const fn specs(self) -> usize {
        match self {
            Self::Best => 2,
            Self::Acme => 3,
            Self::Hq => 4,
            Self::Rival => 2,
            Self::Branch => 3,
        }
    }

    pub fn uid(self, life: u8) -> String {
        format!("{}-{life}", self.text())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A resource as the API server holds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource {
    /// Which one of its name it is.
    pub life: u8,
    /// Which of the specs of its name it has.
    pub spec: usize,
    pub generation: i64,
    pub version: u64,
    pub held: bool,
    pub deleting: bool,
    pub paused: bool,
    pub orphan: bool,
    pub status: Known<Status>,
}

impl Resource {
    pub fn new(life: u8, spec: usize) -> Self {
        let status = Known::default();
        let (generation, version, off) = (1, 1, false);
        Self { life, spec, generation, version, held: off, deleting: off, paused: off, orphan: off, status }
    }

    /// Whether it takes part in who stands for an object.
    pub fn observes(&self, name: Name) -> bool {
        policies(name, self.spec).management() == ManagementPolicy::Observe
    }

    /// The resource as the operator reads it.
    pub fn manifest(&self, name: Name) -> Manifest {
        let mut manifest = declared(name, self.spec);
        let second = i64::from(self.life) * 10 + name as i64;
        let created = Timestamp::from_second(second).unwrap_or_default();
        let set = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let paused = self.paused.then(|| set(api::PAUSED, "true"));
        let orphan = self.orphan.then(|| set(api::DELETION, "Orphan"));
        let metadata = ObjectMeta {
            name: Some(name.text().to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            uid: Some(name.uid(self.life)),
            generation: Some(self.generation),
            resource_version: Some(self.version.to_string()),
            creation_timestamp: Some(Time(created)),
            deletion_timestamp: self.deleting.then_some(Time(created)),
            finalizers: self.held.then(|| vec![api::FINALIZER.to_owned()]),
            annotations: Some(paused.into_iter().chain(orphan).collect()),
            ..ObjectMeta::default()
        };
        let status = Some((*self.status).clone());
        each_mut(&mut manifest, metadata, status);
        manifest
    }
}

/// A resource of any kind.
#[derive(Clone, Debug)]
pub enum Manifest {
    Reseller(Reseller),
    Tenant(Tenant),
    Group(Group),
}

/// Does the same for each kind.
macro_rules! each {
    ($manifest:expr, $one:ident => $do:expr) => {
        match $manifest {
            $crate::world::resources::Manifest::Reseller($one) => $do,
            $crate::world::resources::Manifest::Tenant($one) => $do,
            $crate::world::resources::Manifest::Group($one) => $do,
        }
    };
}
pub(crate) use each;

fn each_mut(manifest: &mut Manifest, metadata: ObjectMeta, status: Option<Status>) {
    each!(manifest, one => (one.metadata, one.status) = (metadata, status));
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

/// A resource with nothing but its spec.
fn declared(name: Name, spec: usize) -> Manifest {
    let policies = policies(name, spec);
    match name {
        Name::Best => {
            let external_name = text(["a", "b"][spec]);
            let attributes = ResellerAttributes { external_name, ..ResellerAttributes::default() };
            let spec = ResellerSpec { reseller_name: text(RESELLER), attributes, policies };
            Manifest::Reseller(Reseller::new(name.text(), spec))
        }
        Name::Acme => {
            let kind = Some(TenantType::Enterprise);
            let attributes =
                TenantAttributes { kind, name: text(["a", "b", "a"][spec]), ..TenantAttributes::default() };
            let reseller_ref = (spec == 2).then(|| LocalReference { name: Name::Best.text().to_owned() });
            let tenant_id = text("Acme");
            let spec = TenantSpec { tenant_id, attributes, reseller_ref, policies, ..TenantSpec::default() };
            Manifest::Tenant(Tenant::new(name.text(), spec))
        }
        Name::Hq | Name::Rival | Name::Branch => Manifest::Group(Group::new(name.text(), group(name, spec))),
    }
}

fn group(name: Name, spec: usize) -> GroupSpec {
    let (group_id, group_name) = match (name, spec) {
        (Name::Branch, _) => ("BR", "a"),
        (Name::Rival, 0) | (_, 1) => ("HQ", "b"),
        _ => ("HQ", "a"),
    };
    let (with_reseller, with_domain) = (name == Name::Branch && spec == 1, name == Name::Branch && spec == 2);
    let attributes = GroupAttributes {
        group_name: text(group_name),
        reseller_id: with_reseller.then(|| RESELLER.to_owned()),
        default_domain: with_domain.then(|| "d.example".to_owned()),
        ..GroupAttributes::default()
    };
    GroupSpec {
        tenant_ref: Some(LocalReference { name: Name::Acme.text().to_owned() }),
        group_id: text(group_id),
        attributes,
        auto_create_domain: with_domain.then_some(true),
        policies: policies(name, spec),
        ..GroupSpec::default()
    }
}

fn policies(name: Name, spec: usize) -> Policies {
    let observes = (name, spec) == (Name::Hq, 2);
    let orphans = (name, spec) == (Name::Hq, 3);
    let takes_over = (name, spec) == (Name::Rival, 0);
    Policies {
        management_policy: observes.then_some(ManagementPolicy::Observe),
        adoption_policy: takes_over.then_some(AdoptionPolicy::Always),
        deletion_policy: orphans.then_some(api::DeletionPolicy::Orphan),
        ..Policies::default()
    }
}

/// Every field that a spec of a resource declares, as a manifest has it.
pub fn fields(name: Name, spec: usize) -> Object {
    let value = match declared(name, spec) {
        Manifest::Reseller(one) => serde_json::to_value(one.spec),
        Manifest::Tenant(one) => serde_json::to_value(one.spec),
        Manifest::Group(one) => serde_json::to_value(one.spec),
    };
    let mut fields = value.ok().and_then(|value| value.as_object().cloned()).unwrap_or_default();
    if fields.contains_key("resellerRef") {
        fields.insert("resellerId".to_owned(), RESELLER.into());
    }
    fields
}

/// The settings that may be in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setting {
    /// Every check, and nothing is created on the way: the default.
    Checks,
    /// Every check, and unknown resellers are created.
    Creates,
    /// No check at all.
    NoChecks,
    /// There are no valid settings.
    Missing,
}

impl Setting {
    pub const ALL: [Self; 4] = [Self::Checks, Self::Creates, Self::NoChecks, Self::Missing];

    pub fn in_force(self) -> Option<Settings> {
        let checks = Checks { users: false, trunk_users: false, service_users: false, trunk_groups: false };
        match self {
            Self::Checks => Some(Settings::default()),
            Self::Creates => Some(Settings { reseller: true, ..Settings::default() }),
            Self::NoChecks => Some(Settings { checks, ..Settings::default() }),
            Self::Missing => None,
        }
    }
}
