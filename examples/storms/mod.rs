//! Storms over many resources: random edits, deletions, settings, faults of the platform, edits in its portal, deaths of the
//! operator and of the API server; and what must hold when they are over. They are the same on a real API server (`chaos`) and
//! in simulated time (`simulate`).

pub mod actions;
pub mod ground;
mod journal;
mod resources;
pub mod round;
