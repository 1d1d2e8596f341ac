//! Browsers of other origins: only those that the settings name.

use crate::support::{
    http::{Answer, Request},
    server::{KEY_A, Plan, Server},
};

const ORIGIN: &str = "https://app.example.com";

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

fn preflight(server: &Server, origin: &str) -> Answer {
    let request = Request::new("OPTIONS", "/api/events").header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    server.send(&request.header("access-control-request-headers", "x-api-key,content-type"))
}

#[test]
fn without_origins_no_browser_of_another_origin_reads_an_answer() {
    let server = Plan::with_keys().start();
    let answer = server.send(&Request::get("/api/events").key(KEY_A).header("origin", ORIGIN));
    assert_eq!((answer.status, allowed(&answer)), (200, None));
    let answer = preflight(&server, ORIGIN);
    answer.assert_error(405, "method_not_allowed");
    assert_eq!(allowed(&answer), None);
}

#[test]
fn a_named_origin_may_read_and_others_may_not() {
    let plan =
        Plan::with_keys().set("TIDEGATE_CORS_ORIGINS", format!("{ORIGIN}, http://localhost:5173"));
    let server = plan.start();
    for origin in [ORIGIN, "http://localhost:5173"] {
        let answer = preflight(&server, origin);
        assert_eq!((answer.status, allowed(&answer)), (200, Some(origin)));
        let headers = answer.header("access-control-allow-headers").expect("it names headers");
        for name in
            ["x-api-key", "authorization", "content-type", "idempotency-key", "last-event-id"]
        {
            assert!(headers.contains(name), "{headers}");
        }
        let get = Request::get("/api/events").key(KEY_A).header("origin", origin);
        let answer = server.send(&get);
        assert_eq!(allowed(&answer), Some(origin));
        let exposed = answer.header("access-control-expose-headers").expect("it names headers");
        for name in ["retry-after", "idempotency-replayed", "x-request-id"] {
            assert!(exposed.contains(name), "{exposed}");
        }
        let refused = server.send(&Request::get("/api/events").header("origin", origin));
        refused.assert_error(401, "unauthorized");
        assert_eq!(allowed(&refused), Some(origin), "a browser may read why");
    }
    for origin in ["https://evil.example.com", "https://app.example.com.evil.com", "null"] {
        assert_eq!(allowed(&preflight(&server, origin)), None, "{origin}");
    }
}

#[test]
fn a_stream_carries_the_origin_too() {
    let server = Plan::with_keys().set("TIDEGATE_CORS_ORIGINS", ORIGIN).start();
    let mut stream = server.stream("/api/stream", &[("x-api-key", KEY_A), ("origin", ORIGIN)]);
    assert_eq!(allowed(&stream.head), Some(ORIGIN));
    stream.connected();
}
