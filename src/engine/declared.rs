//! What a resource declares, and whether it is what the platform was compared with before. The generation of a spec does not
//! say so: it changes with every policy, and not with the id that a reference leads to.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest as sha256};

use super::{
    facts::Cluster,
    ids::{Key, Object, RESELLER_ID},
    kind::{Kind, Subject},
    stray,
};
use crate::api::{ComparedReseller, Status};

/// Bytes of a digest: enough that no two are alike by chance, and few enough for ten thousand statuses.
const LENGTH: usize = 12;

/// What a resource declares, as far as its references lead somewhere.
#[derive(Clone, Debug, Default)]
pub struct Declaration {
    /// The object on the platform.
    pub key: Option<Key>,
    /// Of what is compared and sent.
    pub digest: Option<String>,
    /// Where a reference to a reseller leads, or led before it led nowhere.
    pub reseller: Option<ComparedReseller>,
    /// What to tell of references that lead nowhere.
    pub hint: Option<String>,
}

impl Declaration {
    /// What a resource declares in its surroundings.
    pub fn of<K: Kind>(resource: &K, cluster: &Cluster) -> Self {
        let declared = resource.declared(cluster).ok();
        Self {
            key: resource.key(cluster).ok(),
            digest: declared.map(|declared| digest(resource, &declared, cluster)),
            reseller: stray::reseller(resource, cluster),
            hint: stray::hint(resource, cluster),
        }
    }

    /// Puts down what was compared.
    pub fn put_down(&self, status: &mut Status) {
        (status.compared, status.compared_reseller) = (self.digest.clone(), self.reseller.clone());
    }
}

/// The digest of what a resource declares. A reference that leads nowhere counts as leading where it did: neither that nor its
/// return is a change, and another id is one.
pub fn digest<K: Kind>(resource: &K, declared: &Object, cluster: &Cluster) -> String {
    let mut declared = declared.clone();
    if let Some(reseller) = stray::reseller(resource, cluster) {
        declared.insert(RESELLER_ID.to_owned(), reseller.reseller_name.into());
    }
    digest_of(&declared, resource.template())
}

/// A short text that is another one when something else is declared. It is kept in statuses, so what makes it must not change
/// with a version of the operator.
fn digest_of(declared: &Object, template: Option<&str>) -> String {
    let text = serde_json::json!([declared, template]).to_string();
    let bytes = sha256(&SHA256, text.as_bytes());
    bytes.as_ref().iter().take(LENGTH).fold(String::new(), |mut hex, byte| {
        // Writing to a text does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Whether what is declared now was compared before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Nothing was.
    Never,
    /// It was: a difference is the platform's doing.
    Same,
    /// Something else was: a difference is what the user wants.
    Changed,
}

impl Subject {
    /// Whether what has this digest was compared before. A status without one is of an operator that went by the generation of
    /// the spec; one below it is that of a resource that was restored from a backup, which begins its generations anew.
    pub fn compared(&self, digest: &str) -> Compared {
        let generation = self.condition("Synced").and_then(|synced| synced.observed_generation);
        let is_same = match (&self.status.compared, generation) {
            (Some(compared), _) => compared == digest,
            (None, Some(generation)) => generation >= self.generation,
            (None, None) => return Compared::Never,
        };
        if is_same { Compared::Same } else { Compared::Changed }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{
        apimachinery::pkg::apis::meta::v1::{Condition, Time},
        jiff::Timestamp,
    };
    use serde_json::json;

    use super::*;
    use crate::api::Status;

    fn of(declared: &serde_json::Value, template: Option<&str>) -> String {
        digest_of(declared.as_object().unwrap(), template)
    }

    #[test]
    fn a_digest_is_the_same_in_every_version_and_another_one_for_anything_else() {
        let declared = json!({"groupName": "a", "userLimit": 5, "contactInformation": {"name": "Jo"}});
        assert_eq!(of(&declared, Some("t")), "0323ad5191d3603f365e9add");
        let others = [
            of(&declared, None),
            of(&declared, Some("u")),
            of(&json!({"groupName": "b", "userLimit": 5, "contactInformation": {"name": "Jo"}}), Some("t")),
            of(&json!({"groupName": "a", "userLimit": 5}), Some("t")),
        ];
        assert!(others.iter().all(|other| *other != of(&declared, Some("t"))), "{others:?}");
    }

    #[test]
    fn what_was_compared_is_known_by_its_digest_and_in_older_statuses_by_the_generation() {
        use Compared::*;
        for (digest, generation, expected) in [
            (None, None, Never),
            (None, Some(1), Changed),
            (None, Some(2), Same),
            (None, Some(3), Same),
            (Some("d"), Some(1), Same),
            (Some("d"), None, Same),
            (Some("e"), Some(2), Changed),
        ] {
            let synced = generation.map(|generation| Condition {
                type_: "Synced".into(),
                status: "True".into(),
                reason: "Synced".into(),
                message: String::new(),
                last_transition_time: Time(Timestamp::UNIX_EPOCH),
                observed_generation: Some(generation),
            });
            let compared = digest.map(str::to_owned);
            let status = Status { compared, conditions: synced.into_iter().collect(), ..Status::default() };
            let subject = Subject { generation: 2, status, ..Subject::default() };
            assert_eq!(subject.compared("d"), expected, "{digest:?} {generation:?}");
        }
    }
}
