//! References to a resource that is not there, because it was renamed or left: what has a record goes on by that, and says how
//! to move. Nothing is created by a record alone.

use super::{
    facts::{Cluster, Reference},
    ids::Key,
    kind::Kind,
    plan::{Next, Refusal},
    reason::Reason,
};
use crate::api::{ComparedReseller, Status};

/// What the references of a resource led to when its object became its own and was compared last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    tenant: Option<String>,
    reseller: Option<ComparedReseller>,
}

impl Recorded {
    /// What a status knows of it: nothing without an ownership record.
    pub fn of(status: &Status) -> Self {
        let Some(record) = &status.ownership else { return Self::default() };
        Self { tenant: record.key.tenant_id.clone(), reseller: status.compared_reseller.clone() }
    }

    fn id(&self, reference: &Reference) -> Option<&str> {
        match reference {
            Reference::Tenant(_) => self.tenant.as_deref(),
            // One to a new name asks for another reseller, until it is known that it is the same one.
            Reference::Reseller(name) => {
                self.reseller.as_ref().filter(|led| led.resource == *name).map(|led| &*led.reseller_name)
            }
        }
    }
}

/// Where a reference leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead<'a> {
    /// To a resource with this id.
    To(&'a str),
    /// Nowhere, and to this id before.
    Nowhere(&'a str),
}

impl Cluster {
    /// Where a reference leads. What has no record waits for it; so does what refers to a resource that is there and does not
    /// say what it stands for, because that may be anything.
    pub fn lead(&self, reference: &Reference) -> Next<Lead<'_>> {
        if let Some(id) = self.references.get(reference) {
            return Ok(Lead::To(id));
        }
        let before = self.recorded.id(reference).filter(|_| self.missing.contains(reference));
        before.map_or_else(|| waiting(reference, "create it there").refuse(), |id| Ok(Lead::Nowhere(id)))
    }

    /// The objects that these references led to and do not lead to now.
    pub fn strayed_from(&self, references: &[Reference]) -> Vec<Key> {
        let stray = references.iter().filter(|reference| !self.references.contains_key(reference));
        stray.filter_map(|reference| Some(reference.leading_to(self.recorded.id(reference)?))).collect()
    }
}

/// The references that lead nowhere, and the id that each led to.
fn strays<'a, K: Kind>(resource: &K, cluster: &'a Cluster) -> Vec<(Reference, &'a str)> {
    let stray = |reference: Reference| match cluster.lead(&reference) {
        Ok(Lead::Nowhere(id)) => Some((reference, id)),
        _ => None,
    };
    resource.references().into_iter().filter_map(stray).collect()
}

/// Where the reference of a resource to a reseller leads, or led before it led nowhere.
pub fn reseller<K: Kind>(resource: &K, cluster: &Cluster) -> Option<ComparedReseller> {
    resource.references().into_iter().find_map(|reference| {
        let (Lead::To(id) | Lead::Nowhere(id)) = cluster.lead(&reference).ok()?;
        let reseller_name = id.to_owned();
        match reference {
            Reference::Reseller(resource) => Some(ComparedReseller { resource, reseller_name }),
            Reference::Tenant(_) => None,
        }
    })
}

/// Nothing is created for a reference that leads nowhere: whoever removed what it led to may have meant this too.
pub fn may_be_created<K: Kind>(resource: &K, key: &Key, cluster: &Cluster) -> Next<()> {
    match strays(resource, cluster).first() {
        Some((reference, id)) => missed(&format!("{key} is not on the platform"), reference, id).refuse(),
        None => Ok(()),
    }
}

/// A template fills what a write does not carry, and so would choose a reseller.
pub fn may_have_template<K: Kind>(resource: &K, cluster: &Cluster) -> Next<()> {
    match strays(resource, cluster).iter().find(|(reference, _)| matches!(reference, Reference::Reseller(_))) {
        Some((reference, id)) => missed("a template could choose another reseller", reference, id).refuse(),
        None => Ok(()),
    }
}

/// What a resource goes on by that refers to one that is not there, and how to move it.
pub fn hint<K: Kind>(resource: &K, cluster: &Cluster) -> Option<String> {
    let of = |(reference, id): &(Reference, &str)| {
        let (kind, name, field, _) = words(reference);
        let counts = match reference {
            Reference::Tenant(_) => format!("tenant {id} of the record counts"),
            Reference::Reseller(_) => "the reseller is left as it is".to_owned(),
        };
        format!(
            "the {kind} resource {name} of {field} does not exist in this namespace, so {counts}; {}",
            remedy(reference, id)
        )
    };
    let hints: Vec<_> = strays(resource, cluster).iter().map(of).collect();
    (!hints.is_empty()).then(|| hints.join("; "))
}

/// For what a reference is waited for although there is a record.
fn missed(why: &str, reference: &Reference, id: &str) -> Refusal {
    let Refusal { reason, message } = waiting(reference, &format!("create it there, or {}", remedy(reference, id)));
    Refusal::new(reason, format!("{why}; {message}"))
}

fn waiting(reference: &Reference, remedy: &str) -> Refusal {
    let (kind, name, ..) = words(reference);
    let reason = match reference {
        Reference::Tenant(_) => Reason::WaitingForTenant,
        Reference::Reseller(_) => Reason::WaitingForReseller,
    };
    Refusal::new(
        reason,
        format!("waiting for the {kind} resource {name}, which does not exist in this namespace; {remedy}"),
    )
}

fn remedy(reference: &Reference, id: &str) -> String {
    let (.., field, field_of_id) = words(reference);
    format!("set {field} to the resource of {}, or {field_of_id} to {id} in its place", reference.leading_to(id))
}

/// Kind and name of the resource, the field that names it, and the one that names its object instead.
fn words(reference: &Reference) -> (&'static str, &str, &'static str, &'static str) {
    match reference {
        Reference::Tenant(name) => ("Tenant", name, "spec.tenantRef", "spec.tenantId"),
        Reference::Reseller(name) => ("Reseller", name, "spec.resellerRef", "spec.resellerId"),
    }
}
