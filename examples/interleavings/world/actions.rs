//! What can happen next.

use std::fmt;

use apio_operator::engine::{diff::differences, failure::Cause, kind::Subject, plan::Step};

use super::{
    Adrift, Op, Operator, Pass, Stage, World,
    operator::Unheard,
    portal::Hand,
    resources::{Name, Resource, Setting, each},
};

/// One step of anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    Begins(Op, Name),
    Hears(Op, Name),
    Writes(Op, Name),
    Sends(Op, Name),
    Lands(Op, Name),
    LandsLate,
    TakesLease(Op),
    Ends(Op),
    CatchesUp(Op),
    HearsNothing(Op, Name),
    HearsLate(Op, Name),
    SendsLate(Op, Name),
    LosesAnswer(Op, Name),
    WritesUnheard(Op, Name, Unheard),
    Crashes(Op),
    LosesLease(Op),
    FallsBehind(Op),
    Waits,
    Applies(Name),
    Edits(Name, usize),
    Deletes(Name),
    Orphans(Name),
    Pauses(Name),
    /// Which of the settings, in their order.
    Sets(usize),
    Portal(Name, Hand),
}

impl Action {
    /// Whether it disturbs: of these there are so many, and no more.
    pub fn disturbs(&self) -> bool {
        !matches!(
            self,
            Self::Begins(..)
                | Self::Hears(..)
                | Self::Writes(..)
                | Self::Sends(..)
                | Self::Lands(..)
                | Self::LandsLate
                | Self::TakesLease(_)
                | Self::Ends(_)
                | Self::CatchesUp(_)
        )
    }

    /// What is counted under one name.
    pub fn label(&self) -> String {
        let text = format!("{self:?}");
        let word = text.split('(').next().unwrap_or_default();
        match self {
            Self::Portal(_, hand) => format!("Portal {hand:?}"),
            Self::WritesUnheard(_, _, unheard) => format!("WritesUnheard {unheard:?}"),
            _ => word.to_owned(),
        }
    }

    /// Every label.
    pub fn labels() -> Vec<String> {
        use Action as It;
        let (op, name) = (Op::A, Name::Hq);
        let hands = [Hand::Renames, Hand::Notes, Hand::Fills, Hand::Removes, Hand::MakesSame, Hand::MakesOther];
        let steps = [It::Begins(op, name), It::Hears(op, name), It::Writes(op, name), It::Sends(op, name)];
        let more = [It::Lands(op, name), It::LandsLate, It::TakesLease(op), It::Ends(op), It::CatchesUp(op)];
        let lost = [It::HearsNothing(op, name), It::HearsLate(op, name), It::SendsLate(op, name)];
        let unheard = [Unheard::Taken, Unheard::NotTaken].map(|how| It::WritesUnheard(op, name, how));
        let deaths = [It::LosesAnswer(op, name), It::Crashes(op), It::LosesLease(op), It::FallsBehind(op), It::Waits];
        let users = [It::Applies(name), It::Edits(name, 0), It::Deletes(name), It::Orphans(name), It::Pauses(name)];
        let all = steps.into_iter().chain(more).chain(lost).chain(unheard).chain(deaths).chain(users);
        let all = all.chain([It::Sets(0)]).chain(hands.map(|hand| It::Portal(name, hand)));
        all.map(|action| action.label()).collect()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sets(at) => write!(f, "Sets({:?})", Setting::ALL[*at]),
            other => write!(f, "{other:?}"),
        }
    }
}

impl World {
    /// All that can happen now.
    pub fn actions(&self) -> Vec<Action> {
        let mut all = Vec::new();
        for op in Op::BOTH {
            self.of_operator(op, &mut all);
        }
        all.extend(self.adrift.iter().map(|_| Action::LandsLate));
        if self.left > 0 {
            self.of_people(&mut all);
        } else {
            all.retain(|action| !action.disturbs());
        }
        all
    }

