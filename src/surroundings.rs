//! What the operator takes from outside without asking anybody: the time of day, and chance. It is a value, so that a
//! simulation can give its own and play the same again.

use std::{fmt, sync::Arc};

use k8s_openapi::jiff::Timestamp;

/// The time of day, and chance.
#[derive(Clone)]
pub struct Surroundings {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    random: Arc<dyn Fn() -> f64 + Send + Sync>,
}

impl Surroundings {
    /// A clock, and a source of numbers in 0..=1.
    pub fn new(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        random: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self { now: Arc::new(now), random: Arc::new(random) }
    }

    /// The time of day. What must not jump is measured with tokio's clock instead.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// A random number in 0..=1, for jitter and names: nothing secret may hang on it.
    pub fn random(&self) -> f64 {
        (self.random)()
    }
}

/// Those of the process.
impl Default for Surroundings {
    fn default() -> Self {
        use std::hash::{BuildHasher, RandomState};
        let random = || {
            let bits = RandomState::new().hash_one(std::process::id());
            f64::from((bits >> 32) as u32) / f64::from(u32::MAX)
        };
        Self::new(Timestamp::now, random)
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}
