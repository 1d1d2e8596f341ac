//! What every route of chat says where it refuses: each is asked in each way that is wrong.

use std::collections::BTreeSet;

use super::{Operation, check, document, of_chat};
use crate::support::{
    http::Request,
    schema::Cases,
    server::{ALICE, BOB, MALLORY, NOBODY, Plan, READER, Server},
};

/// Returns a good request but for its credential; whatever it says is looked at after that.
fn request((path, method): &Operation, thread: &str, query: &str) -> Request {
    let path = path.replace("{id}", thread).replace("{seq}", "1");
    let query = match path.as_str() {
        "/v1/chat/threads" if method == "get" => format!("scope_id=scope&{query}"),
        _ => query.to_owned(),
    };
    let request = Request::new(&method.to_uppercase(), &format!("{path}?{query}"));
    let body = match path.rsplit('/').next().unwrap_or_default() {
        "threads" => r#"{"scope_id":"scope","privacy_level":"public"}"#,
        "members" => r#"{"user_id":"bob"}"#,
        "read-cursor" => r#"{"seq":0}"#,
        "join" | "leave" => "{}",
        "1" if method == "delete" => "{}",
        _ => r#"{"body":"hello"}"#,
    };
    if path.ends_with("/ws") {
        return request
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    }
    if method == "get" { request } else { request.json(body) }
}

/// Requests that are wrong in one way each.
fn wrong(operation: &Operation, thread: &str) -> Vec<Request> {
    let good = |query: &str| request(operation, thread, query);
    let (path, method) = operation;
    let path = path.replace("{id}", thread).replace("{seq}", "1");
    let bare = |body: &[u8], media: &str| {
        let request = Request::new(&method.to_uppercase(), &path).key(ALICE);
        request.body(body).header("content-type", media)
    };
    vec![
        good(""),
        good("").key("no-key-of-ours"),
        good("").key(READER),
        good("").key("a-key-that-may-publish"),
        good("").key(NOBODY),
        good("").key(MALLORY),
        // A private thread, of which bob is no member.
        good("").key(BOB),
        good(&"x".repeat(9000)).key(ALICE),
        good("").key(ALICE).header("x", "y".repeat(1 << 18)),
        good("limit=x&after=1&after=2").key(ALICE),
        bare(b"{", "application/json"),
        bare(b"{}", "text/plain"),
        bare(&[b' '; 3000], "application/json"),
        bare(br#"{"unknown":1}"#, "application/json"),
        // A path that is no text.
        request(operation, "%FF", "").key(ALICE),
    ]
}

/// A server that serves.
fn open() -> Plan {
    let keys = "org_a=key-of-alice@alice,org_a=key-of-bob@bob,org_a=key-of-nobody,\
         org_a=key-of-reader:subscribe@reader,org_b=key-of-mallory@mallory,\
         org_a=a-key-that-may-publish:publish@writer";
    Plan::new("memory").set("TIDEGATE_KEYS", keys).set("TIDEGATE_BODY_BYTES_MAX", "2048")
}

#[test]
fn every_refusal_is_as_documented_and_every_documented_one_is_seen() {
    let server = open().start();
    let document = document(&server);
    let mut cases = Cases::of(&document);
    let mut seen: BTreeSet<(Operation, u16)> = BTreeSet::new();
    let mut note = |server: &Server, operation: &Operation, request: &Request| {
        let answer = server.send(request);
        if answer.status >= 400 {
            check(&mut cases, &document, operation, &answer);
            let code = answer.json()["error"]["code"].clone();
            assert!(answer.header("x-request-id").is_some(), "{operation:?} {code}");
        }
        seen.insert((operation.clone(), answer.status));
    };
    // Wrong requests, to a server that serves.
    let thread = server.thread(ALICE, "private");
    for operation in of_chat(&document) {
        for request in wrong(&operation, &thread) {
            note(&server, &operation, &request);
        }
        note(&server, &operation, &request(&operation, "thr_none", "").key(ALICE));
    }
    // Good ones, to one that refuses all, and to one that has had enough.
    let strict = open().set("REALTIME_ENFORCE_REDIS", "true").start();
    let busy =
        open().set("TIDEGATE_ORG_EVENTS_PER_SECOND", "1").set("TIDEGATE_ORG_STREAMS_MAX", "1");
    let busy = busy.start();
    let thread = busy.thread(ALICE, "public");
    let _stream = busy.stream(ALICE, &thread, &[]);
    for operation in of_chat(&document) {
        note(&strict, &operation, &request(&operation, &thread, "").key(ALICE));
        // The burst is one second's: of so many at least one comes too early.
        for _ in 0..4 {
            note(&busy, &operation, &request(&operation, &thread, "").key(ALICE));
        }
    }
    cases.assert_fit();
    for operation in of_chat(&document) {
        let (path, method) = &operation;
        let responses = document["paths"][path][method]["responses"].as_object().cloned();
        for status in responses.expect("it has answers").keys() {
            let status: u16 = status.parse().expect("a number");
            // 405 is another method's, 409 and 422 a route's own; nobody can ask for a 500.
            if status >= 400 && ![405, 409, 422, 500].contains(&status) {
                let is_seen = seen.contains(&(operation.clone(), status));
                assert!(is_seen, "{method} {path} never says {status}");
            }
        }
    }
}
