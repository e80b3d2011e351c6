//! Inputs from outside that nobody thought of: settings, answers of the platform, Secrets, annotations, names, ids, flags, and
//! resources that another version wrote. An input is a text of bytes, and each byte a choice ([`draw`]): so what comes of it is
//! almost valid as a rule, and whoever changes a byte changes one choice.
//!
//! `cargo test -p fuzz` runs a few thousand inputs of each target, the same ones every time; `APIO_FUZZ_INPUTS` says how many.
//! `tests/fuzz/run TARGET` lets libFuzzer choose them, by what each one reaches.

#![allow(clippy::unwrap_used)]

mod annotations;
mod answers;
mod draw;
mod flags;
#[cfg(not(fuzzing_libfuzzer))]
mod found;
mod ids;
mod json;
mod lists;
mod managers;
mod platform;
mod resources;
mod secrets;
mod settings;
mod told;

use draw::Draw;

/// Runs a target for many inputs.
#[cfg(fuzzing_libfuzzer)]
fn run(target: fn(&mut Draw<'_>)) {
    bolero::check!().for_each(|input: &[u8]| target(&mut Draw::new(input)));
}

/// Runs a target for many inputs, which are the same every time.
#[cfg(not(fuzzing_libfuzzer))]
fn run(target: fn(&mut Draw<'_>)) {
    let inputs = std::env::var("APIO_FUZZ_INPUTS").map_or(2_000, |inputs| inputs.parse().unwrap());
    for number in 0..inputs {
        let input = draw::input(number);
        let outcome = std::panic::catch_unwind(|| target(&mut Draw::new(&input)));
        assert!(outcome.is_ok(), "input {number} is not taken as it should be; its bytes: {input:?}");
    }
}

#[test]
fn annotations() {
    run(annotations::target);
}

#[test]
fn answers() {
    run(answers::target);
}

#[test]
fn flags() {
    run(flags::target);
}

#[test]
fn ids() {
    run(ids::target);
}

#[test]
fn lists() {
    run(lists::target);
}

#[test]
fn managers() {
    run(managers::target);
}

#[test]
fn resources() {
    run(resources::target);
}

#[test]
fn secrets() {
    run(secrets::target);
}

#[test]
fn settings() {
    run(settings::target);
}
