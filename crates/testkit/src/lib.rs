//! How tests reach a server: its process and what it writes, requests as bytes on the wire, event
//! streams by the rules of the standard, and waiting for what comes.
//!
//! Never part of the program: other crates name this one among their dev-dependencies alone. It
//! panics where what a test waits for does not come.

pub mod http;
pub mod process;
pub mod sse;
pub mod wait;
