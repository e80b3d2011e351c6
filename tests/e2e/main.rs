//! The operator on a real API server, under the rights that its chart gives it, against the simulated platform. A module
//! per subject; each test has a namespace, a platform and an operator of its own.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod group;
mod world;
