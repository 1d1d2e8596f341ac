//! What the tests share.

pub(crate) mod edge;
pub(crate) mod http;
pub(crate) mod peers;
pub(crate) mod process;
pub(crate) mod schema;
pub(crate) mod server;
pub(crate) mod sse;
pub(crate) mod wait;
pub(crate) mod ws;
