//! Many resources on a real Kubernetes API while everything goes wrong: random edits, deletions, settings, faults of the
//! platform, edits in its portal, deaths of the operator and of the API server. Whenever the storm is over, the promises of
//! the operator are checked on the platform's journal and on the resources.
//! `cargo run --release --example chaos [-- --seed N --rounds N]`. What happens in a round follows from its seed alone, so a
//! round that failed is played again with `--seed` and `--rounds 1`.

mod cluster;
#[path = "../stage/mod.rs"]
mod stage;
#[path = "../storms/mod.rs"]
mod storms;

use std::{
    error::Error,
    process::ExitCode,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use testkit::cluster::{ControlPlane, Terminal};

use cluster::Cluster;
use storms::{actions, round::Round};

const USAGE: &str = "usage: cargo run --release --example chaos [-- --seed N --rounds N]";

fn main() -> ExitCode {
    if let Some(ended) = stage::as_operator() {
        return ended;
    }
    let Some((seed, rounds)) = arguments(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let ended =
        tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(chaos(seed, rounds)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Seed and rounds; `None`: the arguments are not understood.
fn arguments(mut arguments: impl Iterator<Item = String>) -> Option<(u64, u64)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let (mut seed, mut rounds) = (now, 10);
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

async fn chaos(seed: u64, rounds: u64) -> Result<(), Box<dyn Error>> {
    let plane = ControlPlane::start(&Terminal::new())?;
    stage::install(&plane)?;
    // Definitions of a newer operator, as after this one was rolled back.
    plane.run(&["patch", "crd", "groups.apio.netaxis.be", "--type=json", "-p", &cluster::newer()])?;
    println!("seed       actions  calls  writes  deaths  nudged  seconds");
    for seed in seed..seed + rounds {
        let began = Instant::now();
        let mut round = Round::new(Cluster::new(&plane, seed).await?);
        let mut told = Vec::new();
        for (number, storm) in actions::phases(seed).iter().enumerate() {
            told.push(format!("-- phase {number}"));
            told.extend(storm.iter().map(|action| format!("{action:?}")));
            if let Err(problems) = round.weather(storm).await {
                println!("{}", told.join("\n"));
                println!("{}", round.story());
                println!("\nPROBLEMS\n{}", problems.join("\n"));
                return Err(format!("play it again with --seed {seed} --rounds 1").into());
            }
        }
        let (calls, writes) = (round.platform.journal().len(), round.platform.writes().len());
        let seconds = began.elapsed().as_secs();
        let actions = told.len();
        println!(
            "{seed:<10} {actions:>7}  {calls:>5}  {writes:>6}  {:>6}  {:>6}  {seconds:>7}",
            round.deaths,
            round.nudged.len()
        );
        for waits in &round.nudged {
            println!("  asked to look: {waits}");
        }
    }
    Ok(())
}
