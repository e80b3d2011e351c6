//! The API server in memory against the real one: generated scripts of requests go to both, and each answer and each watch event
//! must be the same.
//!
//! Not compared: the text of a value that Go prints, the order in which it tells what is wrong with several fields and whose
//! fields conflict, the version of a list, which others raise too, and the order of managed fields, which hangs on the second.
//!
//! `APIO_SCRIPTS` is how many scripts are played, `APIO_SEED` the first seed.

mod dice;
mod fixed;
mod normal;
mod script;
mod sides;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Once;

use serde_json::Value;
use testkit::cluster::ControlPlane;

use script::{Ask, Script};
use sides::{Memory, Real, Side, Simulated};

/// How many scripts, unless `APIO_SCRIPTS` says otherwise.
const SCRIPTS: u64 = 48;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

fn definitions() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/apio-operator/files/crds");
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}.yaml")).unwrap();
    ["groups", "resellers", "tenants"].map(read).to_vec()
}

async fn both() -> (Real, Simulated) {
    let control_plane = ControlPlane::shared();
    let definitions = definitions();
    // Two that apply at once find each other's.
    static APPLIED: Once = Once::new();
    APPLIED.call_once(|| control_plane.apply(&definitions.join("\n---\n")).map(drop).unwrap());
    let real = Real::of(control_plane);
    real.serves_the_kinds().await;
    (real, Simulated::new(&definitions))
}

#[tokio::test]
async fn both_api_servers_agree_on_what_no_script_asks() {
    let (real, simulated) = both().await;
    let (mut of_real, mut of_simulated) = (Memory::default(), Memory::default());
    let asks = fixed::asks();
    let mut asked: Vec<&Ask> = Vec::new();
    for ask in &asks {
        asked.push(ask);
        let expected = of_real.ask(&real, ask).await;
        let found = of_simulated.ask(&simulated, ask).await;
        assert!(expected == found, "{}", told(0, &asked, &expected, &found));
    }
}

#[tokio::test]
async fn both_api_servers_give_the_same_answers_and_the_same_events() {
    let (real, simulated) = both().await;
    let first = number("APIO_SEED", 1);
    let mut codes = BTreeMap::new();
    let mut failed = Vec::new();
    for seed in first..first + number("APIO_SCRIPTS", SCRIPTS) {
        if let Err(difference) = play(seed, &real, &simulated, &mut codes).await {
            failed.push(difference);
        }
    }
    println!("the same answers, by their codes: {codes:?}");
    assert!(failed.is_empty(), "{} scripts differ:\n{}", failed.len(), failed[..failed.len().min(4)].join("\n"));
}

/// Plays one script. The first difference ends it: what was asked until then is the shortest that shows it.
async fn play(
    seed: u64,
    real: &impl Side,
    simulated: &impl Side,
    codes: &mut BTreeMap<u64, usize>,
) -> Result<(), String> {
    let script = Script::new(seed);
    let (mut of_real, mut of_simulated) = (Memory::default(), Memory::default());
    let mut asked: Vec<&Ask> = Vec::new();
    for ask in &script.asks {
        asked.push(ask);
        let expected = of_real.ask(real, ask).await;
        let found = of_simulated.ask(simulated, ask).await;
        if expected != found {
            return Err(told(seed, &asked, &expected, &found));
        }
        *codes.entry(expected["code"].as_u64().unwrap_or_default()).or_default() += 1;
    }
    for plural in script::WATCHED {
        let expected = of_real.events(real, &script.namespace, plural).await;
        let found = of_simulated.events(simulated, &script.namespace, plural).await;
        if let Some(at) = (0..expected.len().max(found.len())).find(|at| expected.get(*at) != found.get(*at)) {
            let (expected, found) = (expected.get(at).cloned(), found.get(at).cloned());
            let what = format!("event {at} of {plural}");
            let [expected, found] = [expected, found].map(|event| event.unwrap_or_else(|| Value::from(what.clone())));
            return Err(told(seed, &asked, &expected, &found));
        }
    }
    Ok(())
}

fn told(seed: u64, asked: &[&Ask], real: &Value, simulated: &Value) -> String {
    let mut text = format!("seed {seed}, after {} requests\n", asked.len());
    let plural = asked.last().and_then(|ask| ask.path.split(['/', '?']).nth(6)).unwrap_or_default();
    let about = asked.iter().filter(|ask| ask.path.split(['/', '?']).any(|part| part == plural));
    for ask in about {
        let _ = writeln!(text, "  {ask}");
    }
    let _ = writeln!(text, "{}", normal::difference(real, simulated));
    text
}
