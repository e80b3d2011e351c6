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

use std::{error::Error, process::ExitCode, time::Instant};

use testkit::cluster::{ControlPlane, Terminal};

use cluster::Cluster;
use storms::{
    round::{Broken, Round},
    targets::Extent,
};

fn main() -> ExitCode {
    if let Some(ended) = stage::as_operator() {
        return ended;
    }
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    storms::run("chaos", 10, |seed, rounds| -> Result<(), Box<dyn Error>> {
        tokio::runtime::Runtime::new()?.block_on(chaos(seed, rounds))
    })
}

async fn chaos(seed: u64, rounds: u64) -> Result<(), Box<dyn Error>> {
    let plane = ControlPlane::start(&Terminal::new())?;
    stage::install(&plane)?;
    // Definitions of a newer operator, as after this one was rolled back.
    plane.run(&["patch", "crd", "groups.apio.netaxis.be", "--type=json", "-p", &cluster::newer()])?;
    println!("seed       actions  calls  writes  deaths  nudged  seconds");
    for seed in seed..seed + rounds {
        let began = Instant::now();
        let mut round = Round::new(Cluster::new(&plane, seed).await?, Extent::LARGE);
        let actions = match round.weathers(seed).await {
            Ok(actions) => actions,
            Err(Broken { done, problems }) => {
                println!("{done}\n{}\n\nPROBLEMS\n{}", round.story(), problems.join("\n"));
                return Err(format!("play it again with --seed {seed} --rounds 1").into());
            }
        };
        let (calls, writes) = (round.platform.journal().len(), round.platform.writes().len());
        let seconds = began.elapsed().as_secs();
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
