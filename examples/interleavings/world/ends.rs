//! How it ends when nothing disturbs any more: the operators begin anew, one leads, and makes pass after pass until nothing changes.
//! What is then there is what is declared, or the status says what is missing; and nothing is written any more.

use apio_operator::{
    api::{OwnershipState, Status},
    engine::ids::{Key, Object},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    Action, Fingerprint, Op, Operator, Stage, World,
    attributes::NOT_ATTRIBUTES,
    resources::{Name, RESELLER, Resource, fields},
    rules,
};

/// Rounds of passes until nothing changes, at most.
const ROUNDS: usize = 16;
/// Steps of one pass, at most.
const STEPS: usize = 64;
/// In so many rounds that change nothing everybody who waits for time has waited long enough.
const QUIET: usize = 2;

/// What the end follows from: all that a crash leaves.
pub fn core(world: &World) -> u128 {
    let mut all = begun_anew(world);
    (all.left, all.waits, all.at_once) = (0, 0, 1);
    Fingerprint::of(&all)
}

fn begun_anew(world: &World) -> World {
    let mut world = world.clone();
    world.operators = [Operator { has_claim: true, ..Operator::default() }, Operator::default()];
    // The rule that is left out was broken on the way, or not at all.
    (world.adrift, world.left, world.fault) = (None, 0, None);
    world.tidy();
    world
}

/// What is wrong with the end of a world, if something is.
pub fn broken(world: &World) -> Option<String> {
    match settled(world) {
        Ok(end) => Name::ALL.into_iter().find_map(|name| wrong(&end, name)).or_else(|| left_behind(&end)),
        Err(why) => Some(why),
    }
}

/// The world when nothing changes any more.
pub fn settled(world: &World) -> Result<World, String> {
    let mut world = begun_anew(world);
    let mut quiet = 0;
    for _ in 0..ROUNDS {
        if round(&mut world, |world, name| world.is_due(Op::A, name))? {
            quiet = 0;
        } else {
            quiet += 1;
        }
        world.waits += 1;
        // What is as it should be is looked at too, and then nothing happens.
        if quiet == QUIET && !round(&mut world, |_, _| true)? {
            return Ok(world);
        }
        quiet %= QUIET;
    }
    Err(format!("it comes to no rest: {:?}", world.platform.things))
}

/// A pass over each of these; whether something changed, or was sent.
fn round(world: &mut World, is_due: impl Fn(&World, Name) -> bool) -> Result<bool, String> {
    let before = (world.live.clone(), world.platform.clone());
    let mut has_sent = false;
    for name in Name::ALL {
        if is_due(world, name) {
            has_sent |= pass(world, name)?;
        }
    }
    Ok(has_sent || before != (world.live.clone(), world.platform.clone()))
}

/// One pass that nothing disturbs; whether it sent something to the platform.
fn pass(world: &mut World, name: Name) -> Result<bool, String> {
    let op = Op::A;
    let mut has_sent = false;
    let mut next = Action::Begins(op, name);
    for _ in 0..STEPS {
        let after = world.after(next);
        if let Some(why) = rules::broken(world, next, &after) {
            return Err(why);
        }
        *world = after;
        let Some(pass) = world.pass(op, name) else { return Ok(has_sent) };
        next = match &*pass.stage {
            Stage::Ask(_) => Action::Hears(op, name),
            Stage::Call(_) => Action::Lands(op, name),
            Stage::Act(steps) if steps.first().is_some_and(|step| step.is_platform_write()) => {
                has_sent = true;
                Action::Sends(op, name)
            }
            _ => Action::Writes(op, name),
        };
    }
    Err(format!("a pass over {name} finds no end"))
}

/// What is on the platform by a resource that is gone and did not say so.
fn left_behind(world: &World) -> Option<String> {
    let knows = |uid: &String| {
        let is_there = world.live.all().any(|(name, it)| name.uid(it.life) == *uid);
        is_there || world.platform.left_by.contains(uid)
    };
    let mut things = world.platform.things.iter();
    let (key, thing) = things.find(|(_, thing)| !thing.owners.is_empty() && !thing.owners.iter().any(knows))?;
    Some(format!("{key} of {:?} is left on the platform, and nobody said so", thing.owners))
}

