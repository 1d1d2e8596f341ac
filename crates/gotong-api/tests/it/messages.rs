//! Messages: sent once, changed by their author, read in order.

use serde_json::{Value, json};

use crate::support::{
    http::Request,
    server::{ALICE, BOB, CAROL, Plan, Server},
};

fn send(
    server: &Server,
    thread: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> (u16, Value, bool) {
    let path = format!("/v1/chat/threads/{thread}/messages/send");
    let mut request = Request::new("POST", &path).key(ALICE).json(&body.to_string());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = server.send(&request);
    let is_replayed = answer.header("idempotency-replayed") == Some("true");
    (answer.status, answer.json(), is_replayed)
}

#[test]
fn a_message_is_answered_as_it_is_read() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "public");
    let body = json!({"body": "hello 🌊", "attachments": [{"id": 1.0, "kind": "file"}]});
    let headers = [("idempotency-key", "r-1"), ("x-correlation-id", "c-1")];
    let (status, sent, _) = send(&server, &thread, &headers, &body);
    assert_eq!(status, 201, "{sent}");
    assert_eq!((&sent["seq"], &sent["author_id"]), (&json!(1), &json!("alice")));
    assert_eq!((&sent["body"], &sent["attachments"]), (&body["body"], &body["attachments"]));
    assert_eq!((&sent["request_id"], &sent["correlation_id"]), (&json!("r-1"), &json!("c-1")));
    assert_eq!(sent.as_object().map(serde_json::Map::len), Some(11));
    let path = format!("/v1/chat/threads/{thread}/messages");
    let read = server.get(ALICE, &path).json();
    assert_eq!(read, json!({"messages": [sent], "next": 1, "has_more": false}));
    assert_eq!(server.get(ALICE, &format!("{path}/poll?after=1")).json()["next"], 1);
}

#[test]
fn what_a_message_is_related_to_is_kept_or_refused() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "public");
    let long = "c".repeat(129);
    for id in ["kanäle", "a\tb", "", &long] {
        let headers = [("x-correlation-id", id)];
        let (status, answer, _) = send(&server, &thread, &headers, &json!({"body": "b"}));
        assert_eq!((status, &answer["error"]["code"]), (400, &json!("validation_error")), "{id}");
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("x-correlation-id"), "{id}: {message}");
    }
    assert_eq!(server.bodies(ALICE, &thread, 0), [""; 0]);
}

#[test]
fn a_request_takes_effect_once() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "public");
    server.join(BOB, &thread);
    for (name, id) in [("idempotency-key", "r-1"), ("x-request-id", "r-2")] {
        let body = json!({"body": "hello", "attachments": [{"a": 1}]});
        let (status, first, is_replayed) = send(&server, &thread, &[(name, id)], &body);
        assert_eq!((status, is_replayed), (201, false), "{first}");
        let (status, again, is_replayed) = send(&server, &thread, &[(name, id)], &body);
        assert_eq!((status, is_replayed), (201, true), "{again}");
        assert_eq!(first, again);
        let other = json!({"body": "hello", "attachments": [{"a": 2}]});
        let (status, conflict, _) = send(&server, &thread, &[(name, id)], &other);
        assert_eq!((status, &conflict["error"]["code"]), (409, &json!("idempotency_conflict")));
        let of_bob = server.try_say(BOB, &thread, "mine", id);
        assert_eq!((of_bob.status, &of_bob.json()["author_id"]), (201, &json!("bob")));
    }
    assert_eq!(server.bodies(ALICE, &thread, 0), ["hello", "mine", "hello", "mine"]);
    let count =
        |result: &str| server.metric(&format!("tidegate_idempotency_total{{result=\"{result}\"}}"));
    assert_eq!([count("first"), count("replayed"), count("conflict")], [4.0, 2.0, 2.0]);
}

#[test]
fn one_request_sent_many_times_at_once_takes_effect_once() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "public");
    let answers: Vec<_> = std::thread::scope(|scope| {
        let attempts: Vec<_> =
            (0..8).map(|_| scope.spawn(|| server.try_say(ALICE, &thread, "once", "r"))).collect();
        attempts.into_iter().map(|attempt| attempt.join().expect("it ends")).collect()
    });
    let first = answers[0].json();
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.json() == first));
    assert_eq!(server.bodies(ALICE, &thread, 0), ["once"]);
}

