//! Chat as its clients see it, over the real binary.

mod deployment;
mod edge;
mod embedded;
mod health;
mod messages;
mod openapi;
mod streams;
mod support;
mod surreal_server;
mod threads;
