//! The whole operator on one machine: a real Kubernetes API, the simulated platform, the operator and the example
//! manifests. `cargo run --example sandbox` stays up until Ctrl-C; with `-- --exit`, or without a terminal, it ends after a
//! short tour, with 0 only if every example became Ready. With `-- --stay` it stays up without a terminal too.

mod stage;

use std::{
    env,
    error::Error,
    io::{self, IsTerminal},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use serde_json::Value;
use testkit::{
    cluster::{ControlPlane, Progress, Terminal, within},
    simulator::Simulator,
};

/// Where the operator lives.
const SYSTEM: &str = "apio-system";
/// The examples in the order of the tour; any other order works too.
const EXAMPLES: [&str; 4] = ["reseller.yaml", "tenant.yaml", "group.yaml", "group-warehouse.yaml"];
/// Longest wait for the examples to become Ready.
const READY_WITHIN: Duration = Duration::from_secs(60);

const USAGE: &str = "usage: cargo run --example sandbox [-- --exit | --stay]";

fn main() -> ExitCode {
    if let Some(ended) = stage::as_operator() {
        return ended;
    }
    let arguments: Vec<_> = env::args().skip(1).collect();
    let exit = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => !io::stdout().is_terminal(),
        ["--exit"] => true,
        ["--stay"] => false,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let ended = tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(sandbox(exit)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn sandbox(exit: bool) -> Result<(), Box<dyn Error>> {
    let progress = Terminal::new();
    let plane = ControlPlane::start(&progress)?;
    let platform = Simulator::start().await?;

    progress.started("Installing the definitions, the settings and the credentials");
    stage::install(&plane)?;
    stage::prepare(&plane, SYSTEM, &[])?;
    progress.done();

    progress.started("Starting the operator");
    let operator = stage::start(&plane, SYSTEM, &platform.url(), &["--drift-interval", "30s"])?;
    progress.done();

    progress.started("Applying the examples and waiting until they are Ready");
    for file in EXAMPLES {
        plane.run(&["apply", "--validate=strict", "-f", &stage::file(&format!("examples/{file}"))])?;
    }
    let ready = within(READY_WITHIN, || {
        let (ready, all) = count_ready(&plane).unwrap_or_default();
        progress.tick(&format!("{ready} of {all}"));
        (ready == EXAMPLES.len()).then_some(())
    });
    if ready.is_none() {
        let table = plane.run(&["get", "apio", "-o", "wide"])?;
        let words = format!(
            "the examples are not Ready within {READY_WITHIN:?}:\n{table}\nThe operator said:\n{}",
            operator.log()
        );
        return Err(words.into());
    }
    progress.done();

    tour(&plane, &platform)?;
    if exit {
        return Ok(());
    }
    println!("{}", to_try(&plane, &platform, &plane.folder().join(format!("{SYSTEM}.log"))));
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// How many resources are Ready, and how many there are.
fn count_ready(plane: &ControlPlane) -> Result<(usize, usize), Box<dyn Error>> {
    let list: Value = serde_json::from_str(&plane.run(&["get", "apio", "-o", "json"])?)?;
    let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_ready = |item: &&Value| {
        let conditions = item["status"]["conditions"].as_array();
        conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
    };
    Ok((items.iter().filter(is_ready).count(), items.len()))
}

fn tour(plane: &ControlPlane, platform: &Simulator) -> Result<(), Box<dyn Error>> {
    println!("\nApplied: examples/{}\n\n$ kubectl get apio", EXAMPLES.join(", examples/"));
    println!("{}", plane.run(&["get", "apio"])?);
    println!("What the operator wrote to the platform:");
    for call in platform.writes() {
        println!("  {call}");
    }
    println!("\nWhat the platform holds:");
    platform.edit(|state| {
        for name in state.resellers.keys() {
            println!("  reseller {name}");
        }
        for (id, tenant) in &state.tenants {
            println!("  tenant {id}");
            for (id, group) in &tenant.groups {
                println!("    group {id} \"{}\"", group.attributes["groupName"].as_str().unwrap_or_default());
            }
        }
    });
    Ok(())
}

fn to_try(plane: &ControlPlane, platform: &Simulator, log: &Path) -> String {
    let (url, kubeconfig, log) = (platform.url(), plane.kubeconfig().display(), log.display());
    format!(
        "
It stays up until Ctrl-C. In a second terminal, in this folder:

  export KUBECONFIG={kubeconfig}
  kubectl get apio -o wide
  kubectl describe group headquarters
  kubectl explain group.spec --api-version=apio.netaxis.be/v1alpha1
  kubectl apply -f examples/group.yaml                  # nothing to do; edit it, and see what is sent

  # a group with users stays, and says so
  curl -X PUT {url}/_sim/tenants/Acme/groups/HQ/users/jo@hq.acme.example
  kubectl delete group headquarters --wait=false
  kubectl wait --for=condition=DeletionBlocked group/headquarters --timeout=60s
  kubectl describe group headquarters
  curl -X DELETE {url}/_sim/tenants/Acme/groups/HQ/contents
  kubectl annotate group headquarters apio.netaxis.be/requested-at=now   # look now, not in some minutes
  kubectl wait --for=delete group/headquarters --timeout=60s

  # what the platform holds and what was asked of it; what the operator says
  curl -s {url}/_sim/state
  curl -s {url}/_sim/journal
  tail -f {log}
"
    )
}
