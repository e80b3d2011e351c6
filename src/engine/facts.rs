//! What is known in one pass: of the cluster at its start, of the platform as far as it was asked, and of the steps taken.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    check_group::Part,
    failure::{Cause, Failure},
    grants::Grant,
    ids::{Key, Level, Object},
    plan::{Halt, Next, Refusal, Step, Verdict},
    reason::Reason,
    settings::Settings,
    stray::Recorded,
};

use crate::api::Ownership;

/// A question to the platform.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Query {
    /// The object itself.
    Object(Key),
    /// The domains known at a level.
    Domains(Level),
    /// How many of one part a group holds: tenant, group, part.
    Count(String, String, Part),
    /// The groups of a tenant.
    Groups(String),
}

impl Query {
    /// Label in metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Object(Key::Tenant(_)) => "get_tenant",
            Self::Object(Key::Group(..)) => "get_group",
            Self::Object(Key::Reseller(_)) => "get_reseller",
            Self::Domains(_) => "list_domains",
            Self::Count(..) => "count_contents",
            Self::Groups(_) => "list_groups",
        }
    }
}

/// Its answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The object, or that the platform said it does not exist.
    Object(Option<Object>),
    /// A complete list of domains.
    Domains(BTreeSet<String>),
    /// Counts: items, and those of them that are trunk users.
    Count {
        /// All items.
        items: i64,
        /// Items flagged `inTrunkGroup`.
        in_trunk_groups: i64,
    },
    /// A complete list of group ids.
    Groups(Vec<String>),
}

/// A reference of a spec to another resource of the namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// A Tenant resource by name.
    Tenant(String),
    /// A Reseller resource by name.
    Reseller(String),
}

/// Who stands for an object after the resource that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heir {
    /// Namespace/name.
    pub name: String,
    /// Whether its record says that it has taken the object over.
    pub has_it: bool,
}

/// What the cluster says, read at the start of the pass. Right before a write it is read again, and has to be the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    /// Address of the platform that this operator serves.
    pub platform: String,
    /// The settings in force; `None` when there were never valid ones.
    pub settings: Option<Settings>,
    /// The id that each reference leads to; one that leads nowhere is absent.
    pub references: BTreeMap<Reference, String>,
    /// The references to a resource that is not there. One that is there and cannot be read is in neither.
    pub missing: BTreeSet<Reference>,
    /// What the resource goes on by for these.
    pub recorded: Recorded,
    /// Of the objects that this one has to do with: those that a resource of the namespace stands for, and whether that is
    /// being deleted.
    pub described: BTreeMap<Key, bool>,
    /// What of the platform the namespace may use; `None` without limits.
    pub grant: Option<Arc<Grant>>,
    /// The resource that has the better claim to the same object: namespace/name.
    pub rival: Option<String>,
    /// The live resource that has the best claim to the same object, while this one is being deleted.
    pub heir: Option<Heir>,
    /// A resource that has the same object and is being deleted, while this one is not: namespace/name.
    pub predecessor: Option<String>,
    /// Why it is not known who else claims it, if it is not.
    pub unknown_claims: Option<Refusal>,
    /// Resources that name this one as their parent, while it is being deleted: kind namespace/name.
    pub children: Vec<String>,
    /// Why it is not known which resources name this one, if it is not.
    pub unknown_children: Option<Refusal>,
    /// Whether a resource lists this object as created on its way.
    pub auto_created: bool,
    /// Whether the definition of this kind is being deleted: every deletion then leaves the platform as it is.
    pub definition_deleting: bool,
}

impl Cluster {
    /// Whether the namespace may use an object of the platform.
    pub fn may_use(&self, key: &Key) -> bool {
        self.grant.as_ref().is_none_or(|grant| grant.allows(key))
    }

    /// Whether the namespace may have domains created for the whole platform.
    pub fn may_create_domains(&self) -> bool {
        self.grant.as_ref().is_none_or(|grant| grant.allows_system_domains())
    }
}

/// Everything that a plan may use.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What the cluster says.
    pub cluster: Cluster,
    before: Option<Ownership>,
    now: Duration,
    answers: BTreeMap<Query, Learnt>,
    /// What was learnt last, unless a step was taken since.
    latest: Option<Query>,
    taken: Vec<(Step, Result<(), Failure>)>,
}

/// An answer, when in the pass it was asked for, and how often by then.
#[derive(Clone, Debug)]
struct Learnt {
    answer: Result<Answer, Failure>,
    asked: Duration,
    times: u32,
}

impl Facts {
    /// Facts before the platform was asked.
    pub fn new(cluster: Cluster) -> Self {
        Self { cluster, ..Self::default() }
    }

    /// With the ownership record that the pass begins with.
    pub fn beginning_with(self, record: Option<Ownership>) -> Self {
        Self { before: record, ..self }
    }

    /// The ownership record that the pass began with.
    pub fn record_before(&self) -> Option<&Ownership> {
        self.before.as_ref()
    }

    /// How long the pass has lasted by now: what is learnt from here on was asked for at this moment.
    pub fn at(&mut self, now: Duration) {
        self.now = now;
    }

