//! Whose object it is: the record in the status, adoption, and claims of several resources to one object.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::{
    diff::{Difference, differences, sentence},
    facts::{Cluster, Facts, Heir},
    failure::Cause,
    ids::{Key, Object},
    kind::Subject,
    plan::{Refusal, Step},
    reason::Reason,
};
use crate::api::{AdoptionPolicy, Ownership, OwnershipState};

/// How long a platform may take to show what it was told to create.
pub const LATE: Duration = Duration::from_secs(60);

/// The record of an object whose creation is about to begin with these fields.
pub fn begun(facts: &Facts, key: &Key, declared: &Object) -> Ownership {
    Ownership { state: OwnershipState::Pending, sent: Some(declared.clone()), ..taken_over(facts, key) }
}

/// The record of an object that was there before.
pub fn taken_over(facts: &Facts, key: &Key) -> Ownership {
    let platform = facts.cluster.platform.clone();
    Ownership { platform, key: key.identity(), state: OwnershipState::Adopted, sent: None }
}

/// The record in force: that of the status, changed by the steps of this pass.
///
/// | what was done | what becomes of the record |
/// | --- | --- |
/// | written in this pass | it is the one that counts |
/// | a create that the platform took | its object is ours whatever reads back, as soon as it shows |
/// | a create that it did in part | the same, but what does not show is created again |
/// | a create that was certainly refused, or never sent | one that was begun in this pass goes: what may be there is not ours; one that an earlier pass began is as it was |
/// | an update | what was updated was ours before, and reads back otherwise now |
///
/// A refusal says nothing of a creation that an earlier pass began and whose answer was lost. What that one may have left
/// behind is ours when it reads back as it was sent, or in another form; what differs in more is somebody else's.
pub fn record(subject: &Subject, facts: &Facts) -> Option<Ownership> {
    let mut record = subject.status.ownership.clone();
    let mut begun_now = false;
    let earlier = || facts.record_before().filter(|record| is_pending(record)).cloned();
    for (step, result) in facts.taken() {
        match (step, result) {
            (Step::Hold(held, _), Ok(())) => {
                begun_now = is_pending(held);
                record = Some(held.clone());
            }
            (Step::Update(..), _) => record = record.map(created),
            (Step::Create(..), Ok(())) => record = record.map(taken),
            (Step::Create(..), Err(failure)) if failure.cause == Cause::Partial => {
                record = record.map(|held| Ownership { sent: Some(Object::new()), ..held });
            }
            (Step::Create(..), Err(failure)) if begun_now && failure.cause.is_definite_refusal() => record = earlier(),
            (step, Err(failure)) if step.is_prerequisite() && failure.cause != Cause::AlreadyExists => {
                record = record.filter(|held| !begun_now || seen(held, facts).is_some()).or_else(earlier);
            }
            _ => {}
        }
    }
    let held = record?;
    match seen(&held, facts) {
        Some(observed) if is_pending(&held) => differing(&held, observed).is_empty().then(|| created(held)),
        _ => Some(held),
    }
}

/// Whether the creation of its object was begun and the object was not seen since: the platform may still show it.
pub fn is_pending(record: &Ownership) -> bool {
    record.state == OwnershipState::Pending
}

/// Whether the platform said that it created its object, which was not seen since.
pub fn is_taken(record: &Ownership) -> bool {
    is_pending(record) && record.sent.is_none()
}

fn seen<'a>(record: &Ownership, facts: &'a Facts) -> Option<&'a Object> {
    facts.seen(&Key::of(&record.key)?)
}

/// In what an object is not the one whose creation this record says was begun. It was proven absent right before, so what
/// differs in form only is what the platform made of what it was sent.
pub fn differing(record: &Ownership, observed: &Object) -> Vec<Difference> {
    let mut found = record.sent.as_ref().map(|sent| differences(sent, observed)).unwrap_or_default();
    found.retain(|difference| !difference.is_of_form());
    found
}

