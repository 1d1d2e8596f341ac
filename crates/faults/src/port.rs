//! Ports of servers that a test ends and starts again where they were.

use std::{fs, net::TcpListener};

use rand::RngExt;

/// Ports below this one are often taken by services of the machine.
const LOWEST: u16 = 10_000;

/// What the system hands out where it does not say so, by RFC 6335.
const EPHEMERAL: u16 = 49_152;

/// How often another port is tried.
const TRIES: u32 = 100;

/// Returns a port of 127.0.0.1 that was free just now and that the system gives nobody by itself: it
/// is outside the range for connections and for binding to port 0. Another process that is started
/// meanwhile, or a connection, does not get it while a server that had it is started again.
///
/// # Panics
/// Panics where none of a hundred is free.
pub fn lasting_port() -> u16 {
    let ephemeral = ephemeral().filter(|first| *first > LOWEST + 1_000).unwrap_or(EPHEMERAL);
    let mut rng = rand::rng();
    let mut ports = (0..TRIES).map(|_| rng.random_range(LOWEST..ephemeral));
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(is_free).expect("one of a hundred ports is free")
}

/// Returns the first port that Linux gives by itself.
fn ephemeral() -> Option<u16> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    range.split_whitespace().next()?.parse().ok()
}
