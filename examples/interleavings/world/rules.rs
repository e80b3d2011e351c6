//! What must hold at every step, by what is really there, whatever the operator believes.

use apio_operator::engine::{
    check_group::{FRESH, Part},
    facts::{Answer, Query},
    ids::{Key, Object},
    plan::Step,
};
use serde_json::{Value, json};

use super::{
    Action, Op, Pass, Stage, World,
    pass::ROUNDS,
    platform::{OPTIONS, Thing},
    resources::{Name, RESELLER, fields},
};

/// What an action broke.
pub fn broken(before: &World, action: Action, after: &World) -> Option<String> {
    match action {
        Action::Sends(op, name) | Action::SendsLate(op, name) => {
            let pass = after.pass(op, name)?;
            let Stage::Call(steps) = &*pass.stage else { return None };
            sent(&Sending { world: before, op, name, pass }, steps.first()?)
        }
        Action::Writes(op, name) => {
            let pass = before.pass(op, name)?;
            match &*pass.stage {
                Stage::Act(steps) => released(before, name, pass, steps.first()?),
                _ => None,
            }
        }
        Action::Hears(op, name) if after.pass(op, name)?.rounds > ROUNDS => Some("a pass finds no end".to_owned()),
        _ => None,
    }
}

/// A write on its way to the platform, and the world that it leaves.
struct Sending<'a> {
    world: &'a World,
    op: Op,
    name: Name,
    pass: &'a Pass,
}

fn sent(sending: &Sending<'_>, step: &Step) -> Option<String> {
    let told = match step {
        _ if !sending.world.op(sending.op).has_claim => Some("it does not hold the lease".to_owned()),
        Step::Create(key, body) => sending.creation(key).or_else(|| sending.undeclared(key, body)),
        Step::Update(key, body) => sending.change(key).or_else(|| sending.undeclared(key, body)),
        Step::Delete(key, ..) => sending.deletion(key),
        Step::CreateReseller(_) | Step::CreateDomain(_) | Step::AssignDomain(..) => sending.on_the_way(step),
        Step::Hold(..) | Step::Release(_) => Some("it is no step for the platform".to_owned()),
    };
    told.map(|why| format!("{:?} sends \"{step}\" for {}, and {why}", sending.op, sending.name))
}

