//! What a publisher may send, what it is answered, and that a refused list leaves nothing behind.

use serde_json::Value;

use crate::support::server::{KEY_A, Plan, Server};

fn stored(server: &Server) -> Vec<Value> {
    let page = server.get("/api/events?limit=500", KEY_A).json();
    page["events"].as_array().expect("a page has events").clone()
}

#[test]
fn an_answer_names_what_was_stored() {
    let server = Plan::with_keys().start();
    let answer = server.publish(KEY_A, r#"{"event":"action.created","payload":{"b":1,"a":[1.0]}}"#);
    assert_eq!(answer.status, 201);
    let receipt = answer.json();
    let fields: Vec<_> = receipt.as_object().expect("one receipt").keys().cloned().collect();
    assert_eq!(fields, ["cursor", "event", "id", "org_id", "timestamp", "version"]);
    assert_eq!(
        (&receipt["org_id"], &receipt["event"]),
        (&"org_a".into(), &"action.created".into())
    );
    assert_eq!(receipt["version"], "v1");
    let events = stored(&server);
    let [event] = &events[..] else { panic!("one event: {events:?}") };
    assert_eq!(event.as_object().map(serde_json::Map::len), Some(7), "the envelope and a cursor");
    for field in ["id", "cursor", "org_id", "event", "timestamp", "version"] {
        assert_eq!(event[field], receipt[field], "{field}");
    }
    assert_eq!(event["payload"], serde_json::json!({"b": 1, "a": [1.0]}));
    assert_form(event);
}

fn assert_form(event: &Value) {
    let id = event["id"].as_str().expect("an id is text");
    assert!(id.starts_with("evt_") && id.len() == 30, "{id}");
    let at = event["timestamp"].as_str().expect("a timestamp is text");
    assert!(at.len() == 24 && at.ends_with('Z') && at.as_bytes()[19] == b'.', "{at}");
}

#[test]
fn a_list_is_stored_whole_and_in_order() {
    let server = Plan::with_keys().start();
    let answer = server.publish(KEY_A, r#" [ {"event":"a"} , {"event":"b","payload":{"n":2}} ] "#);
    assert_eq!(answer.status, 201);
    let receipts = answer.json();
    let events = stored(&server);
    assert_eq!(receipts.as_array().map(Vec::len), Some(2));
    for (receipt, event) in receipts.as_array().into_iter().flatten().zip(&events) {
        assert_eq!((&receipt["id"], &receipt["cursor"]), (&event["id"], &event["cursor"]));
    }
    assert_eq!((&events[0]["event"], &events[1]["event"]), (&"a".into(), &"b".into()));
    assert_eq!(events[0]["payload"], serde_json::json!({}), "an absent payload is an empty object");
}

/// Bodies that are refused, each for another reason.
const BAD_BODIES: &[&str] = &[
    "",
    "{",
    "null",
    "1",
    "\"a\"",
    "[]",
    "[[]]",
    "[1]",
    "{}",
    "{\"event\":null}",
    r#"{"event":1}"#,
    r#"{"payload":{}}"#,
    r#"{"event":"a","payload":null}"#,
    r#"{"event":"a","payload":[]}"#,
    r#"{"event":"a","payload":"x"}"#,
    r#"{"event":"a","payload":1}"#,
    r#"{"event":"a","event":"a"}"#,
    r#"{"event":"a","payload":{},"payload":{}}"#,
    r#"{"event":"a","payload":{"k":1,"k":1}}"#,
    r#"{"event":"a","payload":{"o":[{"k":1,"k":2}]}}"#,
    r#"{"event":"a","payload":{"k":1,"\u006b":2}}"#,
    r#"{"event":"a","org_id":"org_b"}"#,
    r#"{"event":"a","id":"evt_1"}"#,
    r#"{"event":"a","stream":"ops"}"#,
    r#"{"event":"a"} {"event":"b"}"#,
    r#"{"event":"a"}x"#,
    r#"{"event":"a","payload":{"n":1e999}}"#,
    r#"{"event":"a","payload":{"n":NaN}}"#,
    r#"{"event":"a","payload":{"n":01}}"#,
    "{\"event\":\"a\",\"payload\":{\"s\":\"\n\"}}",
    r#"{"event":"a","payload":{"s":"\ud800"}}"#,
    "\u{feff}{\"event\":\"a\"}",
    r#"[{"event":"a"},{"event":"A"}]"#,
    r#"[{"event":"a"},{"event":"b","payload":null}]"#,
    r#"[{"event":"a"},{"event":"b"},]"#,
];

/// Names that are refused, as JSON writes them.
const BAD_NAMES: &[&str] = &[
    "",
    "A",
    "a b",
    ".a",
    "-a",
    "_a",
    "a/b",
    "a*",
    "ä",
    "a\\n",
    "a\\u0000",
    "a\\r\\ndata: x",
    "connected",
    "gap",
    "goodbye",
    "message",
    "error",
    "open",
    "ping",
];

#[test]
fn a_slip_is_named_and_nothing_is_stored() {
    let server = Plan::with_keys().start();
    let refused = |body: &str| {
        server.publish(KEY_A, body).assert_error(400, "validation_error");
    };
    BAD_BODIES.iter().for_each(|body| refused(body));
    let (open, close) = ("{\"a\":".repeat(65), "}".repeat(65));
    refused(&format!(r#"{{"event":"a","payload":{open}1{close}}}"#));
    refused(&format!(r#"{{"event":"a","payload":{}"#, "[".repeat(100_000)));
    refused(&format!(r#"{{"event":"{}"}}"#, "a".repeat(65)));
    for name in BAD_NAMES {
        refused(&format!(r#"{{"event":"{name}"}}"#));
    }
    let answer = server.publish(KEY_A, r#"[{"event":"a"},{"event":"A"}]"#);
    let message = answer.assert_error(400, "validation_error");
    assert!(message.contains("event 1 of the list"), "{message}");
    assert_eq!(stored(&server), Vec::<Value>::new());
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let server = Plan::with_keys().start();
    let bodies: [&[u8]; 3] = [
        b"\xff",
        b"{\"event\":\"a\",\"payload\":{\"s\":\"\xff\"}}",
        b"{\"event\":\"a\",\"payload\":{\"s\":\"\xed\xa0\x80\"}}",
    ];
    for body in bodies {
        let request = crate::support::http::Request::post("/api/events").key(KEY_A);
        server.send(&request.body(body)).assert_error(400, "validation_error");
    }
}

#[test]
fn names_at_the_edge_are_taken() {
    let server = Plan::with_keys().start();
    for name in ["a", "0", "a.b-c_d", "connected2", "gap.x", "pings", &"z".repeat(64)] {
        let answer = server.publish(KEY_A, &format!(r#"{{"event":"{name}"}}"#));
        assert_eq!(answer.status, 201, "{name}: {}", answer.text());
    }
    let deepest =
        format!(r#"{{"event":"a","payload":{}1{}}}"#, "{\"a\":".repeat(64), "}".repeat(64));
    assert_eq!(server.publish(KEY_A, &deepest).status, 201);
}

#[test]
fn a_payload_is_taken_up_to_its_limit() {
    let server = Plan::with_keys().set("TIDEGATE_PAYLOAD_BYTES_MAX", "64").start();
    let event =
        |payload: &str| server.publish(KEY_A, &format!(r#"{{"event":"a","payload":{payload}}}"#));
    let of = |bytes: usize| format!(r#"{{"s":"{}"}}"#, "a".repeat(bytes - 8));
    assert_eq!((of(64).len(), event(&of(64)).status), (64, 201));
    event(&of(65)).assert_error(413, "too_large");
    // Bytes count, not characters, and white space as it was sent.
    event(&format!(r#"{{"s":"{}"}}"#, "ä".repeat(29))).assert_error(413, "too_large");
    event(&of(64).replacen('{', "{ ", 1)).assert_error(413, "too_large");
    let list = format!(r#"[{{"event":"a"}},{{"event":"b","payload":{}}}]"#, of(65));
    server.publish(KEY_A, &list).assert_error(413, "too_large");
    assert_eq!(stored(&server).len(), 1);
}

#[test]
fn a_list_is_taken_up_to_its_limit() {
    let server = Plan::with_keys().set("TIDEGATE_BATCH_EVENTS_MAX", "3").start();
    let list = |n: usize| format!("[{}]", vec![r#"{"event":"a"}"#; n].join(","));
    assert_eq!(server.publish(KEY_A, &list(3)).status, 201);
    server.publish(KEY_A, &list(4)).assert_error(413, "too_large");
    assert_eq!(stored(&server).len(), 3);
}

#[test]
fn a_payload_reaches_its_reader_as_it_was_sent() {
    let server = Plan::with_keys().start();
    let payload =
        r#"{"n":1.0,"big":123456789012345678901234567890,"e":1e2,"s":"\u00e4\n<>","z":null}"#;
    server.publish(KEY_A, &format!(r#"{{"event":"a","payload": {payload}}}"#));
    let text = server.get("/api/events", KEY_A).text();
    assert!(text.contains(payload), "{text}");
}
