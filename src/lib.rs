//! `apio-operator` makes the APIO telephony provisioning platform declarative: tenants, groups and resellers are
//! Kubernetes objects, and the operator keeps the platform equal to them.
//!
//! [`api`] holds the custom resources and [`engine`] every decision, both pure; [`platform`] is the HTTP client of the
//! platform, [`controller`] the only part that knows the Kubernetes client.

pub mod api;
pub mod cli;
pub mod controller;
pub mod docs;
pub mod engine;
pub mod platform;
pub mod run;
pub mod surroundings;
pub mod telemetry;
