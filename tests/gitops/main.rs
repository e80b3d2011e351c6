//! The operator under Argo CD and Flux, as real as they are built, on a real API server, against the simulated platform.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod application;
mod argo_cd;
mod deletion;
mod flux;
mod flux_sync;
mod generated;
mod guide;
mod judges;
mod live;
mod operator;
mod processes;
mod repository;
mod states;
mod sync;

#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../e2e/cluster.rs"]
mod cluster;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../e2e/fixtures.rs"]
mod fixtures;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../chart/release.rs"]
mod release;
#[allow(dead_code, unused_imports, reason = "other tests use more of it")]
#[path = "../e2e/world.rs"]
mod world;
