use serde_json::json;

use super::{Next, Step, not_of_this_kind, reseller};
use crate::{
    api::{Policies, Status, Tenant},
    engine::{
        check_group::{self, Cleared},
        facts::{Cluster, Facts, Reference},
        ids::{Key, Object},
        kind::{Change, Kind, Verb},
    },
};

impl Tenant {
    /// Id on the platform: the spec's, or the resource's name.
    pub fn tenant_id(&self) -> String {
        self.spec.tenant_id.clone().or_else(|| self.metadata.name.clone()).unwrap_or_default()
    }
}

impl Kind for Tenant {
    const IMMUTABLE: &'static [&'static str] = &["type"];

    fn policies(&self) -> Policies {
        self.spec.policies
    }

    fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }

    fn references(&self) -> Vec<Reference> {
        self.spec.reseller_ref.iter().map(|reseller| Reference::Reseller(reseller.name.clone())).collect()
    }

    fn named(&self) -> Vec<Key> {
        self.spec.attributes.reseller_id.clone().map(Key::Reseller).into_iter().collect()
    }

    fn key(&self, _: &Cluster) -> Next<Key> {
        Ok(Key::Tenant(self.tenant_id()))
    }

    fn parents(&self, _: &Key, declared: &Object) -> Vec<Key> {
        reseller::owner(declared).into_iter().collect()
    }

    fn declared(&self, cluster: &Cluster) -> Next<Object> {
        reseller::declared(&self.spec.attributes, self.spec.reseller_ref.as_ref(), cluster)
    }

    fn options(&self, verb: Verb, key: &Key, _: &Object, _: &Cluster) -> Object {
        let mut options = Object::new();
        if let (Verb::Create, Key::Tenant(tenant)) = (verb, key) {
            options.insert("tenantId".to_owned(), json!(tenant));
            if let Some(flag) = self.spec.use_custom_routing_profile {
                options.insert("useCustomRoutingProfile".to_owned(), json!(flag));
            }
        }
        options
    }

    fn prerequisites(&self, _: &Key, change: &Change<'_>, facts: &Facts) -> Next<Vec<Step>> {
        reseller::prerequisites(change, self.spec.reseller_ref.as_ref(), facts)
    }

    fn clearance(key: &Key, _: &Object, facts: &Facts) -> Next<Cleared> {
        match key {
            Key::Tenant(tenant) => check_group::tenant(key, tenant, facts),
            other => not_of_this_kind(other, "tenant"),
        }
    }

    fn usage(_: &Object) -> Option<String> {
        None
    }
}
