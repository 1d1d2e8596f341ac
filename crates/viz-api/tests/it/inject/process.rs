//! A process that ends like one that has crashed.

use std::os::unix::process::ExitStatusExt;

use super::failing;
use crate::support::server::KEY_A;

/// What the system calls an abort.
const SIGABRT: i32 = 6;

#[test]
fn it_aborts_and_drains_nobody() {
    let mut server = failing("crash=1s");
    let mut stream = server.stream_as(KEY_A, "/api/stream");
    stream.connected();
    let status = server.wait();
    assert_eq!(status.signal(), Some(SIGABRT), "{status}");
    let told: Vec<_> = stream.filter_map(|frame| frame.event).collect();
    assert!(told.is_empty(), "no farewell: {told:?}");
    assert!(!server.log().phases().contains(&"draining".to_owned()), "{}", server.log().text());
}

#[test]
fn who_is_told_to_end_before_ends_in_order() {
    let mut server = failing("crash=3600s");
    assert_eq!(server.terminate(), Some(0), "{}", server.log().text());
}
