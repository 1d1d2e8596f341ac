//! What each credential may do, and in which order a request is judged.

use crate::support::{
    http::Request,
    server::{KEY_A, KEY_ADMIN, Plan, Server},
};

/// The routes that need a credential, as a request that is else in order.
fn protected() -> [(&'static str, Request); 7] {
    let event = r#"{"event":"a"}"#;
    [
        ("publish", Request::post("/api/events").json(event)),
        ("page", Request::get("/api/events")),
        ("stream", Request::new("HEAD", "/api/stream")),
        ("ticket", Request::post("/api/stream/ticket")),
        ("ops page", Request::get("/api/events?stream=ops")),
        ("ops stream", Request::new("HEAD", "/api/stream?stream=ops")),
        ("ledger", Request::get("/api/admin/ledger")),
    ]
}

fn statuses(server: &Server, with: impl Fn(Request) -> Request) -> Vec<u16> {
    let table = protected().into_iter();
    table.map(|(_, request)| server.send(&with(request)).status).collect()
}

#[test]
fn each_scope_opens_what_it_names() {
    let server = Plan::with_keys().start();
    let table: [(&str, [u16; 7]); 5] = [
        ("key-a-all-scopes", [201, 200, 200, 201, 200, 200, 200]),
        ("key-a-both-scopes", [201, 200, 200, 201, 403, 403, 403]),
        ("key-a-publish-only", [201, 403, 403, 403, 403, 403, 403]),
        ("key-a-subscribe-only", [403, 200, 200, 201, 403, 403, 403]),
        ("key-b-admin-only", [403; 7]),
    ];
    for (key, expected) in table {
        assert_eq!(statuses(&server, |request| request.key(key)), expected, "{key}");
    }
    let answer = server.publish("key-a-subscribe-only", r#"{"event":"a"}"#);
    assert!(answer.assert_error(403, "forbidden").contains("`publish`"));
}

#[test]
fn who_is_unknown_is_told_so_everywhere() {
    let server = Plan::with_keys().start();
    type Credential = Box<dyn Fn(Request) -> Request>;
    let bad: [Credential; 9] = [
        Box::new(|request| request),
        Box::new(|request| request.key("key-a-both-scopes-and-more")),
        Box::new(|request| request.key("key-a-both-scope")),
        Box::new(|request| request.key("")),
        Box::new(|request| request.header("authorization", "key-a-both-scopes")),
        Box::new(|request| request.header("authorization", "Basic a2V5LWE6eA==")),
        Box::new(|request| request.header("authorization", "Bearer ")),
        Box::new(|request| request.bearer("key-a-both-scopes")),
        Box::new(|request| request.header("cookie", "x-api-key=key-a-both-scopes")),
    ];
    for (number, with) in bad.into_iter().enumerate() {
        assert_eq!(statuses(&server, with), [401; 7], "credential {number}");
    }
    server
        .send(&Request::get("/api/events?x-api-key=key-a-both-scopes"))
        .assert_error(401, "unauthorized");
}

#[test]
fn a_credential_is_sent_once() {
    let server = Plan::with_keys().start();
    for second in [KEY_A, KEY_ADMIN, "unknown-key"] {
        let request = Request::get("/api/events").key(KEY_A).key(second);
        server.send(&request).assert_error(401, "unauthorized");
    }
    let request = Request::get("/api/events").bearer("a").bearer("b");
    server.send(&request).assert_error(401, "unauthorized");
    // Two kinds are no contradiction: the key counts.
    let request = Request::get("/api/events").key(KEY_A).bearer("not-a-token");
    assert_eq!(server.send(&request).status, 200);
}

#[test]
fn what_operators_ask_needs_no_credential() {
    let server = Plan::with_keys().start();
    for path in ["/health", "/ready", "/metrics", "/api/health", "/api/openapi.json"] {
        assert_eq!(server.send(&Request::get(path)).status, 200, "{path}");
    }
}

#[test]
fn the_credential_is_judged_before_what_was_sent() {
    let server = Plan::with_keys().start();
    server.send(&Request::post("/api/events").json("{")).assert_error(401, "unauthorized");
    server.send(&Request::get("/api/events?limit=x")).assert_error(401, "unauthorized");
    server.publish("key-a-subscribe-only", "{").assert_error(403, "forbidden");
}

#[test]
fn operators_read_the_account_of_a_stream() {
    let server = Plan::with_keys().start();
    let cursors: Vec<_> = (0..3).map(|n| server.publish_ok(KEY_A, "a", n)).collect();
    let ledger = server.get("/api/admin/ledger", KEY_ADMIN).json();
    assert_eq!(
        (&ledger["stream"], &ledger["count"], &ledger["first"]),
        (&"events".into(), &3.into(), &1.into())
    );
    assert_eq!(ledger["last"], *cursors[2]);
    assert!(ledger["hash"].as_str().is_some_and(|hash| hash.len() == 64), "{ledger}");
    let ops = server.get("/api/admin/ledger?stream=ops", KEY_ADMIN).json();
    assert_eq!(ops["stream"], "ops");
    let page = server.get("/api/events?stream=ops", KEY_ADMIN).json();
    assert_eq!(page["events"][0]["event"], "server.ready");
    let mut stream = server.stream_as(KEY_ADMIN, "/api/stream?stream=ops");
    assert_eq!(stream.connected()["resume"], "fresh");
}

#[test]
fn a_server_without_credentials_makes_its_own_key() {
    let server = Plan::bare().start();
    let printed = server.log().text();
    let key = printed.lines().map(str::trim).find(|line| line.len() == 32 && !line.contains(' '));
    let key = key.expect("the key is printed").to_owned();
    let mut stream = server.stream_as(&key, "/api/stream?stream=ops");
    assert_eq!(stream.connected()["orgId"], "org_default", "it has every scope");
    drop(stream);
    server.publish_ok(&key, "a", 1);
    server.get("/api/events", "another-key-of-32-characters-abc").assert_error(401, "unauthorized");
    let server = server.restart();
    assert_eq!(
        server.get("/api/events", &key).json()["events"].as_array().map(Vec::len),
        Some(1),
        "the key stays"
    );
    use std::os::unix::fs::PermissionsExt;
    let file = server.state_dir().join("local-key").metadata().expect("it is kept");
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}
