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
    time::{Duration, Instant},
};

use memory::Memory;
use storms::{
    round::{Broken, Round},
    targets::Extent,
};

/// Set in the process of a round.
const ROUND: &str = "APIO_SIMULATED_ROUND";
/// Set when it tells its story.
const STORY: &str = "APIO_SIMULATED_STORY";
/// Few resources, to each of which more happens.
const SMALL: Extent = Extent { places: &["east"], groups: 3, twins: 1, phases: 2, actions: 14, trials: 1, ..BIG };
/// Until then every watch that had failed goes on again.
const BIG: Extent = Extent { pause: Duration::from_secs(15), ..Extent::LARGE };
/// What is not woken waits for so long that nobody would call it settled.
const WOKEN: Extent = Extent {
    drift: Duration::from_secs(600),
    // By then it is said of everything that it will not come by itself.
    pause: Duration::from_secs(200),
    // An hour goes by, most of which would be renewals.
    lease: Duration::from_secs(60),
    has_portal: false,
    trials: 3,
    ..SMALL
};
/// One round of so many is a large one.
const LARGE: u64 = 16;
/// Longer in real time no round takes, not even in a debug build beside much else.
const STUCK: Duration = Duration::from_secs(900);

fn main() -> ExitCode {
    if let Some(seed) = env::var(ROUND).ok().and_then(|seed| seed.parse().ok()) {
        return round(seed);
    }
    storms::run("simulate", 100, simulate)
}

/// Runs rounds, as many at once as there are cores; the first one twice, which must be the same call by call.
fn simulate(first: u64, rounds: u64) -> Result<(), String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, failed) = (AtomicU64::new(0), AtomicUsize::new(0));
    let (told, firsts) = (Mutex::new(()), Mutex::new(Vec::new()));
    let began = Instant::now();
    std::thread::scope(|threads| {
        for _ in 0..cores {
            threads.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number > rounds {
                        return;
                    }
                    let seed = first + number.saturating_sub(1);
                    let played = play(seed, rounds == 1);
                    let _one_at_a_time = told.lock().unwrap_or_else(PoisonError::into_inner);
                    if number < 2 {
                        firsts.lock().unwrap_or_else(PoisonError::into_inner).push(played.clone());
                    }
                    match played {
                        Ok(says) if number > 0 && rounds <= 10 => print!("{says}"),
                        Err(says) if number > 0 => {
                            failed.fetch_add(1, Ordering::Relaxed);
                            println!("-- seed {seed}\n{says}\nplay it again with --seed {seed} --rounds 1");
                        }
                        _ => {}
                    }
                }
            });
        }
    });
    let (failed, seconds) = (failed.into_inner(), began.elapsed().as_secs_f64());
    println!("{rounds} rounds from seed {first}: {failed} failed; {seconds:.0} seconds");
    let firsts = firsts.into_inner().unwrap_or_else(PoisonError::into_inner);
    match firsts.as_slice() {
        [one, other] if one != other => Err(format!("seed {first} was not the same twice")),
        _ if failed > 0 => Err(format!("{failed} of {rounds} rounds failed")),
        _ => Ok(()),
    }
}

/// What a round says, in a process of its own: of its calls, or of what went wrong.
fn play(seed: u64, is_told: bool) -> Result<String, String> {
    let program = env::current_exe().map_err(|error| format!("cannot find the program: {error}"))?;
    let mut command = Command::new(program);
    command.env(ROUND, seed.to_string());
    if is_told {
        command.env(STORY, "1");
    }
    let out = command.output().map_err(|error| format!("it cannot be run: {error}"))?;
    let [says, log] = [out.stdout, out.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    if out.status.success() { Ok(says) } else { Err(format!("{says}{log}")) }
}

/// One round, in a process of its own.
fn round(seed: u64) -> ExitCode {
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
    // On a thread of its own, because a thread draws the keys of its maps once: whether the log is told changes nothing.
    let ended = std::thread::spawn(move || {
        seeded::begin(seed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap_or_else(|error| panic!("no runtime: {error}")).block_on(weathers(seed))
    });
    match ended.join() {
        Ok(Ok(summary)) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Ok(Err(problems)) => {
            println!("{problems}");
            ExitCode::FAILURE
        }
        // Its panic was told.
        Err(_) => ExitCode::FAILURE,
    }
}

async fn weathers(seed: u64) -> Result<String, String> {
    let began = tokio::time::Instant::now();
    let extent = match seed % LARGE {
        0 => BIG,
        rest if rest % 2 == 0 => SMALL,
        _ => WOKEN,
    };
    let memory = Memory::new(seed, extent)?;
    let journal = memory.journal();
    let mut round = Round::new(memory, extent);
    let mut ended = round.weathers(seed).await;
    // In simulated time nothing is an excuse.
    if ended.is_ok() && !round.nudged.is_empty() {
        let problems = round.nudged.iter().map(|waits| format!("it had to be asked to look: {waits}")).collect();
        ended = Err(Broken { done: String::new(), problems });
    }
    if let Err(Broken { done, problems }) = ended {
        if env::var_os(STORY).is_some() {
            println!("{done}\n{}\n{}", round.story(), journal.text());
        }
        return Err(format!("PROBLEMS\n{}", problems.join("\n")));
    }
    let (calls, writes) = (round.platform.journal().len(), round.platform.writes().len());
    let (deaths, nudged, seconds) = (round.deaths, round.nudged.len(), began.elapsed().as_secs());
    let digest = journal.digest(&round.platform);
    for waits in &round.nudged {
        println!("  asked to look: {waits}");
    }
    Ok(format!("{seed} {digest:016x} calls {calls} writes {writes} deaths {deaths} nudged {nudged} seconds {seconds}"))
}