/// The platform said that it created the object.
fn taken(record: Ownership) -> Ownership {
    Ownership { state: OwnershipState::Pending, sent: None, ..record }
}

fn created(record: Ownership) -> Ownership {
    if is_pending(&record) { Ownership { state: OwnershipState::Created, sent: None, ..record } } else { record }
}

/// Whether the create of this pass was refused because the object is there.
pub fn refused_as_existing(facts: &Facts) -> bool {
    facts.taken().iter().any(|(step, result)| {
        matches!((step, result), (Step::Create(..), Err(failure)) if failure.cause == Cause::AlreadyExists)
    })
}

/// Whether an object that is there and that no record claims may be taken over.
///
/// # Errors
/// The refusal, with the differences or the policy in its sentence.
pub fn adopt(policy: AdoptionPolicy, key: &Key, differences: &[Difference], auto_created: bool) -> Result<(), Refusal> {
    let remedy = "set spec.adoptionPolicy to Always to take it over, or remove it on the platform";
    match policy {
        _ if auto_created => Ok(()),
        AdoptionPolicy::Always => Ok(()),
        AdoptionPolicy::IfIdentical if differences.is_empty() => Ok(()),
        AdoptionPolicy::IfIdentical => Err(Refusal::new(
            Reason::NotOwned,
            format!("{key} is on the platform already and differs: {}; {remedy}", sentence(differences)),
        )),
        AdoptionPolicy::Never => Err(Refusal::new(
            Reason::NotOwned,
            format!("{key} is on the platform already and spec.adoptionPolicy is Never; {remedy}"),
        )),
    }
}

/// What decides between resources that stand for one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// False sorts first: the record has it.
    without_record: bool,
    created: Option<Timestamp>,
    uid: String,
}

impl Claim {
    /// The claim of a resource to a key; `None` when it observes only, or is being deleted.
    pub fn of(subject: &Subject, key: &Key) -> Option<Self> {
        // What cannot be read may be the record.
        let recorded = subject.recorded().as_ref() == Some(key) || subject.unread.hide_record();
        (!subject.observes() && !subject.deleting).then(|| Self {
            without_record: !recorded,
            created: subject.created,
            uid: subject.uid.clone(),
        })
    }
}

