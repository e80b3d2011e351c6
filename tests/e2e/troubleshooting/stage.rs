//! Where the scenarios of the page are played: a user's shell, and its output without what differs from run to run.

use std::{collections::BTreeMap, fs, path::Path, path::PathBuf, process::Command, sync::Arc, sync::Mutex};

use apio_operator::engine::reason::Reason;
use testkit::cluster::ControlPlane;

use super::page::Page;
use crate::world::{HasStatus, Watchable, World};

/// The output of each scenario.
pub type Shown = BTreeMap<String, String>;

/// The parts of a status that say nothing of a reason: left out of the page.
const QUIET: [&str; 6] = [
    "  Identity:",
    "  Observed:",
    "  Observed Generation:",
    "  Ownership:",
    "  Usage:",
    "  Last Handled Requested At:",
];

/// A user's shell in one namespace.
pub struct Stage {
    page: Arc<Page>,
    plane: &'static ControlPlane,
    kubeconfig: PathBuf,
    /// What is called otherwise on the page.
    names: Mutex<Vec<(String, String)>>,
    shown: Mutex<Shown>,
}

impl Stage {
    pub fn new(page: Arc<Page>, plane: &'static ControlPlane, namespace: &str, platform: &str) -> Self {
        let kubeconfig = plane.folder().join(format!("{namespace}.user.kubeconfig"));
        let text = fs::read_to_string(plane.kubeconfig()).unwrap();
        let mut config: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        config["contexts"][0]["context"]["namespace"] = namespace.into();
        fs::write(&kubeconfig, config.to_string()).unwrap();
        let stage = Self { page, plane, kubeconfig, names: Mutex::default(), shown: Mutex::default() };
        stage.calls(namespace, "telephony");
        stage.calls(platform, "https://apio.example.net");
        stage
    }

    pub fn of(page: Arc<Page>, world: &World) -> Self {
        Self::new(page, world.plane, &world.namespace, &world.platform.url())
    }

    /// Gives something that has another name in each run its name on the page.
    pub fn calls(&self, there: &str, here: &str) {
        self.names.lock().unwrap().push((there.to_owned(), here.to_owned()));
    }

    /// Shows what the page shows of a scenario, then does what it advises.
    pub fn play(&self, scenario: &str) {
        let block = self.page.block(scenario);
        let mut output = String::new();
        for command in block.commands() {
            let said = self.run(command);
            output.push_str(&format!("$ {command}\n{}", self.normal(command, &said)));
        }
        self.shown.lock().unwrap().insert(scenario.to_owned(), output);
        for script in &block.advice {
            self.run(script);
        }
    }

    /// What was shown.
    pub fn end(self) -> Shown {
        self.shown.into_inner().unwrap()
    }

    fn run(&self, script: &str) -> String {
        let program = Path::new(env!("CARGO_BIN_EXE_apio-operator")).parent().unwrap().display().to_string();
        let path = std::env::var("PATH").unwrap();
        let output = Command::new("sh")
            .args(["-ec", script])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("PATH", format!("{program}:{path}"))
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", self.plane.folder().join("kubectl-cache"))
            .output()
            .unwrap();
        let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script}\n{said}{complaint}");
        said.into_owned()
    }

    /// An output without what differs from run to run, and of a description the conditions and the events only.
    fn normal(&self, command: &str, said: &str) -> String {
        let names = self.names.lock().unwrap();
        let named = names.iter().fold(said.to_owned(), |said, (there, here)| said.replace(there, here));
        let lines: Vec<_> = named.lines().map(str::trim_end).collect();
        let lines = match command.starts_with("kubectl describe") {
            false => table(&lines, 3),
            true => {
                let told = told(&lines);
                let events = told.iter().position(|line| line.starts_with("Events:")).unwrap() + 1;
                let (status, events) = told.split_at(events);
                status.iter().map(|line| timeless(line)).chain(table(events, 2)).collect()
            }
        };
        lines.concat()
    }
}

/// A line of a description.
fn timeless(line: &str) -> String {
    match line.trim_start().strip_prefix("Last Transition Time:") {
        Some(time) => line.replace(time.trim(), "2026-01-01T00:00:00Z") + "\n",
        None => format!("{line}\n"),
    }
}

/// The conditions, what else says why, and the events.
fn told<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let mut kept = Vec::new();
    let mut quiet = false;
    for line in lines.iter().skip_while(|line| **line != "Status:") {
        if !line.starts_with("   ") {
            quiet = QUIET.iter().any(|part| line.starts_with(part));
        }
        match quiet {
            false => kept.push(*line),
            true if kept.last() != Some(&"  ...") => kept.push("  ..."),
            true => {}
        }
    }
    kept
}

/// A table of kubectl, with this much between two columns, whose ages are all the same.
fn table(lines: &[&str], between: usize) -> Vec<String> {
    let Some(head) = lines.first() else { return Vec::new() };
    let begins = |at: usize| !head[at..].starts_with(' ') && (at == 0 || head[..at].ends_with("  "));
    let columns: Vec<_> = (0..head.len()).filter(|at| begins(*at)).collect();
    let cells = |line: &&str| -> Vec<String> {
        let ends = columns.iter().skip(1).copied().chain([usize::MAX]);
        columns
            .iter()
            .zip(ends)
            .map(|(from, to)| line.get(*from..to.min(line.len())).unwrap_or_default().trim().to_owned())
            .collect()
    };
    let mut rows: Vec<_> = lines.iter().map(cells).collect();
    let age = rows[0].iter().position(|cell| ["AGE", "Age", "LAST SEEN"].contains(&cell.as_str())).unwrap();
    for cell in rows.iter_mut().map(|row| &mut row[age]).filter(|cell| cell.starts_with(|c: char| c.is_ascii_digit())) {
        "5s".clone_into(cell);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default() + between;
    let widths: Vec<_> = (0..columns.len()).map(width).collect();
    let indent = " ".repeat(columns[0]);
    let padded = |row: &Vec<String>| {
        let cells: String = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{indent}{}\n", cells.trim_end())
    };
    rows.iter().map(padded).collect()
}

/// Waits until a condition has a reason and its event was told.
pub async fn meets<K: Watchable + HasStatus>(world: &World, name: &str, kind: &str, reason: Reason) {
    world.reason::<K>(name, kind, reason.name()).await;
    world.told(name, reason.name()).await;
}
