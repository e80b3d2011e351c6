//! Where the search begins.

use super::{
    Fault, Known, Op, Operator, Sight, World, ends,
    portal::Hand,
    resources::{Name, Setting},
};

/// A beginning, and how much may happen from there.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Disturbances, one after the other.
    pub disturbances: u8,
    /// Passes at once.
    pub at_once: u8,
}

/// A cluster and a platform with nothing in them; an operator leads.
pub fn empty(players: &[Name], bounds: Bounds) -> World {
    let live = Sight { resources: Default::default(), settings: Setting::Checks };
    let mut world = World {
        live,
        platform: Known::default(),
        operators: Default::default(),
        adrift: None,
        lives: Default::default(),
        left: bounds.disturbances,
        at_once: bounds.at_once,
        waits: 0,
        players: players.to_vec(),
        fault: None,
    };
    *world.op_mut(Op::A) = Operator { has_claim: true, ..Operator::default() };
    world
}

/// All of them applied, nothing on the platform.
pub fn applied(players: &[Name], bounds: Bounds) -> World {
    let mut world = empty(players, bounds);
    players.iter().for_each(|name| world.apply(*name));
    world
}

/// The same when all is as declared.
///
/// # Errors
/// When it does not get there.
pub fn settled(players: &[Name], bounds: Bounds) -> Result<World, String> {
    let mut world = ends::settled(&applied(players, bounds))?;
    (world.left, world.waits) = (bounds.disturbances, 0);
    Ok(world)
}

/// A group in the portal's tenant, that is empty, and whose resource is being deleted.
///
/// # Errors
/// When it does not get there.
pub fn deleting(name: Name, bounds: Bounds) -> Result<World, String> {
    let mut world = settled(&[Name::Acme, name], bounds)?;
    if let Some(resource) = world.live.of_mut(name) {
        (resource.deleting, resource.generation) = (true, resource.generation + 1);
    }
    Ok(world)
}

/// A group that is about to be created in a tenant that is there.
///
/// # Errors
/// When it does not get there.
pub fn creating(name: Name, bounds: Bounds) -> Result<World, String> {
    let mut world = settled(&[Name::Acme], bounds)?;
    world.players.push(name);
    world.apply(name);
    Ok(world)
}

/// The same, with another spec and other settings than at first.
///
/// # Errors
/// When it does not get there.
pub fn creating_with(name: Name, spec: usize, settings: Setting, bounds: Bounds) -> Result<World, String> {
    let mut world = creating(name, bounds)?;
    world.live.settings = settings;
    if let Some(resource) = world.live.of_mut(name) {
        resource.spec = spec;
    }
    Ok(world)
}

/// The portal created it before the resource was applied.
///
/// # Errors
/// When it does not get there.
pub fn foreign(name: Name, hand: Hand, bounds: Bounds) -> Result<World, String> {
    let mut world = settled(&[Name::Acme], bounds)?;
    world.portal(name, hand);
    world.players.push(name);
    world.apply(name);
    Ok(world)
}

/// With a rule of the driver left out, or with all of them.
#[must_use]
pub fn without(fault: Option<Fault>, world: World) -> World {
    World { fault, ..world }
}

/// All beginnings of the search.
///
/// # Errors
/// When one of them is not reached.
pub fn all(disturbances: u8) -> Result<Vec<(&'static str, World)>, String> {
    use Name::{Acme, Best, Branch, Hq, Rival};
    let two = Bounds { disturbances, at_once: 2 };
    let (fewer, one) =
        (Bounds { disturbances: disturbances.saturating_sub(1), at_once: 2 }, Bounds { at_once: 1, ..two });
    Ok(vec![
        ("a group is created", creating(Hq, one)?),
        ("a group is deleted", deleting(Hq, one)?),
        ("a group and its domain are created", creating_with(Branch, 2, Setting::Checks, fewer)?),
        ("a group and its reseller are created", creating_with(Branch, 1, Setting::Creates, fewer)?),
        ("the portal has the same group", foreign(Hq, Hand::MakesSame, one)?),
        ("the portal has another group", foreign(Rival, Hand::MakesOther, one)?),
        ("a tenant and a group are created", applied(&[Acme, Hq], fewer)),
        ("two groups that are one", settled(&[Acme, Hq, Rival], fewer)?),
        ("a reseller, a tenant and a group", settled(&[Best, Acme, Branch], fewer)?),
        ("everything is created", applied(&Name::ALL, Bounds { disturbances: 0, at_once: 2 })),
        ("everything is there", settled(&Name::ALL, fewer)?),
    ])
}
