//! Who a connection is from, and what it may do.

use serde_json::json;

use crate::support::{
    http::Request,
    server::{KEY_A, KEY_ADMIN, Plan, Server},
    tokens::{SECRET, claims, hs256, now_s},
    ws::Ws,
};

const PUBLISH_ONLY: &str = "key-a-publish-only";
const SUBSCRIBE_ONLY: &str = "key-a-subscribe-only";

/// Returns a token of these scopes that is good for so many seconds.
pub(super) fn token(scope: &str, seconds: u64) -> String {
    let mut claims = claims(scope);
    claims["exp"] = (now_s() + seconds).into();
    hs256(&claims)
}

pub(super) fn renew(ws: &Ws, token: &str) {
    ws.say(&json!({"type": "auth", "token": token, "ref": "auth"}).to_string());
}

pub(super) fn subscribe(ws: &mut Ws) {
    ws.say(r#"{"type":"subscribe"}"#);
    ws.expect("subscribed");
}

/// Buys a ticket; returns the path that it opens.
pub(super) fn ticket(server: &Server, request: &Request) -> String {
    let sold = server.send(request).json();
    format!("/api/ws?ticket={}", sold["ticket"].as_str().expect("a ticket"))
}

#[test]
fn a_credential_is_needed_and_may_what_its_scopes_say() {
    let server = Plan::with_keys().start();
    for headers in [&[][..], &[("x-api-key", "unknown-key")], &[("authorization", "Bearer x")]] {
        let refused = Ws::try_open(server.address, "/api/ws", headers);
        assert_eq!(refused.head.status, 401);
    }
    let mut publisher = Ws::of(&server, PUBLISH_ONLY);
    publisher.say(r#"{"type":"subscribe","ref":1}"#);
    let message = publisher.expect_error(&json!(1), "forbidden");
    assert!(message.contains("subscribe"), "{message}");
    publisher.publish(2, "a", 1);
    publisher.expect("ack");
    let mut reader = Ws::of(&server, SUBSCRIBE_ONLY);
    subscribe(&mut reader);
    reader.say(r#"{"type":"publish","ref":3,"event":"not even a name"}"#);
    reader.expect_error(&json!(3), "forbidden");
    reader.say(r#"{"type":"subscribe","ref":4,"stream":"ops"}"#);
    reader.expect_error(&json!(4), "forbidden");
    let refused = r#"tidegate_events_published_total{backend="memory",result="refused"}"#;
    assert_eq!(server.metric(refused), 0.0, "as over HTTP, who may not is not counted");
}

#[test]
fn strict_mode_refuses_realtime_after_auth() {
    let server = Plan::with_keys().set("REALTIME_ENFORCE_REDIS", "true").start();
    let status = |headers| Ws::try_open(server.address, "/api/ws", headers).head.status;
    assert_eq!(status(&[]), 401);
    assert_eq!(status(&[("x-api-key", "unknown-key")]), 401);
    let refused = Ws::try_open(server.address, "/api/ws", &[("x-api-key", KEY_A)]).head;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    let connects = |result| {
        let labels = format!(r#"transport="websocket",result="{result}""#);
        server.metric(&format!("tidegate_stream_connects_total{{{labels}}}"))
    };
    assert_eq!(
        (connects("unauthorized"), connects("unavailable"), connects("ok")),
        (2.0, 1.0, 0.0)
    );
}

#[test]
fn a_ticket_opens_one_connection_that_only_reads() {
    let server = Plan::with_keys().start();
    let path = ticket(&server, &Request::post("/api/stream/ticket").key(KEY_ADMIN));
    // What only asks does not use it up.
    assert_eq!(server.send(&Request::new("HEAD", &path)).status, 401);
    let mut ws = Ws::open(&server, &path, &[("origin", "https://app.example.com")]);
    subscribe(&mut ws);
    ws.publish(1, "a", 1);
    ws.expect_error(&json!(1), "forbidden");
    ws.say(r#"{"type":"subscribe","stream":"ops","ref":2}"#);
    ws.expect_error(&json!(2), "forbidden");
    assert_eq!(Ws::try_open(server.address, &path, &[]).head.status, 401, "it was used");
    server.publish_ok(KEY_A, "a", 7);
    assert_eq!(ws.numbers(1), [7]);
}

#[test]
fn a_ticket_that_stands_twice_is_a_slip() {
    let server = Plan::with_keys().start();
    let path = ticket(&server, &Request::post("/api/stream/ticket").key(KEY_A));
    let twice = format!("{path}&ticket=x");
    server.send(&Request::get(&twice)).assert_error(400, "validation_error");
    drop(Ws::open(&server, &path, &[]));
}

#[test]
fn no_token_is_in_the_log() {
    let plan = Plan::with_keys().set("TIDEGATE_JWT_HS256_SECRET", SECRET);
    let mut server = plan.set("TIDEGATE_LOG", "trace").start();
    let token = token("publish subscribe", 600);
    let path = ticket(&server, &Request::post("/api/stream/ticket").bearer(&token));
    let mut ws = Ws::open(&server, &path, &[]);
    renew(&ws, &token);
    renew(&ws, "private.wrong.token");
    ws.expect("error");
    ws.say(&format!(r#"{{"type":"auth","token":"{token}","x":1}}"#));
    ws.expect("error");
    ws.say(&format!(r#"{{"type":"{token}","token":["{token}"]}}"#));
    ws.expect("error");
    ws.say(r#"{"type":"publish","ref":1,"event":"a","payload":{"x":"private-payload"}}"#);
    ws.expect("ack");
    ws.say(
        r#"{"type":"publish","ref":2,"event":"a","payload":{},"idempotency_key":"private-key-1"}"#,
    );
    ws.expect("ack");
    assert_eq!(server.terminate(), Some(0));
    let log = server.log().text();
    assert!(log.contains("\"TRACE\"") || log.contains("\"DEBUG\""), "the filter was taken");
    let signature = token.rsplit('.').next().expect("three parts");
    let ticket = path.rsplit('=').next().expect("a ticket");
    for secret in [&token, signature, ticket, "private", SECRET] {
        assert!(!log.contains(secret), "`{secret}` is in the log");
    }
}
