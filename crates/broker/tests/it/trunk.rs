//! Replicas that lose Redis and find it again, on real servers: what their readers received.

mod adopt;
mod branches;
mod cluster;
mod cursors;
mod faults;
mod flushed;
mod foreign;
mod forgets;
mod heal;
mod holes;
mod keys;
mod losses;
mod reigns;
mod sentinel;
mod spool;
mod strict;
mod unknown;
mod wakes;
