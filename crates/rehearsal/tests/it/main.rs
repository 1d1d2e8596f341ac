//! The load against a server that does wrong on purpose, and the stack with real processes.

mod broken;
mod chain;
mod load;
mod play;
mod scripts;
mod server;
mod support;
mod surreal_server;
