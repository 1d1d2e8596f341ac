//! The server as its clients and operators see it: the real binary over real sockets.

mod support;

mod chains;
mod cors;
mod cursors;
mod cutover;
mod drain;
mod errors;
mod filters;
mod full_disk;
mod health;
mod hostile;
mod idempotency;
#[cfg(feature = "inject")]
mod inject;
mod jwks;
mod jwt;
mod limits;
mod metrics;
mod openapi;
mod page;
mod paths;
mod publish;
mod publisher;
mod redis;
mod restart;
mod scopes;
mod secrets;
mod slow;
mod start;
mod stream;
mod strict;
mod tickets;
mod wire;
mod ws;
