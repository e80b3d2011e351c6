//! A pass, step by step, as `controller::driver` makes it: whatever somebody else may come between is a step of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use apio_operator::engine::{
    check_group::FRESH,
    declared::Declaration,
    facts::{Answer, Facts, Query},
    failure::{Cause, Failure},
    ids::{Key, Object},
    kind::{Kind, Subject},
    neighbours::Neighbour,
    plan::{Plan, Step, Verdict, plan},
    report::{holding, report},
};

use super::{
    Adrift, Basis, Fault, Known, Op, Pass, Stage, Truth, World,
    cluster::table,
    operator::Unheard,
    resources::{NAMESPACE, Name, Resource, each},
    rules::came_later,
};

/// `driver::ROUNDS`.
pub const ROUNDS: u8 = 32;
/// What takes long takes longer than a count is fresh.
const LONG: u64 = FRESH.as_secs() + 1;

/// An answer, and whether it was asked for now.
type Heard = (Result<Answer, Failure>, bool);

fn usage<K: Kind>(_: &K) -> fn(&Object) -> Option<String> {
    K::usage
}

impl Pass {
    /// How long it has lasted.
    pub fn age(&self) -> u64 {
        self.truth.age
    }

    fn note(&mut self, change: impl FnOnce(&mut Truth)) {
        let mut truth = (*self.truth).clone();
        change(&mut truth);
        self.truth = Known::new(truth);
    }

    /// The head of the loop in `driver::run`.
    fn decide(&mut self) {
        let mut facts = (*self.facts).clone();
        facts.at(Duration::from_secs(self.age()));
        self.rounds += 1;
        let next = each!(&self.basis.object, one => plan(one, &self.basis.subject, &facts));
        self.stage = Known::new(match next {
            _ if self.rounds > ROUNDS => Stage::Done(Verdict::Failed(Failure::new(Cause::Bug, "no end to this pass"))),
            Plan::Ask(queries) => Stage::Ask(queries),
            Plan::Act(steps) => Stage::Act(steps),
            Plan::Done(verdict) => Stage::Done(verdict),
        });
        self.facts = Known::new(facts);
    }

    /// What became of the first of these steps; the first failure ends the round.
    fn record(&mut self, steps: &[Step], result: Result<(), Failure>) {
        let [step, rest @ ..] = steps else { return };
        let mut facts = (*self.facts).clone();
        let failed = result.is_err();
        facts.record(step.clone(), result);
        self.facts = Known::new(facts);
        if failed || rest.is_empty() {
            self.decide();
        } else {
            self.stage = Known::new(Stage::Act(rest.to_vec()));
        }
    }
}

impl World {
    fn on_pass(&mut self, op: Op, name: Name, change: impl FnOnce(&mut Pass)) {
        if let Some(pass) = self.op_mut(op).passes.get_mut(&name) {
            change(pass);
        }
    }

    /// The beginning of `driver::pass`. A deletion begins with what the API server has now.
    pub fn begin(&mut self, op: Op, name: Name) {
        let Some(shown) = self.sight(op).of(name) else { return };
        let trusted = self.fault == Some(Fault::StaleDelete) || !shown.deleting;
        let seen = if trusted { Some(shown) } else { self.live.same(name, shown.life) };
        let Some(seen) = seen.cloned() else { return };
        let (life, object) = (seen.life, seen.manifest(name));
        let subject = self.subject(op, name, life, &object);
        // What could not be told is told before anything is decided on it.
        if let Some(status) = self.remembered(op, name, life).unwritten {
            self.tell(op, name, life, status, None);
        }
        let facts = Facts::new(self.cluster(op, &object, &subject)).beginning_with(subject.status.ownership.clone());
        let mut pass = Pass {
            basis: Known::new(Basis { life, object, subject }),
            facts: Known::new(facts),
            stage: Known::new(Stage::Ask(Vec::new())),
            rounds: 0,
            agreed: None,
            truth: Known::default(),
        };
        pass.decide();
        self.op_mut(op).passes.insert(name, pass);
    }

