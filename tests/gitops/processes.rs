//! Programs on the control plane of this test process.

use std::{fs, net::TcpStream, path::Path, process::Command, time::Duration};

use testkit::cluster::{ControlPlane, Guarded, within};

/// Longest wait until a program listens, or the API serves a definition.
const WITHIN: Duration = Duration::from_secs(60);

/// Starts a program and waits until it listens.
pub fn start(command: &mut Command, name: &str, folder: &Path, address: &str) -> Guarded {
    let program = Guarded::spawn(command, &folder.join(format!("{name}.log"))).unwrap();
    let listens = within(WITHIN, || (!program.is_running() || TcpStream::connect(address).is_ok()).then_some(()));
    let said = || fs::read_to_string(program.log()).unwrap_or_default();
    assert!(listens.is_some() && program.is_running(), "{name} does not listen on {address}; it said:\n{}", said());
    program
}

/// Applies definitions and waits until they are served; `source` is what kubectl takes them from.
pub fn install(plane: &ControlPlane, source: &[&str]) {
    let with = |args: &[&str]| plane.run(&[args, source].concat());
    with(&["apply", "--server-side"]).unwrap();
    // kubectl fails on a definition that has no conditions yet.
    let mut last = Ok(String::new());
    within(WITHIN, || {
        last = with(&["wait", "--for=condition=Established", "--timeout=60s"]);
        last.is_ok().then_some(())
    });
    last.expect("the definitions are served");
}

/// What a program complained of last, for a failing test.
pub fn errors(program: &Guarded) -> String {
    let text = fs::read_to_string(program.log()).unwrap_or_default();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("error") || line.contains("fatal")).collect();
    let last = lines[lines.len().saturating_sub(10)..].join("\n");
    format!("{} (runs: {}):\n{last}\n", program.log().display(), program.is_running())
}
