//! Every interleaving of the planner: a search over all that can happen in a small world around the real decisions.
//! `cargo run --release --example interleavings [-- --disturbances N --states N --counterexamples N]`

mod search;
mod world;

use std::process::ExitCode;

use search::{Found, Most};
use world::{Action, roots};

fn main() -> ExitCode {
    let Some((disturbances, most)) = arguments(std::env::args().skip(1)) else {
        eprintln!("usage: cargo run --release --example interleavings [-- --disturbances N --states N --counterexamples N]");
        return ExitCode::from(2);
    };
    let beginnings = match roots::all(disturbances) {
        Ok(beginnings) => beginnings,
        Err(why) => {
            eprintln!("interleavings: a beginning is not reached: {why}");
            return ExitCode::FAILURE;
        }
    };
    let found = search::search(beginnings, most, |found| {
        println!("depth {:3}: {:9} states, {:5} s", found.depth, found.states, found.took.as_secs());
    });
    tell(&found)
}

/// How many disturbances, and what ends the search; `None`: the arguments are not understood.
fn arguments(mut arguments: impl Iterator<Item = String>) -> Option<(u8, Most)> {
    let (mut disturbances, mut most) = (3, Most { states: usize::MAX, counterexamples: 1 });
    while let Some(name) = arguments.next() {
        let value = arguments.next()?;
        match name.as_str() {
            "--disturbances" => disturbances = value.parse().ok()?,
            "--states" => most.states = value.parse().ok()?,
            "--counterexamples" => most.counterexamples = value.parse().ok()?,
            _ => return None,
        }
    }
    Some((disturbances, most))
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
