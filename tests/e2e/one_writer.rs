//! Two operators, one platform: never two writers.

use std::{process::Command, sync::Arc};

use apio_operator::api::Group;
use testkit::{cluster::within, deployment::Operator};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    fixtures::{hq, manifest},
    world::{SOON, Wish, World, program},
};

const LEASE: [&str; 2] = ["--lease-duration", "6s"];

/// A second operator beside the world's own, reaching the API server at `server`.
fn second(world: &World, server: Option<&str>) -> Operator {
    let mut kubeconfig = world.plane.service_account_kubeconfig(&world.namespace, "apio-operator").unwrap();
    if let Some(server) = server {
        let text = std::fs::read_to_string(&kubeconfig).unwrap();
        let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
        config["clusters"][0]["cluster"]["server"] = server.into();
        kubeconfig.set_extension("second");
        std::fs::write(&kubeconfig, config.to_string()).unwrap();
    }
    let place = ["--namespace", &world.namespace, "--watch-namespaces", &world.namespace];
    let log = world.plane.folder().join(format!("{}-second.log", world.namespace));
    Operator::start(&program(), &kubeconfig, &world.platform.url(), &[&place[..], &LEASE].concat(), &log).unwrap()
}

fn logged(operator: &Operator, words: &str) {
    assert!(within(SOON, || operator.log().contains(words).then_some(())).is_some(), "{words}: {}", operator.log());
}

async fn world() -> World {
    let world = World::with(Wish { arguments: &LEASE, ..Wish::default() }).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq(""));
    world.group("hq").await;
    world
}

fn signal(operator: &Operator, signal: &str) {
    let pid = operator.pid().unwrap().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_was_stopped_past_its_deadline_writes_no_more_and_ends() {
    let world = world().await;
    let standby = second(&world, None);
    logged(&standby, "waiting for the lease");
    signal(&world.operator, "-STOP");
    logged(&standby, "holding the lease");
    world.apply(&manifest("Group", "b", "tenantId: Acme, groupName: B"));
    world.group("b").await;
    let written = world.writes();
    signal(&world.operator, "-CONT");
    assert_eq!(world.operator.ended(SOON), Some(1), "{}", world.operator.log());
    assert!(world.operator.log().contains("lease"), "{}", world.operator.log());
    assert_eq!(world.writes(), written, "{}", world.story());
    assert_eq!(written, ["POST /tenants/Acme/groups/", "POST /tenants/Acme/groups/"]);
    let holder = world.kubectl(&["get", "lease", "apio-operator", "-o", "jsonpath={.spec.holderIdentity}"]);
    assert_eq!(format!("http://{holder}"), standby.url(""), "a lease that was lost is not given away");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_cut_off_from_the_api_server_ends_before_another_writes() {
    let world = world().await;
    let link = Link::to(world.plane).await;
    let cut_off = second(&world, Some(&link.url));
    logged(&cut_off, "waiting for the lease");
    assert_eq!(world.operator.stop(), Some(0), "a lease that is given back is free at once");
    logged(&cut_off, "holding the lease");
    world.operator.start_again().unwrap();
    link.cut();
    assert_eq!(cut_off.ended(SOON), Some(1), "{}", cut_off.log());
    assert!(cut_off.log().contains("could not renew the lease apio-operator in time"), "{}", cut_off.log());
    world.apply(&manifest("Group", "b", "tenantId: Acme, groupName: B"));
    world.group("b").await;
    world.delete("group/b");
    world.until_gone::<Group>("b").await;
    assert_eq!(
        world.writes(),
        ["POST /tenants/Acme/groups/", "POST /tenants/Acme/groups/", "DELETE /tenants/Acme/groups/b/"]
    );
}

/// A way to the API server that can be cut.
struct Link {
    url: String,
    lines: Arc<std::sync::Mutex<JoinSet<()>>>,
}

impl Link {
    async fn to(plane: &testkit::cluster::ControlPlane) -> Self {
        let config: serde_json::Value =
            serde_yaml::from_str(&std::fs::read_to_string(plane.kubeconfig()).unwrap()).unwrap();
        let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap().to_owned();
        let target = server.trim_start_matches("https://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let lines: Arc<std::sync::Mutex<JoinSet<()>>> = Arc::default();
        let opened = lines.clone();
        let accept = async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let target = target.clone();
                opened.lock().unwrap().spawn(async move {
                    let mut far = TcpStream::connect(target).await.unwrap();
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                });
            }
        };
        lines.lock().unwrap().spawn(accept);
        Self { url, lines }
    }

    /// Closes every connection and takes no new one.
    fn cut(&self) {
        self.lines.lock().unwrap().abort_all();
    }
}
