//! How long a connection lasts: as long as its token, or the newer one that takes its place.

use std::net::TcpListener;

use serde_json::{Value, json};

use super::credentials::{renew, subscribe, ticket, token};
use crate::support::{
    http::Request,
    server::{KEY_A, Plan, Server},
    tokens::{Pair, SECRET, claims, hs256, now_s},
    wait::until,
    ws::{Frame, PING, TEXT, Ws, masked},
};

fn with_tokens() -> Server {
    Plan::with_keys().set("TIDEGATE_JWT_HS256_SECRET", SECRET).start()
}

fn open(server: &Server, token: &str) -> Ws {
    Ws::open(server, "/api/ws", &[("authorization", &format!("Bearer {token}"))])
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
    let short = token("publish subscribe", 4);
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
    renew(&kept[1], &token("subscribe", 60));
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
    // The client hears of its end just before it is counted.
    until("all ends are counted", || (ends("token_expired"), ends("client")) == (3.0, 2.0));
}

#[test]
fn a_newer_token_that_ends_earlier_ends_the_connection_earlier() {
    let server = with_tokens();
    let mut by_token = open(&server, &token("subscribe", 600));
    subscribe(&mut by_token);
    // A key has no end until a token takes its place.
    let mut by_key = Ws::following(&server, KEY_A);
    for ws in [&by_token, &by_key] {
        renew(ws, &token("subscribe", 4));
    }
    by_key.publish(1, "a", 1);
    by_key.expect_error(&json!(1), "forbidden");
    expires(by_token);
    expires(by_key);
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
        // What it says behind that, in one breath, no longer counts.
        let auth = json!({"type": "auth", "token": token(scope, 600)}).to_string();
        let late = br#"{"type":"publish","ref":1,"event":"late"}"#;
        ws.write(&[masked(TEXT, auth.as_bytes()), masked(TEXT, late)].concat());
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
    until("all ends are counted", || server.metric(lost) == 4.0);
}

#[test]
fn without_a_verifier_no_token_is_accepted() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::following(&server, KEY_A);
    renew(&ws, &token("publish subscribe", 600));
    ws.expect_error(&json!("auth"), "unauthorized");
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(ws.numbers(1), [1]);
}

/// A place for key sets that takes questions and answers none.
fn mute_issuer() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let url = format!("http://{}/keys", listener.local_addr().expect("it is bound"));
    (listener, url)
}

#[test]
fn a_token_that_cannot_be_checked_now_is_not_refused_for_good() {
    let (_issuer, url) = mute_issuer();
    let server = Plan::with_keys().set("TIDEGATE_JWT_JWKS", url).start();
    let mut ws = Ws::following(&server, KEY_A);
    renew(&ws, &Pair::ec("new").token(&claims("subscribe")));
    ws.expect_error(&json!("auth"), "unavailable");
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(ws.numbers(1), [1]);
}

#[test]
fn a_token_that_is_being_checked_does_not_hold_up_the_end() {
    let (_issuer, url) = mute_issuer();
    let plan = Plan::with_keys().set("TIDEGATE_DRAIN_SECONDS", "2");
    let mut server = plan.set("TIDEGATE_JWT_JWKS", url).start();
    let mut ws = Ws::of(&server, KEY_A);
    let token = Pair::ec("new").token(&claims("subscribe"));
    let auth = json!({"type": "auth", "token": token}).to_string();
    // The answer to what comes behind it shows that the token was read.
    ws.write(&[masked(TEXT, auth.as_bytes()), masked(PING, b"behind it")].concat());
    assert_eq!(ws.frame(), Some(Frame::Pong(b"behind it".to_vec())));
    server.signal("-TERM");
    ws.expect("goodbye");
    assert_eq!(ws.closed(), 1001);
    assert_eq!(server.wait().code(), Some(0), "{}", server.log().text());
    assert!(server.log().has("unfinished messages were cut off"));
}
