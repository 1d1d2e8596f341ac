//! Who a connection is from, what it may do, and how long.

use serde_json::{Value, json};

use crate::support::{
    http::Request,
    server::{KEY_A, KEY_ADMIN, Plan, Server},
    tokens::{SECRET, claims, hs256, now_s},
    ws::Ws,
};

const PUBLISH_ONLY: &str = "key-a-publish-only";
const SUBSCRIBE_ONLY: &str = "key-a-subscribe-only";

fn with_tokens() -> Server {
    Plan::with_keys().set("TIDEGATE_JWT_HS256_SECRET", SECRET).start()
}

/// Returns a token of these scopes that is good for so many seconds.
fn token(scope: &str, seconds: u64) -> String {
    let mut claims = claims(scope);
    claims["exp"] = (now_s() + seconds).into();
    hs256(&claims)
}

fn open(server: &Server, token: &str) -> Ws {
    Ws::open(server, "/api/ws", &[("authorization", &format!("Bearer {token}"))])
}

fn subscribe(ws: &mut Ws) {
    ws.say(r#"{"type":"subscribe"}"#);
    ws.expect("subscribed");
}

fn renew(ws: &Ws, token: &str) {
    ws.say(&json!({"type": "auth", "token": token, "ref": "auth"}).to_string());
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

fn ticket(server: &Server, request: &Request) -> String {
    let sold = server.send(request).json();
    format!("/api/ws?ticket={}", sold["ticket"].as_str().expect("a ticket"))
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

/// Reads the farewell of a credential that has expired.
#[track_caller]
fn expires(mut ws: Ws) {
    let goodbye = ws.expect("goodbye");
    assert_eq!(goodbye["reason"], "token_expired");
    assert!(goodbye["retry_ms"].as_u64() > Some(0), "{goodbye}");
    assert_eq!(ws.closed(), 1008);
}

#[test]
fn a_connection_ends_with_its_token_and_a_newer_one_keeps_it_open() {
    let server = with_tokens();
    let short = token("publish subscribe", 3);
    let bought = ticket(&server, &Request::post("/api/stream/ticket").bearer(&short));
    let mut kept: Vec<_> = (0..2).map(|_| open(&server, &short)).collect();
    let mut ending = vec![open(&server, &short), Ws::open(&server, &bought, &[])];
    kept.iter_mut().chain(&mut ending).for_each(subscribe);
    let mut idle = open(&server, &short);
    idle.say("{}");
    idle.expect("error");
    ending.push(idle);
    let long = token("publish subscribe", 600);
    renew(&kept[0], &long);
    // A newer token may also be a shorter one; the last counts.
    renew(&kept[1], &token("subscribe", 1));
    renew(&kept[1], &long);
    ending.into_iter().for_each(expires);
    server.publish_ok(KEY_A, "a", 1);
    for mut ws in kept {
        assert_eq!(ws.numbers(1), [1]);
        ws.close();
    }
    let ends = |cause: &str| {
        let labels = format!(r#"transport="websocket",cause="{cause}""#);
        server.metric(&format!("tidegate_stream_ends_total{{{labels}}}"))
    };
    assert_eq!((ends("token_expired"), ends("client")), (3.0, 2.0));
}

#[test]
fn a_newer_token_that_ends_earlier_ends_the_connection_earlier() {
    let server = with_tokens();
    let mut ws = open(&server, &token("subscribe", 600));
    subscribe(&mut ws);
    renew(&ws, &token("subscribe", 2));
    expires(ws);
    // A key has no end until a token takes its place.
    let mut ws = Ws::following(&server, KEY_A);
    renew(&ws, &token("subscribe", 2));
    ws.publish(1, "a", 1);
    ws.expect_error(&json!(1), "forbidden");
    expires(ws);
}

#[test]
fn a_token_that_is_not_accepted_changes_nothing() {
    let server = with_tokens();
    let mut ws = open(&server, &token("publish subscribe", 600));
    subscribe(&mut ws);
    let mut foreign = claims("publish subscribe");
    foreign["org_id"] = "org_b".into();
    renew(&ws, &hs256(&foreign));
    let message = ws.expect_error(&json!("auth"), "forbidden");
    assert!(message.contains("organisation"), "{message}");
    let good = token("subscribe", 600);
    let (body, _) = good.rsplit_once('.').expect("three parts");
    let expired = {
        let mut claims = claims("subscribe");
        claims["exp"] = (now_s() - 1).into();
        hs256(&claims)
    };
    for bad in ["", "x", "a.b.c", KEY_A, body, &format!("Bearer {good}"), &expired] {
        renew(&ws, bad);
        ws.expect_error(&json!("auth"), "unauthorized");
    }
    renew(&ws, &"x".repeat(60_000));
    ws.expect_error(&json!("auth"), "unauthorized");
    ws.publish(1, "a", 1);
    let mut kinds = [ws.message(), ws.message()].map(|message: Value| message["type"].to_string());
    kinds.sort();
    assert_eq!(kinds, ["\"ack\"", "\"event\""], "the organisation and the scopes are as before");
}

#[test]
fn a_token_is_all_that_counts_from_then_on() {
    let server = with_tokens();
    let mut ws = open(&server, &token("subscribe", 600));
    ws.publish(1, "a", 1);
    ws.expect_error(&json!(1), "forbidden");
    renew(&ws, &token("publish subscribe admin", 600));
    ws.publish(2, "a", 2);
    ws.expect("ack");
    ws.say(r#"{"type":"subscribe","stream":"ops"}"#);
    ws.expect("subscribed");
}

#[test]
fn who_loses_a_permission_loses_the_connection() {
    let server = with_tokens();
    let lost = |scope: &str, stream: &str| {
        let mut ws = open(&server, &token("publish subscribe admin", 600));
        ws.say(&json!({"type": "subscribe", "stream": stream}).to_string());
        ws.expect("subscribed");
        renew(&ws, &token(scope, 600));
        // What it says behind that no longer counts.
        ws.publish(1, "late", 1);
        assert_eq!(ws.closed(), 1008);
    };
    lost("publish", "events");
    lost("", "events");
    lost("publish admin", "events");
    lost("publish subscribe", "ops");
    // Who follows nothing has lost nothing.
    let mut ws = open(&server, &token("publish subscribe", 600));
    renew(&ws, &token("publish", 600));
    ws.publish(1, "a", 1);
    ws.expect("ack");
    let page = server.get("/api/events", KEY_A).json();
    let names: Vec<_> = page["events"].as_array().expect("a page").iter().collect();
    assert!(names.iter().all(|event| event["event"] != "late"), "{names:?}");
    let lost = r#"tidegate_stream_ends_total{transport="websocket",cause="permission_lost"}"#;
    assert_eq!(server.metric(lost), 4.0);
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
