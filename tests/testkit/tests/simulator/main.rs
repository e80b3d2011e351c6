//! Holds the simulator to the platform's wire contract, over HTTP and with no client but `reqwest`. Each test is named
//! after one sentence of the contract.

mod admin;
mod client;
mod contents;
mod deletion;
mod domains;
mod doors;
mod faults;
mod groups;
mod handle;
mod in_process;
mod limits;
mod lists;
mod resellers;
mod rights;
mod tenants;