    fn of_operator(&self, op: Op, all: &mut Vec<Action>) {
        let (operator, other) = (self.op(op), self.op(op.other()));
        for (name, pass) in &operator.passes {
            of_pass(op, *name, pass, all);
        }
        let under_way = operator.passes.len() + other.passes.len();
        if operator.has_claim && under_way < usize::from(self.at_once) {
            let due = self.players.iter().filter(|name| self.is_due(op, **name));
            all.extend(due.map(|name| Action::Begins(op, *name)));
        }
        // It is another's only when its holder was silent for so long that it ended itself (`Elector::keep`, `claim_of`).
        if !operator.has_claim && !other.has_claim && operator.passes.is_empty() && other.passes.is_empty() {
            all.push(Action::TakesLease(op));
        }
        if operator.behind.is_some() {
            all.push(Action::CatchesUp(op));
        }
        if !operator.has_claim && !operator.passes.is_empty() {
            all.push(Action::Ends(op));
        }
        if operator.has_claim {
            all.extend([Action::Crashes(op), Action::LosesLease(op)]);
            all.extend(operator.behind.is_none().then_some(Action::FallsBehind(op)));
        }
    }

    /// Whether a pass would find something to do or to tell. One that would not is not begun, although polls are.
    pub fn is_due(&self, op: Op, name: Name) -> bool {
        let Some(shown) = self.sight(op).of(name).filter(|_| self.pass(op, name).is_none()) else { return false };
        let subject = each!(&shown.manifest(name), one => Subject::of(one));
        let paused = subject.condition("Ready").is_some_and(|ready| ready.reason == "Paused");
        let drifted = || {
            let there = self.platform.things.get(&name.key()).map(|thing| &thing.fields);
            let seen = serde_json::to_value(&subject.status.observed).unwrap_or_default();
            let seen = seen.as_object();
            there.is_some() != seen.is_some()
                || there.zip(seen).is_some_and(|(there, seen)| !differences(there, seen).is_empty())
        };
        subject.is_unsettled()
            || paused != subject.paused
            || (!subject.held && !subject.observes())
            || self.remembered(op, name, shown.life).unwritten.is_some()
            || drifted()
    }

    fn of_people(&self, all: &mut Vec<Action>) {
        all.push(Action::Waits);
        let settings = Setting::ALL.iter().enumerate().filter(|(_, setting)| **setting != self.live.settings);
        all.extend(settings.map(|(at, _)| Action::Sets(at)));
        for name in self.players.iter().copied() {
            match self.live.of(name) {
                None => all.push(Action::Applies(name)),
                Some(there) => {
                    all.extend((0..name.specs()).filter(|spec| *spec != there.spec).map(|to| Action::Edits(name, to)));
                    all.extend([Action::Orphans(name), Action::Pauses(name)]);
                    all.extend((!there.deleting).then_some(Action::Deletes(name)));
                }
            }
            // The portal has no second hand for the object of a rival.
            if name != Name::Rival || !self.players.contains(&Name::Hq) {
                self.of_portal(name, all);
            }
        }
    }

    /// The world after something happened in it.
    pub fn after(&self, action: Action) -> Self {
        let mut world = self.clone();
        world.left -= u8::from(action.disturbs());
        match action {
            Action::Begins(op, name) => world.begin(op, name),
            Action::Hears(op, name) => world.answer(op, name, None, false),
            Action::HearsNothing(op, name) => world.answer(op, name, Some(Cause::TimedOut), false),
            Action::HearsLate(op, name) => world.answer(op, name, None, true),
            Action::Writes(op, name) => world.write(op, name, None),
            Action::WritesUnheard(op, name, how) => world.write(op, name, Some(how)),
            Action::Sends(op, name) => world.send(op, name, false),
            Action::SendsLate(op, name) => world.send(op, name, true),
            Action::Lands(op, name) => world.land(op, name),
            Action::LosesAnswer(op, name) => world.lose(op, name),
            Action::LandsLate => world.land_late(),
            Action::TakesLease(op) => *world.op_mut(op) = Operator { has_claim: true, ..Operator::default() },
            Action::Ends(op) => *world.op_mut(op) = Operator::default(),
            Action::Crashes(op) => world.crash(op),
            Action::LosesLease(op) => world.lose_lease(op),
            Action::FallsBehind(op) => {
                let seen = Some(Box::new(world.live.clone()));
                world.op_mut(op).behind = seen;
            }
            Action::CatchesUp(op) => world.op_mut(op).behind = None,
            Action::Waits => world.waits += 1,
            Action::Sets(at) => world.live.settings = Setting::ALL[at],
            Action::Portal(name, hand) => world.portal(name, hand),
            Action::Applies(name) => world.apply(name),
            Action::Edits(name, _) | Action::Deletes(name) | Action::Orphans(name) | Action::Pauses(name) => {
                world.edit(name, action);
            }
        }
        world.tidy();
        world
    }

