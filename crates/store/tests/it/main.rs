//! The store against real databases: in this process, in a folder, and on a server.

mod conformance;
mod embedded;
mod injection;
mod kit;
mod lost_update;
mod memory;
mod probe;
mod surreal_server;
