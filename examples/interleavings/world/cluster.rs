//! What the cluster says to an operator, by what its watches show (`controller::resolve` and `controller::index`).

use apio_operator::{
    api::{Reseller, Status, Tenant},
    engine::{
        facts::{Cluster, Reference},
        ids::Key,
        kind::{Kind, Subject},
        neighbours::{Neighbour, Neighbours},
        ownership,
        stray::Recorded,
    },
};
use kube::ResourceExt;

use super::{
    Op, PLATFORM, Sight, World,
    resources::{Manifest, NAMESPACE, Name, each},
};

/// `Index::around`.
fn around<K: Kind>(sight: &Sight, object: &K, status: &Status) -> Cluster {
    let find = |reference: &Reference| {
        let wanted = match reference {
            Reference::Tenant(name) | Reference::Reseller(name) => name,
        };
        let (name, resource) = sight.all().find(|(name, _)| name.text() == wanted)?;
        match (reference, resource.manifest(name)) {
            (Reference::Tenant(_), Manifest::Tenant(tenant)) => Some(Tenant::tenant_id(&tenant)),
            (Reference::Reseller(_), Manifest::Reseller(reseller)) => Some(Reseller::reseller_name(&reseller)),
            _ => None,
        }
    };
    let references = object.references();
    let leading = references.iter().filter_map(|reference| Some((reference.clone(), find(reference)?))).collect();
    let missing = references.into_iter().filter(|reference| find(reference).is_none()).collect();
    Cluster { references: leading, missing, recorded: Recorded::of(status), ..Cluster::default() }
}

/// `Index::key`.
fn key<K: Kind>(sight: &Sight, object: &K) -> Option<Key> {
    object.key(&around(sight, object, object.status().unwrap_or(&Status::default()))).ok()
}

/// `Index::neighbour`.
fn neighbour<K: Kind + ResourceExt<DynamicType = ()>>(sight: &Sight, name: Name, object: &K) -> Neighbour {
    let subject = Subject::of(object);
    let cluster = around(sight, object, &subject.status);
    let (references, mut named) = (object.references(), object.named());
    named.extend(cluster.strayed_from(&references));
    let reference = match name {
        Name::Best => Some(Reference::Reseller(name.text().to_owned())),
        Name::Acme => Some(Reference::Tenant(name.text().to_owned())),
        _ => None,
    };
    Neighbour::of(K::kind(&()), subject, object.key(&cluster).ok(), reference, references, named)
}

/// Every resource that is shown, found by what it has to do with.
pub fn table(sight: &Sight) -> Neighbours {
    let mut table = Neighbours::default();
    for (name, resource) in sight.all() {
        table.put(each!(&resource.manifest(name), one => neighbour(sight, name, one)));
    }
    table
}

impl World {
    /// `Operator::cluster`. There are no limits of namespaces, the definitions stay, and everything can be read and listed.
    pub fn cluster(&self, op: Op, object: &Manifest, subject: &Subject) -> Cluster {
        each!(object, one => self.cluster_of(op, one, subject))
    }

    fn cluster_of<K: Kind>(&self, op: Op, object: &K, subject: &Subject) -> Cluster {
        let sight = self.sight(op);
        let settings = if subject.deleting { self.live.settings } else { sight.settings };
        let mut cluster = Cluster {
            platform: PLATFORM.to_owned(),
            settings: settings.in_force(),
            ..around(sight, object, &subject.status)
        };
        let own = object.key(&cluster).ok();
        let neighbours = table(sight);
        let referred = cluster.references.iter().map(|(reference, id)| reference.leading_to(id));
        let tenant = own.as_ref().and_then(Key::tenant).map(|tenant| Key::Tenant(tenant.to_owned()));
        let related: Vec<Key> = object.named().into_iter().chain(referred).chain(tenant).collect();
        let described =
            related.into_iter().filter_map(|key| Some((key.clone(), neighbours.described(NAMESPACE, &key)?)));
        cluster.described = described.collect();
        if let Some(key) = subject.recorded().or(own) {
            let others = self.claimants(op, &neighbours, subject, &key);
            ownership::claims(&mut cluster, subject, &key, &others);
            cluster.auto_created = neighbours.is_created_on_the_way(NAMESPACE, &key);
            if subject.deleting {
                let children = neighbours.children(NAMESPACE, &key);
                cluster.children = children.into_iter().filter(|child| child.holds()).map(Neighbour::called).collect();
                cluster.children.sort();
            }
        }
        cluster
    }

    /// The others that stand for an object (`resolve::claims`).
    fn claimants(&self, op: Op, table: &Neighbours, subject: &Subject, key: &Key) -> Vec<(String, Subject)> {
        let sight = self.sight(op);
        let others = table.claimants(key).filter(|one| *one.uid != *subject.uid);
        let others = others.filter_map(|one| {
            let (name, resource) = sight.all().find(|(name, _)| name.text() == one.name)?;
            let object = resource.manifest(name);
            let other = self.subject(op, name, resource.life, &object);
            let by_spec = each!(&object, one => self::key(sight, one)).as_ref() == Some(key);
            let claims = other.recorded().as_ref() == Some(key) || by_spec;
            claims.then(|| (format!("{NAMESPACE}/{}", other.name), other))
        });
        others.collect()
    }
}
