//! The pages under `docs/`: each is played from its top to its end, as its reader would, in a namespace and on a platform of
//! its own, and everything that it shows must be so.
//!
//! - A `yaml` block whose first line is `# NAME.yaml` is a file of the reader. The API server is asked to take every such block.
//! - A `sh` block is run.
//! - A `console` block is a command with its output, which must become what the page shows.
//! - `<!-- platform: METHOD PATH BODY -->` is what others do on the platform meanwhile, at the simulator's own door.
//! - `<!-- sent: METHOD PATH, METHOD PATH -->` is every write that the platform got up to here, or `nothing`.
//! - A page that brings nothing of its own speaks of the examples.

use std::{collections::BTreeSet, fs, path::Path};

use apio_operator::api::{Reseller, Tenant};
use testkit::cluster::within;
use tokio::task::{JoinSet, block_in_place};

use crate::{
    docs::page,
    shell::Shell,
    world::{SOON, World},
};

/// Pages that need more around them: what plays them, and the command of it.
const ELSEWHERE: [(&str, &str, &str); 2] = [
    ("troubleshooting.md", "tests/e2e/troubleshooting.rs", "cargo test"),
    ("gitops.md", "tests/gitops/guide.rs", "cargo test --test gitops"),
];
/// Commands that need more around them.
const COMMANDS_ELSEWHERE: [(&str, &str, &str); 4] = [
    ("helm ", "tests/chart/main.rs", "cargo test --test chart"),
    ("kubectl apply --server-side -f crds.yaml\n", "tests/release/page.rs", "cargo test --test release"),
    ("release/image ", "tests/image/main.rs", "cargo test --test image"),
    ("sha256sum --check apio-operator-", "tests/release/page.rs", "cargo test --test release"),
];

/// What a page has its reader do.
#[derive(Debug)]
enum Step {
    Manifest(String),
    Script(String),
    Output(String),
    Platform(String),
    Sent(Vec<String>),
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let direction = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")?.split_once(": "));
        if let Some((kind, rest)) = direction {
            steps.push(match kind {
                "platform" => Step::Platform(rest.to_owned()),
                "sent" => Step::Sent(rest.split(", ").filter(|write| *write != "nothing").map(str::to_owned).collect()),
                other => panic!("nothing plays {other}"),
            });
        } else if let Some(language) = line.strip_prefix("```") {
            let block: String =
                lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
            match language {
                "yaml" => steps.push(Step::Manifest(block)),
                "sh" => steps.push(Step::Script(block)),
                "console" => steps.push(Step::Output(block)),
                "text" => {}
                other => panic!("nothing plays a block of {other}: {block}"),
            }
        }
    }
    steps
}

fn names() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files.filter(|name| name.ends_with(".md")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everything_that_the_pages_show_works() {
    let names = names();
    assert!(names.len() > 5, "{names:?}");
    let mut plays = JoinSet::new();
    for name in names.into_iter().filter(|name| ELSEWHERE.iter().all(|(other, ..)| name != other)) {
        let steps = steps(&page(&format!("docs/{name}")));
        if !steps.is_empty() {
            plays.spawn(play(name, steps));
        }
    }
    let mut failed = Vec::new();
    while let Some(play) = plays.join_next().await {
        failed.extend(play.unwrap().err());
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn what_is_played_elsewhere_is_played() {
    let names = names();
    for (_, file, command) in ELSEWHERE.iter().filter(|(name, ..)| names.contains(*name)) {
        is_played(file, command).unwrap();
    }
}

/// That a test is there and that CI runs it.
fn is_played(file: &str, command: &str) -> Result<(), String> {
    if !Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists() {
        return Err(format!("there is no {file}"));
    }
    let part = format!("part {command}");
    let runs = page(".ci/run").lines().any(|line| line == part || line.starts_with(&format!("{part} -- ")));
    if runs { Ok(()) } else { Err(format!("CI does not run {command}")) }
}

async fn play(name: String, steps: Vec<Step>) -> Result<(), String> {
    let world = World::new().await;
    let shell = Shell::of(&world);
    if !steps.iter().any(|step| matches!(step, Step::Manifest(_) | Step::Platform(_))) {
        examples(&world).await;
    }
    for step in steps {
        match &step {
            Step::Manifest(text) => block_in_place(|| keep(&shell, text)),
            Step::Script(script) => block_in_place(|| run(&shell, script)),
            Step::Output(block) => show(&shell, block),
            Step::Platform(line) => happens(&world, line).await,
            Step::Sent(writes) if *writes == world.writes() => Ok(()),
            Step::Sent(writes) => Err(format!("the platform was to be sent {writes:?}, and was {:?}", world.writes())),
        }
        .map_err(|error| format!("docs/{name}: {error}\n{}", world.story()))?;
    }
    Ok(())
}

async fn examples(world: &World) {
    for file in ["reseller", "tenant", "group", "group-warehouse"] {
        world.apply(&page(&format!("examples/{file}.yaml")));
    }
    world.ready::<Reseller>("best-reseller").await;
    world.ready::<Tenant>("acme").await;
    for name in ["headquarters", "warehouse"] {
        world.group(name).await;
    }
}

fn keep(shell: &Shell, text: &str) -> Result<(), String> {
    let named = text.lines().next().and_then(|line| line.strip_prefix("# ")).filter(|name| name.ends_with(".yaml"));
    let file = named.unwrap_or("manifest-without-a-name.yaml");
    fs::write(shell.folder().join(file), text).unwrap();
    // What is no object is the text of the settings.
    if !text.contains("\nkind: ") {
        return shell.run(&format!("apio-operator check-settings {file}")).map(drop);
    }
    shell.run(&format!("kubectl apply --dry-run=server --validate=strict -f {file}")).map(drop)
}

fn run(shell: &Shell, script: &str) -> Result<(), String> {
    let Some((_, file, command)) = COMMANDS_ELSEWHERE.iter().find(|(start, ..)| script.starts_with(start)) else {
        return shell.run(script).map(drop);
    };
    is_played(file, command)
}

fn show(shell: &Shell, block: &str) -> Result<(), String> {
    let commands: Vec<_> = block.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    let mut shown = String::new();
    let mut is_so = || {
        let all = commands.iter().map(|command| shell.shown(command)).collect::<Result<String, _>>();
        shown = all.unwrap_or_else(|error| error);
        (shown == block).then_some(())
    };
    match block_in_place(|| within(SOON, &mut is_so)) {
        Some(()) => Ok(()),
        None => Err(format!("the page shows\n{block}\nand the server\n{shown}")),
    }
}

async fn happens(world: &World, line: &str) -> Result<(), String> {
    let mut words = line.splitn(3, ' ');
    let method = words.next().unwrap_or_default().parse().unwrap();
    let url = format!("{}/_sim/{}", world.platform.url(), words.next().unwrap_or_default());
    let body = words.next().unwrap_or("{}").to_owned();
    let request = reqwest::Client::new().request(method, url).header("content-type", "application/json").body(body);
    let answer = request.send().await.and_then(reqwest::Response::error_for_status);
    answer.map(drop).map_err(|error| format!("{line}: {error}"))
}
