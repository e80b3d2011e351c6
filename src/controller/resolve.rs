//! What the cluster says, for the facts of one pass.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;

use super::{
    Operator,
    index::{Index, Watched},
};
use crate::{
    api::Tenant,
    engine::{
        facts::Cluster,
        failure::{Cause, Failure, chain},
        ids::Key,
        kind::Subject,
        neighbours::{Neighbour, Neighbours},
        ownership,
        plan::Refusal,
        reason::Reason,
        shown::Shown,
    },
};

impl Operator {
    /// The facts that need no platform. For a deletion, settings and definition are read live.
    ///
    /// # Errors
    /// When the API server cannot be asked.
    pub(super) async fn cluster<K: Watched>(&self, object: &Shown<K>, subject: &Subject) -> Result<Cluster, Failure> {
        let settings = if subject.deleting { self.settings.live(&self.client).await? } else { self.settings.get() };
        let mut cluster = Cluster {
            platform: self.platform.name().to_owned(),
            settings,
            grant: self.grants.of(&subject.namespace),
            ..self.index.around(object, &subject.status)
        };
        cluster.definition_deleting = subject.deleting && self.definition_deleting::<K>().await?;
        let own = object.key(&cluster).ok();
        describe(&mut cluster, &self.index, subject, object.named(), own.as_ref());
        // The record rules once there is one: it, not the spec, is what a deletion acts upon.
        if let Some(key) = subject.recorded().or(own) {
            claims::<K>(&mut cluster, self, subject, &key);
            cluster.unknown_claims = unknown_claims::<K>(self, subject, &key);
            let neighbours = self.index.neighbours();
            cluster.auto_created = neighbours.is_created_on_the_way(&subject.namespace, &key);
            if subject.deleting {
                cluster.children = children(&neighbours, subject, &key);
                cluster.unknown_children = unknown_children(&neighbours, subject, &key);
            }
        }
        Ok(cluster)
    }

    /// Whether a spec of a namespace may stand for an object.
    pub(super) fn may_claim(&self, namespace: &str, key: &Key) -> bool {
        self.grants.of(namespace).is_none_or(|grant| grant.allows(key))
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
    Failure::new(Cause::Cluster, format!("cannot {what}: {}", words(error)))
}

/// What a call to the API server failed with, for people.
pub(super) fn words(error: &kube::Error) -> String {
    match error {
        // The rest of what it says is for programs.
        kube::Error::Api(status) => status.message.clone(),
        error => chain(error),
    }
}

/// Which of the objects that this one has to do with a resource of the namespace stands for.
fn describe(cluster: &mut Cluster, index: &Index, subject: &Subject, named: Vec<Key>, own: Option<&Key>) {
    let referred = cluster.references.iter().map(|(reference, id)| reference.leading_to(id));
    let tenant = own.and_then(Key::tenant).map(|tenant| Key::Tenant(tenant.to_owned()));
    let related: Vec<Key> = named.into_iter().chain(referred).chain(tenant).collect();
    let neighbours = index.neighbours();
    let described =
        related.into_iter().filter_map(|key| Some((key.clone(), neighbours.described(&subject.namespace, &key)?)));
    cluster.described = described.collect();
}

/// Other resources of the kind that stand for the same object.
fn claims<K: Watched>(cluster: &mut Cluster, operator: &Operator, subject: &Subject, key: &Key) {
    let claimants: Vec<_> = {
        let neighbours = operator.index.neighbours();
        let others = neighbours.claimants(key).filter(|one| *one.uid != *subject.uid);
        others.map(|one| (one.namespace.clone(), one.name.clone())).collect()
    };
    let others: Vec<_> = claimants
        .iter()
        .filter_map(|(namespace, name)| operator.index.get::<K>(namespace, name))
        .filter_map(|object| {
            let other = operator.subject(&object);
            // The record claims as well as the spec, whose references may lead elsewhere by now. A spec that may not use the
            // object claims nothing.
            let by_spec = operator.index.key(&object).as_ref() == Some(key);
            let by_spec = by_spec && operator.may_claim(&other.namespace, key);
            if other.recorded().as_ref() != Some(key) && !by_spec {
                return None;
            }
            Some((format!("{}/{}", other.namespace, other.name), other))
        })
        .collect();
    ownership::claims(cluster, subject, key, &others);
}

/// Who may claim it without being seen to.
fn unknown_claims<K: Watched>(operator: &Operator, subject: &Subject, key: &Key) -> Option<Refusal> {
    // A group stands for what its tenant says.
    let tenants = operator.index.never_listed::<Tenant>().filter(|_| matches!(key, Key::Group(..)));
    let mut unlisted = operator.index.never_listed::<K>().chain(tenants);
    if let Some(place) = unlisted.find(|place| operator.may_claim(place, key)) {
        let message = format!(
            "namespace {place} is watched and cannot be listed, so it is not known whether a resource there stands for {key}; give the operator its rights there, or take it out of --watch-namespaces"
        );
        return Some(Refusal::new(Reason::ClusterUnreachable, message));
    }
    let neighbours = operator.index.neighbours();
    let mut hidden = neighbours.hiding_object(&K::kind(&())).filter(|one| *one.uid != *subject.uid);
    let hidden = hidden.find(|one| operator.may_claim(&one.namespace, key));
    hidden.map(|one| unread(one, "stands for", key))
}

/// Why it is not known what a resource has to do with an object.
fn unread(one: &Neighbour, verb: &str, key: &Key) -> Refusal {
    let message = format!(
        "this version of the operator cannot read {}, so it is not known whether that {verb} {key}; upgrade the operator, or change or delete that resource",
        one.called()
    );
    Refusal::new(Reason::Unreadable, message)
}

/// Who may need it without being seen to. A group is needed by none.
fn unknown_children(neighbours: &Neighbours, subject: &Subject, key: &Key) -> Option<Refusal> {
    let mut hidden = neighbours.hiding_parents(&subject.namespace).filter(|_| !matches!(key, Key::Group(..)));
    hidden.find(|one| *one.uid != *subject.uid && one.holds()).map(|one| unread(one, "needs", key))
}

/// Resources that name this one and hold something on the platform.
fn children(neighbours: &Neighbours, subject: &Subject, key: &Key) -> Vec<String> {
    let children = neighbours.children(&subject.namespace, key);
    let mut named: Vec<_> = children.into_iter().filter(|child| child.holds()).map(Neighbour::called).collect();
    named.sort();
    named
}
