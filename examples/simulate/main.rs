//! The storms of `chaos` in simulated time: the whole operator on one thread, an API server in memory, and the simulated
//! platform called in process. Nothing waits for real time, and a round follows from its seed alone, call by call: what failed
//! once fails again. `cargo run --release --example simulate [-- --seed N --rounds N]`; with one round, its story is told.
//!
//! A round has a process of its own, because maps, runtimes and stores draw numbers once for a whole process.

mod memory;
#[path = "../storms/mod.rs"]
mod storms;
mod ways;

use std::{
    env,
    process::{Command, ExitCode},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use memory::Memory;
use storms::{actions, round::Round};

const USAGE: &str = "usage: cargo run --release --example simulate [-- --seed N --rounds N]";

/// Set in the process of a round.
const ROUND: &str = "APIO_SIMULATED_ROUND";
/// Set when it tells its story.
const STORY: &str = "APIO_SIMULATED_STORY";
/// Longer in real time no round takes.
const STUCK: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    if let Some(seed) = env::var(ROUND).ok().and_then(|seed| seed.parse().ok()) {
        return round(seed);
    }
    let Some((seed, rounds)) = arguments(env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match simulate(seed, rounds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simulate: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Seed and rounds; `None`: the arguments are not understood.
fn arguments(mut arguments: impl Iterator<Item = String>) -> Option<(u64, u64)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let (mut seed, mut rounds) = (now, 100);
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

/// Runs rounds, as many at once as there are cores.
fn simulate(first: u64, rounds: u64) -> Result<(), String> {
    let program = env::current_exe().map_err(|error| format!("cannot find the program: {error}"))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, failed, simulated) = (AtomicU64::new(first), AtomicUsize::new(0), AtomicU64::new(0));
    let told = Mutex::new(());
    let began = Instant::now();
    std::thread::scope(|threads| {
        for _ in 0..cores {
            threads.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + rounds {
                        return;
                    }
                    let mut command = Command::new(&program);
                    command.env(ROUND, seed.to_string());
                    if rounds == 1 {
                        command.env(STORY, "1");
                    }
                    let (is_sound, says) = match command.output() {
                        Ok(out) => (
                            out.status.success(),
                            [out.stdout, out.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat(),
                        ),
                        Err(error) => (false, format!("it cannot be run: {error}")),
                    };
                    let seconds = says.lines().last().and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
                    simulated.fetch_add(seconds.unwrap_or_default(), Ordering::Relaxed);
                    let _one_at_a_time = told.lock().unwrap_or_else(PoisonError::into_inner);
                    if !is_sound {
                        failed.fetch_add(1, Ordering::Relaxed);
                        println!("-- seed {seed}\n{says}\nplay it again with --seed {seed} --rounds 1");
                    } else if rounds <= 10 {
                        print!("{says}");
                    }
                }
            });
        }
    });
    let (failed, simulated) = (failed.into_inner(), simulated.into_inner());
    let seconds = began.elapsed().as_secs_f64();
    println!("{rounds} rounds from seed {first}: {failed} failed; {simulated} simulated seconds in {seconds:.0}");
    if failed == 0 { Ok(()) } else { Err(format!("{failed} of {rounds} rounds failed")) }
}

/// One round, in a process of its own.
fn round(seed: u64) -> ExitCode {
    seeded::begin(seed);
    let is_told = env::var_os(STORY).is_some();
    if is_told {
        let only = "debug,kube=info,tower=info,hyper=info";
        tracing_subscriber::fmt()
            .with_env_filter(only)
            .with_ansi(false)
            .without_time()
            .with_writer(std::io::stderr)
            .init();
    }
    memory::count_panics();
    // Real time: a round that goes on for ever without waiting for anything.
    std::thread::spawn(|| {
        std::thread::sleep(STUCK);
        println!("the round did not end within {STUCK:?} of real time");
        std::process::exit(1);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.unwrap_or_else(|error| panic!("no runtime: {error}"));
    match runtime.block_on(weathers(seed)) {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(problems) => {
            println!("{problems}");
            ExitCode::FAILURE
        }
    }
}

async fn weathers(seed: u64) -> Result<String, String> {
    let began = tokio::time::Instant::now();
    let memory = Memory::new(seed)?;
    let journal = memory.journal();
    let mut round = Round::new(memory);
    let mut told = Vec::new();
    for (number, storm) in actions::phases(seed).iter().enumerate() {
        told.push(format!("-- phase {number}"));
        told.extend(storm.iter().map(|action| format!("{action:?}")));
        if let Err(problems) = round.weather(storm).await {
            let story = if env::var_os(STORY).is_some() {
                format!("{}\n{}\n{}\n", told.join("\n"), round.story(), journal.text())
            } else {
                String::new()
            };
            return Err(format!("{story}PROBLEMS\n{}", problems.join("\n")));
        }
    }
    let (calls, writes) = (round.platform.journal().len(), round.platform.writes().len());
    let (deaths, nudged, seconds) = (round.deaths, round.nudged.len(), began.elapsed().as_secs());
    let digest = journal.digest(&round.platform);
    for waits in &round.nudged {
        println!("  asked to look: {waits}");
    }
    Ok(format!("{seed} {digest:016x} calls {calls} writes {writes} deaths {deaths} nudged {nudged} seconds {seconds}"))
}