    /// Questions and their answers. Beside a count the watches are compared with what there is.
    pub fn answer(&mut self, op: Op, name: Name, failed: Option<Cause>, is_slow: bool) {
        let Some(pass) = self.pass(op, name) else { return };
        let Stage::Ask(queries) = (*pass.stage).clone() else { return };
        let (basis, age) = (pass.basis.clone(), pass.age());
        let counts = queries.iter().any(|query| matches!(query, Query::Count(..) | Query::Groups(_)));
        let key = basis.subject.recorded();
        let looks = key.as_ref().filter(|_| counts && basis.subject.deleting);
        let agreed = looks.map(|key| (age, self.shows_all_that_concern(op, key)));
        let truth = basis.subject.deleting.then(|| self.truth(name, basis.life)).flatten();
        let answers: Vec<_> = queries.iter().map(|query| (query.clone(), self.hear(op, name, query, failed))).collect();
        self.look_for_adrift(&queries);
        if self.fault == Some(Fault::OldCount) {
            self.keep_counts(op, name, basis.life, &answers);
        }
        self.on_pass(op, name, |pass| {
            let mut facts = (*pass.facts).clone();
            facts.at(Duration::from_secs(age));
            pass.agreed = agreed.or(pass.agreed);
            pass.note(|known| {
                if let Some((claimants, children)) = truth {
                    (known.claimants, known.children) = (claimants, children);
                }
                for (query, (answer, is_new)) in &answers {
                    known.learn(query, answer, *is_new);
                    known.unlooked &= answer.is_err() || *query != Query::Object(name.key());
                }
                known.age += if is_slow { LONG } else { 0 };
            });
            for (query, (answer, _)) in answers {
                facts.learn(query, answer);
            }
            pass.facts = Known::new(facts);
            pass.decide();
        });
    }

    fn look_for_adrift(&mut self, queries: &[Query]) {
        let sought = self.adrift.as_ref().filter(|it| it.step.touches().iter().any(|query| queries.contains(query)));
        if let Some(adrift) = sought.map(|adrift| Adrift { was_looked_for: true, ..(**adrift).clone() }) {
            self.adrift = Some(Known::new(adrift));
        }
    }

    /// What is heard to a question.
    fn hear(&self, op: Op, name: Name, query: &Query, failed: Option<Cause>) -> Heard {
        // Only with `Fault::OldCount`.
        let begun = self.pass(op, name).filter(|pass| pass.facts.times(query) == 0);
        let old = begun.map(|pass| self.remembered(op, name, pass.basis.life).counts);
        if let Some(answer) = old.as_ref().and_then(|counts| counts.get(query)) {
            return (Ok(answer.clone()), false);
        }
        let failed = failed.map(|cause| Failure::new(cause, "no answer"));
        (failed.map_or_else(|| self.platform.answer(query), Err), true)
    }

    fn keep_counts(&mut self, op: Op, name: Name, life: u8, answers: &[(Query, Heard)]) {
        self.remember(op, name, life, |remembered| {
            for (query, (answer, _)) in answers {
                if let (Query::Count(..), Ok(answer)) = (query, answer) {
                    remembered.counts.insert(query.clone(), answer.clone());
                }
            }
        });
    }

