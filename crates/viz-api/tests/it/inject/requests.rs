//! Requests that are answered with an error, late, or as if their keys were not there.

use std::io::{BufReader, Write};

use delivery::inject::{Chance, Dice};

use super::failing;
use crate::support::{
    http::{Answer, Request, connect, read_answer},
    server::{KEY_A, Server},
    sse::Sse,
    ws::{Ws, masked},
};

/// What operators and load balancers ask.
const PROBES: [&str; 4] = ["/api/health", "/health", "/metrics", "/ready"];

const BODY: &str = r#"{"event":"a","payload":{"n":1}}"#;

/// Asks so often, one after the other, and returns the statuses.
fn statuses(server: &Server, count: usize) -> Vec<u16> {
    let ask = |_| {
        let answer = server.get("/api/events?limit=1", KEY_A);
        match answer.status {
            500 => _ = answer.assert_error(500, "internal"),
            503 => _ = answer.assert_error(503, "unavailable"),
            status => assert_eq!(status, 200, "{answer:?}"),
        }
        answer.status
    };
    (0..count).map(ask).collect()
}

/// Publishes twice on a connection that is kept, as the fast path takes it.
fn publish_twice(server: &Server, headers: &str) -> [Answer; 2] {
    let length = BODY.len();
    let request = format!(
        "POST /api/events HTTP/1.1\r\nhost: test\r\nx-api-key: {KEY_A}\r\n{headers}\
         content-length: {length}\r\n\r\n{BODY}"
    );
    let mut reader = BufReader::new(connect(server.address));
    [(), ()].map(|()| {
        reader.get_mut().write_all(request.as_bytes()).expect("a request is taken");
        read_answer(&mut reader, false)
    })
}

fn count(server: &Server) -> usize {
    let page = server.get("/api/events?limit=500", KEY_A).json();
    page["events"].as_array().map_or(0, Vec::len)
}

#[test]
fn those_requests_fail_that_follow_from_the_seed() {
    for seed in [7, 9] {
        let seen = statuses(&failing(&format!("errors=20%,seed={seed}")), 400);
        let dice = Dice::new(seed).of("errors");
        let expected = (0..400).map(|number| dice.hits(number, Chance::new(1, 5)));
        assert!(expected.eq(seen.iter().map(|&status| status != 200)), "{seen:?}");
        let failed = seen.iter().filter(|&&status| status != 200).count();
        assert!((60..=100).contains(&failed), "{failed} of 400 failed");
        assert!(seen.contains(&500) && seen.contains(&503));
    }
}

#[test]
fn no_path_is_too_fast_to_fail_and_nothing_is_carried_out() {
    let server = failing("errors=100%");
    for answer in publish_twice(&server, "") {
        assert!([500, 503].contains(&answer.status), "{answer:?}");
    }
    let key = [("x-api-key", KEY_A)];
    for _ in 0..5 {
        let heads = [
            Sse::try_open(server.address, "/api/stream", &key).head,
            Ws::try_open(server.address, "/api/ws", &key).head,
        ];
        assert!(heads.iter().all(|head| [500, 503].contains(&head.status)), "{heads:?}");
    }
    assert_eq!(server.metric("tidegate_publish_duration_seconds_count"), 0.0);
    assert_eq!(server.send(&Request::get("/nowhere")).status, 404);
    for probe in PROBES {
        assert_eq!(server.send(&Request::get(probe)).status, 200, "{probe}");
    }
}

#[test]
fn what_operators_ask_fails_where_that_is_asked_for() {
    let server = failing("errors=100%,errors-all");
    for probe in PROBES {
        assert!([500, 503].contains(&server.send(&Request::get(probe)).status), "{probe}");
    }
}

#[test]
fn those_answers_are_late_that_follow_from_the_seed() {
    const ASKED: u64 = 20;
    let server = failing("latency=300ms@50%,seed=7");
    let dice = Dice::new(7).of("latency");
    let late = (0..ASKED).filter(|&n| dice.hits(n, Chance::new(1, 2))).count() as f64;
    assert!((5.0..=15.0).contains(&late), "{late} of {ASKED}");
    assert!(statuses(&server, ASKED as usize).iter().all(|&status| status == 200));
    let metrics = server.send(&Request::get("/metrics")).text();
    let of = |series: &str| {
        let series = format!("tidegate_http_request_duration_seconds_{series} ");
        let value = metrics.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok());
        value.unwrap_or_else(|| panic!("no {series} in {metrics}"))
    };
    let (all, in_time): (f64, f64) = (of("count"), of(r#"bucket{le="0.25"}"#));
    assert_eq!(all, ASKED as f64);
    assert!(all - in_time >= late, "{late} are late: {metrics}");
}

#[test]
fn two_attempts_under_one_key_take_effect_twice() {
    let server = failing("idempotency");
    let [first, second] = publish_twice(&server, "idempotency-key: k\r\n");
    for answer in [&first, &second] {
        assert_eq!((answer.status, answer.header("idempotency-replayed")), (201, None));
    }
    assert_ne!(first.json()["id"], second.json()["id"]);
    let mut ws = Ws::of(&server, KEY_A);
    let [first, second] = [1, 2].map(|reference| {
        let key = r#""idempotency_key":"k""#;
        let text = format!(r#"{{"type":"publish","ref":{reference},"event":"a",{key}}}"#);
        ws.say(&text);
        ws.expect("ack")["id"].clone()
    });
    assert_ne!(first, second);
    assert_eq!(count(&server), 4);
    ws.write(&masked(crate::support::ws::CLOSE, &1000_u16.to_be_bytes()));
}
