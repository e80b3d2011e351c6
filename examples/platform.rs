//! The simulated APIO platform alone, to try out with curl or to run an operator against:
//! `cargo run --example platform [-- --port N]`. Ctrl-C ends it.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use serde_json::json;
use testkit::simulator::{M2M_TOKEN, PASSWORD, Simulator, State, USERNAME};

const USAGE: &str = "usage: cargo run --example platform [-- --port N]   (8090 unless told)";

#[tokio::main]
async fn main() -> ExitCode {
    let Some(port) = port(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let platform = match Simulator::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await {
        Ok(platform) => platform,
        Err(error) => {
            eprintln!("can't listen on port {port} of 127.0.0.1: {error}; try another one with --port");
            return ExitCode::FAILURE;
        }
    };
    platform.edit(seed);
    println!("{}", tour(&platform.url()));
    match tokio::signal::ctrl_c().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("can't wait for Ctrl-C: {error}");
            ExitCode::FAILURE
        }
    }
}

/// None: the arguments are not understood.
fn port(mut arguments: impl Iterator<Item = String>) -> Option<u16> {
    let port = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => 8090,
        (Some("--port"), Some(port)) => port.parse().ok()?,
        _ => return None,
    };
    arguments.next().is_none().then_some(port)
}

fn seed(state: &mut State) {
    state.add_reseller("BestReseller");
    state.add_tenant("Acme");
    state.add_tenant_domain("Acme", "sip.acme.example");
    let attributes = json!({
        "groupName": "Head office", "defaultDomain": "sip.acme.example", "cliName": "Acme HQ",
        "contactInformation": {"name": "Jo", "phoneNumber": "+3225550100", "emailAddress": "jo@acme.example"},
        "resellerId": "BestReseller",
    });
    state.add_group("Acme", "HQ", attributes);
    state.add_user("Acme", "HQ", "ann@sip.acme.example", false);
    state.add_user("Acme", "HQ", "bob@sip.acme.example", false);
}

fn tour(url: &str) -> String {
    format!(
        "\
The APIO platform (simulated) is at {url}; Ctrl-C ends it.

  door A  {url}/api/v1/       login {USERNAME} / {PASSWORD}
  door B  {url}/api/v01/p1/   the same login, or the token {M2M_TOKEN}

It holds the tenant Acme with the domain sip.acme.example, its group HQ with two users, and the reseller BestReseller.
Try, in another terminal:

  # log in at door A, then read the group in that session
  curl -sc jar {url}/api/v1/login/ -d '{{\"username\": \"{USERNAME}\", \"password\": \"{PASSWORD}\"}}'
  curl -sb jar {url}/api/v1/tenants/Acme/groups/HQ/

  # change one key at door B; the others stay
  curl -s -X PUT {url}/api/v01/p1/tenants/Acme/groups/HQ/ -H 'Authorization: Bearer {M2M_TOKEN}' -d '{{\"userLimit\": 50}}'

  # protect groups that have users, and see the deletion refused
  curl -s {url}/_sim/settings -d '{{\"CHECK_GROUP\": {{\"CHECK_USERS\": true}}}}'
  curl -sb jar -X DELETE {url}/api/v1/tenants/Acme/groups/HQ/

  # empty the group, change it behind an operator's back
  curl -s -X DELETE {url}/_sim/tenants/Acme/groups/HQ/contents
  curl -s -X PATCH {url}/_sim/tenants/Acme/groups/HQ -d '{{\"groupName\": \"drifted\"}}'

  # what the platform holds, what was asked of it
  curl -s {url}/_sim/state
  curl -s {url}/_sim/journal
"
    )
}
