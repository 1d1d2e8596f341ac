//! What breaks things in tests: a TCP fault proxy, and servers that can be stopped.
//!
//! Never part of the server: other crates name this one among their dev-dependencies alone, except
//! for `chaos`, which is a test itself, and `rehearsal`, which puts the proxy before servers that it
//! started. It panics where a test's own machinery fails, since a test can do nothing about that.

mod port;
mod process;
mod proxy;
mod redis;
mod surreal;

pub use self::{
    port::lasting_port,
    process::Process,
    proxy::{Direction, Proxy, Toxic},
    redis::{
        certificates::Certificates,
        cluster::{NODES, RedisCluster, SLOTS},
        fake::FakeRedis,
        options::ServerOptions,
        sentinel::{SERVICE, SentinelSet},
        server::RedisServer,
    },
    surreal::{SURREAL_PASSWORD, SURREAL_USER, SurrealEngine, SurrealServer},
};
