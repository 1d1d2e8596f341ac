//! The journal from outside: what is acknowledged is there, whatever happens to the disk.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod clickhouse;
mod crash;
mod damage;
mod disk;
mod fault;
mod queue;
mod sink;
mod support;