    /// How long the pass has lasted.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Adds an answer.
    pub fn learn(&mut self, query: Query, answer: Result<Answer, Failure>) {
        let times = self.times(&query) + 1;
        self.latest = Some(query.clone());
        self.answers.insert(query, Learnt { answer, asked: self.now, times });
    }

    /// When in the pass the answer to a question was asked for.
    pub fn asked(&self, query: &Query) -> Option<Duration> {
        self.answers.get(query).map(|learnt| learnt.asked)
    }

    /// Whether an object was looked at once more, and nothing was asked or done since: a write follows that look at once.
    pub fn has_just_seen(&self, key: &Key) -> bool {
        let look = Query::Object(key.clone());
        self.latest.as_ref() == Some(&look) && self.times(&look) > 1
    }

    /// How often a question was asked since a step made its answer stale.
    pub fn times(&self, query: &Query) -> u32 {
        self.answers.get(query).map_or(0, |learnt| learnt.times)
    }

    /// Adds a step that was taken and forgets the facts that it touched, so that they are asked again.
    pub fn record(&mut self, step: Step, result: Result<(), Failure>) {
        for query in step.touches() {
            self.answers.remove(&query);
        }
        self.latest = None;
        self.taken.push((step, result));
    }

    /// The steps of this pass, in order.
    pub fn taken(&self) -> &[(Step, Result<(), Failure>)] {
        &self.taken
    }

    /// The steps of this pass that succeeded.
    pub fn done(&self) -> impl Iterator<Item = &Step> {
        self.taken.iter().filter(|(_, result)| result.is_ok()).map(|(step, _)| step)
    }

    /// The last step, if it failed.
    pub fn failed(&self) -> Option<(&Step, &Failure)> {
        self.taken.last().and_then(|(step, result)| result.as_ref().err().map(|failure| (step, failure)))
    }

    /// The step that ends the pass: the last one, if it failed. One that found its object there already is followed by a
    /// new look, once.
    pub fn fatal(&self) -> Option<&Failure> {
        let (step, failure) = self.failed()?;
        let tries = self.taken.iter().filter(|(taken, _)| taken == step).count();
        let looks_again = match step {
            Step::Create(..) => true,
            step => step.is_prerequisite() && tries == 1,
        };
        (failure.cause != Cause::AlreadyExists || !looks_again).then_some(failure)
    }

    /// The last look at an object, if it was taken and found.
    pub fn seen(&self, key: &Key) -> Option<&Object> {
        match self.answer(&Query::Object(key.clone())) {
            Some(Ok(Answer::Object(object))) => object.as_ref(),
            _ => None,
        }
    }

    /// The object, or `None` when the platform said it does not exist. One whose id could lead elsewhere is never asked for.
    pub fn object(&self, key: &Key) -> Next<Option<&Object>> {
        if let Some(why) = key.misplaced() {
            return Refusal::new(Reason::Invalid, format!("{why}; choose another one")).refuse();
        }
        match self.ask(Query::Object(key.clone()))? {
            Answer::Object(object) => Ok(object.as_ref()),
            _ => mismatch(),
        }
    }

    /// The domains of a level.
    pub fn domains(&self, level: Level) -> Next<&BTreeSet<String>> {
        match self.ask(Query::Domains(level))? {
            Answer::Domains(domains) => Ok(domains),
            _ => mismatch(),
        }
    }

    /// The groups of a tenant.
    pub fn groups(&self, tenant: &str) -> Next<&Vec<String>> {
        match self.ask(Query::Groups(tenant.to_owned()))? {
            Answer::Groups(groups) => Ok(groups),
            _ => mismatch(),
        }
    }

    /// A raw answer, for decisions that treat an unreadable one by themselves.
    pub fn answer(&self, query: &Query) -> Option<&Result<Answer, Failure>> {
        self.answers.get(query).map(|learnt| &learnt.answer)
    }

    fn ask(&self, query: Query) -> Next<&Answer> {
        match self.answer(&query) {
            None => Err(Halt::Ask(vec![query])),
            Some(Ok(answer)) => Ok(answer),
            Some(Err(failure)) => Err(Halt::Stop(Verdict::Failed(failure.clone()))),
        }
    }
}

fn mismatch<T>() -> Next<T> {
    let words = "an answer of another kind than the question";
    Err(Halt::Stop(Verdict::Failed(Failure::new(Cause::Bug, words))))
}

impl Reference {
    /// The object of the platform that it leads to when its resource has this id.
    pub fn leading_to(&self, id: &str) -> Key {
        match self {
            Self::Tenant(_) => Key::Tenant(id.to_owned()),
            Self::Reseller(_) => Key::Reseller(id.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_has_a_metric_label_of_its_own() {
        let keys = [Key::Tenant("t".into()), Key::Group("t".into(), "g".into()), Key::Reseller("r".into())];
        let others = [
            Query::Domains(Level::System),
            Query::Count("t".into(), "g".into(), Part::Users),
            Query::Groups("t".into()),
        ];
        let queries: Vec<_> = keys.map(Query::Object).into_iter().chain(others).collect();
        let labels: BTreeSet<_> = queries.iter().map(Query::label).collect();
        assert_eq!(labels.len(), queries.len(), "{labels:?}");
    }
}
