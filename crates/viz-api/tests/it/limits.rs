//! What one organisation may ask for, by its credential: events a second and open streams.

use crate::support::{
    http::Answer,
    server::{KEY_A, KEY_ADMIN, KEY_B, Plan},
    sse::Sse,
    wait::eventually,
};

fn assert_limited(answer: &Answer) -> u32 {
    answer.assert_error(429, "rate_limited");
    let after = answer.header("retry-after").and_then(|text| text.parse().ok());
    after.filter(|&seconds| seconds > 0).expect("it says when, in whole seconds")
}

#[test]
fn an_organisation_publishes_so_many_events_a_second() {
    let server = Plan::with_keys().set("TIDEGATE_ORG_EVENTS_PER_SECOND", "3").start();
    let list = format!("[{}]", [r#"{"event":"a"}"#; 3].join(","));
    assert_eq!(server.publish(KEY_A, &list).status, 201, "the burst");
    let refused = eventually("the rate is met", || {
        let answer = server.publish(KEY_ADMIN, &list);
        (answer.status != 201).then_some(answer)
    });
    assert!(assert_limited(&refused) <= 2, "another key of the organisation has the same bucket");
    assert_eq!(server.publish(KEY_B, &list).status, 201, "another organisation has its own");
    eventually("the bucket fills again", || {
        (server.publish(KEY_A, r#"{"event":"a"}"#).status == 201).then_some(())
    });
}

#[test]
fn a_list_above_the_burst_takes_all_of_it() {
    let server = Plan::with_keys().set("TIDEGATE_ORG_EVENTS_PER_SECOND", "2").start();
    let list = format!("[{}]", [r#"{"event":"a"}"#; 10].join(","));
    assert_eq!(server.publish(KEY_A, &list).status, 201, "else it could never be published");
    let page = server.get("/api/events", KEY_A).json();
    assert_eq!(page["events"].as_array().map(Vec::len), Some(10));
}

#[test]
fn an_organisation_has_so_many_streams_open() {
    let server = Plan::with_keys().set("TIDEGATE_ORG_STREAMS_MAX", "2").start();
    let open = |key: &str| Sse::try_open(server.address, "/api/stream", &[("x-api-key", key)]);
    let mut first = open(KEY_A);
    first.connected();
    let mut second = open(KEY_ADMIN);
    second.connected();
    assert_limited(&server.get("/api/stream", KEY_A));
    open(KEY_B).connected();
    assert_eq!(
        server.metric(r#"tidegate_stream_connects_total{transport="sse",result="rate_limited"}"#),
        1.0
    );
    drop(first);
    let mut third = eventually("a stream that ended gives its share back", || {
        let stream = open(KEY_A);
        (stream.head.status == 200).then_some(stream)
    });
    third.connected();
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!((second.numbers(1), third.numbers(1)), (vec![1], vec![1]));
}

#[test]
fn a_refused_stream_takes_no_share() {
    let server = Plan::with_keys().set("TIDEGATE_ORG_STREAMS_MAX", "1").start();
    for path in ["/api/stream?events=A", "/api/stream?stream=x", "/api/stream?stream=thread:1"] {
        assert!(server.get(path, KEY_A).status >= 400);
    }
    let head = crate::support::http::Request::new("HEAD", "/api/stream").key(KEY_A);
    assert_eq!(server.send(&head).status, 200);
    server.stream_as(KEY_A, "/api/stream").connected();
}