fn condition<'a>(status: &'a Status, kind: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.type_ == kind)
}

/// What is wrong with a resource that nothing is done for any more.
fn wrong(world: &World, name: Name) -> Option<String> {
    let live = world.live.of(name)?;
    let end = End { world, name, live };
    let kind = if live.deleting { "DeletionBlocked" } else { "Ready" };
    let Some(said) = condition(&live.status, kind) else { return Some(format!("{name} does not say {kind}")) };
    let is_right = match live.deleting {
        true => said.status == "True" && end.is_blocked_by(&said.reason),
        false if said.status == "True" => end.is_as_declared(),
        false => end.is_kept_by(&said.reason),
    };
    let is_told = live.status.observed_generation == Some(live.generation) && !said.message.is_empty();
    (!is_right || !is_told)
        .then(|| format!("{name} ends with {kind}={} {}: {}", said.status, said.reason, said.message))
}

/// A resource at the end.
struct End<'a> {
    world: &'a World,
    name: Name,
    live: &'a Resource,
}

impl End<'_> {
    fn there(&self) -> Option<&super::platform::Thing> {
        self.world.platform.things.get(&self.name.key())
    }

    fn owns(&self) -> bool {
        let uid = self.name.uid(self.live.life);
        self.there().is_some_and(|thing| thing.owners.contains(&uid))
    }

    /// Whether another resource stands for the object, by its spec and before it is deleted.
    fn is_contested(&self) -> bool {
        let others = self.world.live.all().filter(|(name, _)| *name != self.name && name.key() == self.name.key());
        others.into_iter().any(|(name, it)| !it.deleting && !it.observes(name))
    }

    /// The platform holds what the spec declares, by a record; who only observes has compared.
    fn is_as_declared(&self) -> bool {
        let Some(thing) = self.there() else { return false };
        if self.live.observes(self.name) {
            return true;
        }
        let record = self.live.status.ownership.as_ref();
        let is_recorded =
            record.is_some_and(|it| Key::of(&it.key) == Some(self.name.key()) && it.state != OwnershipState::Pending);
        let is_same = |field: &str, value: &serde_json::Value| thing.fields.get(field) == Some(value);
        let declared: Object = fields(self.name, self.live.spec);
        let mut attributes = declared.iter().filter(|(field, _)| !NOT_ATTRIBUTES.contains(&field.as_str()));
        let is_its = thing.may_be_of(&self.name.uid(self.live.life));
        is_recorded && is_its && attributes.all(|(field, value)| is_same(field, value))
    }

    /// Whether what it waits for, or stops at, is really so.
    fn is_kept_by(&self, reason: &str) -> bool {
        let (world, things) = (self.world, &self.world.platform.things);
        let is_going = |name: Name| world.live.of(name).is_none_or(|it| it.deleting);
        match reason {
            "Paused" => self.live.paused,
            "NotOwned" => self.is_contested() || self.there().is_some() && !self.owns(),
            "NotFound" => self.live.observes(self.name) && self.there().is_none(),
            "WaitingForTenant" => !things.contains_key(&Name::Acme.key()) || is_going(Name::Acme),
            "WaitingForReseller" => !things.contains_key(&Name::Best.key()) || is_going(Name::Best),
            "ResellerNotFound" => !things.contains_key(&Key::Reseller(RESELLER.into())),
            _ => false,
        }
    }

    fn is_blocked_by(&self, reason: &str) -> bool {
        let holds = |name: &Name| self.world.live.of(*name).is_some_and(|it| it.status.ownership.is_some());
        let groups = [Name::Hq, Name::Rival, Name::Branch];
        match reason {
            "GroupNotEmpty" => self.there().is_some_and(|thing| thing.users > 0),
            "SettingsUnavailable" => self.world.live.settings.in_force().is_none(),
            "TenantInUse" => !self.world.platform.groups("Acme").is_empty() || groups.iter().any(holds),
            "ResellerInUse" => groups.iter().chain([&Name::Acme]).any(holds),
            "PlatformRefused" => self.world.platform.names(RESELLER),
            "NotTakenOver" => self.is_contested(),
            _ => false,
        }
    }
}
