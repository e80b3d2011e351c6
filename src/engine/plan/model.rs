//! One resource, its cluster and a platform as plain values, and the pass that the driver would make over them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Plan, Step, Verdict, plan};
use crate::{
    api::{Group, Ownership, OwnershipState, Reseller, Tenant},
    engine::{
        check_group::Part,
        declared::Declaration,
        facts::{Answer, Cluster, Facts, Query},
        failure::{Cause, Failure},
        ids::{Key, Level, Object},
        kind::{Kind, Subject},
        report::{Memory, Report, holding, report},
        settings::Settings,
        stray::Recorded,
    },
};

pub const PLATFORM: &str = "https://apio.test";
/// As in the driver.
pub const ROUNDS: usize = 32;

pub fn object(value: Value) -> Object {
    value.as_object().cloned().unwrap()
}

pub fn hq() -> Key {
    Key::Group("Acme".into(), "hq".into())
}

pub fn acme() -> Key {
    Key::Tenant("Acme".into())
}

/// The platform: objects, domains, contents; what it hides, refuses or does not keep.
#[derive(Clone, Debug, Default)]
pub struct Platform {
    pub objects: BTreeMap<Key, Object>,
    pub domains: BTreeMap<Level, BTreeSet<String>>,
    /// Items and trunk users among them.
    pub contents: BTreeMap<Part, (i64, i64)>,
    pub unanswered: BTreeMap<Query, Cause>,
    /// How long the next answers to a question take; at once when there is no more of it.
    pub takes: BTreeMap<Query, Vec<Duration>>,
    /// What somebody does after an answer that took long.
    pub later: Option<fn(&mut Platform)>,
    /// By label of the step.
    pub refused: BTreeMap<&'static str, Cause>,
    /// What somebody else does just before a refusal.
    pub meanwhile: Option<fn(&mut Platform)>,
    /// Keys that it takes and does not keep.
    pub unkept: BTreeSet<&'static str>,
    /// Whether it takes creations and deletions and shows them later only.
    pub is_late: bool,
    /// Whether a nested object of a body replaces the one that is there.
    pub replaces_nested: bool,
    /// The writes that it carried out.
    pub written: Vec<Step>,
}

impl Platform {
    pub fn answer(&self, query: &Query) -> Result<Answer, Failure> {
        if let Some(cause) = self.unanswered.get(query) {
            return Err(Failure::new(*cause, "the platform's own words"));
        }
        Ok(match query {
            Query::Object(key) => Answer::Object(self.objects.get(key).cloned()),
            Query::Domains(level) => Answer::Domains(self.domains.get(level).cloned().unwrap_or_default()),
            Query::Count(_, _, part) => {
                let (items, in_trunk_groups) = self.contents.get(part).copied().unwrap_or_default();
                Answer::Count { items, in_trunk_groups }
            }
            Query::Groups(tenant) => {
                let inside = self.objects.keys().filter_map(|key| match key {
                    Key::Group(of, group) if of == tenant => Some(group.clone()),
                    _ => None,
                });
                Answer::Groups(inside.collect())
            }
        })
    }

    pub fn act(&mut self, step: &Step) -> Result<(), Failure> {
        if let Some(cause) = self.refused.get(step.label()).copied() {
            if let Some(meanwhile) = self.meanwhile.take() {
                meanwhile(self);
            }
            return Err(Failure::new(cause, "the platform's own words"));
        }
        match step {
            Step::Hold(..) | Step::Release(_) => {}
            Step::Create(key, _) if self.objects.contains_key(key) => {
                return Err(Failure::new(Cause::AlreadyExists, "the platform's own words"));
            }
            Step::Create(..) | Step::CreateReseller(_) | Step::Delete(..) if self.is_late => {}
            Step::CreateDomain(domain) => self.know(Level::System, domain),
            Step::AssignDomain(level, domain) => self.know(level.clone(), domain),
            Step::CreateReseller(name) => {
                self.objects.insert(Key::Reseller(name.clone()), object(json!({"name": name})));
            }
            Step::Create(key, body) => {
                self.write(key, body)?;
                if let (Key::Group(tenant, group), Some(Value::String(domain))) = (key, body.get("defaultDomain")) {
                    self.know(Level::Group(tenant.clone(), group.clone()), domain);
                }
            }
            Step::Update(key, body) => self.write(key, body)?,
            Step::Delete(key, ..) => {
                self.objects.remove(key);
            }
        }
        if step.is_platform_write() {
            self.written.push(step.clone());
        }
        Ok(())
    }

    pub fn know(&mut self, level: Level, domain: &str) {
        self.domains.entry(level).or_default().insert(domain.to_owned());
    }

