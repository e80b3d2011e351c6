//! A release: what `release/archive` makes is complete, holds together, comes out the same each time, and works as the page
//! about installing says.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod archive;
mod contents;
mod materials;
mod page;
#[allow(dead_code)]
#[path = "../image/podman.rs"]
mod podman;
mod refusals;
