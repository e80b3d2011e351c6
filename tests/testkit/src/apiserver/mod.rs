//! The Kubernetes API in memory: for tests in which time is simulated, and a real API server would stand still.
//!
//! It is a tower service, without sockets, threads, clock or randomness of its own: the same requests in the same order give the
//! same bytes. What it answers is held to the real API server by `tests/testkit/tests/differential`.
//!
//! ```text
//! service -> request -> write, delete, read, watch -> state
//!                         |
//!                         +-> managers (server-side apply) -> typed -> fields
//!                         +-> validate -> schema, rules (CEL)
//! ```

mod delete;
mod fields;
mod kinds;
mod managers;
mod object;
mod read;
mod request;
mod rules;
mod schema;
mod server;
mod state;
mod status;
mod typed;
mod update;
mod validate;
mod watch;
mod write;

pub use kinds::Kinds;
pub use server::{ApiServer, ApiService};
pub use state::{Answered, Denial};