    /// Refuses what the contract says it refuses: an unknown domain or reseller.
    fn write(&mut self, key: &Key, body: &Object) -> Result<(), Failure> {
        let there = self.objects.get(key).cloned();
        let refuse = |words: &str| Err(Failure::new(Cause::Rejected, words));
        let text = |name: &str| {
            let new = body.get(name)?.as_str()?;
            let old = there.as_ref().and_then(|there| there.get(name));
            (old != Some(&json!(new))).then_some(new)
        };
        if let (Key::Group(tenant, group), Some(domain)) = (key, text("defaultDomain")) {
            let level = match there {
                Some(_) => Level::Group(tenant.clone(), group.clone()),
                None => Level::Tenant(tenant.clone()),
            };
            if !self.domains.get(&level).is_some_and(|known| known.contains(domain)) {
                return refuse("unknown domain");
            }
        }
        if let Some(reseller) = text("resellerId")
            && !self.objects.contains_key(&Key::Reseller(reseller.to_owned()))
        {
            return refuse("unknown reseller");
        }
        let mut object = there.unwrap_or_else(|| super::model::object(json!({"unmanaged": "x"})));
        for (name, value) in body.iter().filter(|(name, _)| !self.unkept.contains(name.as_str())) {
            match (object.get_mut(name), value) {
                _ if ["templateName", "autoCreateDomain"].contains(&name.as_str()) => {}
                (Some(Value::Object(old)), Value::Object(new)) if name != "extraData" && !self.replaces_nested => {
                    old.extend(new.clone());
                }
                _ => {
                    object.insert(name.clone(), value.clone());
                }
            }
        }
        self.objects.insert(key.clone(), object);
        Ok(())
    }
}

/// A pass that is over.
#[derive(Clone, Debug)]
pub struct Pass {
    pub facts: Facts,
    pub asked: Vec<Query>,
    /// What was planned together, round by round.
    pub acts: Vec<Vec<Step>>,
    pub verdict: Verdict,
    pub report: Report,
}

impl Pass {
    /// Labels of the steps that were tried.
    pub fn steps(&self) -> Vec<&'static str> {
        self.facts.taken().iter().map(|(step, _)| step.label()).collect()
    }

    /// The body of the step with this label.
    pub fn body(&self, label: &str) -> Value {
        let sent = self.facts.taken().iter().rev().find(|(step, _)| step.label() == label);
        match sent {
            Some((Step::Create(_, body) | Step::Update(_, body) | Step::Delete(_, body, _), _)) => {
                Value::Object(body.clone())
            }
            other => panic!("no body of {label} in {other:?}"),
        }
    }

    /// Reason and message of the end.
    pub fn end(&self) -> (&'static str, &str) {
        match &self.verdict {
            Verdict::Refused(refusal) | Verdict::Awaiting(refusal) => (refusal.reason.name(), &refusal.message),
            Verdict::Blocked(blocked) => (blocked.reason.name(), &blocked.message),
            Verdict::Failed(failure) => (failure.cause.reason().name(), &failure.message),
            other => panic!("{other:?} has no reason"),
        }
    }

    pub fn reason(&self) -> &'static str {
        self.end().0
    }
}

/// A resource in its surroundings.
#[derive(Clone, Debug)]
pub struct Case<K> {
    pub object: K,
    pub subject: Subject,
    pub cluster: Cluster,
    pub platform: Platform,
    /// What the operator remembers, and the time of the next pass.
    pub memory: Memory,
    pub now: Timestamp,
}

/// A group hq of a platform that has its tenant Acme.
pub fn group(spec: &str) -> Case<Group> {
    let mut case = Case::new("Group", "hq", spec);
    case.platform.objects.insert(acme(), object(json!({"tenantId": "Acme"})));
    case
}

pub fn tenant(spec: &str) -> Case<Tenant> {
    Case::new("Tenant", "Acme", spec)
}

pub fn reseller(spec: &str) -> Case<Reseller> {
    Case::new("Reseller", "R1", spec)
}

impl<K: Kind + ResourceExt + DeserializeOwned> Case<K> {
    pub fn new(kind: &str, name: &str, spec: &str) -> Self {
        let object: K = serde_yaml::from_str(&format!(
            "apiVersion: apio.netaxis.be/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}, namespace: ns, uid: {name}-uid, generation: 1}}\nspec: {spec}\n"
        ))
        .unwrap();
        let cluster = Cluster { platform: PLATFORM.into(), settings: Some(Settings::default()), ..Cluster::default() };
        Self {
            subject: Subject::of(&object),
            object,
            cluster,
            platform: Platform::default(),
            memory: Memory::default(),
            now: Timestamp::UNIX_EPOCH,
        }
    }
}

