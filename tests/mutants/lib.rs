//! The decisions without the rest of the operator, of which they know nothing.

#[path = "../../src/api/mod.rs"]
pub mod api;
#[path = "../../src/engine/mod.rs"]
pub mod engine;
