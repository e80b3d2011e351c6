//! The decisions: pure functions over plain values. No async, no clock, no randomness, no I/O, no logging; a test reads
//! these sources and fails on any of them.

#[macro_use]
mod catalogue;

pub mod annotations;
pub mod budget;
pub mod check_group;
pub mod declared;
pub mod diff;
pub mod events;
pub mod facts;
pub mod failure;
pub mod grants;
pub mod ids;
pub mod kind;
pub mod lease;
pub mod login;
pub mod managers;
pub mod neighbours;
pub mod on_the_way;
pub mod ownership;
pub mod plan;
pub mod reason;
pub mod report;
pub mod schedule;
pub mod settings;
pub mod shown;
pub mod size;
pub mod spelling;
pub mod standing;
pub mod stray;