impl Sending<'_> {
    fn uid(&self) -> String {
        self.name.uid(self.pass.basis.life)
    }

    /// Whether the API server has the record of an object, and the finalizer.
    fn is_recorded(&self, key: &Key) -> bool {
        let live = self.world.live.same(self.name, self.pass.basis.life).filter(|live| live.held);
        let record = live.and_then(|live| live.status.ownership.as_ref()).and_then(|record| Key::of(&record.key));
        record.as_ref() == Some(key)
    }

    fn owns(&self, key: &Key) -> bool {
        self.world.platform.things.get(key).is_none_or(|thing| thing.may_be_of(&self.uid()))
    }

    /// Nothing is created twice, and nothing without its record.
    fn creation(&self, key: &Key) -> Option<String> {
        let absent = Some(&Ok(Answer::Object(None)));
        let before = self.world.pass(self.op, self.name).is_some_and(|pass| pass.truth.unlooked);
        match () {
            () if !self.is_recorded(key) => Some("the API server has no record of it".to_owned()),
            () if before || self.pass.facts.answer(&Query::Object(key.clone())) != absent => {
                Some("nobody looked whether it is there since something was sent about it".to_owned())
            }
            () => None,
        }
    }

    /// Nothing is changed that is not its own.
    fn change(&self, key: &Key) -> Option<String> {
        match () {
            () if !self.is_recorded(key) => Some("the API server has no record of it".to_owned()),
            () if !self.owns(key) => Some("it is somebody else's".to_owned()),
            () => None,
        }
    }

    /// Nothing is written that no spec of the resource declares, or declared once.
    fn undeclared(&self, key: &Key, body: &Object) -> Option<String> {
        let specs: Vec<_> = (0..self.name.specs()).map(|spec| fields(self.name, spec)).collect();
        let is_name = |field: &str, value: &Value| {
            matches!(key, Key::Reseller(_)) && field == "name" && *value == json!(RESELLER)
        };
        let is_declared = |field: &String, value: &Value| {
            OPTIONS.contains(&field.as_str())
                || is_name(field, value)
                || specs.iter().any(|spec| spec.get(field) == Some(value))
        };
        let odd = body.iter().find(|(field, value)| !is_declared(field, value));
        odd.map(|(field, value)| format!("{field}: {value} is declared by no spec"))
    }

    fn on_the_way(&self, step: &Step) -> Option<String> {
        let live = self.world.live.same(self.name, self.pass.basis.life);
        let begun = live.and_then(|live| live.status.auto_creating.clone()).unwrap_or_default();
        let (recorded, field, value) = match step {
            Step::CreateReseller(name) => (begun.resellers.contains(name), "resellerId", name),
            Step::CreateDomain(domain) => (begun.system_domains.contains(domain), "defaultDomain", domain),
            Step::AssignDomain(_, domain) => {
                // For an existing group it is no more than a part of the update.
                let is_group = !begun.tenant_domains.contains(domain) && self.owns(&self.name.key());
                (begun.tenant_domains.contains(domain) || is_group, "defaultDomain", domain)
            }
            _ => return None,
        };
        let declared = (0..self.name.specs()).any(|spec| fields(self.name, spec).get(field) == Some(&json!(value)));
        let settings = self.world.sight(self.op).settings.in_force();
        let forbidden = field == "resellerId" && !settings.is_some_and(|settings| settings.reseller);
        match () {
            () if !declared => Some("no spec declares it".to_owned()),
            () if !recorded => Some("the API server has no record of it".to_owned()),
            () if forbidden => Some("the settings forbid it".to_owned()),
            () => None,
        }
    }

    /// Nothing is deleted that is not its own, that somebody else stands for or needs, or that is not wanted gone; and nothing
    /// without zeros that were counted right before.
    fn deletion(&self, key: &Key) -> Option<String> {
        let Some(live) = self.world.live.same(self.name, self.pass.basis.life) else {
            return Some("the resource is gone".to_owned());
        };
        let truth = &self.pass.truth;
        let is_there = |uid: &String, claims: bool| {
            let mut all = self.world.live.all();
            all.any(|(name, it)| name.uid(it.life) == *uid && (!claims || !it.deleting && !it.observes(name)))
        };
        let needed = |uid: &String| {
            let mut all = self.world.live.all();
            is_there(uid, false) && all.any(|(name, it)| name.uid(it.life) == *uid && it.status.ownership.is_some())
        };
        match () {
            () if !live.deleting => Some("the resource is not being deleted".to_owned()),
            () if live.orphan => Some("an annotation says to leave it".to_owned()),
            () if fields(self.name, live.spec).get("deletionPolicy") == Some(&json!("Orphan")) => {
                Some("its policy says to leave it".to_owned())
            }
            () if live.observes(self.name) => Some("it observes only".to_owned()),
            () if !self.is_recorded(key) => Some("the API server has no record of it".to_owned()),
            () if !self.owns(key) => Some("it is somebody else's".to_owned()),
            () if truth.claimants.iter().any(|uid| is_there(uid, true)) => {
                Some("another resource stood for it when it was counted, and still does".to_owned())
            }
            () if truth.children.iter().any(needed) => {
                Some("another resource needed it when it was counted, and still does".to_owned())
            }
            () => self.uncounted(key),
        }
    }

    fn uncounted(&self, key: &Key) -> Option<String> {
        let (truth, age) = (&self.pass.truth, self.pass.age());
        let is_fresh = |counted: &u64| age - counted <= FRESH.as_secs();
        match key {
            Key::Reseller(_) => None,
            Key::Tenant(_) => (!truth.no_groups.as_ref().is_some_and(is_fresh))
                .then(|| "its groups were not counted in this pass".to_owned()),
            Key::Group(..) => {
                let Some(checks) = self.world.live.settings.in_force().map(|settings| settings.checks) else {
                    return Some("there are no settings".to_owned());
                };
                let mut needed = vec![(Part::Users, checks.users || checks.trunk_users)];
                needed.push((Part::TrunkGroups, checks.trunk_groups));
                needed
                    .extend([Part::Ivrs, Part::CallCenters, Part::HuntGroups].map(|part| (part, checks.service_users)));
                let missing =
                    needed.iter().find(|(part, is_on)| *is_on && !truth.zeros.get(part).is_some_and(is_fresh));
                missing.map(|(part, _)| format!("no zero {} were counted in this pass", part.name()))
            }
        }
    }
}

/// A resource that lets go of its object says so.
fn released(world: &World, name: Name, pass: &Pass, step: &Step) -> Option<String> {
    let Step::Release(None) = step else { return None };
    let uid = name.uid(pass.basis.life);
    let mut owned = world
        .platform
        .things
        .iter()
        .filter(|(key, thing)| thing.owners.contains(&uid) && !came_later(pass, key, thing));
    owned.next().map(|(key, _)| format!("{name} goes without a word while its {key} is on the platform"))
}

/// Whether the portal created an object after the last look of a pass, which said that there is none.
pub fn came_later(pass: &Pass, key: &Key, thing: &Thing) -> bool {
    thing.by_hand && matches!(pass.facts.answer(&Query::Object(key.clone())), Some(Ok(Answer::Object(None))))
}
