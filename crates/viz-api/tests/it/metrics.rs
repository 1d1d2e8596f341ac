//! The families of the contract, their labels, and what never stands in one.

use std::collections::BTreeSet;

use crate::support::{
    http::Request,
    server::{KEY_A, KEY_B, Plan, Server},
    wait::until,
};

fn text(server: &Server) -> String {
    let answer = server.send(&Request::get("/metrics"));
    assert_eq!(answer.status, 200);
    answer.text()
}

/// Does a little of everything that is counted.
fn exercise(server: &Server) {
    let mut stream = server.stream_as(KEY_A, "/api/stream?after=x");
    stream.connected();
    server.publish_ok(KEY_A, "action.secretive", 1);
    stream.event();
    stream.event();
    drop(stream);
    server.publish(KEY_B, "{");
    let keyed = Request::post("/api/events").key(KEY_B).json(r#"{"event":"b"}"#);
    server.send(&keyed.header("idempotency-key", "idem-key-1"));
    server.get("/nowhere/org_a/secretive-path", KEY_A);
    server.send(&Request::new("BREW", "/api/events"));
    server.send(&Request::get("/api/stream"));
    until("the stream's end is seen", || {
        server.metric(r#"tidegate_stream_ends_total{transport="sse",cause="client"}"#) == 1.0
    });
}

#[test]
fn the_families_of_the_contract_are_there() {
    let server = Plan::with_keys().start();
    exercise(&server);
    let text = text(&server);
    let expected = [
        r#"tidegate_http_requests_total{route="/api/events",method="POST",status_class="2xx"} 2"#,
        r#"tidegate_http_requests_total{route="other",method="GET",status_class="4xx"} 1"#,
        "tidegate_http_request_duration_seconds_count",
        r#"tidegate_streams_open{transport="sse"} 0"#,
        r#"tidegate_stream_connects_total{transport="sse",result="ok"} 1"#,
        r#"tidegate_stream_connects_total{transport="sse",result="unauthorized"} 1"#,
        r#"tidegate_stream_ends_total{transport="sse",cause="client"} 1"#,
        r#"tidegate_events_published_total{backend="memory",result="stored"} 2"#,
        r#"tidegate_events_published_total{backend="memory",result="refused"} 1"#,
        "tidegate_publish_duration_seconds_count 2",
        r#"tidegate_delivery_latency_seconds_count{transport="sse"}"#,
        r#"tidegate_deliveries_total{transport="sse"} 1"#,
        r#"tidegate_replays_total{resume="gap"} 1"#,
        r#"tidegate_gaps_total{reason="unknown_cursor"} 1"#,
        r#"tidegate_idempotency_total{result="first"} 1"#,
        "tidegate_build_info{version=",
    ];
    for part in expected {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn a_family_that_nothing_feeds_is_absent() {
    let server = Plan::with_keys().start();
    let text = text(&server);
    for family in [
        "redis_reconnects",
        "spool_events",
        "streams_unusable",
        "cutover_state",
        "ingest_drops",
        "chain_lag",
    ] {
        assert!(!text.contains(family), "{family}");
    }
}

#[test]
fn labels_are_bounded_and_name_nobody() {
    let server = Plan::with_keys().start();
    exercise(&server);
    let before = series(&text(&server));
    for n in 0..30 {
        server.get(&format!("/path-{n}?query={n}"), KEY_A);
        server.send(&Request::new(&format!("METHOD{n}"), "/api/events"));
        server.publish_ok(KEY_A, &format!("name-{n}"), n);
    }
    let after = text(&server);
    let new: Vec<_> = series(&after).difference(&before).cloned().collect();
    assert!(new.is_empty(), "a client made new series: {new:?}");
    for private in ["org_a", "org_b", KEY_A, "secretive", "idem-key", "evt_", "path-1", "name-1"] {
        assert!(!after.contains(private), "{private} stands in\n{after}");
    }
}

/// Returns what stands before the values.
fn series(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
}

#[test]
fn open_streams_are_counted_while_they_are_open() {
    let server = Plan::with_keys().start();
    let mut streams: Vec<_> = (0..3).map(|_| server.stream_as(KEY_A, "/api/stream")).collect();
    streams.iter_mut().for_each(|stream| drop(stream.connected()));
    let open = || server.metric(r#"tidegate_streams_open{transport="sse"}"#);
    assert_eq!(open(), 3.0);
    drop(streams);
    until("all are gone", || open() == 0.0);
}
