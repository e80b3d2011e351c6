//! A real control plane: kube-apiserver, etcd and kube-controller-manager as processes.
//!
//! [`ControlPlane`] finds the programs ([`locate()`]) or builds them once with Go, starts them in seconds and ends them with this
//! process. [`Guarded`] does the same for any other program that a test needs.

mod audit;
mod build;
mod certificates;
mod control_plane;
mod error;
mod go_module;
mod guard;
mod instance_folder;
mod kubectl;
mod locate;
mod processes;
mod progress;
mod waiting;

pub use audit::Request;
pub use control_plane::ControlPlane;
pub use error::Error;
pub use go_module::GoModule;
pub use guard::{Guarded, is_alive};
pub(crate) use locate::cache_folder;
pub use locate::{Located, Programs, locate};
pub use processes::free_ports;
pub use progress::{Progress, Silent, Terminal};
pub use waiting::within;
