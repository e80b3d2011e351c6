//! Every interleaving of the planner, a small part of it: `cargo run --release --example interleavings` searches the rest. And that
//! the search finds what it is there for.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "the example prints more of it")]
#[path = "../../examples/interleavings/search.rs"]
mod search;
#[allow(dead_code, reason = "the example begins in more places")]
#[path = "../../examples/interleavings/world/mod.rs"]
mod world;

use search::{Counterexample, Most, search};
use world::{
    Fault, World,
    resources::{Name, Setting},
    roots::{self, Bounds},
};

/// As many as a debug build sees in a few seconds.
const MOST: Most = Most { states: 1_500, counterexamples: 1 };

#[test]
fn nothing_is_broken_in_what_happens_first() {
    let found = search(roots::all(1).unwrap(), MOST, |_| ());
    assert!(found.counterexamples.is_empty(), "{}", found.counterexamples[0]);
    assert!(found.states >= MOST.states && found.ends > 100, "{found:?}");
}

/// The shortest way on which it shows that a rule of the driver is left out.
fn shown(fault: Fault, world: World) -> Counterexample {
    let beginning = vec![("here", roots::without(Some(fault), world))];
    let mut found = search(beginning, Most { states: 50_000, counterexamples: 1 }, |_| ());
    found.counterexamples.pop().unwrap_or_else(|| panic!("{fault:?} is not found in {} states", found.states))
}

fn one_at_once(disturbances: u8) -> Bounds {
    Bounds { disturbances, at_once: 1 }
}

#[test]
fn every_rule_of_the_driver_that_is_left_out_is_found_on_the_shortest_way() {
    let with_domain = roots::creating_with(Name::Branch, 2, Setting::Checks, one_at_once(1)).unwrap();
    let creating = || roots::creating(Name::Hq, one_at_once(1)).unwrap();
    let deleting = |disturbances| roots::deleting(Name::Hq, one_at_once(disturbances)).unwrap();
    for (fault, world, length, why) in [
        (Fault::NoHold, creating(), 5, "no record"),
        (Fault::BlindRetry, creating(), 8, "nobody looked"),
        (Fault::NoClaim, with_domain, 11, "does not hold the lease"),
        (Fault::OldCount, deleting(1), 9, "were counted in this pass"),
        (Fault::StaleDelete, deleting(2), 6, "it observes only"),
    ] {
        let counterexample = shown(fault, world);
        assert!(counterexample.why.contains(why), "{fault:?}: {counterexample}");
        assert_eq!(counterexample.actions.len(), length, "{fault:?}: {counterexample}");
    }
}
