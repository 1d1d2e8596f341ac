//! What streams carry: each event and each frame fits the schema that the document names for it.

use serde_json::{Value, json};

use super::{check, document};
use crate::support::{
    http::Answer,
    schema::Cases,
    server::{ALICE, BOB, Plan},
    sse::{Frame, Sse},
    ws::Ws,
};

fn add(cases: &mut Cases, frame: &Frame) -> String {
    let event = frame.event.clone().expect("it is an event");
    let schema = match &*event {
        "message" => "Message",
        "ping" => "ThreadPing",
        "gap" => "Gap",
        "closed" => "ThreadClosed",
        "goodbye" => "Goodbye",
        other => panic!("{other} is not documented"),
    };
    cases.add_named(&format!("event {event}"), schema, &frame.json());
    event
}

/// Reads to the end, and returns which events there were.
fn events(cases: &mut Cases, stream: &mut Sse) -> Vec<String> {
    let frames = std::iter::from_fn(|| stream.next());
    frames.filter(|frame| frame.event.is_some()).map(|frame| add(cases, &frame)).collect()
}

#[test]
fn events_of_a_thread_fit_their_schemas() {
    let server = Plan::new("memory").start();
    let document = document(&server);
    let mut cases = Cases::of(&document);
    let thread = server.thread(ALICE, "private");
    let members = format!("/v1/chat/threads/{thread}/members");
    server.post(ALICE, &members, &json!({"user_id": "bob"}));
    server.join(BOB, &thread);
    server.say(ALICE, &thread, "one");
    let mut fresh = server.stream(BOB, &thread, &[("last-event-id", "0")]);
    let operation = "/v1/chat/threads/{id}/messages/stream";
    check(&mut cases, &document, &(operation.into(), "get".into()), &fresh.head);
    let mut lost = server.stream(ALICE, &thread, &[("last-event-id", "nonsense")]);
    assert_eq!(add(&mut cases, &fresh.opening()), "ping");
    let leave = format!("/v1/chat/threads/{thread}/leave");
    assert_eq!(add(&mut cases, &fresh.event()), "message");
    server.post(BOB, &leave, &json!({}));
    assert_eq!(events(&mut cases, &mut fresh), ["closed"]);
    server.terminate();
    assert_eq!(events(&mut cases, &mut lost), ["gap", "message", "goodbye"]);
    cases.assert_fit();
}

/// Reads frames until one of a kind, all of them to be checked.
fn read_to(cases: &mut Cases, ws: &mut Ws, kind: &str) -> Value {
    loop {
        let frame = ws.next().unwrap_or_else(|closed| panic!("closed: {closed:?}"));
        cases.add_named(&format!("frame {}", frame["type"]), "ThreadFrame", &frame);
        if frame["type"] == kind {
            return frame;
        }
    }
}

#[test]
fn frames_of_a_thread_s_websocket_fit_their_schemas() {
    let server = Plan::new("memory").start();
    let document = document(&server);
    let mut cases = Cases::of(&document);
    let thread = server.thread(ALICE, "public");
    let path = format!("/v1/chat/threads/{thread}/messages/ws?after=nonsense");
    let mut ws = Ws::open(server.address, &path, ALICE);
    for kind in ["connected", "subscribed", "gap"] {
        read_to(&mut cases, &mut ws, kind);
    }
    let said = [
        json!({"type": "send", "ref": 1, "body": "one", "request_id": "r-1"}),
        json!({"type": "send", "ref": "two", "body": "two"}),
        json!({"type": "send", "ref": 2.5, "stream": format!("thread:{thread}"), "body": "three"}),
    ];
    for said in said {
        cases.add_named("send", "ThreadSaid", &said);
        ws.say(&said);
        read_to(&mut cases, &mut ws, "event");
    }
    ws.say(&json!({"type": "send", "ref": 9, "body": ""}));
    assert_eq!(read_to(&mut cases, &mut ws, "error")["code"], "validation_error");
    ws.say(&json!({"type": "send", "ref": 10, "body": "one", "request_id": "r-1"}));
    // Both are answered before this one's answer.
    assert_eq!(read_to(&mut cases, &mut ws, "ack")["type"], "ack");
    server.terminate();
    read_to(&mut cases, &mut ws, "goodbye");
    cases.assert_fit();
}

/// An upgrade is answered without a body.
#[test]
fn the_upgrade_is_as_documented() {
    let server = Plan::new("memory").set("TIDEGATE_WEBSOCKET_DEFLATE", "on").start();
    let document = document(&server);
    let thread = server.thread(ALICE, "public");
    let head: Answer =
        Ws::head(server.address, &format!("/v1/chat/threads/{thread}/messages/ws"), ALICE);
    assert_eq!(head.status, 101);
    let operation = ("/v1/chat/threads/{id}/messages/ws".into(), "get".into());
    check(&mut Cases::of(&document), &document, &operation, &head);
    assert!(head.header("sec-websocket-extensions").is_some(), "{head:?}");
}
