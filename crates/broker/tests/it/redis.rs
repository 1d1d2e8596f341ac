//! The Redis backend on real servers: several replicas, and what can befall a server.

mod cluster;
mod faults;
mod foreign;
mod network;
mod nonsense;
mod notices;
mod oracle;
mod raises;
mod replicas;
mod restarts;
mod secured;
mod sentinel;
mod wakes;
