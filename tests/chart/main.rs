//! The chart: rendered, refused, and on a real API server with helm 3 and helm 4, where the operator runs as its Deployment
//! says. There is no kubelet, so the tests start the program themselves.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod access;
#[allow(dead_code)]
#[path = "../e2e/cluster.rs"]
mod cluster;
#[allow(dead_code)]
#[path = "../e2e/fixtures.rs"]
mod fixtures;
mod lifecycle;
mod monitoring;
mod pods;
mod release;
mod rendering;
mod values;
#[allow(dead_code, unused_imports)]
#[path = "../e2e/world.rs"]
mod world;
