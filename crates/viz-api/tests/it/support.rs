//! What the tests share: a real server, a client that writes bytes, and readers of event streams.

pub(crate) mod http;
pub(crate) mod paths;
mod process;
pub(crate) mod redis;
pub(crate) mod server;
pub(crate) mod sse;
pub(crate) mod tokens;
pub(crate) mod wait;
pub(crate) mod ws;
