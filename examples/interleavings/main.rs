//! Every interleaving of the planner: a search over all that can happen in a small world around the real decisions.
//! `cargo run --release --example interleavings [-- --disturbances N --states N --counterexamples N --fault NAME]`

mod search;
mod world;

use std::process::ExitCode;

use search::{Found, Most};
use world::{Action, Fault, roots};

fn main() -> ExitCode {
    let Some(Arguments { disturbances, most, fault }) = arguments(std::env::args().skip(1)) else {
        eprintln!(
            "usage: cargo run --release --example interleavings [-- --disturbances N --states N --counterexamples N --fault NAME]"
        );
        return ExitCode::from(2);
    };
    let beginnings = match roots::all(disturbances) {
        Ok(beginnings) => beginnings,
        Err(why) => {
            eprintln!("interleavings: a beginning is not reached: {why}");
            return ExitCode::FAILURE;
        }
    };
    let beginnings = beginnings.into_iter().map(|(name, world)| (name, roots::without(fault, world))).collect();
    let found = search::search(beginnings, most, |found| {
        println!("depth {:3}: {:9} states, {:5} s", found.depth, found.states, found.took.as_secs());
    });
    tell(&found)
}

/// What is searched.
struct Arguments {
    disturbances: u8,
    most: Most,
    /// A rule of the driver to leave out.
    fault: Option<Fault>,
}

/// `None`: the arguments are not understood.
fn arguments(mut arguments: impl Iterator<Item = String>) -> Option<Arguments> {
    let most = Most { states: 2_000_000, counterexamples: 1 };
    let mut all = Arguments { disturbances: 3, most, fault: None };
    while let Some(name) = arguments.next() {
        let value = arguments.next()?;
        match name.as_str() {
            "--disturbances" => all.disturbances = value.parse().ok()?,
            "--states" => all.most.states = value.parse().ok()?,
            "--counterexamples" => all.most.counterexamples = value.parse().ok()?,
            "--fault" => all.fault = Some(Fault::ALL.into_iter().find(|fault| format!("{fault:?}") == value)?),
            _ => return None,
        }
    }
    Some(all)
}

fn tell(found: &Found) -> ExitCode {
    for (label, times) in &found.actions {
        println!("{label:24} {times:10}");
    }
    let minutes = found.took.as_secs_f64() / 60.0;
    let whole = if found.is_whole { "every state" } else { "as far as it went" };
    println!(
        "{} states, depth {}, {} transitions, {} ends, {minutes:.1} minutes: {whole}",
        found.states, found.depth, found.transitions, found.ends
    );
    for counterexample in &found.counterexamples {
        eprintln!("interleavings: {counterexample}");
    }
    if !found.counterexamples.is_empty() {
        return ExitCode::FAILURE;
    }
    let missing: Vec<_> = Action::labels().into_iter().filter(|label| !found.actions.contains_key(label)).collect();
    if !missing.is_empty() {
        eprintln!("interleavings: never happened: {}", missing.join(", "));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
