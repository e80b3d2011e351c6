//! The operator on a real API server, under the rights that its chart gives it, against the simulated platform. A module
//! per subject; each test has a namespace, a platform and an operator of its own.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod adoption;
mod availability;
mod backups;
mod budget;
mod check_group;
mod claims;
mod cluster;
mod command_line;
mod crashes;
mod credentials;
mod deaths;
mod deletion;
mod docs;
mod domains;
mod drift;
mod errors;
mod events;
mod fencing;
mod fixtures;
mod group;
mod group_data;
mod in_process;
mod limits;
mod manifests;
mod misplaced_ids;
mod namespaces;
mod odd_names;
mod one_writer;
mod order;
mod pages;
mod permissions;
mod policies;
mod proxy;
mod quiet;
mod reading;
mod references;
mod reseller;
mod resellers_on_the_way;
mod settings;
mod shell;
mod status_writes;
mod stopping;
mod templates;
mod tenant;
mod texts;
mod troubleshooting;
mod two_operators;
mod unreadable;
mod updating;
mod world;