    /// Who really stands for the object of a resource beside it, and who needs it.
    fn truth(&self, name: Name, life: u8) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
        let key = self.live.same(name, life)?.status.ownership.as_ref().and_then(|record| Key::of(&record.key))?;
        let mine = name.uid(life);
        let others = self.live.all().filter(|(other, it)| other.uid(it.life) != mine && other.key() == key);
        let claimants = others.filter(|(other, it)| !it.deleting && !it.observes(*other));
        let claimants = claimants.map(|(other, it)| other.uid(it.life)).collect();
        let table = table(&self.live);
        let children = table.children(NAMESPACE, &key).into_iter().filter(|child| child.holds());
        Some((claimants, children.map(|child: &Neighbour| child.uid.to_string()).collect()))
    }

    /// `Operator::shows_all_that_concern`: every resource that is there, of the kinds that may have to do with it.
    fn shows_all_that_concern(&self, op: Op, key: &Key) -> bool {
        let concerns = |name: Name| matches!(key, Key::Reseller(_)) || !matches!(name.key(), Key::Reseller(_));
        let is_shown = |name: Name, there: &Resource| {
            self.sight(op).same(name, there.life).is_some_and(|shown| shown.version >= there.version)
        };
        self.live.all().all(|(name, there)| !concerns(name) || is_shown(name, there))
    }

    /// A step that writes to the cluster alone.
    pub fn write(&mut self, op: Op, name: Name, unheard: Option<Unheard>) {
        let Some(pass) = self.pass(op, name).cloned() else { return };
        let (basis, stage) = (pass.basis.clone(), pass.stage.clone());
        match &*stage {
            Stage::Act(steps) => match steps.first() {
                Some(Step::Hold(..)) if self.fault == Some(Fault::NoHold) => {
                    self.on_pass(op, name, |pass| pass.record(steps, Ok(())));
                }
                Some(Step::Hold(..)) => match self.finalize(op, name, &basis) {
                    Ok(()) => self.on_pass(op, name, |pass| pass.stage = Known::new(Stage::Record(steps.clone()))),
                    Err(failure) => self.on_pass(op, name, |pass| pass.record(steps, Err(failure))),
                },
                Some(Step::Release(note)) => {
                    self.let_go(name, basis.life, pass, note.is_some());
                    self.on_pass(op, name, |pass| pass.record(steps, Ok(())));
                }
                _ => {}
            },
            Stage::Record(steps) => {
                let result = self.write_record(op, name, &basis, steps, unheard);
                self.on_pass(op, name, |pass| pass.record(steps, result));
            }
            Stage::Done(_) => self.finish(op, name, unheard),
            _ => {}
        }
    }

    /// `Operator::finalize`, and what becomes of the object that the resource stood for.
    fn let_go(&mut self, name: Name, life: u8, pass: Pass, is_told: bool) {
        let uid = name.uid(life);
        self.on_platform(|platform| {
            if is_told {
                platform.left_by.insert(uid.clone());
            }
            for (key, thing) in &mut platform.things {
                if came_later(&pass, key, thing) {
                    thing.owners.remove(&uid);
                }
            }
        });
        self.release(name, life);
    }

    fn write_record(
        &mut self,
        op: Op,
        name: Name,
        basis: &Basis,
        steps: &[Step],
        unheard: Option<Unheard>,
    ) -> Result<(), Failure> {
        let Some(Step::Hold(record, begun)) = steps.first() else { return Ok(()) };
        let status = holding(&basis.subject, record.clone(), begun, self.now());
        if unheard == Some(Unheard::NotTaken) {
            return Err(Failure::new(Cause::Cluster, "cannot write the status"));
        }
        let version = self.hold(op, name, basis, status.clone())?;
        if let Some(key) = Key::of(&record.key).filter(|_| record.sent.is_none()) {
            // What was there is taken over, if anybody hears of it.
            let owner = name.uid(basis.life);
            self.on_platform(|platform| {
                if let Some(thing) = platform.things.get_mut(&key) {
                    let whose = if unheard.is_none() { &mut thing.owners } else { &mut thing.doubtful };
                    whose.insert(owner);
                }
            });
        }
        self.doubt();
        if unheard.is_some() {
            return Err(Failure::new(Cause::Cluster, "cannot write the status"));
        }
        self.wrote(op, name, basis.life, version, status);
        Ok(())
    }

    /// `Operator::act` of a step that goes to the platform, until it is on its way: the claim (`Claim::guard`), then the fence.
    pub fn send(&mut self, op: Op, name: Name, is_slow: bool) {
        if is_slow {
            self.on_pass(op, name, |pass| pass.note(|truth| truth.age += LONG));
        }
        let Some(pass) = self.pass(op, name) else { return };
        let Stage::Act(steps) = (*pass.stage).clone() else { return };
        let Some(step) = steps.first() else { return };
        let is_trusted =
            self.fault == Some(Fault::NoClaim) && pass.facts.taken().iter().any(|(it, _)| it.is_platform_write());
        let holds = match self.op(op).has_claim || is_trusted {
            true => self.still_holds(op, name, pass, step),
            false => Err(Failure::new(Cause::NotLeader, "this operator does not hold the lease")),
        };
        let is_about_it = step.touches().contains(&Query::Object(name.key()));
        self.on_pass(op, name, |pass| match holds {
            Ok(()) => {
                pass.note(|truth| truth.unlooked |= is_about_it);
                pass.stage = Known::new(Stage::Call(steps));
            }
            Err(failure) => pass.record(&steps, Err(failure)),
        });
    }

    /// `Operator::still_holds`.
    fn still_holds(&self, op: Op, name: Name, pass: &Pass, step: &Step) -> Result<(), Failure> {
        let basis = &pass.basis;
        let mut now = self.sight(op).same(name, basis.life);
        if let Step::Delete(key, _, cleared) = step
            && self.fault != Some(Fault::StaleDelete)
        {
            let since = cleared.counted().as_secs();
            let agrees = pass.agreed.filter(|(began, _)| *began >= since).map(|(_, agrees)| agrees);
            if !agrees.unwrap_or_else(|| self.shows_all_that_concern(op, key)) {
                return Err(Failure::new(Cause::Cluster, "the watch does not show what is there"));
            }
            now = self.live.same(name, basis.life);
        }
        let is_same = now.is_some_and(|now| {
            let now = each!(&now.manifest(name), one => Subject::of(one));
            !now.is_due_after(&basis.subject)
        });
        if !is_same || self.cluster(op, &basis.object, &basis.subject) != pass.facts.cluster {
            return Err(Failure::superseded());
        }
        match step {
            Step::Delete(_, _, cleared) if cleared.is_old(Duration::from_secs(pass.age())) => {
                Err(Failure::new(Cause::HeldBack, "counted too long ago"))
            }
            _ => Ok(()),
        }
    }

    /// The platform carries out what is on its way, and its answer is heard.
    pub fn land(&mut self, op: Op, name: Name) {
        let Some(pass) = self.pass(op, name) else { return };
        let (Stage::Call(steps), uid) = ((*pass.stage).clone(), name.uid(pass.basis.life)) else { return };
        let Some(step) = steps.first() else { return };
        let mut result = Ok(());
        self.on_platform(|platform| result = platform.act(step, &uid));
        self.on_pass(op, name, |pass| pass.record(&steps, result));
    }

    /// Whoever sent it hears nothing of it, as the connection or the claim ended; it is on its way all the same.
    pub fn lose(&mut self, op: Op, name: Name) {
        let Some(pass) = self.pass(op, name) else { return };
        let (Stage::Call(steps), uid) = ((*pass.stage).clone(), name.uid(pass.basis.life)) else { return };
        let Some(step) = steps.first() else { return };
        self.adrift = Some(Known::new(Adrift { step: step.clone(), uid, was_looked_for: false }));
        let is_blind = self.fault == Some(Fault::BlindRetry) && matches!(step, Step::Create(..));
        self.on_pass(op, name, |pass| match is_blind {
            true => pass.stage = Known::new(Stage::Act(steps)),
            false => pass.record(&steps, Err(Failure::new(Cause::Ambiguous, "no answer"))),
        });
    }

    /// `driver::finish`.
    fn finish(&mut self, op: Op, name: Name, unheard: Option<Unheard>) {
        let Some(pass) = self.op_mut(op).passes.remove(&name) else { return };
        let Stage::Done(verdict) = &*pass.stage else { return };
        let (basis, now) = (&pass.basis, self.now());
        let memory = self.remembered(op, name, basis.life).memory.after(verdict, now);
        self.remember(op, name, basis.life, |remembered| remembered.memory = memory);
        let status = self.subject(op, name, basis.life, &basis.object).status;
        let current = Subject { status, ..basis.subject.clone() };
        let report = each!(&basis.object, one => {
            let key = one.key(&pass.facts.cluster).ok();
            let declaration = Declaration { key, ..Declaration::of(one, &pass.facts.cluster) };
            report(&current, &declaration, &pass.facts, usage(one), verdict, memory, now)
        });
        if let Some(status) = report.status {
            self.tell(op, name, basis.life, status, unheard);
        }
        if matches!(verdict, Verdict::Released) {
            self.op_mut(op).memories[name as usize] = Known::default();
        }
    }
}

impl Truth {
    fn learn(&mut self, query: &Query, answer: &Result<Answer, Failure>, is_new: bool) {
        match (query, answer) {
            (Query::Count(_, _, part), Ok(Answer::Count { items: 0, .. })) if is_new => {
                self.zeros.insert(*part, self.age);
            }
            (Query::Count(_, _, part), _) => _ = self.zeros.remove(part),
            (Query::Groups(_), Ok(Answer::Groups(groups))) => self.no_groups = groups.is_empty().then_some(self.age),
            (Query::Groups(_), _) => self.no_groups = None,
            _ => {}
        }
    }
}
