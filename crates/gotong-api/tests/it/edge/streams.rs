//! Event streams and WebSockets, live and resumed.

use serde_json::json;

use super::{Fleet, numbers};
use crate::support::{server::ALICE, wait::until, ws::Ws};

#[test]
fn streams_are_spread_live_and_resume_on_either_replica() {
    let fleet = Fleet::start();
    let (mut first, _) = fleet.stream(&[]);
    let (mut second, _) = fleet.stream(&[]);
    assert_eq!(fleet.streams(), [1.0, 1.0], "who has the fewest gets the next one");
    for n in 0..20 {
        assert_eq!(fleet.publish(n).status, 201);
    }
    let expected: Vec<_> = (0..20).collect();
    assert_eq!(numbers(&mut second, 20), expected);
    assert_eq!(numbers(&mut first, 5), expected[..5]);
    let place = first.event();
    drop(first);
    until("who left is let go, at its replica too", || fleet.streams().iter().sum::<f64>() == 1.0);
    for replica in ["replica-1", "replica-2"] {
        let other = if replica == "replica-1" { "replica-2" } else { "replica-1" };
        fleet.edge.command(&format!("set server tidegate/{other} state drain"));
        let (mut resumed, connected) = fleet.stream(&[("last-event-id", place.cursor())]);
        assert_eq!(connected.json()["resume"], "resumed", "{connected:?}");
        assert_eq!(numbers(&mut resumed, 14), expected[6..], "{replica}");
        fleet.edge.command(&format!("set server tidegate/{other} state ready"));
    }
    // Events are not held back to fill a buffer.
    for n in 20..30 {
        assert_eq!(fleet.publish(n).status, 201);
        assert_eq!(numbers(&mut second, 1), [n]);
    }
}

#[test]
fn a_websocket_publishes_and_hears_through_it() {
    let fleet = Fleet::start();
    let (mut stream, _) = fleet.stream(&[]);
    let mut ws = Ws::open(fleet.edge.address, "/api/ws", ALICE);
    ws.next_of("connected");
    ws.say(&json!({"type": "subscribe"}));
    let place = ws.next_of("subscribed");
    for n in 0..5 {
        ws.say(&json!({"type": "publish", "ref": n, "event": "a.b", "payload": {"n": n}}));
    }
    assert_eq!(numbers(&mut stream, 5), [0, 1, 2, 3, 4]);
    let mut again = Ws::open(fleet.edge.address, "/api/ws", ALICE);
    again.say(&json!({"type": "subscribe", "after": place["lastEventId"]}));
    for n in 0..5 {
        for ws in [&mut ws, &mut again] {
            assert_eq!(ws.next_of("event")["envelope"]["payload"]["n"], n);
        }
    }
}
