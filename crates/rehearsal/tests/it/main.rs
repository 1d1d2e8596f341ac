//! The load against a server that does wrong on purpose, and the stack with real processes.

mod broken;
mod load;
mod play;
mod server;
mod support;
mod surreal_server;
