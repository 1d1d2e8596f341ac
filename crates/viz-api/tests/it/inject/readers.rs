//! Events that are lost, come twice or change places on their way to readers, and connections that
//! are cut. The log has all events, once and in order.

use serde_json::Value;

use super::failing;
use crate::support::{
    server::{KEY_A, Plan, Server},
    sse::{self, Sse},
    ws::{self, Frame, Ws},
};

/// How many events are published before the one that ends a test.
const EVENTS: u64 = 400;

/// What a reader is sent, by the numbers of the events.
type Sent = Vec<u64>;

fn of_stream(mut stream: Sse) -> Sent {
    let mut sent = Vec::new();
    loop {
        let frame = stream.event();
        match frame.event.as_deref() {
            Some("connected") => {}
            Some("end") => return sent,
            _ => sent.push(sse::number(&frame)),
        }
    }
}

fn of_ws(mut ws: Ws) -> Sent {
    let mut sent = Vec::new();
    loop {
        let event = ws.expect("event");
        match event["envelope"]["event"].as_str() {
            Some("end") => return sent,
            _ => sent.push(ws::number(&event)),
        }
    }
}

/// Publishes events of two kinds in turn, and one of a third kind at the end.
fn publish(server: &Server) {
    let numbers: Vec<_> = (1..=EVENTS).collect();
    for some in numbers.chunks(50) {
        let name = |n: u64| if n.is_multiple_of(2) { "even" } else { "odd" };
        let event = |&n| format!(r#"{{"event":"{}","payload":{{"n":{n}}}}}"#, name(n));
        let list: Vec<_> = some.iter().map(event).collect();
        assert_eq!(server.publish(KEY_A, &format!("[{}]", list.join(","))).status, 201);
    }
    server.publish_ok(KEY_A, "end", EVENTS + 1);
}

fn subscribe(server: &Server, after: &str) -> Ws {
    let mut ws = Ws::of(server, KEY_A);
    ws.say(&format!(r#"{{"type":"subscribe","after":"{after}"}}"#));
    ws.expect("subscribed");
    ws
}

/// Returns what readers are sent, which is the same for all of them: live and replayed, over event
/// streams and WebSockets.
fn sent(plan: &Plan) -> Sent {
    let server = plan.start();
    let mut stream = server.stream_as(KEY_A, "/api/stream");
    let beginning = stream.connected()["lastEventId"].as_str().map(str::to_owned);
    let beginning = beginning.expect("a stream begins somewhere");
    let ws = Ws::following(&server, KEY_A);
    publish(&server);
    let live = of_stream(stream);
    assert_eq!(of_ws(ws), live, "a WebSocket has the same");
    let path = format!("/api/stream?after={beginning}");
    assert_eq!(of_stream(server.stream_as(KEY_A, &path)), live, "replay has the same");
    assert_eq!(of_ws(subscribe(&server, &beginning)), live, "and over a WebSocket");
    check_log(&server, &beginning);
    check_filtered(&server, &path, &live);
    live
}

/// Checks that the log has every event once, in order.
fn check_log(server: &Server, beginning: &str) {
    let page = server.get(&format!("/api/events?limit=500&after={beginning}"), KEY_A).json();
    let events = page["events"].as_array().expect("a page has events");
    let number = |event: &Value| {
        let envelope = event.get("envelope").unwrap_or(event);
        envelope["payload"]["n"].as_u64().unwrap_or_else(|| panic!("no number in {event}"))
    };
    let numbers: Vec<_> = events.iter().map(number).collect();
    assert_eq!(numbers, (1..=EVENTS + 1).collect::<Vec<_>>());
}

/// Checks that a reader with a filter is sent nothing else, and no other number of times.
fn check_filtered(server: &Server, path: &str, all: &Sent) {
    let filtered = of_stream(server.stream_as(KEY_A, &format!("{path}&events=even,end")));
    let mut wanted: Sent = all.iter().copied().filter(|n| n.is_multiple_of(2)).collect();
    wanted.sort_unstable();
    assert_eq!(filtered, wanted);
}

fn plan(faults: &str) -> Plan {
    Plan::with_keys().set("TIDEGATE_INJECT", faults)
}

#[test]
fn events_are_lost_in_silence() {
    let seen = [7, 7, 8].map(|seed| sent(&plan(&format!("lose=1/20,seed={seed}"))));
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
    for seen in &seen {
        assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
        let lost = EVENTS as usize - seen.len();
        assert!((5..=40).contains(&lost), "{lost} of {EVENTS}");
    }
}

#[test]
fn events_come_twice() {
    let seen = sent(&plan("repeat=5%,seed=7"));
    assert!(seen.is_sorted(), "{seen:?}");
    let mut once = seen.clone();
    once.dedup();
    assert_eq!(once, (1..=EVENTS).collect::<Vec<_>>());
    assert!((5..=40).contains(&(seen.len() - once.len())), "{seen:?}");
}

#[test]
fn events_change_places_with_the_next_one() {
    for deflate in ["false", "true"] {
        let plan = plan("reorder=5%,seed=7").set("TIDEGATE_WEBSOCKET_DEFLATE", deflate);
        let seen = sent(&plan);
        let displaced = seen.windows(2).filter(|two| two[0] > two[1]).count();
        assert!((5..=40).contains(&displaced), "{displaced} of {EVENTS}");
        assert!(seen.iter().zip(1..).all(|(&n, place): (_, u64)| n.abs_diff(place) <= 1));
        let mut sorted = seen.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (1..=EVENTS).collect::<Vec<_>>());
    }
}

#[test]
fn connections_are_cut_without_a_farewell() {
    const STREAMS: usize = 12;
    let server = failing("disconnects=50%@1s");
    let streams: Vec<_> = (0..STREAMS).map(|_| server.stream_as(KEY_A, "/api/stream")).collect();
    let sockets: Vec<_> = (0..STREAMS).map(|_| Ws::of(&server, KEY_A)).collect();
    for stream in streams {
        let told: Vec<_> = stream.filter_map(|frame| frame.event).collect();
        assert_eq!(told, ["connected"]);
    }
    for mut socket in sockets {
        let frames: Vec<_> = std::iter::from_fn(|| socket.frame()).collect();
        assert!(frames.iter().all(|frame| matches!(frame, Frame::Ping(_))), "{frames:?}");
    }
    for transport in ["sse", "websocket"] {
        let ends = |cause: &str| {
            let labels = format!(r#"transport="{transport}",cause="{cause}""#);
            server.metric(&format!("tidegate_stream_ends_total{{{labels}}}"))
        };
        assert_eq!((ends("injected"), ends("client")), (STREAMS as f64, 0.0), "{transport}");
    }
}
