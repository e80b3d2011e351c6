//! A small world: five resources, a platform, and two operators of one release that take turns at one lease. What an operator
//! decides comes from the engine itself: `plan`, `report`, `holding`, the record, the claims, the neighbours. What its driver does
//! around that is told here as thinly as it can be, each rule with the name of the function in `src/controller` that it mirrors.
//!
//! A state is everything that anybody knows at one moment. What happens next is one of [`Action`]; those that disturb are counted,
//! so that the world is finite: all that can happen with so many disturbances, and nothing else, is searched.

pub mod actions;
#[path = "../../storms/attributes.rs"]
mod attributes;
mod cluster;
pub mod ends;
mod known;
mod operator;
mod pass;
pub mod platform;
pub mod portal;
pub mod resources;
pub mod roots;
pub mod rules;

use std::collections::{BTreeMap, BTreeSet};

use apio_operator::{
    api::Status,
    engine::{
        check_group::Part,
        facts::{Answer, Facts, Query},
        kind::Subject,
        plan::{Step, Verdict},
        report::Memory,
    },
};
use k8s_openapi::jiff::Timestamp;

pub use actions::Action;
pub use known::{Fingerprint, Known};
use platform::Platform;
use resources::{Manifest, Name, Resource, Setting};

/// Address of the platform.
pub const PLATFORM: &str = "https://apio.test";

/// What a watch shows, or the API server has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sight {
    pub resources: [Option<Resource>; Name::ALL.len()],
    pub settings: Setting,
}

impl Sight {
    pub fn of(&self, name: Name) -> Option<&Resource> {
        self.resources[name as usize].as_ref()
    }

    /// A resource, if it is still this one.
    pub fn same(&self, name: Name, life: u8) -> Option<&Resource> {
        self.of(name).filter(|resource| resource.life == life)
    }

    pub fn of_mut(&mut self, name: Name) -> &mut Option<Resource> {
        &mut self.resources[name as usize]
    }

    pub fn all(&self) -> impl Iterator<Item = (Name, &Resource)> {
        Name::ALL.into_iter().filter_map(|name| Some((name, self.of(name)?)))
    }
}

/// Which of the two operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    A,
    B,
}

impl Op {
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// An operator: one process at a time.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Operator {
    /// Whether it may write to the platform.
    pub has_claim: bool,
    /// What its watches show, while that is not what is there.
    pub behind: Option<Box<Sight>>,
    /// What it remembers of each resource.
    pub memories: [Known<Remembered>; Name::ALL.len()],
    /// Its passes that are under way.
    pub passes: BTreeMap<Name, Pass>,
}

/// What an operator remembers of a resource (`controller::Remembered`).
#[derive(Clone, Debug, Default)]
pub struct Remembered {
    /// Which one of its name.
    pub life: u8,
    pub memory: Memory,
    pub written: Option<(u64, Status)>,
    pub touched: Option<u64>,
    pub unwritten: Option<Status>,
    /// Only with [`Fault::OldCount`].
    pub counts: BTreeMap<Query, Answer>,
}

/// A pass of an operator over a resource.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pass {
    pub basis: Known<Basis>,
    pub facts: Known<Facts>,
    pub stage: Known<Stage>,
    pub rounds: u8,
    /// When it was last seen that the watches show everything, in seconds of the pass, and whether they did.
    pub agreed: Option<(u64, bool)>,
    /// What the model alone knows of it.
    pub truth: Known<Truth>,
}

/// What a pass began with.
#[derive(Clone, Debug)]
pub struct Basis {
    pub life: u8,
    pub object: Manifest,
    pub subject: Subject,
}

/// What a pass is about to do.
#[derive(Clone, Debug)]
pub enum Stage {
    Ask(Vec<Query>),
    /// The first of these steps.
    Act(Vec<Step>),
    /// The finalizer is on; the record of the first of these steps comes next.
    Record(Vec<Step>),
    /// The first of these steps is on its way to the platform.
    Call(Vec<Step>),
    Done(Verdict),
}

