//! WebSockets: several streams on one connection, and publishing, with the cursors of event streams.
//!
//! Owns: what a client may say and what it is told. Must not know: frames, sockets.

pub(crate) mod answers;
mod dispatcher;
pub(crate) mod handshake;
pub(crate) mod message;
mod session;

pub(crate) use self::{answers::connected, dispatcher::Dispatcher, session::Session};