/// What the other resources that stand for the same object, by their spec or their record, are to this one.
pub fn claims(cluster: &mut Cluster, subject: &Subject, key: &Key, others: &[(String, Subject)]) {
    let live = others.iter().filter_map(|(name, other)| Some((Claim::of(other, key)?, name, other)));
    let best = live.min_by(|a, b| a.0.cmp(&b.0));
    let has_it = |other: &Subject| {
        let record = other.status.ownership.as_ref().filter(|record| !is_pending(record));
        other.recorded().as_ref() == Some(key) && record.is_some_and(|record| record.platform == cluster.platform)
    };
    if subject.deleting {
        cluster.heir = best.map(|(_, name, other)| Heir { name: name.clone(), has_it: has_it(other) });
        return;
    }
    let mine = Claim::of(subject, key);
    let better = best.filter(|(claim, ..)| mine.is_some_and(|mine| *claim < mine));
    cluster.rival = better.map(|(_, name, _)| name.clone());
    let mut going = others.iter().filter(|(_, other)| other.deleting && has_it(other));
    cluster.predecessor = going.next().map(|(name, _)| name.clone());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::{ManagementPolicy, Policies, Tenant},
        engine::shown::Shown,
    };

    fn key() -> Key {
        Key::Tenant("Acme".into())
    }

    fn standing(uid: &str, recorded: bool, second: i64) -> Subject {
        let mut subject =
            Subject { uid: uid.into(), created: Timestamp::from_second(second).ok(), ..Subject::default() };
        if recorded {
            let key = key().identity();
            let record = Ownership { platform: "p".into(), key, state: OwnershipState::Created, sent: None };
            subject.status.ownership = Some(record);
        }
        subject
    }

    fn of(claims: &[(&str, Subject)], mine: &Subject) -> Cluster {
        let others = claims.iter().filter(|(_, other)| other.uid != mine.uid).cloned();
        let others: Vec<_> = others.map(|(name, other)| (name.to_owned(), other)).collect();
        let mut cluster = Cluster { platform: "p".into(), ..Cluster::default() };
        super::claims(&mut cluster, mine, &key(), &others);
        cluster
    }

    #[test]
    fn the_record_wins_then_the_older_then_the_lower_uid() {
        let in_order =
            [standing("a", true, 9), standing("y", false, 1), standing("z", false, 1), standing("b", false, 2)];
        let named = in_order.clone().map(|subject| ("ns/any", subject)).to_vec();
        for (at, mine) in in_order.iter().enumerate() {
            let named: Vec<_> =
                named.iter().enumerate().map(|(n, (_, it))| (["0", "1", "2", "3"][n], it.clone())).rev().collect();
            let found = of(&named, mine);
            assert_eq!(found.rival.as_deref(), (at > 0).then_some("0"), "{mine:?}");
            assert_eq!((found.heir, found.predecessor), (None, None));
            let going = Subject { deleting: true, ..mine.clone() };
            let heir = if at == 0 { ("1", false) } else { ("0", true) };
            assert_eq!(of(&named, &going).heir, Some(Heir { name: heir.0.into(), has_it: heir.1 }));
        }
    }

    #[test]
    fn what_is_being_deleted_is_no_rival_and_hands_over() {
        let going = Subject { deleting: true, ..standing("a", true, 1) };
        let coming = standing("b", false, 2);
        let all = [("ns/old", going.clone()), ("ns/new", coming.clone())];
        let found = of(&all, &coming);
        assert_eq!((found.rival, found.heir, found.predecessor.as_deref()), (None, None, Some("ns/old")));
        let heir = |heir: &Subject| of(&[("ns/new", heir.clone())], &going).heir.unwrap();
        assert_eq!(heir(&coming), Heir { name: "ns/new".into(), has_it: false });
        assert!(heir(&standing("b", true, 2)).has_it);
        let mut elsewhere = standing("b", true, 2);
        elsewhere.status.ownership.as_mut().unwrap().platform = "another".into();
        assert!(!heir(&elsewhere).has_it, "a record of another platform");
        let mut begun = standing("b", true, 2);
        begun.status.ownership.as_mut().unwrap().state = OwnershipState::Pending;
        assert!(!heir(&begun).has_it, "its creation was only begun");
        let gone = of(&[("ns/new", Subject { deleting: true, ..coming })], &going);
        assert_eq!(gone.heir, None);
    }

    #[test]
    fn a_record_of_another_object_is_no_claim_to_this_one() {
        let mut elsewhere = Subject { uid: "u".into(), ..Subject::default() };
        let record = Ownership {
            platform: "p".into(),
            key: Key::Tenant("Other".into()).identity(),
            state: OwnershipState::Created,
            sent: None,
        };
        elsewhere.status.ownership = Some(record);
        assert!(Claim::of(&elsewhere, &key()) > Claim::of(&standing("z", true, 9), &key()));
    }

    #[test]
    fn a_record_that_cannot_be_read_may_be_that_of_the_object() {
        let odd = serde_json::json!({"metadata": {}, "spec": {}, "status": {"ownership": {"state": "Lent"}},
            "apiVersion": "apio.netaxis.be/v1alpha1", "kind": "Tenant"});
        let unread = Shown::<Tenant>::read(&odd).unwrap().unread;
        let subject = Subject { unread, uid: "a".into(), ..Subject::default() };
        assert!(Claim::of(&subject, &key()) < Claim::of(&standing("z", true, 1), &key()));
    }

    #[test]
    fn what_observes_never_claims() {
        let policies = Policies { management_policy: Some(ManagementPolicy::Observe), ..Policies::default() };
        assert_eq!(Claim::of(&Subject { policies, ..Subject::default() }, &key()), None);
    }
}
