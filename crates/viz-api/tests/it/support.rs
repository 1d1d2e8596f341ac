//! What the tests share: a real server, a client that writes bytes, and readers of event streams.

pub(crate) mod paths;
pub(crate) mod redis;
pub(crate) mod server;
pub(crate) mod tokens;
pub(crate) mod ws;

pub(crate) use testkit::{http, process, sse, wait};
