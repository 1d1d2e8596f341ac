//! What the tests share.

pub(crate) mod edge;
pub(crate) mod peers;
pub(crate) mod schema;
pub(crate) mod server;
pub(crate) mod ws;

pub(crate) use testkit::{http, process, sse, wait};
