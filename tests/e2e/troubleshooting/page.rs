//! The page as a source: its prose is written by hand, its outputs, its index and the first paragraph of each section are not.

use std::{fs, path::PathBuf};

use apio_operator::engine::reason::{Reason, State};

use super::stage::Shown;

const SCENARIO: &str = "<!-- scenario: ";
const INDEX: &str = "| reason | condition | what it means |";

/// The page.
pub struct Page {
    pub text: String,
    pub blocks: Vec<Block>,
}

/// An output, and the commands that the page advises after it.
pub struct Block {
    /// The section that it stands in.
    pub section: String,
    pub scenario: String,
    /// What is between the fences.
    pub content: String,
    /// The scripts that follow it, up to the next output or section.
    pub advice: Vec<String>,
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/troubleshooting.md")
}

pub fn write(text: &str) {
    fs::write(file(), text).unwrap();
}

/// The condition that tells of a reason; `None` when nothing has to be done.
pub fn condition(reason: Reason) -> Option<&'static str> {
    match reason.state() {
        State::Settled => None,
        State::Waiting => Some("`Reconciling`"),
        State::MayCome => Some("`Reconciling`, after 2 minutes `Stalled`"),
        State::Stalled => Some("`Stalled`"),
        State::Blocked => Some("`DeletionBlocked`"),
        State::Event => Some("an event"),
    }
}

impl Page {
    pub fn read() -> Self {
        let text = fs::read_to_string(file()).unwrap();
        let blocks = blocks(&text);
        Self { text, blocks }
    }

    /// The sections that are named like a reason.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.text.lines().filter_map(|line| line.strip_prefix("### "))
    }

    pub fn blocks_of(&self, section: &str) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(move |block| block.section == section)
    }

    pub fn block(&self, scenario: &str) -> &Block {
        let found = self.blocks.iter().find(|block| block.scenario == scenario);
        found.unwrap_or_else(|| panic!("docs/troubleshooting.md has no output of the scenario {scenario}"))
    }

    /// The page with these outputs, and with what derives from the list of reasons.
    pub fn with(&self, shown: &Shown) -> String {
        let mut blocks = self.blocks.iter();
        let mut text = String::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            text.extend([line, "\n"]);
            if line.starts_with(SCENARIO) {
                let block = blocks.next().unwrap();
                let output = shown.get(&block.scenario);
                let output = output.unwrap_or_else(|| panic!("nothing plays the scenario {}", block.scenario));
                text.extend([lines.next().unwrap(), "\n", output]);
                text.push_str("```\n");
                lines.find(|line| *line == "```").unwrap();
            } else if let Some(reason) = line.strip_prefix("### ").and_then(known) {
                text.extend(["\n", reason.words(), "\n"]);
                past_the_paragraph(&mut lines);
            } else if line == INDEX {
                text.push_str(&index());
                past_the_paragraph(&mut lines);
            }
        }
        text
    }

    /// What differs from the page as it should be, to look at.
    pub fn differing(&self, current: &str) -> String {
        let now: Vec<_> = self.text.lines().collect();
        let should: Vec<_> = current.lines().collect();
        let missing = should.iter().filter(|line| !now.contains(line)).map(|line| format!("+ {line}\n"));
        let surplus = now.iter().filter(|line| !should.contains(line)).map(|line| format!("- {line}\n"));
        let lines: String = missing.chain(surplus).collect();
        if lines.is_empty() && self.text != current { "the order of its lines\n".to_owned() } else { lines }
    }
}

impl Block {
    /// The commands whose output it shows.
    pub fn commands(&self) -> impl Iterator<Item = &str> {
        self.content.lines().filter_map(|line| line.strip_prefix("$ "))
    }

    /// Reason and message of each condition in it.
    pub fn messages(&self) -> Vec<(&str, &str)> {
        let value = |key: &'static str| {
            self.content.lines().filter_map(move |line| line.trim_start().strip_prefix(key)).map(str::trim)
        };
        value("Reason: ").zip(value("Message: ")).collect()
    }
}

/// The reason of this name.
pub fn known(name: &str) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| reason.name() == name)
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut section = String::new();
    let mut lines = text.lines();
    let fenced = |lines: &mut std::str::Lines<'_>| -> String {
        lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect()
    };
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("### ").or_else(|| line.strip_prefix("## ")) {
            section = name.to_owned();
        } else if let Some(rest) = line.strip_prefix(SCENARIO) {
            let scenario = rest.trim_end_matches(" -->").to_owned();
            assert_eq!(lines.next(), Some("```console"), "{scenario}");
            let content = fenced(&mut lines);
            assert!(blocks.iter().all(|block| block.scenario != scenario), "two outputs of {scenario}");
            blocks.push(Block { section: section.clone(), scenario, content, advice: Vec::new() });
        } else if line == "```sh" {
            let script = fenced(&mut lines);
            let block = blocks.last_mut().filter(|block| block.section == section);
            block.unwrap_or_else(|| panic!("nothing runs: {script}")).advice.push(script);
        }
    }
    blocks
}

/// The blank line before a paragraph, and it.
fn past_the_paragraph(lines: &mut std::str::Lines<'_>) {
    let mut begun = false;
    while let Some(line) = lines.clone().next() {
        if line.is_empty() && begun {
            break;
        }
        begun |= !line.is_empty();
        lines.next();
    }
}

fn index() -> String {
    let row = |reason: &Reason| {
        let name = reason.name();
        let anchor = name.to_lowercase();
        format!("| [`{name}`](#{anchor}) | {} | {} |\n", condition(*reason).unwrap_or_default(), reason.words())
    };
    let rows: String = Reason::ALL.iter().map(row).collect();
    format!("| --- | --- | --- |\n{rows}")
}
