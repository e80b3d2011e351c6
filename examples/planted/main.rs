//! Whether the simulation finds what it is there to find: builds it once more with faults in `src`, of which one at a time is on,
//! and plays rounds until one fails. `cargo run --release --example planted [-- --rounds N --only NAME]` prints the table of
//! docs/reliability.md; it ends with an error when a fault was not found.

mod faults;

use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
    time::Instant,
};

use faults::{FAULTS, Fault};

/// Read by the copy of the operator: which fault is on.
const PLANTED: &str = "APIO_PLANTED";
/// What the copy asks; once, as it is asked often.
const SWITCH: &str = r#"
/// Whether a fault is on.
pub fn planted(name: &str) -> bool {
    static ON: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    ON.get_or_init(|| std::env::var("APIO_PLANTED").ok()).as_deref() == Some(name)
}
"#;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (mut rounds, mut only) = (2000, None);
    while let Some(name) = arguments.next() {
        match (name.as_str(), arguments.next()) {
            ("--rounds", Some(value)) if value.parse::<u64>().is_ok() => rounds = value.parse().unwrap_or(rounds),
            ("--only", Some(value)) if FAULTS.iter().any(|fault| fault.name == value) => only = Some(value),
            _ => {
                eprintln!("usage: cargo run --release --example planted [-- --rounds N --only NAME]");
                return ExitCode::from(2);
            }
        }
    }
    match plant(rounds, only.as_deref()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(missed) => {
            eprintln!("planted: {missed} not found within {rounds} rounds");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("planted: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Plays with each fault; gives how many were not found.
fn plant(rounds: u64, only: Option<&str>) -> Result<usize, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let copy = root.join("target/planted");
    copy_with_faults(root, &copy)?;
    let simulate = build(&copy)?;
    println!("| fault | what it takes away | found in round | by |\n| --- | --- | --- | --- |");
    let mut missed = 0;
    for fault in FAULTS.iter().filter(|fault| only.is_none_or(|only| only == fault.name)) {
        let Fault { name, takes, .. } = fault;
        let began = Instant::now();
        match found(&simulate, name, rounds)? {
            Some((round, by)) => println!("| {name} | {takes} | {round} | {by} |"),
            None => {
                missed += 1;
                println!("| {name} | {takes} | not found | |");
            }
        }
        eprintln!("{name}: {:.0} s", began.elapsed().as_secs_f64());
    }
    Ok(missed)
}

/// Copies what Git has, with a switch at the place of each fault. What is the same as before keeps its time, for cargo.
fn copy_with_faults(root: &Path, copy: &Path) -> Result<(), Box<dyn Error>> {
    let files = said(Command::new("git").args(["ls-files", "-z"]).current_dir(root).output()?)?;
    for name in files.split_terminator('\0').map(Path::new) {
        let mut bytes = fs::read(root.join(name))?;
        if name.starts_with("src") {
            let mut text = String::from_utf8(bytes)?;
            for fault in FAULTS {
                text = text
                    .replace(fault.line, &fault.becomes.replace("IT", &format!("crate::planted({:?})", fault.name)));
            }
            if name == Path::new("src/lib.rs") {
                text += SWITCH;
            }
            bytes = text.into_bytes();
        }
        let to = copy.join(name);
        if fs::read(&to).is_ok_and(|before| before == bytes) {
            continue;
        }
        fs::create_dir_all(to.parent().unwrap_or(copy))?;
        fs::write(to, bytes)?;
    }
    Ok(())
}

/// Builds the simulation of the copy, quickly rather than well.
fn build(copy: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| copy.join("target"), PathBuf::from);
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--example", "simulate"])
        .current_dir(copy)
        .envs([("CARGO_PROFILE_RELEASE_LTO", "off"), ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")])
        .env("CARGO_TARGET_DIR", &target)
        .status()?;
    if !status.success() {
        return Err("the simulation cannot be built with the faults".into());
    }
    Ok(target.join("release/examples/simulate"))
}

/// The first round that fails, and what it says; as many are played at once as there are cores.
fn found(simulate: &Path, fault: &str, rounds: u64) -> Result<Option<(u64, String)>, Box<dyn Error>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    for first in (1..=rounds).step_by(cores as usize) {
        let both: Vec<_> = std::thread::scope(|threads| {
            let play = |seed: u64| move || played(simulate, fault, seed);
            let all: Vec<_> = (first..first + cores).map(|seed| threads.spawn(play(seed))).collect();
            all.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
        });
        for (seed, output) in (first..).zip(both) {
            let output = output.map_err(|_| "a thread panicked")??;
            // What fails without the fault says nothing of it.
            if !output.status.success() && played(simulate, "", seed)?.status.success() {
                let says = String::from_utf8_lossy(&output.stdout).into_owned();
                let by = says.lines().find(|line| !line.is_empty() && *line != "PROBLEMS").unwrap_or("a panic");
                return Ok(Some((seed, in_short(by))));
            }
        }
    }
    Ok(None)
}

fn played(simulate: &Path, fault: &str, seed: u64) -> io::Result<Output> {
    Command::new(simulate).env(PLANTED, fault).env("APIO_SIMULATED_ROUND", seed.to_string()).output()
}

/// The first part of a sentence that goes on with a status or a call.
fn in_short(by: &str) -> String {
    let end = by.find("; status").unwrap_or(by.len());
    by[..end].chars().take(90).collect::<String>().replace('|', "/")
}

fn said(output: Output) -> Result<String, Box<dyn Error>> {
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
