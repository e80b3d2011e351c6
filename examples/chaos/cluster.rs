//! Storms on a real API server, with operators that are processes.

use std::{error::Error, time::Duration};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;
use testkit::{
    cluster::ControlPlane,
    deployment::{Operator, rights},
    simulator::Simulator,
};

use super::{
    stage,
    storms::{
        actions::{NEWER, POLICIES, releases},
        ground::{Grace, Ground, arguments, namespaces},
        targets::Extent,
    },
};

/// How late an operator may hear of something, on a machine that has other things to do.
const LATE: Duration = Duration::from_secs(10);

/// What a newer operator makes of the definition of groups, as a JSON patch.
pub fn newer() -> String {
    json!([{"op": "add", "path": format!("{POLICIES}/-"), "value": NEWER}]).to_string()
}

/// A control plane, and the operators of one round on it.
pub struct Cluster<'a> {
    plane: &'a ControlPlane,
    platform: Simulator,
    operators: Vec<Operator>,
    client: Client,
    systems: Vec<String>,
}

impl<'a> Cluster<'a> {
    /// A platform, operators and two empty namespaces.
    pub async fn new(plane: &'a ControlPlane, seed: u64) -> Result<Self, Box<dyn Error>> {
        let platform = Simulator::start().await?;
        let systems: Vec<_> = (0..releases(seed)).map(|number| format!("chaos-{seed}-{number}")).collect();
        let places = namespaces(&systems);
        for place in &places {
            plane.create_namespace(place)?;
        }
        for system in &systems {
            stage::prepare(plane, system, &places.each_ref().map(String::as_str))?;
        }
        let log = "debug,kube=info,hyper=info,rustls=info,tower=info,reqwest=info,h2=info";
        let arguments = arguments(&places, Extent::LARGE);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).chain(["--log", log]).collect();
        let start = |system: &String| stage::start(plane, system, &platform.url(), &arguments);
        let operators = systems.iter().map(start).collect::<Result<_, _>>()?;
        let kubeconfig = Kubeconfig::read_from(plane.kubeconfig())?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        Ok(Self { plane, platform, operators, client: Client::try_from(config)?, systems })
    }
}

/// The namespaces stay until the control plane goes.
impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        self.operators.iter().for_each(Operator::kill);
    }
}

impl Ground for Cluster<'_> {
    fn client(&self) -> &Client {
        &self.client
    }

    fn platform(&self) -> &Simulator {
        &self.platform
    }

    fn systems(&self) -> &[String] {
        &self.systems
    }

    fn permit(&mut self, system: usize, namespace: &str, is_granted: bool) {
        let system = &self.systems[system];
        let binding = format!("rolebinding/apio-operator-watched-{system}");
        let done = if is_granted {
            self.plane.apply(&rights(stage::RULES, system, Some(namespace)))
        } else {
            self.plane.run(&["delete", &binding, "-n", namespace, "--ignore-not-found"])
        };
        done.unwrap_or_else(|error| panic!("the rights in {namespace}: {error}"));
    }

    async fn restart_api(&mut self) {
        self.plane.stop_apiserver();
        self.plane.start_apiserver().unwrap_or_else(|error| panic!("the API server does not start: {error}"));
    }

    fn kill(&mut self, number: usize) {
        self.operators[number].kill();
    }

    async fn stop(&mut self, number: usize) {
        self.operators[number].stop();
    }

    fn start(&mut self, number: usize) {
        self.operators[number].start_again().unwrap_or_else(|error| panic!("the operator does not start: {error}"));
    }

    fn has_ended(&self, number: usize) -> bool {
        self.operators[number].ended(Duration::ZERO).is_some()
    }

    fn has_panicked(&self, number: usize) -> bool {
        self.log(number).contains("panicked")
    }

    fn storm(&mut self, _: bool) {}

    fn lag(&mut self, _: &str, _: Duration) {}

    fn cover_eyes(&mut self, _: bool) {}

    fn slow(&mut self, _: Duration) {}

    fn jump(&mut self, _: i64) {}

    fn grace(&self) -> Grace {
        Grace { sent: LATE, asked: LATE, shown: LATE }
    }

    fn written(&self) -> Vec<String> {
        Vec::new()
    }

    fn news(&self) -> Option<u64> {
        None
    }

    fn log(&self, number: usize) -> String {
        self.operators[number].log()
    }
}
