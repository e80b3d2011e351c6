//! The image of a release: what is in it, that it comes out the same each time, and that the operator works in it as a pod
//! of the chart would have it work. There is no kubelet, so podman runs it.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod built;
#[allow(dead_code)]
#[path = "../e2e/cluster.rs"]
mod cluster;
mod contents;
#[allow(dead_code)]
#[path = "../e2e/fixtures.rs"]
mod fixtures;
mod podman;
#[allow(dead_code)]
#[path = "../chart/release.rs"]
mod release;
mod running;
#[allow(dead_code, unused_imports)]
#[path = "../e2e/world.rs"]
mod world;