    /// Nobody hears what it comes to. Who looked for it in vain goes on without it: what it creates then is nobody's, as the
    /// platform knows no conditions by which it would be refused.
    fn land_late(&mut self) {
        let Some(adrift) = self.adrift.take() else { return };
        let Adrift { step, uid, was_looked_for } = &*adrift;
        self.on_platform(|platform| {
            let has_created = platform.act(step, uid).is_ok();
            if let Step::Create(key, _) = step
                && let Some(thing) = platform.things.get_mut(key).filter(|_| has_created && *was_looked_for)
                && thing.owners.remove(uid)
            {
                thing.doubtful.insert(uid.clone());
            }
        });
    }

    /// The process ends where it is; what it sent is on its way.
    fn crash(&mut self, op: Op) {
        self.cut_off(op);
        *self.op_mut(op) = Operator::default();
    }

    /// The claim ends: what is on its way is cut off (`Claim::guard`), and the passes go on for a moment, until the process ends.
    fn lose_lease(&mut self, op: Op) {
        self.op_mut(op).has_claim = false;
        self.cut_off(op);
        if self.op(op).passes.is_empty() {
            *self.op_mut(op) = Operator::default();
        }
    }

    fn cut_off(&mut self, op: Op) {
        let calls = self.op(op).passes.iter().filter(|(_, pass)| matches!(&*pass.stage, Stage::Call(_)));
        for name in calls.map(|(name, _)| *name).collect::<Vec<_>>() {
            self.lose(op, name);
        }
    }

    pub fn apply(&mut self, name: Name) {
        let life = &mut self.lives[name as usize];
        *life += 1;
        let resource = Resource::new(*life, 0);
        *self.live.of_mut(name) = Some(resource);
    }

    fn edit(&mut self, name: Name, action: Action) {
        let slot = self.live.of_mut(name);
        let Some(there) = slot else { return };
        there.version += 1;
        match action {
            Action::Edits(_, to) => (there.spec, there.generation) = (to, there.generation + 1),
            Action::Orphans(_) => there.orphan = !there.orphan,
            Action::Pauses(_) => there.paused = !there.paused,
            _ if !there.held => *slot = None,
            _ => (there.deleting, there.generation) = (true, there.generation + 1),
        }
    }
}

fn of_pass(op: Op, name: Name, pass: &Pass, all: &mut Vec<Action>) {
    let unheard = [Unheard::Taken, Unheard::NotTaken].map(|how| Action::WritesUnheard(op, name, how));
    match &*pass.stage {
        Stage::Ask(_) => {
            all.extend([Action::Hears(op, name), Action::HearsNothing(op, name)]);
            all.extend(pass.basis.subject.deleting.then_some(Action::HearsLate(op, name)));
        }
        Stage::Act(steps) if steps.first().is_some_and(Step::is_platform_write) => {
            all.push(Action::Sends(op, name));
            all.extend(matches!(steps.first(), Some(Step::Delete(..))).then_some(Action::SendsLate(op, name)));
        }
        Stage::Act(_) => all.push(Action::Writes(op, name)),
        Stage::Record(_) | Stage::Done(_) => {
            all.push(Action::Writes(op, name));
            all.extend(unheard);
        }
        Stage::Call(_) => all.extend([Action::Lands(op, name), Action::LosesAnswer(op, name)]),
    }
}
