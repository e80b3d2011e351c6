//! One thing that goes wrong, or changes, while everything is at rest; and how soon all has to be settled after it. These times
//! are those that the operator promises, with what a pass takes.

use std::time::Duration;

use kube::api::DynamicObject;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    actions::{Action, PAUSED, Random, applied, list_of_another_shape},
    contents::Content,
    ground::Ground,
    resources,
    round::{Broken, Round},
    targets::{Extent, Id, Target},
};

/// A pass, with all that it asks and waits for.
const PASS: Duration = Duration::from_secs(12);
/// Longest time between two probes of a platform that is away; somebody better placed is waited for as long again.
const PROBES: Duration = Duration::from_secs(60);
/// Longest time between two tries of what failed, with its jitter.
const LAST_RETRY: Duration = Duration::from_secs(144);
/// Longer than a count lasts.
const LATE: Duration = Duration::from_secs(4);
/// Of a call to a platform that is slow, and answers in time.
const SLOW: Duration = Duration::from_millis(1400);
/// Longest time between two counts of a deletion that is blocked, with its jitter.
const COUNTS: Duration = Duration::from_secs(360);
/// The longest that anything takes in a trial.
const DAY: u64 = 24 * 60 * 60;

/// What is tried.
#[derive(Clone, Debug)]
pub enum Trial {
    /// The platform is away for so long, and somebody applies something meanwhile.
    Outage(Duration, Vec<Action>),
    /// It refuses the password for so long.
    Refusal(Duration, Vec<Action>),
    /// The watches break off for so long, and what happened meanwhile is no longer told.
    Blindness(Duration, Vec<Action>),
    /// The clock of the day jumps by so many seconds.
    Jump(i64, Vec<Action>),
    /// Somebody edits a group in the portal.
    Edit(Target),
    /// Somebody deletes a group that holds something, and takes that out after so long; a list of it, drawn from that seed, may
    /// have another shape.
    Emptied(Target, Content, Duration, Option<u64>),
    /// Every call to the API server takes longer than a count lasts, and somebody deletes a group.
    Late(Target),
    /// Somebody applies something, and something else while the platform is still asked for the first.
    Regret(Action, Action),
    /// Somebody pauses a resource, and applies it or deletes it.
    Pause(Action),
}

impl Trial {
    /// The next one of a round.
    pub fn next(random: &mut Random, extent: Extent) -> Self {
        let all = Target::all(extent);
        let groups: Vec<_> = all.iter().filter(|target| target.kind == "Group").cloned().collect();
        let time = Duration::from_secs(match random.below(32) {
            0 => random.below(DAY),
            1..8 => random.below(1200),
            _ => random.below(120),
        });
        let change = |random: &mut Random| {
            let target = random.pick(&all);
            if random.below(4) == 0 { Action::Delete(target) } else { applied(random, target) }
        };
        let changes = |random: &mut Random| (0..1 + random.below(3)).map(|_| change(random)).collect();
        match random.below(18) {
            0..2 => Self::Outage(time, changes(random)),
            2..4 => Self::Refusal(time, changes(random)),
            4..6 => Self::Blindness(time, changes(random)),
            6 => Self::Jump(random.below(2 * DAY) as i64 - DAY as i64, changes(random)),
            7..10 => Self::Edit(random.pick(&groups)),
            10..12 => {
                let shape = Some(random.below(1000)).filter(|shape| shape % 2 == 0);
                Self::Emptied(random.pick(&groups), random.pick(&Content::ALL), time, shape)
            }
            12..14 => Self::Late(random.pick(&groups)),
            14..16 => {
                let target = random.pick(&all);
                Self::Regret(applied(random, target.clone()), applied(random, target))
            }
            _ => Self::Pause(change(random)),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Outage(..) => "after an outage",
            Self::Refusal(..) => "after refused logins",
            Self::Blindness(..) => "after broken watches",
            Self::Jump(..) => "after a jump of the clock",
            Self::Edit(_) => "after an edit in the portal",
            Self::Emptied(..) => "of a group that held something",
            Self::Late(_) => "after a slow API server",
            Self::Regret(..) => "after a change of mind",
            Self::Pause(_) => "of what was paused",
        }
    }
}

