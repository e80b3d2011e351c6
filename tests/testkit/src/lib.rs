//! What the tests and the sandbox of apio-operator run against: a real Kubernetes control plane and a simulated APIO platform.
//!
//! This crate knows nothing of the operator: it takes YAML, paths and URLs, so that a mistake of the operator cannot hide in it.

pub mod apiserver;
pub mod cluster;
pub mod deployment;
pub mod helm;
pub mod pod;
pub mod simulator;