/// What really happened in a pass, whatever its facts say.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// Of what the platform answered that there is none, and in which second of the pass.
    pub zeros: BTreeMap<Part, u64>,
    pub no_groups: Option<u64>,
    /// Who else stood for the object when it was last asked about, and who needed it.
    pub claimants: BTreeSet<String>,
    pub children: BTreeSet<String>,
    /// Whether something was sent about the object since it was last looked at.
    pub unlooked: bool,
    pub age: u64,
}

/// A call whose sender heard nothing.
#[derive(Clone, Debug)]
pub struct Adrift {
    pub step: Step,
    /// The resource that it is for.
    pub uid: String,
    /// Whether somebody looked since whether it was carried out.
    pub was_looked_for: bool,
}

/// A rule of the driver that is left out, to see that the search finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A creation is begun without its record.
    NoHold,
    /// What an earlier pass counted is counted on.
    OldCount,
    /// After a call the claim is not looked at again.
    NoClaim,
    /// A deletion goes by what the watches show.
    StaleDelete,
    /// A creation without an answer is sent again.
    BlindRetry,
}

impl Fault {
    pub const ALL: [Self; 5] = [Self::NoHold, Self::OldCount, Self::NoClaim, Self::StaleDelete, Self::BlindRetry];
}

/// Everything that anybody knows at one moment.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub live: Sight,
    pub platform: Known<Platform>,
    pub operators: [Operator; 2],
    /// A call whose sender heard nothing. It may still be carried out, at any time or never.
    pub adrift: Option<Known<Adrift>>,
    /// How many resources each name had.
    pub lives: [u8; Name::ALL.len()],
    /// How many more disturbances there are.
    pub left: u8,
    /// How many passes may be under way at once.
    pub at_once: u8,
    /// How often those waited that wait for time.
    pub waits: u8,
    /// The names that users and the portal may touch.
    pub players: Vec<Name>,
    pub fault: Option<Fault>,
}

impl World {
    pub fn op(&self, op: Op) -> &Operator {
        &self.operators[op as usize]
    }

    pub fn op_mut(&mut self, op: Op) -> &mut Operator {
        &mut self.operators[op as usize]
    }

    /// What the watches of an operator show.
    pub fn sight(&self, op: Op) -> &Sight {
        self.op(op).behind.as_deref().unwrap_or(&self.live)
    }

    pub fn pass(&self, op: Op, name: Name) -> Option<&Pass> {
        self.op(op).passes.get(&name)
    }

    /// The time of day: each wait is longer than anybody waits for something to show.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_second(i64::from(self.waits) * 3600).unwrap_or_default()
    }

    pub fn on_platform(&mut self, change: impl FnOnce(&mut Platform)) {
        let mut platform = (*self.platform).clone();
        change(&mut platform);
        self.platform = Known::new(platform);
    }

    /// What concerns nobody any more is forgotten, so that what is alike is one state: memories that the watches caught up with
    /// (`Memories::shown`), and the numbers of versions that nobody compares with.
    pub fn tidy(&mut self) {
        for op in Op::BOTH {
            for name in Name::ALL {
                self.tidy_memory(op, name);
            }
        }
        for name in Name::ALL {
            let is_known = |op: &Operator| op.behind.is_some() || op.passes.contains_key(&name);
            if !self.operators.iter().any(is_known)
                && let Some(resource) = self.live.of_mut(name)
            {
                resource.version = 1;
            }
        }
    }

    fn tidy_memory(&mut self, op: Op, name: Name) {
        let (memory, running) = (&self.op(op).memories[name as usize], self.pass(op, name).is_some());
        if memory.life == 0 || running {
            return;
        }
        let Some(shown) = self.sight(op).same(name, memory.life).map(|resource| resource.version) else {
            self.op_mut(op).memories[name as usize] = Known::default();
            return;
        };
        let is_old = |version: u64| version <= shown;
        let mut now = (**memory).clone();
        now.touched = now.touched.filter(|version| !is_old(*version));
        now.written = now.written.filter(|(version, _)| !is_old(*version));
        self.op_mut(op).memories[name as usize] = Known::new(now);
    }
}
