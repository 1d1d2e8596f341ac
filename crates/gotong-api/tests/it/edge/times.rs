//! No time-out cuts a stream that lives.

use std::time::Duration;

use delivery::DeliveryOptions;
use serde_json::json;

use super::{Fleet, numbers};
use crate::support::{edge::in_workspace, server::ALICE, ws::Ws};

/// What silence a stream of HAProxy may have, in the file.
fn stream_timeout() -> Duration {
    let text = std::fs::read_to_string(in_workspace("deploy/haproxy.cfg")).expect("it is there");
    let line =
        text.lines().find_map(|line| line.trim().strip_prefix("presetenv EDGE_STREAM_TIMEOUT "));
    let seconds = line.and_then(|value| value.strip_suffix('s')).and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.expect("whole seconds"))
}

#[test]
fn the_silence_that_is_allowed_is_longer_than_three_heartbeats() {
    assert!(stream_timeout() > 3 * DeliveryOptions::default().heartbeat);
}

/// The time-out is just longer than a heartbeat here: a stream that outlives two of them is kept alive
/// by them, over either transport.
#[test]
fn heartbeats_keep_streams_open() {
    let fleet = Fleet::start_with(|edge| edge.set("EDGE_STREAM_TIMEOUT", "20s"));
    let (mut stream, _) = fleet.stream(&[]);
    let mut ws = Ws::open(fleet.edge.address, "/api/ws", ALICE);
    ws.next_of("connected");
    ws.say(&json!({"type": "subscribe"}));
    ws.next_of("subscribed");
    std::thread::scope(|scope| {
        scope.spawn(|| (0..2).for_each(|_| ws.next_ping()));
        for _ in 0..2 {
            let frame = stream.next().expect("the stream goes on");
            assert_eq!(frame.comment.as_deref(), Some("heartbeat"));
        }
    });
    assert_eq!(fleet.publish(1).status, 201);
    assert_eq!(numbers(&mut stream, 1), [1]);
    assert_eq!(ws.next_of("event")["envelope"]["payload"]["n"], 1);
}

/// That it is this setting which would cut them: with one shorter than a heartbeat it does.
#[test]
fn a_stream_that_is_silent_for_too_long_is_cut() {
    let fleet = Fleet::start_with(|edge| edge.set("EDGE_STREAM_TIMEOUT", "1s"));
    let (mut stream, _) = fleet.stream(&[]);
    assert!(stream.next().is_none());
    let mut ws = Ws::open(fleet.edge.address, "/api/ws", ALICE);
    ws.next_of("connected");
    assert!(ws.is_cut());
}
