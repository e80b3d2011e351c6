//! One pass for one resource, the same for the three kinds: turn, resolve, plan, ask and act until done, report, publish.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures::future::join_all;
use kube::{
    ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{Operator, fence::Basis, index::Watched, packed::Packed, publish};
use crate::{
    engine::{
        budget,
        declared::Declaration,
        facts::{Cluster, Facts, Query},
        failure::{Cause, Failure},
        ids::Key,
        kind::Subject,
        plan::{Plan, Verdict, plan},
        report::report,
        schedule::{Again, delay},
        shown::Shown,
    },
    platform::Turn,
};

/// Longest pass, from its turn on.
const LONGEST: Duration = Duration::from_secs(180);
/// Most rounds of asking and acting in a pass: far more than any plan needs.
const ROUNDS: usize = 32;

/// Brings one resource and the platform together. Never fails: whatever happens is told in the status and looked at again.
pub async fn reconcile<K: Watched>(shown: Arc<Packed<K>>, operator: Arc<Operator>) -> Result<Action, Infallible> {
    let (namespace, name) = (shown.namespace().unwrap_or_default(), shown.name_any());
    // Before a turn is taken: those of another namespace do not wait for the lists of this one.
    if !operator.index.ready(&namespace).await {
        return Ok(Action::await_change());
    }
    // Who has to wait for its turn is called again when it has it, or when it changes; no pass is begun before.
    let Some(turn) = operator.turn(&shown) else { return Ok(Action::await_change()) };
    let _running = operator.metrics.pass_begins(&K::kind(&()), turn.asked);
    operator.first_read.done().await;
    // The wait for the first lists may have been long: what is there now counts.
    let Some(object) = operator.index.get::<K>(&namespace, &name) else { return Ok(Action::await_change()) };
    let uid = object.uid().unwrap_or_default();
    operator.memories.begins(&uid);
    operator.index.begins::<K>(&namespace, &name);
    let again = match tokio::time::timeout(LONGEST, pass(&object, &operator, &turn)).await {
        Ok(again) => again,
        Err(_) => {
            operator.memories.lets_go(&uid);
            let failure = Failure::new(Cause::TimedOut, format!("the platform was too slow: a pass took {LONGEST:?}"));
            give_up(&object, &operator, failure).await
        }
    };
    match operator.index.get::<K>(&namespace, &name).filter(|now| now.uid() == object.uid()) {
        Some(now) => operator.memories.ends(&uid, publish::version(&*now).unwrap_or_default()),
        // Deleted in the meantime: what was remembered after its watch said so would be kept for ever.
        None => operator.memories.forget(&uid),
    }
    if operator.index.ends::<K>(&namespace, &name, !matches!(again, Again::Never | Again::Drift)) {
        return Ok(Action::requeue(Duration::ZERO));
    }
    Ok(match delay(again, operator.drift_interval, operator.surroundings.random()) {
        Some(wait) => Action::requeue(wait),
        None => Action::await_change(),
    })
}

/// Unreachable: [`reconcile`] does not fail.
pub fn error_policy<K>(_: Arc<K>, error: &Infallible, _: Arc<Operator>) -> Action {
    match *error {}
}

async fn pass<K: Watched>(mut object: &Shown<K>, operator: &Operator, turn: &Turn) -> Again {
    let live;
    let is_deleting = object.meta().deletion_timestamp.is_some();
    // A deletion decides on what is there now, not on what a watch showed; nor does anything else on what one showed that has
    // broken off.
    if is_deleting || operator.index.is_blind::<K>(&object.namespace().unwrap_or_default()) {
        let now = if is_deleting { operator.live(object).await } else { operator.live_soon(object).await };
        match now {
            Ok(Some(now)) => {
                live = now;
                object = &live;
            }
            Ok(None) => return Again::Never,
            Err(failure) if is_deleting => return give_up(object, operator, failure).await,
            // It is looked at all the same, and before a write this is asked again.
            Err(_) => {}
        }
    }
    let subject = operator.subject(object);
    if operator.is_anothers(&K::kind(&()), &subject) {
        operator.memories.forget(&subject.uid);
        return Again::Never;
    }
    // What could not be written before is written before anything is decided on it: a record must outlive this process.
    if let Some(report) = operator.memories.of(&subject.uid).unwritten
        && let Err(failure) = operator.tell::<K>(&object.object_ref(&()), &subject, &report.status, &report.notes).await
    {
        return give_up(object, operator, failure).await;
    }
    let (facts, verdict) = match operator.cluster(object, &subject).await {
        Ok(cluster) => {
            let facts = Facts::new(cluster).beginning_with(subject.status.ownership.clone());
            run(operator, turn, &Basis::new(object, &subject), facts).await
        }
        Err(failure) => return give_up(object, operator, failure).await,
    };
    let declaration =
        Declaration { key: object.key(&facts.cluster).ok(), ..Declaration::of::<K>(object, &facts.cluster) };
    finish(object, operator, &subject, &declaration, &facts, verdict).await
}

/// Ends a pass that learnt nothing.
async fn give_up<K: Watched>(object: &Shown<K>, operator: &Operator, failure: Failure) -> Again {
    let facts = Facts::new(Cluster::default());
    let verdict = match failure.cause {
        Cause::Superseded => Verdict::Superseded,
        _ => Verdict::Failed(failure),
    };
    finish(object, operator, &operator.subject(object), &Declaration::default(), &facts, verdict).await
}

/// Plans, asks and acts until the plan says that the pass is over.
async fn run<K: Watched>(operator: &Operator, turn: &Turn, basis: &Basis<'_, K>, mut facts: Facts) -> (Facts, Verdict) {
    let began = Instant::now();
    for _ in 0..ROUNDS {
        facts.at(began.elapsed());
        match plan(&**basis.object, basis.subject, &facts) {
            Plan::Ask(queries) => {
                turn.places(queries.len()).await;
                facts.at(began.elapsed());
                let answers = join_all(queries.iter().map(|query| operator.platform.ask(turn, query)));
                // Beside the count, which is fresh for a short time only. What it says is heard before the deletion.
                let counts = queries.iter().any(|query| matches!(query, Query::Count(..) | Query::Groups(_)));
                let looks = async {
                    if let Some(key) = basis.subject.recorded().filter(|_| counts && basis.subject.deleting) {
                        let here = &basis.subject.namespace;
                        _ = operator.shows_all_that_concern::<K>(here, &key, began + facts.now()).await;
                    }
                };
                let (answers, ()) = tokio::join!(answers, looks);
                for (query, answer) in queries.into_iter().zip(answers) {
                    operator.metrics.platform_call(query.label(), answer.as_ref().err());
                    facts.learn(query, answer);
                }
            }
            Plan::Act(steps) => {
                for step in steps {
                    let holds = operator.still_holds(basis, &facts.cluster, &step, began);
                    let result = operator.act::<K>(turn, basis.subject, &step, holds).await;
                    let failed = result.is_err();
                    facts.record(step, result);
                    if failed {
                        break;
                    }
                }
            }
            Plan::Done(verdict) => return (facts, verdict),
        }
    }
    let failure = Failure::new(Cause::Bug, "the operator found no end to this pass");
    (facts, Verdict::Failed(failure))
}

/// Tells how it ended.
async fn finish<K: Watched>(
    object: &Shown<K>,
    operator: &Operator,
    subject: &Subject,
    declaration: &Declaration,
    facts: &Facts,
    verdict: Verdict,
) -> Again {
    let kind = K::kind(&());
    let now = operator.surroundings.now();
    let memory = operator.memories.of(&subject.uid).memory.after(&verdict, now);
    operator.memories.keep(&subject.uid, memory);
    operator.metrics.pass_ended(&kind, &verdict);
    debug!(%kind, namespace = %subject.namespace, name = %subject.name, ?verdict, "pass ended");
    // What was held in this pass is in the cluster already.
    let current = Subject { status: operator.subject(object).status, ..subject.clone() };
    let report = report(&current, declaration, facts, K::usage, &verdict, memory, now);
    let about = object.object_ref(&());
    match &report.status {
        None => operator.emit(&about, &report.notes).await,
        Some(status) => {
            if let Err(failure) = operator.tell::<K>(&about, subject, status, &report.notes).await {
                warn!(%kind, namespace = %subject.namespace, name = %subject.name, "{failure}");
                return Again::Transient(memory.attempts.count.max(1), None);
            }
        }
    }
    if matches!(verdict, Verdict::Released) {
        operator.memories.forget(&subject.uid);
    }
    report.again
}

impl Operator {
    /// The turn of a resource, if it is its turn. One that waits as one of many polls and is changed or deleted meanwhile is as
    /// urgent as any change.
    fn turn<K: Watched>(&self, shown: &Packed<K>) -> Option<Turn> {
        let object = shown.open()?;
        let subject = self.subject(&object);
        let class = budget::class(&subject);
        let key = self.index.key(&object);
        let lane = key.as_ref().and_then(Key::tenant).unwrap_or_default();
        let one = ObjectRef::from_obj(shown);
        let who = one.to_string();
        let found = self.index.find::<K>(&subject.namespace, &one.name);
        let Some((slice, _)) = found.filter(|_| !self.is_anothers(&K::kind(&()), &subject)) else {
            // Deleted since it was called, or none of ours.
            self.turns.leave(&who);
            return None;
        };
        let slice = slice.clone();
        self.turns.take(&who, class, lane, move || slice.wake(one))
    }

    /// The resource as the decisions see it, with the status that was last meant for it: the one that was written, as long
    /// as the watch shows an older one, or else the newest that is known.
    pub(super) fn subject<K: Watched>(&self, object: &Shown<K>) -> Subject {
        let mut subject = object.subject();
        // In this order: what is not remembered any more is shown already.
        let remembered = self.memories.of(&subject.uid);
        let shown = self.index.get::<K>(&subject.namespace, &subject.name).filter(|shown| shown.uid() == object.uid());
        let newer = shown.filter(|shown| publish::version(&**shown) > publish::version(&**object));
        let newest = newer.as_ref().unwrap_or(object);
        subject.unread.add(&newest.unread);
        let written = remembered
            .written
            .as_ref()
            .filter(|(written, _)| publish::version(&**newest).is_none_or(|shown| shown < *written));
        if let Some(status) = remembered.meant().or(written.map(|(_, status)| status)) {
            subject.status = status.clone();
        } else if let Some(newer) = &newer {
            subject.status = newer.status().cloned().unwrap_or_default();
        }
        subject.awaited = remembered.memory.awaited(self.surroundings.now());
        subject.sends_again = remembered.memory.sends_again(&subject, self.surroundings.now());
        subject
    }
}
