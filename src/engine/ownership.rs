//! Whose object it is: the record in the status, adoption, and claims of several resources to one object.

use k8s_openapi::jiff::Timestamp;

use super::{
    diff::{Difference, differences, sentence},
    facts::Facts,
    failure::Cause,
    ids::{Key, Object},
    kind::Subject,
    plan::{Refusal, Step},
    reason::Reason,
};
use crate::api::{AdoptionPolicy, Ownership, OwnershipState};

/// The record of an object whose creation is about to begin with these fields.
pub fn begun(facts: &Facts, key: &Key, declared: &Object) -> Ownership {
    Ownership { state: OwnershipState::Pending, sent: Some(declared.clone()), ..taken_over(facts, key) }
}

/// The record of an object that was there before.
pub fn taken_over(facts: &Facts, key: &Key) -> Ownership {
    let platform = facts.cluster.platform.clone();
    Ownership { platform, key: key.identity(), state: OwnershipState::Adopted, sent: None }
}

/// The record in force: that of the status, changed by the steps of this pass. A definite refusal of a create removes it,
/// because the object that may be there is not ours; so does a failure before the create, which was then never sent, and an
/// object that does not read back as it was sent.
pub fn record(subject: &Subject, facts: &Facts) -> Option<Ownership> {
    let mut record = subject.status.ownership.clone();
    for (step, result) in facts.taken() {
        match (step, result) {
            (Step::Hold(held, _), Ok(())) => record = Some(held.clone()),
            // What was updated was ours before, and reads back otherwise now.
            (Step::Create(..), Ok(())) | (Step::Update(..), _) => record = record.map(created),
            // The platform says that it did it, if in part: it is ours whatever reads back.
            (Step::Create(..), Err(failure)) if failure.cause == Cause::Partial => {
                record = record.map(|held| Ownership { sent: None, ..held });
            }
            (Step::Create(..), Err(failure)) if failure.cause.is_definite_refusal() => {
                record = record.filter(|held| !is_pending(held));
            }
            (step, Err(failure)) if step.is_prerequisite() && failure.cause != Cause::AlreadyExists => {
                record = record.filter(|held| !is_pending(held) || seen(held, facts).is_some());
            }
            _ => {}
        }
    }
    let held = record?;
    match seen(&held, facts) {
        Some(observed) if is_pending(&held) => is_as_sent(&held, observed).then(|| created(held)),
        _ => Some(held),
    }
}

fn is_pending(record: &Ownership) -> bool {
    record.state == OwnershipState::Pending
}

fn seen<'a>(record: &Ownership, facts: &'a Facts) -> Option<&'a Object> {
    facts.seen(&Key::of(&record.key)?)
}

/// The operator lost the answer to its create, or died in between. The platform may have refused it because somebody else
/// was faster: only what reads back as it was sent is ours.
fn is_as_sent(record: &Ownership, observed: &Object) -> bool {
    record.sent.as_ref().is_none_or(|sent| differences(sent, observed).is_empty())
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
    /// The claim of a resource to a key; `None` when it observes only.
    pub fn of(subject: &Subject, key: &Key) -> Option<Self> {
        // What cannot be read may be the record.
        let recorded = subject.recorded().as_ref() == Some(key) || subject.unread.hide_record();
        (!subject.observes()).then(|| Self {
            without_record: !recorded,
            created: subject.created,
            uid: subject.uid.clone(),
        })
    }
}

/// The resource that has a better claim than `mine`.
pub fn rival<'a, T>(mine: &Claim, others: impl IntoIterator<Item = (&'a T, Claim)>) -> Option<&'a T> {
    others.into_iter().filter(|(_, claim)| claim < mine).min_by(|a, b| a.1.cmp(&b.1)).map(|(other, _)| other)
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

    fn claim(recorded: bool, second: i64, uid: &str) -> Claim {
        let mut subject =
            Subject { uid: uid.into(), created: Timestamp::from_second(second).ok(), ..Subject::default() };
        if recorded {
            let key = key().identity();
            let record = Ownership { platform: "p".into(), key, state: OwnershipState::Created, sent: None };
            subject.status.ownership = Some(record);
        }
        Claim::of(&subject, &key()).unwrap()
    }

    #[test]
    fn the_record_wins_then_the_older_then_the_lower_uid() {
        let in_order = [claim(true, 9, "z"), claim(false, 1, "y"), claim(false, 1, "z"), claim(false, 2, "a")];
        for (at, mine) in in_order.iter().enumerate() {
            let others: Vec<_> = in_order.iter().enumerate().filter(|(other, _)| *other != at).collect();
            let better = rival(mine, others.iter().rev().map(|(other, claim)| (other, (*claim).clone())));
            assert_eq!(better, (at > 0).then_some(&0), "{mine:?}");
        }
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
        assert!(Claim::of(&elsewhere, &key()).unwrap() > claim(true, 9, "z"));
    }

    #[test]
    fn a_record_that_cannot_be_read_may_be_that_of_the_object() {
        let odd = serde_json::json!({"metadata": {}, "spec": {}, "status": {"ownership": {"state": "Lent"}},
            "apiVersion": "apio.netaxis.be/v1alpha1", "kind": "Tenant"});
        let unread = Shown::<Tenant>::read(&odd).unwrap().unread;
        let subject = Subject { unread, uid: "a".into(), ..Subject::default() };
        assert!(Claim::of(&subject, &key()).unwrap() < claim(true, 1, "z"));
    }

    #[test]
    fn what_observes_never_claims() {
        let policies = Policies { management_policy: Some(ManagementPolicy::Observe), ..Policies::default() };
        assert_eq!(Claim::of(&Subject { policies, ..Subject::default() }, &key()), None);
    }
}
