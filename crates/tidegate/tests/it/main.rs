//! The command from outside: its exit codes, what it prints, and what it does when a server
//! misbehaves.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod audit;
mod bench;
mod carry;
mod command;
mod cutover;
mod documented;
mod evidence;
mod exit_codes;
mod fake;
mod guard;
mod image;
mod proxy;
mod publish;
mod ready;
mod real_server;
mod replay;
mod replicas;
mod runbook;
mod secrets;
mod store;
mod surreal_server;
mod tail;
mod unseen;
