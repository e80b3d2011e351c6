//! The flags that are more than a word: limits of namespaces, releases, durations, addresses.

use apio_operator::{
    cli::{Cli, Command},
    engine::{
        grants::Grants,
        ids::Key,
        managers::Release,
        schedule::{Again, delay},
    },
    platform::{Address, Mode},
};
use clap::Parser;
use serde_yaml::Value;

use super::{
    draw::Draw,
    json::{self, Json},
    told::is_seen,
};

const KEYS: [&str; 8] = ["team-a", "*", "tenants", "resellers", "systemDomains", "system_domains", "Acme", "<<"];

/// A flag of one kind.
pub fn target(draw: &mut Draw<'_>) {
    match draw.below(64) {
        0..=31 => grants(draw),
        32..=43 => release(draw),
        44..=62 => address(draw),
        _ => durations(draw),
    }
}

fn grants(draw: &mut Draw<'_>) {
    let text = if draw.one_in(8) {
        draw.text()
    } else {
        let names = |draw: &mut Draw<'_>| {
            Json::List(draw.some(2, |draw| Json::Plain(draw.word(&["Acme", "*", "Best"]).into())))
        };
        let grant = |draw: &mut Draw<'_>| match draw.below(4) {
            0 | 1 => names(draw),
            2 => Json::Object(draw.some(3, |draw| match draw.below(3) {
                0 => ("systemDomains".to_owned(), Json::Plain(draw.of(&[true, false]).into())),
                _ => (draw.word(&KEYS), names(draw)),
            })),
            _ => Json::drawn(draw, &KEYS, 2),
        };
        let all = Json::Object(draw.some(3, |draw| (draw.word(&KEYS), grant(draw))));
        String::from_utf8_lossy(&json::bytes(&all, draw)).into_owned()
    };
    match text.parse::<Grants>() {
        Ok(grants) => allows_what_is_named(&text, &grants),
        Err(problem) => is_seen(&problem),
    }
}

/// A namespace has no more than what its text names, and one that is not named nothing.
fn allows_what_is_named(text: &str, grants: &Grants) {
    let whole: Value = serde_yaml::from_str(text).unwrap();
    for namespace in ["team-a", "other"] {
        let said = whole.get(namespace).or_else(|| whole.get("*"));
        let Some(grant) = grants.of(namespace) else {
            assert!(said.is_none() && whole.as_mapping().is_none_or(|all| all.is_empty()), "{text:?}");
            continue;
        };
        let named = |part: &str, name: &str| {
            let list =
                said.and_then(|said| if part == "tenants" && said.is_sequence() { Some(said) } else { said.get(part) });
            let list = list.and_then(Value::as_sequence).into_iter().flatten();
            list.filter_map(Value::as_str).any(|one| one == name || one == "*")
        };
        for name in ["Acme", "Best", "other"] {
            let [tenant, reseller] = [Key::Tenant(name.to_owned()), Key::Reseller(name.to_owned())];
            assert_eq!(grant.allows(&tenant), named("tenants", name), "{namespace} {name}: {text:?}");
            assert_eq!(grant.allows(&reseller), named("resellers", name), "{namespace} {name}: {text:?}");
        }
        let domains = said.and_then(|said| said.get("systemDomains")).and_then(Value::as_bool);
        assert_eq!(grant.allows_system_domains(), domains == Some(true), "{text:?}");
    }
}

fn release(draw: &mut Draw<'_>) {
    let text = draw.word(&["apio-old/apio-operator", "apio-operator/apio-old/lease", "a/b"]);
    match text.parse::<Release>() {
        Ok(release) => assert!(format!("{release:?}").len() < 16 * (text.len() + 8)),
        Err(problem) => is_seen(&problem),
    }
}

fn address(draw: &mut Draw<'_>) {
    let base = format!(
        "{}{}{}",
        draw.word(&["https://", "http://", "//", "ftp://"]),
        draw.word(&["p.example", "u:p@p.example", "[::1]:8080", "p.example:99999"]),
        draw.word(&["", "/", "/apio", "?x", "#y"])
    );
    let prefix = draw.one_in(2).then(|| draw.word(&["/api/v1", "", "/", "..", "a b"]));
    match Address::new(&base, prefix.as_deref(), draw.of(&[Mode::Gateway, Mode::Core])) {
        Ok(address) => {
            assert!(!base.contains('@') && !address.name().contains('@') || prefix.is_some(), "{base:?}");
            assert!(address.base().starts_with("http"), "{base:?}");
        }
        Err(problem) => is_seen(&problem),
    }
}

/// Whatever duration is taken, waits that derive from it can be told.
fn durations(draw: &mut Draw<'_>) {
    let duration = |draw: &mut Draw<'_>| {
        let number = if draw.one_in(2) { draw.number().to_string() } else { draw.below(100).to_string() };
        format!("{number}{}", draw.word(&["s", "ms", "h", "m", "h30m", "us", ""]))
    };
    let names = ["--drift-interval", "--platform-login-interval", "--platform-timeout", "--lease-duration"];
    let flags: Vec<_> = draw.some(3, |draw| format!("{}={}", draw.of(&names), duration(draw)));
    let given =
        ["apio-operator", "run", "--platform-url=https://p.example"].map(str::to_owned).into_iter().chain(flags);
    let Ok(Cli { command: Command::Run(run) }) = Cli::try_parse_from(given) else { return };
    assert!(!run.drift_interval.is_zero() && run.lease_duration.as_secs() >= 3);
    for again in [Again::Drift, Again::Waiting, Again::Stalled] {
        assert!(delay(again, run.drift_interval, 1.0).is_some());
    }
    // What a login waits for, at most, and what a call may take in all.
    assert!(
        run.platform_login_interval.checked_mul(60).and_then(|wait| wait.checked_add(run.platform_timeout)).is_some()
    );
}
