//! Where a storm takes place.

use std::time::Duration;

use kube::Client;
use testkit::simulator::Simulator;
use tokio::time::{Instant, sleep};

use super::actions::PLACES;

/// An API server, a platform, and operators between them.
pub trait Ground {
    /// A person's client.
    fn client(&self) -> &Client;
    /// The platform.
    fn platform(&self) -> &Simulator;
    /// The namespaces of the operators.
    fn systems(&self) -> &[String];
    /// Gives an operator its rights in a namespace, or takes them.
    fn permit(&mut self, system: usize, namespace: &str, is_granted: bool);
    /// The API server is killed and starts again.
    async fn restart_api(&mut self);
    /// An operator dies.
    fn kill(&mut self, number: usize);
    /// It is asked to end, and does.
    async fn stop(&mut self, number: usize);
    /// It starts again.
    fn start(&mut self, number: usize);
    /// Whether it ended by itself.
    fn has_ended(&self, number: usize) -> bool;
    /// What it says that nobody should ever read.
    fn has_panicked(&self, number: usize) -> bool;
    /// How long the operators may not have heard of what somebody changed.
    fn grace(&self) -> Duration;
    /// Changes with everything that is told or written, if that is known.
    fn news(&self) -> Option<u64>;
    /// What it says.
    fn log(&self, number: usize) -> String;
}

/// The namespaces of a round for each of its places.
pub fn namespaces(systems: &[String]) -> [String; 2] {
    PLACES.map(|place| namespace(systems, place))
}

/// How a place is called on the API server.
pub fn namespace(systems: &[String], place: &str) -> String {
    format!("{}-{place}", systems[0])
}

/// Longest call of the platform.
pub const LONGEST_CALL: Duration = Duration::from_secs(2);

/// What every operator of a storm is told.
pub fn arguments(watched: &[String; 2]) -> [String; 8] {
    let (watched, longest) = (watched.join(","), format!("{}s", LONGEST_CALL.as_secs()));
    [
        "--watch-namespaces",
        &watched,
        "--drift-interval",
        "2s",
        "--platform-timeout",
        &longest,
        "--platform-login-interval",
        "1s",
    ]
    .map(str::to_owned)
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
