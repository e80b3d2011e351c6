//! What the cluster says, for the facts of one pass.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, ResourceExt};

use super::{
    Operator,
    index::{Index, Watched},
};
use crate::{
    api::{Group, Reseller, Status, Tenant},
    engine::{
        facts::Cluster,
        failure::{Cause, Failure, chain},
        ids::Key,
        kind::Subject,
        ownership::{Claim, rival},
    },
};

impl Operator {
    /// The facts that need no platform. For a deletion, settings and definition are read live.
    ///
    /// # Errors
    /// When the API server cannot be asked.
    pub(super) async fn cluster<K: Watched>(&self, object: &K, subject: &Subject) -> Result<Cluster, Failure> {
        let settings = if subject.deleting { self.settings.live(&self.client).await? } else { self.settings.get() };
        let mut cluster = Cluster {
            platform: self.platform.name().to_owned(),
            settings,
            references: self.index.referred(object),
            ..Cluster::default()
        };
        cluster.definition_deleting = subject.deleting && self.definition_deleting::<K>().await?;
        describe(&mut cluster, &self.index, &subject.namespace);
        // The record rules once there is one: it, not the spec, is what a deletion acts upon.
        let recorded = subject.status.ownership.as_ref().and_then(|record| Key::of(&record.key));
        if let Some(key) = recorded.or_else(|| object.key(&cluster).ok()) {
            claims::<K>(&mut cluster, self, subject, &key);
            children(&mut cluster, &self.index, subject, &key);
        }
        Ok(cluster)
    }

    async fn definition_deleting<K: Watched>(&self) -> Result<bool, Failure> {
        let name = format!("{}.{}", K::plural(&()), K::group(&()));
        let api: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        match api.get_metadata_opt(&name).await {
            Ok(definition) => Ok(definition.is_none_or(|definition| definition.metadata.deletion_timestamp.is_some())),
            Err(error) => Err(cluster_failure("read the definition of the kind", &error)),
        }
    }
}

/// A call to the API server that failed, as a failure of the pass.
pub(super) fn cluster_failure(what: &str, error: &kube::Error) -> Failure {
    let words = match error {
        // The rest of what it says is for programs.
        kube::Error::Api(status) => status.message.clone(),
        error => chain(error),
    };
    Failure::new(Cause::Cluster, format!("cannot {what}: {words}"))
}

/// Which tenants and resellers the resources of the namespace stand for.
fn describe(cluster: &mut Cluster, index: &Index, namespace: &str) {
    let tenants = index.all::<Tenant>().filter(|tenant| tenant.namespace().as_deref() == Some(namespace));
    let resellers = index.all::<Reseller>().filter(|reseller| reseller.namespace().as_deref() == Some(namespace));
    cluster.described =
        tenants
            .map(|tenant| (Key::Tenant(tenant.tenant_id()), tenant.metadata.deletion_timestamp.is_some()))
            .chain(resellers.map(|reseller| {
                (Key::Reseller(reseller.reseller_name()), reseller.metadata.deletion_timestamp.is_some())
            }))
            .collect();
}

/// Other resources of the kind that stand for the same object.
fn claims<K: Watched>(cluster: &mut Cluster, operator: &Operator, subject: &Subject, key: &Key) {
    let others: Vec<_> = operator
        .index
        .all::<K>()
        .filter(|other| other.uid().as_deref() != Some(&subject.uid))
        .filter_map(|object| {
            let other = operator.subject(&*object);
            // The record claims as well as the spec, whose references may lead elsewhere by now.
            let recorded = other.status.ownership.as_ref().and_then(|record| Key::of(&record.key));
            if recorded.as_ref() != Some(key) && operator.index.key(&*object).as_ref() != Some(key) {
                return None;
            }
            let claim = Claim::of(&other, key)?;
            Some((format!("{}/{}", other.namespace, other.name), claim, other.deleting))
        })
        .collect();
    if let Some(mine) = Claim::of(subject, key) {
        cluster.rival = rival(&mine, others.iter().map(|(name, claim, _)| (name, claim.clone()))).cloned();
    }
    cluster.other_claim = others.into_iter().find(|(_, _, deleting)| !deleting).map(|(name, ..)| name);
}

/// Resources that name this one and hold something on the platform.
fn children(cluster: &mut Cluster, index: &Index, subject: &Subject, key: &Key) {
    let mut look = |kind: &str, child: Subject, named: bool, status: &Status| {
        if child.namespace != subject.namespace {
            return;
        }
        if named && status.ownership.is_some() {
            cluster.children.push(format!("{kind} {}/{}", child.namespace, child.name));
        }
        let created = status.auto_created.as_ref();
        let auto =
            matches!(key, Key::Reseller(name) if created.is_some_and(|created| created.resellers.contains(name)));
        cluster.auto_created |= auto;
    };
    if matches!(key, Key::Group(..)) {
        return;
    }
    for group in index.all::<Group>() {
        let status = group.status.clone().unwrap_or_default();
        look("Group", Subject::of(&*group), names(index, &*group, key), &status);
    }
    if matches!(key, Key::Reseller(_)) {
        for tenant in index.all::<Tenant>() {
            let status = tenant.status.clone().unwrap_or_default();
            look("Tenant", Subject::of(&*tenant), names(index, &*tenant, key), &status);
        }
    }
    cluster.children.sort();
}

fn names<K: Watched>(index: &Index, child: &K, key: &Key) -> bool {
    let id = match key {
        Key::Tenant(id) | Key::Reseller(id) | Key::Group(_, id) => id,
    };
    let referred = index.referred(child);
    child.named().contains(key)
        || referred.iter().any(|(reference, referred)| reference.leads_to(key) && referred == id)
}