impl<K: Kind + ResourceExt> Case<K> {
    /// Changes one thing.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn key(&self) -> Key {
        self.object.key(&self.cluster).unwrap()
    }

    /// The platform has the object.
    pub fn present(self, value: Value) -> Self {
        self.with(|case| {
            case.platform.objects.insert(case.key(), object(value));
        })
    }

    /// The resource carries the finalizer and a record in this state.
    pub fn recorded(self, state: OwnershipState) -> Self {
        self.with(|case| {
            case.subject.held = true;
            let key = case.key().identity();
            case.subject.status.ownership = Some(Ownership { platform: PLATFORM.into(), key, state, sent: None });
        })
    }

    /// The resource carries the finalizer and the record of a creation that sent this and whose result is not known.
    pub fn begun(self, sent: Value) -> Self {
        self.recorded(OwnershipState::Pending)
            .with(|case| case.subject.status.ownership.as_mut().unwrap().sent = Some(object(sent)))
    }

    /// The operator created the object, and compared it at this generation.
    pub fn synced(self, generation: i64) -> Self {
        let case = self.recorded(OwnershipState::Created);
        let told = report(
            &Subject { generation, ..case.subject.clone() },
            &Declaration::of(&case.object, &case.cluster),
            &Facts::new(case.cluster.clone()),
            K::usage,
            &Verdict::Synced,
            Memory::default(),
            Timestamp::UNIX_EPOCH,
        );
        case.with(|case| case.subject.status = told.status.unwrap())
    }

    /// As [`Self::synced`], and something else was declared then.
    pub fn changed(self) -> Self {
        self.synced(0).with(|case| case.subject.status.compared = Some("of something else".into()))
    }

    /// Something else is declared from now on.
    pub fn declares_otherwise(&mut self) {
        self.subject.generation += 1;
        self.subject.status.compared = Some("of something else".into());
    }

    /// The status has what an operator writes that goes by the generation alone.
    pub fn of_older_operator(self) -> Self {
        self.with(|case| case.subject.status.compared = None)
    }

    /// The resource is deleted, with the finalizer on it.
    pub fn deleting(self) -> Self {
        self.with(|case| {
            case.subject.held = true;
            case.subject.deleting = true;
        })
    }

    /// One pass, as the driver makes it.
    pub fn pass(&mut self) -> Pass {
        self.pass_until_death(usize::MAX).unwrap()
    }

    /// The same by an operator that dies instead of writing, to the cluster or to the platform, more often than this. `None`
    /// when it died: what it had written is there, what it knew is lost.
    pub fn pass_until_death(&mut self, writes: usize) -> Option<Pass> {
        let mut left = writes;
        let mut lives = move || left.checked_sub(1).map(|less| left = less);
        let cluster = Cluster { recorded: Recorded::of(&self.subject.status), ..self.cluster.clone() };
        let mut facts = Facts::new(cluster).beginning_with(self.subject.status.ownership.clone());
        let (mut asked, mut acts) = (Vec::new(), Vec::new());
        let mut subject = self.subject.clone();
        subject.sends_again = self.memory.sends_again(&subject, self.now);
        let mut now = Duration::ZERO;
        for _ in 0..ROUNDS {
            facts.at(now);
            match plan(&self.object, &subject, &facts) {
                Plan::Ask(queries) => {
                    assert!(!queries.is_empty(), "nothing is asked");
                    let takes = queries.iter().filter_map(|query| self.platform.takes.get_mut(query)?.pop());
                    let takes = takes.max();
                    for query in queries {
                        let answer = self.platform.answer(&query);
                        asked.push(query.clone());
                        facts.learn(query, answer);
                    }
                    if let Some(long) = takes {
                        now += long;
                        self.platform.later.take().into_iter().for_each(|later| later(&mut self.platform));
                    }
                }
                Plan::Act(steps) => {
                    assert!(!steps.is_empty(), "nothing is done");
                    acts.push(steps.clone());
                    for step in steps {
                        lives()?;
                        let result = self.platform.act(&step);
                        match &step {
                            Step::Hold(record, begun) if result.is_ok() => {
                                self.subject.held = true;
                                lives()?;
                                // As the driver does: from what the pass began with.
                                self.subject.status = holding(&subject, record.clone(), begun, Timestamp::UNIX_EPOCH);
                            }
                            Step::Release(_) if result.is_ok() => self.subject.held = false,
                            _ => {}
                        }
                        let failed = result.is_err();
                        facts.record(step, result);
                        if failed {
                            break;
                        }
                    }
                }
                Plan::Done(verdict) => {
                    let declaration = Declaration::of(&self.object, &facts.cluster);
                    let now = self.now;
                    self.memory = self.memory.after(&verdict, now);
                    let current = Subject { status: self.subject.status.clone(), ..subject };
                    let report = report(&current, &declaration, &facts, K::usage, &verdict, self.memory, now);
                    if let Some(status) = &report.status {
                        lives()?;
                        self.subject.status = status.clone();
                    }
                    return Some(Pass { facts, asked, acts, verdict, report });
                }
            }
        }
        panic!("no end after {ROUNDS} rounds: {acts:?}");
    }
}
