//! What a round does with the API server besides its own resources.

use std::time::Duration;

use testkit::{
    cluster::{ControlPlane, Error},
    deployment::rights,
};
use tokio::time::{Instant, sleep};

use super::stage;

/// How a place is called on the API server.
pub fn namespace(systems: &[String], place: &str) -> String {
    format!("{}-{place}", systems[0])
}

/// Gives an operator its rights in a namespace, or takes them.
pub fn permit(plane: &ControlPlane, system: &str, place: &str, is_granted: bool) -> Result<(), Error> {
    if is_granted {
        return plane.apply(&rights(stage::RULES, system, Some(place))).map(drop);
    }
    let binding = format!("rolebinding/apio-operator-watched-{system}");
    plane.run(&["delete", &binding, "-n", place, "--ignore-not-found"]).map(drop)
}

/// A call to the API server, which may be away for a while.
pub async fn patiently<T>(call: impl AsyncFn() -> kube::Result<T>) -> kube::Result<T> {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        match call().await {
            Err(kube::Error::Api(status)) if status.code < 500 && status.code != 429 => {
                return Err(kube::Error::Api(status));
            }
            Err(error) if Instant::now() > until => return Err(error),
            Err(_) => sleep(Duration::from_millis(100)).await,
            Ok(answer) => return Ok(answer),
        }
    }
}
