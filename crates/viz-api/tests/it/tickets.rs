//! Tickets: a browser's way in, once and to subscribe.

use crate::support::{
    http::Request,
    server::{KEY_A, KEY_ADMIN, Plan, Server},
    tokens::{SECRET, claims, hs256, now_s},
};

fn buy(server: &Server, request: &Request) -> String {
    let answer = server.send(request);
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(2));
    assert_eq!(body["expires_in"], 30);
    body["ticket"].as_str().expect("a ticket is text").to_owned()
}

#[test]
fn a_ticket_opens_one_stream_of_its_buyer() {
    let server = Plan::with_keys().start();
    let ticket = buy(&server, &Request::post("/api/stream/ticket").key(KEY_A));
    let path = format!("/api/stream?ticket={ticket}");
    let mut stream = server.stream(&path, &[]);
    assert_eq!(stream.connected()["orgId"], "org_a");
    server.send(&Request::get(&path)).assert_error(401, "unauthorized");
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(stream.numbers(1), [1]);
}

#[test]
fn a_ticket_subscribes_and_nothing_else() {
    let server = Plan::with_keys().start();
    let ticket = || buy(&server, &Request::post("/api/stream/ticket").key(KEY_ADMIN));
    let ops = format!("/api/stream?stream=ops&ticket={}", ticket());
    server.send(&Request::get(&ops)).assert_error(403, "forbidden");
    let query = format!("?ticket={}", ticket());
    for path in ["/api/events", "/api/admin/ledger"] {
        server.send(&Request::get(&format!("{path}{query}"))).assert_error(401, "unauthorized");
    }
    for path in ["/api/events", "/api/stream/ticket"] {
        let request = Request::post(&format!("{path}{query}")).json(r#"{"event":"a"}"#);
        server.send(&request).assert_error(401, "unauthorized");
    }
    let as_token = query.replace("?ticket=", "");
    server.send(&Request::get("/api/stream").bearer(&as_token)).assert_error(401, "unauthorized");
    let mut stream = server.stream(&format!("/api/stream{query}"), &[]);
    assert_eq!(stream.connected()["resume"], "fresh", "refusals elsewhere did not use it up");
}

#[test]
fn head_does_not_use_a_ticket_up() {
    let server = Plan::with_keys().start();
    let ticket = buy(&server, &Request::post("/api/stream/ticket").key(KEY_A));
    let path = format!("/api/stream?ticket={ticket}");
    assert_eq!(server.send(&Request::new("HEAD", &path)).status, 401);
    server.stream(&path, &[]).connected();
}

#[test]
fn what_is_no_ticket_is_refused() {
    let server = Plan::with_keys().start();
    for ticket in ["", "x", "%00", KEY_A, &"t".repeat(2000)] {
        let answer = server.send(&Request::get(&format!("/api/stream?ticket={ticket}")));
        answer.assert_error(401, "unauthorized");
    }
}

#[test]
fn a_stream_ends_with_the_token_that_bought_its_ticket() {
    let server = Plan::with_keys().set("TIDEGATE_JWT_HS256_SECRET", SECRET).start();
    let mut short = claims("subscribe");
    short["exp"] = (now_s() + 3).into();
    let token = hs256(&short);
    let ticket = buy(&server, &Request::post("/api/stream/ticket").bearer(&token));
    let spare = buy(&server, &Request::post("/api/stream/ticket").bearer(&token));
    let authorization = format!("Bearer {token}");
    let by_ticket = server.stream(&format!("/api/stream?ticket={ticket}"), &[]);
    let by_token = server.stream("/api/stream", &[("authorization", &authorization)]);
    let mut other = server.stream_as(KEY_A, "/api/stream");
    other.connected();
    for mut stream in [by_ticket, by_token] {
        stream.connected();
        let goodbye = stream.event();
        assert!(goodbye.is("goodbye"), "{goodbye:?}");
        assert_eq!(goodbye.json()["reason"], "token_expired");
        assert!(goodbye.json()["retry_ms"].as_u64() > Some(0));
        assert_eq!(stream.next(), None, "goodbye is the last of it");
    }
    // The ticket itself would be good for longer than the token is.
    let answer = server.send(&Request::get(&format!("/api/stream?ticket={spare}")));
    answer.assert_error(401, "unauthorized");
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(other.numbers(1), [1], "others go on");
    assert_eq!(
        server.metric(r#"tidegate_stream_ends_total{transport="sse",cause="token_expired"}"#),
        2.0
    );
}
