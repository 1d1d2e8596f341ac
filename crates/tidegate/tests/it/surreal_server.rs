//! Commands against a SurrealDB server.
//!
//! The name of this module is what the test command leaves out by where there is no server.

mod gates;
mod interrupts;
mod relay;
mod site;
