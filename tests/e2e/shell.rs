//! A user's shell in one namespace, and what it prints without what differs from run to run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use tempfile::TempDir;
use testkit::cluster::ControlPlane;

use crate::world::World;

/// The parts of a status that say nothing of a reason: left out of the page.
const QUIET: [&str; 6] = [
    "  Identity:",
    "  Observed:",
    "  Observed Generation:",
    "  Ownership:",
    "  Usage:",
    "  Last Handled Requested At:",
];

/// A user's shell.
pub struct Shell {
    plane: &'static ControlPlane,
    namespace: String,
    /// What the user keeps there.
    folder: TempDir,
    kubeconfig: PathBuf,
    /// What is called otherwise on a page.
    names: Mutex<Vec<(String, String)>>,
}

impl Shell {
    /// In a namespace that pages call `telephony`, or `apio-system` where the operator itself is meant, with a platform that they
    /// call `https://apio.example.net`.
    pub fn new(plane: &'static ControlPlane, namespace: &str, platform: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The examples are where they are in a checkout.
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        std::os::unix::fs::symlink(examples, folder.path().join("examples")).unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        let text = fs::read_to_string(plane.kubeconfig()).unwrap();
        let mut config: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        config["contexts"][0]["context"]["namespace"] = namespace.into();
        fs::write(&kubeconfig, config.to_string()).unwrap();
        let shell = Self { plane, namespace: namespace.to_owned(), folder, kubeconfig, names: Mutex::default() };
        shell.calls(namespace, "telephony");
        shell.calls(platform, "https://apio.example.net");
        shell
    }

    pub fn of(world: &World) -> Self {
        Self::new(world.plane, &world.namespace, &world.platform.url())
    }

    /// Gives something that has another name in each run its name on the page.
    pub fn calls(&self, there: &str, here: &str) {
        self.names.lock().unwrap().push((there.to_owned(), here.to_owned()));
    }

    /// Where the user keeps files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a script of the page; what it printed, or what it complained of.
    pub fn run(&self, script: &str) -> Result<String, String> {
        let program = Path::new(env!("CARGO_BIN_EXE_apio-operator")).parent().unwrap().display().to_string();
        let path = std::env::var("PATH").unwrap();
        let output = Command::new("sh")
            .args(["-ec", &script.replace("apio-system", &self.namespace).replace("telephony", &self.namespace)])
            .current_dir(self.folder())
            .env("PATH", format!("{program}:{path}"))
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", self.plane.folder().join("kubectl-cache"))
            .output()
            .unwrap();
        let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() { Ok(said.into_owned()) } else { Err(format!("{script}\n{said}{complaint}")) }
    }

    /// A command as a page shows it: with its output, without what differs from run to run, and of a description the
    /// conditions and the events only.
    pub fn shown(&self, command: &str) -> Result<String, String> {
        let said = self.run(command)?;
        let names = self.names.lock().unwrap();
        let named = names.iter().fold(timeless(&said), |said, (there, here)| said.replace(there, here));
        let lines: Vec<_> = named.lines().map(str::trim_end).collect();
        let lines = match command.starts_with("kubectl describe") {
            false => table(&lines, 3),
            true => {
                let told = told(&lines);
                let events = told.iter().position(|line| line.starts_with("Events:")).unwrap() + 1;
                let (status, events) = told.split_at(events);
                status.iter().map(|line| format!("{line}\n")).chain(table(events, 2)).collect()
            }
        };
        Ok(format!("$ {command}\n{}", lines.concat()))
    }
}

/// With one time instead of each.
fn timeless(text: &str) -> String {
    const FORM: &str = "0000-00-00T00:00:00Z";
    let is_time = |piece: &str| {
        piece.chars().zip(FORM.chars()).all(|(is, form)| if form == '0' { is.is_ascii_digit() } else { is == form })
    };
    let mut said = text.to_owned();
    for at in 0..text.len() {
        if text.get(at..at + FORM.len()).is_some_and(is_time) {
            said.replace_range(at..at + FORM.len(), "2026-01-01T00:00:00Z");
        }
    }
    said
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
    let is_age = |cell: &str| ["AGE", "Age", "LAST SEEN"].contains(&cell.trim());
    // Two spaces or more are between two columns.
    let Some(head) = lines.first().copied().filter(|head| head.split("  ").any(is_age)) else {
        return lines.iter().map(|line| format!("{line}\n")).collect();
    };
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
    let age = rows[0].iter().position(|cell| is_age(cell)).unwrap();
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
