//! What the documentation and the sandbox show works: every manifest, every command, every key.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use apio_operator::engine::settings;
use testkit::cluster::Guarded;

use crate::world::plane;

pub fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The code blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_manifest_of_the_readme_is_accepted() {
    let manifests = blocks(&page("README.md"), "yaml");
    assert!(!manifests.is_empty());
    for manifest in manifests {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), manifest).unwrap();
        plane().run(&["apply", "--dry-run=server", "--validate=strict", "-f", file.path().to_str().unwrap()]).unwrap();
    }
}

#[test]
fn every_command_of_the_readme_runs_in_ci() {
    let ci = page(".ci/run");
    for line in blocks(&page("README.md"), "sh").iter().flat_map(|block| block.lines()) {
        assert!(ci.contains(&format!("part {line}")), "{line} is run by nothing");
    }
}

#[test]
fn the_page_of_settings_shows_every_setting_with_its_default() {
    let table = page("docs/settings.md");
    for (section, key, default) in settings::Settings::default().entries() {
        let row = format!("| `{section}.{key}` | `{default}` |");
        assert!(table.contains(&row), "the table lacks {row}");
    }
    let example = page("examples/settings.yaml");
    assert_eq!(
        settings::parse_file(&example),
        Ok((settings::Settings::default(), vec![])),
        "the example is the default"
    );
}

#[test]
fn the_pages_that_derive_from_the_code_are_those_that_are_committed() {
    for (name, text) in apio_operator::docs::pages() {
        let remedy = "run: cargo run -- docs --into docs/reference";
        assert!(page(&format!("docs/reference/{name}")) == text, "docs/reference/{name} is not current; {remedy}");
    }
}

#[test]
fn every_alert_has_a_section_that_says_what_to_do() {
    let alerts: serde_json::Value = serde_yaml::from_str(&page("charts/apio-operator/files/alerts.yaml")).unwrap();
    let rules = alerts["groups"][0]["rules"].as_array().unwrap();
    let alerts: Vec<_> = rules.iter().map(|rule| rule["alert"].as_str().unwrap().to_owned()).collect();
    let manual = page("docs/monitoring.md");
    let sections: Vec<_> = manual.split("\n## ").skip(1).map(|section| section.split_once('\n').unwrap()).collect();
    assert_eq!(sections.iter().map(|(title, _)| *title).collect::<Vec<_>>(), alerts);
    for (title, text) in sections {
        assert!(text.len() > 100, "{title}: {text}");
    }
}

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root.join(name)).to_vec();
    for folder in ["docs", "docs/reference"] {
        pages.extend(fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()));
    }
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    assert!(pages.len() >= 5, "{pages:?}");
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(link.starts_with("https://") || target.exists(), "{}: {link}", page.display());
            let leads =
                anchor.is_empty() || anchors(&fs::read_to_string(&target).unwrap()).any(|there| there == anchor);
            assert!(leads, "{}: {link}", page.display());
        }
    }
}

/// What the headings of a page are called in links.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    headings.map(|heading| heading.to_lowercase().replace(' ', "-"))
}

#[test]
fn the_commands_of_a_developer_are_those_of_ci() {
    let ci = page(".ci/run");
    let rows = page("CONTRIBUTING.md");
    let commands = rows.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.split('`').nth(1));
    for command in commands.filter(|command| command.starts_with("cargo")) {
        // The others are part of `cargo test`, or stay up.
        let other = ["cargo test --", "cargo run --example platform"].iter().any(|start| command.starts_with(start));
        // What takes long is there in small.
        let small = command.replace("--release ", "").split(" -- ").next().unwrap().to_owned();
        let is_run = ci.contains(command) || command.contains("--release") && ci.contains(&small);
        assert!(other || is_run, "{command} is not what CI runs");
    }
}

#[tokio::test]
async fn what_the_sandbox_tells_to_try_works() {
    let sandbox = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples/sandbox");
    assert!(sandbox.exists(), "cargo test builds the examples: {}", sandbox.display());
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("sandbox.log");
    let mut command = Command::new(sandbox);
    command.arg("--stay");
    let running = Guarded::spawn(&command, &log).unwrap();
    let printed = testkit::cluster::within(std::time::Duration::from_secs(120), || {
        assert!(running.is_running(), "{}", fs::read_to_string(&log).unwrap());
        let text = fs::read_to_string(&log).unwrap_or_default();
        text.contains("tail -f").then_some(text)
    })
    .expect("the sandbox comes up");
    let (_, to_try) = printed.split_once("In a second terminal").unwrap();
    let commands: Vec<_> = to_try.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    assert!(commands.len() > 10, "{commands:?}");
    // One shell, as a person would have; what follows a log is not waited for.
    let script: String =
        commands.iter().filter(|line| !line.starts_with("tail -f")).map(|line| format!("{line}\n")).collect();
    let mut shell = Command::new("sh")
        .args(["-exc", &script])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said: Vec<_> = BufReader::new(shell.stdout.take().unwrap()).lines().map_while(Result::ok).collect();
    let output = shell.wait_with_output().unwrap();
    let said = said.join("\n");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("the group still holds 1 user"), "{said}");
    assert!(said.contains("group.apio.netaxis.be/headquarters condition met"), "{said}");
}
