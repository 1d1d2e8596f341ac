//! The fault tools' own proofs: each toxic does what its name says, each server can be stopped.

mod proxy;
mod servers;