impl<G: Ground> Round<G> {
    /// Tries something, and says what is wrong afterwards.
    pub(super) async fn tries(&mut self, trial: &Trial) -> Result<(), Vec<String>> {
        let deaths = self.deaths;
        match trial {
            Trial::Outage(time, changes) => {
                self.platform.stop().await;
                self.changes(changes, *time).await;
                self.resume_platform().await;
                self.settles(PROBES + PASS).await?;
            }
            Trial::Refusal(time, changes) => {
                self.act(&Action::RefuseLogins).await;
                self.changes(changes, *time).await;
                self.let_in().await;
                self.settles(PASS).await?;
            }
            Trial::Blindness(time, changes) => {
                self.ground.cover_eyes(true);
                self.changes(changes, *time).await;
                self.ground.cover_eyes(false);
                self.settles(PASS).await?;
            }
            Trial::Jump(seconds, changes) => {
                self.ground.jump(*seconds);
                self.changes(changes, Duration::ZERO).await;
                self.settles(PASS).await?;
            }
            Trial::Edit(target) => self.is_edited(target).await?,
            Trial::Emptied(target, content, time, shape) => {
                let Some((target, _)) = self.ready(target).await else { return Ok(()) };
                let fault = shape.map(|shape| list_of_another_shape(&mut Random(shape), &target));
                // A list that was not understood is counted again like one that shows something.
                let limit = if fault.is_some() { COUNTS } else { Duration::ZERO };
                fault.into_iter().for_each(|fault| self.platform.inject(fault));
                self.is_protected(&target, *content, limit + PASS).await?;
                // Each look for drift costs as much as anything else that happens.
                sleep((*time).min(self.extent.drift * 20)).await;
                self.rests(None, Duration::ZERO).await?;
                self.act(&Action::Empty(target)).await;
                self.rests(None, COUNTS + PASS).await?;
                self.platform.clear_faults();
            }
            Trial::Late(target) => {
                let Some((target, _)) = self.ready(target).await else { return Ok(()) };
                self.ground.slow(LATE);
                self.act(&Action::Delete(target)).await;
                sleep(LATE * 10).await;
                self.ground.slow(Duration::ZERO);
                self.settles(LAST_RETRY + PASS).await?;
            }
            Trial::Regret(one, other) => {
                self.platform.set_latency(SLOW);
                self.act(one).await;
                sleep(SLOW / 2).await;
                self.act(other).await;
                sleep(SLOW * 4).await;
                self.platform.set_latency(Duration::ZERO);
                self.settles(LAST_RETRY + PASS).await?;
            }
            Trial::Pause(change) => self.is_paused(change).await?,
        }
        self.is_alive()?;
        // A lease that cannot be renewed in time ends its holder.
        if self.deaths > deaths && !matches!(trial, Trial::Late(_)) {
            return Err(vec!["an operator ended by itself".to_owned()]);
        }
        let wrong = self.edits.wrong(&self.platform.journal(), &self.mandates, self.ground.grace());
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// Waits until everything has come to rest, which the deletion of a reseller may do later: what refers to it on the platform
    /// has no watch.
    async fn settles(&mut self, limit: Duration) -> Result<(), Vec<String>> {
        let is_counted =
            |wrong: &String| wrong.starts_with("Reseller") && wrong.contains("\"reason\":\"PlatformRefused\"");
        match self.rests(None, limit).await {
            Err(wrong) if wrong.iter().all(is_counted) => self.rests(None, COUNTS).await,
            settled => settled,
        }
    }

    async fn changes(&mut self, changes: &[Action], time: Duration) {
        for change in changes {
            sleep(time / (changes.len() as u32 + 1)).await;
            self.act(change).await;
        }
        sleep(time / (changes.len() as u32 + 1)).await;
    }

    /// A group that is Ready, and that people do not keep users in for ever: this one if it is, else another one.
    async fn ready(&self, first: &Target) -> Option<(Target, DynamicObject)> {
        let mut resources = self.resources().await;
        resources.retain(|target, object| target.kind == "Group" && !target.is_old() && resources::is_ready(object));
        let found = resources.keys().find(|target| *target == first).or(resources.keys().next())?.clone();
        resources.remove_entry(&found)
    }

    /// What is corrected is, at the next look for drift; what is only reported stays.
    async fn is_edited(&mut self, target: &Target) -> Result<(), Vec<String>> {
        let Some((target, object)) = self.ready(target).await else { return Ok(()) };
        self.act(&Action::Portal(target.clone(), "9".to_owned())).await;
        let look = self.extent.drift.mul_f64(1.2);
        self.settles(look + PASS).await?;
        if object.data["spec"]["driftPolicy"] == "Report" {
            sleep(look + PASS).await;
            let Id::Group(tenant, group) = target.id() else { return Ok(()) };
            let name = self.platform.edit(|state| Some(state.group(&tenant, &group)?.attributes["groupName"].clone()));
            if name != Some(json!("Portal 9")) {
                return Err(vec![format!("{target} was to report only, and the portal's name became {name:?}")]);
            }
        }
        Ok(())
    }

    /// What is deleted while it holds something that forbids that stays.
    async fn is_protected(&mut self, target: &Target, content: Content, limit: Duration) -> Result<(), Vec<String>> {
        self.act(&Action::Fill(target.clone(), content)).await;
        self.act(&Action::Delete(target.clone())).await;
        self.settles(limit).await?;
        let Id::Group(tenant, group) = target.id() else { return Ok(()) };
        let is_left = self.platform.edit(|state| state.group(&tenant, &group).is_some());
        if content.is_checked(self.settings) && !is_left {
            return Err(vec![format!("{target} was deleted with a {content:?}")]);
        }
        Ok(())
    }

    /// What is paused is left alone until it goes on; but a deletion goes on all the same.
    async fn is_paused(&mut self, change: &Action) -> Result<(), Vec<String>> {
        let (Action::Apply(target, _) | Action::Delete(target)) = change else { return Ok(()) };
        let there = self.resources().await.remove(target);
        if there.is_none_or(|object| object.metadata.deletion_timestamp.is_some()) {
            return Ok(());
        }
        self.annotate(target, PAUSED, json!("true")).await;
        sleep(PASS).await;
        if matches!(change, Action::Delete(_)) {
            self.act(change).await;
            return self.settles(PASS).await;
        }
        // Nobody asks for a write meanwhile, as the mandates know.
        self.act(change).await;
        sleep(self.extent.drift * 2).await;
        self.annotate(target, PAUSED, Value::Null).await;
        self.settles(PASS).await
    }

    /// What is tried at the end of a round.
    pub(super) async fn trials(&mut self, seed: u64, done: &mut Vec<String>) -> Result<(), Broken> {
        // Another sequence than that of the storms.
        let mut random = Random(seed.rotate_left(32));
        for _ in 0..self.extent.trials {
            let trial = Trial::next(&mut random, self.extent);
            done.push(format!("-- {trial:?}"));
            self.tries(&trial).await.map_err(|problems| Broken {
                done: done.join("\n"),
                problems: problems.into_iter().map(|problem| format!("{}: {problem}", trial.name())).collect(),
            })?;
        }
        Ok(())
    }
}
