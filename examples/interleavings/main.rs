//! Every interleaving of the planner: a search over all that can happen in a small world around the real decisions.
//! `cargo run --release --example interleavings [-- --disturbances N --states N]`

mod search;
mod world;

use std::process::ExitCode;

use search::Found;
use world::{Action, roots};

fn main() -> ExitCode {
    let Some((disturbances, states)) = arguments(std::env::args().skip(1)) else {
        eprintln!("usage: cargo run --release --example interleavings [-- --disturbances N --states N]");
        return ExitCode::from(2);
    };
    let beginnings = match roots::all(disturbances) {
        Ok(beginnings) => beginnings,
        Err(why) => {
            eprintln!("interleavings: a beginning is not reached: {why}");
            return ExitCode::FAILURE;
        }
    };
    let found = search::search(beginnings, states, |found| {
        println!("depth {:3}: {:9} states, {:5} s", found.depth, found.states, found.took.as_secs());
    });
    tell(&found)
}

/// How many disturbances, and how many states at most; `None`: the arguments are not understood.
fn arguments(mut arguments: impl Iterator<Item = String>) -> Option<(u8, usize)> {
    let (mut disturbances, mut states) = (3, usize::MAX);
    while let Some(name) = arguments.next() {
        let value = arguments.next()?;
        match name.as_str() {
            "--disturbances" => disturbances = value.parse().ok()?,
            "--states" => states = value.parse().ok()?,
            _ => return None,
        }
    }
    Some((disturbances, states))
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
    if let Some(counterexample) = &found.counterexample {
        eprintln!("interleavings: {counterexample}");
        return ExitCode::FAILURE;
    }
    let missing: Vec<_> = Action::labels().into_iter().filter(|label| !found.actions.contains_key(label)).collect();
    if !missing.is_empty() {
        eprintln!("interleavings: never happened: {}", missing.join(", "));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
