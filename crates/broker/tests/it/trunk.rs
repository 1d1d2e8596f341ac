//! Replicas that lose Redis and find it again, on real servers: what their readers received.

mod adopt;
mod branches;
mod cursors;
mod faults;
mod heal;
mod spool;
mod strict;
mod wakes;
