use serde_json::{Value, json};

use super::{Next, Refusal, Step, domains, not_of_this_kind, reseller};
use crate::{
    api::{Group, Policies, Status},
    engine::{
        check_group::{self, Cleared},
        facts::{Cluster, Facts, Reference},
        ids::{DEFAULT_DOMAIN, Key, Object, whole},
        kind::{Change, Kind, Verb},
        reason::Reason,
        stray::Lead,
    },
};

impl Group {
    /// Id on the platform: the spec's, or the resource's name.
    pub fn group_id(&self) -> String {
        self.spec.group_id.clone().or_else(|| self.metadata.name.clone()).unwrap_or_default()
    }

    fn creates_domain(&self, cluster: &Cluster) -> bool {
        let setting = cluster.settings.is_some_and(|settings| settings.group_default_domain);
        self.spec.auto_create_domain.unwrap_or(setting)
    }
}

impl Kind for Group {
    const IMMUTABLE: &'static [&'static str] = &[];

    fn policies(&self) -> Policies {
        self.spec.policies
    }

    fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }

    fn references(&self) -> Vec<Reference> {
        let tenant = self.spec.tenant_ref.as_ref().map(|tenant| Reference::Tenant(tenant.name.clone()));
        let reseller = self.spec.reseller_ref.as_ref().map(|reseller| Reference::Reseller(reseller.name.clone()));
        tenant.into_iter().chain(reseller).collect()
    }

    fn named(&self) -> Vec<Key> {
        let tenant = self.spec.tenant_id.clone().map(Key::Tenant);
        tenant.into_iter().chain(self.spec.attributes.reseller_id.clone().map(Key::Reseller)).collect()
    }

    fn key(&self, cluster: &Cluster) -> Next<Key> {
        let tenant = match (&self.spec.tenant_id, &self.spec.tenant_ref) {
            (Some(id), _) => id.clone(),
            (None, Some(tenant)) => match cluster.lead(&Reference::Tenant(tenant.name.clone()))? {
                Lead::To(id) | Lead::Nowhere(id) => id.to_owned(),
            },
            (None, None) => {
                return Refusal::new(Reason::Invalid, "one of spec.tenantRef and spec.tenantId must be set").refuse();
            }
        };
        Ok(Key::Group(tenant, self.group_id()))
    }

    fn parents(&self, key: &Key, declared: &Object) -> Vec<Key> {
        let tenant = match key {
            Key::Group(tenant, _) => Some(Key::Tenant(tenant.clone())),
            _ => None,
        };
        tenant.into_iter().chain(reseller::owner(declared)).collect()
    }

    fn declared(&self, cluster: &Cluster) -> Next<Object> {
        reseller::declared(&self.spec.attributes, self.spec.reseller_ref.as_ref(), cluster)
    }

    fn template(&self) -> Option<&str> {
        self.spec.template_name.as_deref()
    }

    fn options(&self, verb: Verb, key: &Key, body: &Object, cluster: &Cluster) -> Object {
        let mut options = Object::new();
        let mut put = |name: &str, value: Value| options.insert(name.to_owned(), value);
        if let (Verb::Create, Key::Group(_, group)) = (verb, key) {
            put("groupId", json!(group));
        }
        if let (Verb::Create | Verb::Update, Some(template)) = (verb, self.template()) {
            put("templateName", json!(template));
        }
        if body.contains_key(DEFAULT_DOMAIN) {
            // The platform would create it at system level too.
            put("autoCreateDomain", json!(self.creates_domain(cluster) && cluster.may_create_domains()));
        }
        if let (Verb::Delete, Some(apps)) = (verb, &self.spec.excluded_app_ids) {
            put("_excludedAppIds", json!(apps));
        }
        options
    }

    fn prerequisites(&self, key: &Key, change: &Change<'_>, facts: &Facts) -> Next<Vec<Step>> {
        let mut steps = Vec::new();
        if let (Some(domain), Key::Group(tenant, group)) = (change.new_text(DEFAULT_DOMAIN), key) {
            let existing = change.observed.map(|_| group.as_str());
            steps.extend(domains::prerequisites(domain, tenant, existing, self.creates_domain(&facts.cluster), facts)?);
        }
        steps.extend(reseller::prerequisites(change, self.spec.reseller_ref.as_ref(), facts)?);
        Ok(steps)
    }

    fn clearance(key: &Key, observed: &Object, facts: &Facts) -> Next<Cleared> {
        match key {
            Key::Group(tenant, group) => check_group::group(tenant, group, observed, facts),
            other => not_of_this_kind(other, "group"),
        }
    }

    fn usage(observed: &Object) -> Option<String> {
        let number = |key: &str| observed.get(key).and_then(whole);
        let count = number("userCount")?;
        Some(number("userLimit").map_or_else(|| count.to_string(), |limit| format!("{count}/{limit}")))
    }
}
