//! Storms over many resources: random edits, deletions, settings, faults of the platform, edits in its portal, deaths of the
//! operator and of the API server; and what must hold when they are over. They are the same on a real API server (`chaos`) and
//! in simulated time (`simulate`).

use std::{
    fmt::Display,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

pub mod actions;
mod attributes;
mod contents;
pub mod ground;
mod journal;
mod mandates;
mod portal;
mod quiet;
mod resources;
pub mod round;
pub mod targets;
mod trials;

/// Runs what the arguments of an example say: from a seed, which is the time of day unless it is given, so many rounds.
pub fn run<E: Display>(example: &str, rounds: u64, play: impl FnOnce(u64, u64) -> Result<(), E>) -> ExitCode {
    let Some((seed, rounds)) = arguments(rounds, std::env::args().skip(1)) else {
        eprintln!("usage: cargo run --release --example {example} [-- --seed N --rounds N]");
        return ExitCode::from(2);
    };
    match play(seed, rounds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{example}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Seed and rounds; `None`: the arguments are not understood.
fn arguments(mut rounds: u64, mut arguments: impl Iterator<Item = String>) -> Option<(u64, u64)> {
    let mut seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    while let Some(name) = arguments.next() {
        let value = arguments.next()?.parse().ok()?;
        match name.as_str() {
            "--seed" => seed = value,
            "--rounds" => rounds = value,
            _ => return None,
        }
    }
    Some((seed, rounds))
}
