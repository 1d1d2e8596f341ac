//! What one connection and one organisation may ask for.

use serde_json::json;

use crate::support::{
    server::{KEY_A, KEY_ADMIN, KEY_B, Plan, Server},
    sse::Sse,
    wait::eventually,
    ws::Ws,
};

fn status(server: &Server, key: &str) -> u16 {
    Ws::try_open(server.address, "/api/ws", &[("x-api-key", key)]).head.status
}

#[test]
fn a_thousand_subscriptions_are_answered_and_the_connection_goes_on() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::of(&server, KEY_A);
    for n in 0..1000 {
        let stream = if n % 2 == 0 { "events".to_owned() } else { format!("thread:{n}") };
        ws.say(&json!({"type": "subscribe", "stream": stream, "ref": n}).to_string());
    }
    ws.expect("subscribed");
    for n in 1..1000 {
        ws.expect_error(&json!(n), if n % 2 == 0 { "conflict" } else { "not_found" });
    }
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(ws.numbers(1), [1], "once");
}

#[test]
fn an_organisation_has_so_many_streams_open_however_they_are() {
    let server = Plan::with_keys().set("TIDEGATE_ORG_STREAMS_MAX", "2").start();
    let first = Ws::following(&server, KEY_A);
    let mut sse = server.stream_as(KEY_A, "/api/stream");
    sse.connected();
    let refused = Ws::try_open(server.address, "/api/ws", &[("x-api-key", KEY_A)]).head;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("5")));
    server.get("/api/stream", KEY_A).assert_error(429, "rate_limited");
    drop(Ws::following(&server, KEY_B));
    let limited = r#"tidegate_stream_connects_total{transport="websocket",result="rate_limited"}"#;
    assert_eq!(server.metric(limited), 1.0);
    first.close();
    eventually("a connection that ended gives its share back", || {
        (status(&server, KEY_A) == 101).then_some(())
    });
}

#[test]
fn each_further_stream_takes_a_share_and_gives_it_back() {
    let server = Plan::with_keys().set("TIDEGATE_ORG_STREAMS_MAX", "2").start();
    let sse = || Sse::try_open(server.address, "/api/stream", &[("x-api-key", KEY_A)]).head.status;
    let mut ws = Ws::following(&server, KEY_ADMIN);
    ws.say(r#"{"type":"subscribe","stream":"ops"}"#);
    ws.expect("subscribed");
    assert_eq!((status(&server, KEY_A), sse()), (429, 429));
    // The first stream is left: its share is the connection's, and it is taken up again.
    for _ in 0..5 {
        for stream in ["events", "ops"] {
            for kind in ["unsubscribe", "subscribe"] {
                ws.say(&json!({"type": kind, "stream": stream}).to_string());
            }
            assert_eq!(ws.expect("subscribed")["stream"], stream);
        }
    }
    assert_eq!((status(&server, KEY_A), sse()), (429, 429));
    ws.say(r#"{"type":"unsubscribe","stream":"events"}"#);
    ws.publish(1, "a", 1);
    ws.expect("ack");
    eventually("one of two streams has its share back", || (sse() == 200).then_some(()));
}

#[test]
fn a_subscription_that_is_refused_for_lack_of_a_share_is_not_followed() {
    let server = Plan::with_keys().set("TIDEGATE_ORG_STREAMS_MAX", "2").start();
    let mut ws = Ws::following(&server, KEY_ADMIN);
    let mut sse = server.stream_as(KEY_A, "/api/stream");
    sse.connected();
    for n in 0..3 {
        ws.say(&json!({"type": "subscribe", "stream": "ops", "ref": n}).to_string());
        let message = ws.expect_error(&json!(n), "rate_limited");
        assert!(message.contains("2 open streams"), "{message}");
    }
    ws.say(r#"{"type":"unsubscribe","stream":"ops","ref":"u"}"#);
    ws.expect_error(&json!("u"), "not_found");
    drop(sse);
    eventually("the other's share is free", || {
        ws.say(r#"{"type":"subscribe","stream":"ops"}"#);
        (ws.message()["type"] == "subscribed").then_some(())
    });
}

#[test]
fn a_refused_connection_takes_no_share() {
    let server = Plan::with_keys().set("TIDEGATE_ORG_STREAMS_MAX", "1").start();
    for _ in 0..3 {
        server.get("/api/ws", KEY_A).assert_error(400, "validation_error");
    }
    drop(Ws::of(&server, KEY_A));
}

#[test]
fn what_a_connection_does_is_counted() {
    let server = Plan::with_keys().start();
    let mut ws: Vec<_> = (0..3).map(|_| Ws::following(&server, KEY_A)).collect();
    let open = || server.metric(r#"tidegate_streams_open{transport="websocket"}"#);
    assert_eq!(open(), 3.0);
    (0..5).for_each(|n| drop(server.publish_ok(KEY_A, "a", n)));
    ws.iter_mut().for_each(|ws| assert_eq!(ws.numbers(5), [0, 1, 2, 3, 4]));
    ws.into_iter().for_each(Ws::close);
    eventually("all are gone", || (open() == 0.0).then_some(()));
    let table = [
        (r#"tidegate_stream_connects_total{transport="websocket",result="ok"}"#, 3.0),
        (r#"tidegate_stream_ends_total{transport="websocket",cause="client"}"#, 3.0),
        (r#"tidegate_deliveries_total{transport="websocket"}"#, 15.0),
        (r#"tidegate_deliveries_total{transport="sse"}"#, 0.0),
        (r#"tidegate_streams_open{transport="sse"}"#, 0.0),
        (r#"tidegate_replays_total{resume="fresh"}"#, 3.0),
    ];
    for (series, value) in table {
        assert_eq!(server.metric(series), value, "{series}");
    }
}