#[test]
fn only_its_author_changes_a_message() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "public");
    server.join(BOB, &thread);
    for n in 1..=3 {
        server.say(ALICE, &thread, &format!("message {n}"));
    }
    let change = |key: &str, method: &str, seq: u64, body: &str| {
        let path = format!("/v1/chat/threads/{thread}/messages/{seq}");
        let request = Request::new(method, &path).key(key);
        server.send(&if body.is_empty() { request } else { request.json(body) })
    };
    change(BOB, "PATCH", 2, r#"{"body":"x"}"#).assert_error(403, "forbidden");
    change(BOB, "DELETE", 2, "").assert_error(403, "forbidden");
    change(CAROL, "DELETE", 2, "").assert_error(403, "forbidden");
    let edited = change(ALICE, "PATCH", 2, r#"{"body":"edited"}"#);
    assert_eq!(edited.status, 200, "{}", edited.text());
    assert!(edited.json()["edited_at_ms"].is_u64());
    let deleted = change(ALICE, "DELETE", 3, "");
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    assert_eq!(change(ALICE, "DELETE", 3, "").json(), deleted.json(), "once more does no harm");
    change(ALICE, "PATCH", 3, r#"{"body":"x"}"#).assert_error(409, "conflict");
    assert_eq!(server.bodies(ALICE, &thread, 0), ["message 1", "edited", ""]);
    // A reader that comes later is told the same.
    let mut stream = server.stream(ALICE, &thread, &[("last-event-id", "0")]);
    assert!(stream.opening().is("ping"));
    let bodies: Vec<_> = (0..3).map(|_| stream.event().json()["body"].clone()).collect();
    assert_eq!(bodies, ["message 1", "edited", ""]);
    // There is no such message.
    change(ALICE, "PATCH", 99, r#"{"body":"x"}"#).assert_error(404, "not_found");
}

#[test]
fn pages_follow_each_other() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "public");
    let sent: Vec<_> = (1..=25).map(|n| server.say(ALICE, &thread, &n.to_string())).collect();
    let path = format!("/v1/chat/threads/{thread}/messages");
    let mut after = 0;
    let mut seen = Vec::new();
    loop {
        let page = server.get(ALICE, &format!("{path}?limit=10&after={after}")).json();
        seen.extend(page["messages"].as_array().expect("a list").clone());
        after = page["next"].as_u64().expect("a number");
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!((seen, after), (sent.clone(), 25));
    let tenth = &sent[9];
    let (id, at) = (&tenth["message_id"], &tenth["created_at_ms"]);
    let id = id.as_str().expect("an id");
    let page = server
        .get(ALICE, &format!("{path}?since_message_id={id}&since_created_at_ms={at}&limit=1"))
        .json();
    assert_eq!(page["messages"], json!([sent[10]]));
    let page = server.get(ALICE, &format!("{path}?after=1000")).json();
    assert_eq!(page, json!({"messages": [], "next": 1000, "has_more": false}));
}

#[test]
fn a_read_cursor_never_goes_back() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "public");
    server.join(BOB, &thread);
    for n in 0..5 {
        server.say(ALICE, &thread, &n.to_string());
    }
    let path = format!("/v1/chat/threads/{thread}/read-cursor");
    let at = |key: &str| server.get(key, &path).json()["seq"].clone();
    assert_eq!([at(ALICE), at(BOB)], [json!(0), json!(0)]);
    assert_eq!(server.post(BOB, &path, &json!({"seq": 4})).json()["seq"], 4);
    assert_eq!(server.post(BOB, &path, &json!({"seq": 2})).json()["seq"], 4);
    assert_eq!([at(ALICE), at(BOB)], [json!(0), json!(4)]);
    server.post(BOB, &path, &json!({"seq": 6})).assert_error(422, "unprocessable");
}

#[test]
fn concurrent_senders_leave_no_hole_and_every_message_is_there() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "public");
    server.join(BOB, &thread);
    let sent: Vec<Value> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..8)
            .map(|sender| {
                let (server, thread) = (&server, &thread);
                let key = if sender % 2 == 0 { ALICE } else { BOB };
                scope.spawn(move || {
                    let body = |n| format!("{sender} {n}");
                    (0..12).map(|n| server.say(key, thread, &body(n))).collect::<Vec<_>>()
                })
            })
            .collect();
        senders.into_iter().flat_map(|sender| sender.join().expect("it ends")).collect()
    });
    let mut sent = sent;
    sent.sort_by_key(|message| message["seq"].as_u64());
    let read = server.get(ALICE, &format!("/v1/chat/threads/{thread}/messages?limit=200")).json();
    assert_eq!(read["messages"].as_array(), Some(&sent), "every one as it was acknowledged");
    assert_eq!(sent.last().expect("some were sent")["seq"], 96);
}
