//! Where a storm takes place.

use std::time::Duration;

use kube::Client;
use testkit::simulator::Simulator;
use tokio::time::{Instant, sleep};

use super::targets::{Extent, PLACES};

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
    /// Everything goes wrong from now on, or nothing does.
    fn storm(&mut self, is_on: bool);
    /// The watches of a kind show everything so much later.
    fn lag(&mut self, plural: &str, by: Duration);
    /// No watch shows anything any more; when they do again, they have to list, where that can be had.
    fn cover_eyes(&mut self, is_on: bool);
    /// Every call of an operator to the API server takes so long, where that can be had.
    fn slow(&mut self, by: Duration);
    /// The clock of the day jumps by so many seconds, where that can be had.
    fn jump(&mut self, seconds: i64);
    /// How long the operators may go on with what they knew, when they ask and when they are told.
    fn grace(&self) -> Grace;
    /// What the operators wrote to the API server until now, but for their leases, if that is known.
    fn written(&self) -> Vec<String>;
    /// Changes with everything that is told or written, if that is known.
    fn news(&self) -> Option<u64>;
    /// What it says.
    fn log(&self, number: usize) -> String;
}

/// How old may be what a write was decided on.
#[derive(Clone, Copy, Debug)]
pub struct Grace {
    /// What was asked of the platform, until the write reaches it.
    pub sent: Duration,
    /// What was asked for the write.
    pub asked: Duration,
    /// What a watch showed.
    pub shown: Duration,
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
pub fn arguments(watched: &[String; 2], extent: Extent) -> [String; 12] {
    let (watched, longest) = (watched.join(","), format!("{}s", LONGEST_CALL.as_secs()));
    let [drift, lease] = [extent.drift, extent.lease].map(|time| format!("{}s", time.as_secs()));
    [
        "--watch-namespaces",
        &watched,
        "--drift-interval",
        &drift,
        "--lease-duration",
        &lease,
        // Few, so that a turn that is kept is missed.
        "--platform-concurrency",
        if extent.has_portal { "12" } else { "3" },
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
