//! What is secret stays out of the log, whatever the log is asked to say.

use std::sync::Arc;

use crate::support::{
    http::Request,
    server::{KEY_A, KEY_ADMIN, Plan},
    tokens::{SECRET, claims, hs256},
};

#[test]
fn no_secret_is_in_the_log() {
    let plan = Plan::with_keys()
        .set("TIDEGATE_LOG", "trace")
        .set("TIDEGATE_JWT_HS256_SECRET", SECRET)
        .set("TIDEGATE_JWT_JWKS", "http://user:hidden-password@127.0.0.1:9/keys")
        .set("REDIS_URL", "redis://:hidden-password@127.0.0.1:9");
    let mut server = plan.start();
    let token = hs256(&claims("publish subscribe"));
    let sold = server.send(&Request::post("/api/stream/ticket").bearer(&token)).json();
    let ticket = sold["ticket"].as_str().expect("a ticket").to_owned();
    let path = format!("/api/stream?ticket={ticket}");
    let mut stream = server.stream(&path, &[]);
    stream.connected();
    server.send(&Request::get(&path)).assert_error(401, "unauthorized");
    let event = r#"{"event":"a","payload":{"n":1,"text":"private-payload"}}"#;
    server.send(&Request::post("/api/events").bearer(&token).json(event));
    server.send(&Request::post("/api/events").key(KEY_ADMIN).json("{\"private-slip"));
    let keyed = Request::post("/api/events").key(KEY_A).json(event);
    server.send(&keyed.header("idempotency-key", "private-idempotency-key"));
    assert_eq!(stream.numbers(1), [1]);
    server.send(&Request::get("/api/events").bearer("not.a.private-token"));
    server.send(&Request::get("/api/events").key("private-wrong-key"));
    assert_eq!(server.terminate(), Some(0));
    let log = server.log().text();
    assert!(log.contains("\"TRACE\"") || log.contains("\"DEBUG\""), "the filter was taken");
    let signature = token.rsplit('.').next().expect("a token has three parts");
    for secret in
        [KEY_A, KEY_ADMIN, SECRET, &token, signature, &ticket, "hidden-password", "private-"]
    {
        assert!(!log.contains(secret), "`{secret}` is in the log");
    }
}

#[test]
fn a_slip_in_the_settings_shows_no_secret() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let plan = Plan::bare()
        .set("TIDEGATE_KEYS", "org_a=hidden-key-1,org_b:hidden-key-2,org c=hidden-key-3")
        .set("TIDEGATE_JWT_HS256_SECRET", "hidden-secret")
        .set("REALTIME_REPLAY_WINDOW_SECONDS", "soon");
    let (code, text) = plan.run_in(folder.path());
    assert_eq!(code, 64, "{text}");
    assert!(!text.contains("hidden"), "{text}");
    for named in
        ["TIDEGATE_KEYS", "TIDEGATE_JWT_HS256_SECRET", "REALTIME_REPLAY_WINDOW_SECONDS", "`soon`"]
    {
        assert!(text.contains(named), "{named}: {text}");
    }
}

#[test]
fn the_servers_own_key_is_printed_and_not_logged() {
    let server = Plan::bare().set("TIDEGATE_LOG", "trace").start();
    let key = std::fs::read_to_string(server.state_dir().join("local-key")).expect("it is kept");
    let text = server.log().text();
    assert_eq!(text.matches(key.trim()).count(), 1, "once, for who started it");
    let entries = server.log().entries();
    assert!(entries.iter().all(|entry| !entry.to_string().contains(key.trim())));
    drop(Arc::clone(&server.folder));
}
