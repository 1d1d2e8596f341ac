//! Clients that do harm or just behave badly: others get everything all the same.

use std::thread;

use serde_json::json;

use crate::support::{
    http::Request,
    server::{KEY_A, KEY_B, Plan, Server},
    wait::until,
    ws::{Frame, PING, TEXT, Ws, masked, number, raw},
};

fn ends(server: &Server, cause: &str) -> f64 {
    let labels = format!(r#"transport="websocket",cause="{cause}""#);
    server.metric(&format!("tidegate_stream_ends_total{{{labels}}}"))
}

/// Publishes large events until a reader that takes nothing is let go.
fn publish_until_lagged(server: &Server) -> u64 {
    let filler = "x".repeat(60_000);
    let mut n = 0;
    until("a reader that takes nothing is let go", || {
        for _ in 0..20 {
            let body = format!(r#"{{"event":"a","payload":{{"n":{n},"x":"{filler}"}}}}"#);
            assert_eq!(server.publish(KEY_A, &body).status, 201);
            n += 1;
        }
        ends(server, "lagged") == 1.0
    });
    n
}

#[test]
fn a_reader_that_falls_behind_is_let_go_and_resumes_without_a_hole() {
    let plan = Plan::with_keys().set("TIDEGATE_LAG_SECONDS_MAX", "1");
    let plan = plan.set("REALTIME_REPLAY_MAX_EVENTS", "100000");
    let server = plan.set("TIDEGATE_LAG_BYTES_MAX", "1000000").start();
    let mut slow = Ws::following(&server, KEY_A);
    let published = publish_until_lagged(&server);
    let lag_closes = r#"tidegate_lag_closes_total{transport="websocket"}"#;
    until("the end is counted", || server.metric(lag_closes) == 1.0);
    // It has what was under way, in order, and then the close frame or a cut.
    let (mut next, mut cursor) = (0, None);
    loop {
        match slow.frame() {
            Some(Frame::Text(text)) => {
                let event: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
                assert_eq!(number(&event), next);
                next += 1;
                cursor = Some(event["cursor"].clone());
            }
            Some(Frame::Ping(_)) => {}
            Some(Frame::Close(code, _)) => {
                assert_eq!(code, Some(1013));
                break;
            }
            None => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(next < published, "it did fall behind");
    let mut again = Ws::of(&server, KEY_A);
    again.say(&json!({"type": "subscribe", "after": cursor.expect("it got some")}).to_string());
    let subscribed = again.expect("subscribed");
    assert_eq!(
        (&subscribed["resume"], &subscribed["replayed"]),
        (&json!("resumed"), &json!(published - next))
    );
    assert_eq!(again.numbers((published - next) as usize), (next..published).collect::<Vec<_>>());
}

#[test]
fn a_flood_of_pings_is_answered_in_order_and_others_go_on() {
    let server = Plan::with_keys().start();
    let mut flooder = Ws::following(&server, KEY_B);
    let mut good = Ws::following(&server, KEY_A);
    let socket = flooder.socket().try_clone().expect("a socket can be shared");
    thread::scope(|scope| {
        scope.spawn(move || {
            let pings = (0..50_000_u32).flat_map(|n| masked(PING, &n.to_be_bytes()));
            let pings: Vec<u8> = pings.collect();
            std::io::Write::write_all(&mut &socket, &pings).expect("they are taken");
        });
        scope.spawn(|| {
            for n in 0..50_000_u32 {
                assert_eq!(flooder.frame(), Some(Frame::Pong(n.to_be_bytes().to_vec())));
            }
        });
        for n in 0..50 {
            good.publish(n, "a", n);
            let kinds = [good.message(), good.message()].map(|message| message["type"].clone());
            assert!(kinds.contains(&json!("ack")), "{kinds:?}");
        }
    });
}

/// Whoever asks and never reads the answers is not read on, and then let go.
#[test]
fn who_never_reads_answers_is_let_go() {
    let server = Plan::with_keys().set("TIDEGATE_LAG_SECONDS_MAX", "1").start();
    let deaf = Ws::of(&server, KEY_A);
    let flood = masked(PING, &[7; 125]).repeat(1000);
    deaf.socket().set_write_timeout(Some(std::time::Duration::from_millis(200))).expect("not zero");
    until("it is let go", || {
        let _ = std::io::Write::write(&mut deaf.socket(), &flood);
        ends(&server, "lagged") == 1.0
    });
    assert_eq!(server.send(&Request::get("/api/health")).status, 200);
}

#[test]
fn a_flood_of_nonsense_is_answered_and_others_go_on() {
    let server = Plan::with_keys().start();
    let mut flooder = Ws::of(&server, KEY_B);
    let socket = flooder.socket().try_clone().expect("a socket can be shared");
    let mut good = Ws::following(&server, KEY_A);
    thread::scope(|scope| {
        scope.spawn(move || {
            let flood = masked(TEXT, b"nonsense").repeat(20_000);
            std::io::Write::write_all(&mut &socket, &flood).expect("it is taken");
        });
        scope.spawn(|| (0..20_000).for_each(|_| drop(flooder.expect("error"))));
        for n in 0..50 {
            server.publish_ok(KEY_A, "a", n);
            assert_eq!(good.numbers(1), [n]);
        }
    });
}

#[test]
fn subscribing_and_leaving_again_and_again_loses_nothing() {
    let server = Plan::with_keys().start();
    let first = server.publish_ok(KEY_A, "a", 1000);
    (0..100).for_each(|n| drop(server.publish_ok(KEY_A, "a", n)));
    let mut ws = Ws::of(&server, KEY_A);
    let subscribe = json!({"type": "subscribe", "after": first}).to_string();
    let socket = ws.socket().try_clone().expect("a socket can be shared");
    let rounds = [
        masked(TEXT, subscribe.as_bytes()),
        masked(TEXT, br#"{"type":"unsubscribe","stream":"events"}"#),
    ]
    .concat()
    .repeat(300);
    thread::scope(|scope| {
        scope.spawn(move || {
            std::io::Write::write_all(&mut &socket, &rounds).expect("they are taken");
            std::io::Write::write_all(&mut &socket, &masked(TEXT, subscribe.as_bytes()))
                .expect("it is taken");
        });
        // Each round begins anew; whatever it sends is the beginning of the stream.
        let (mut rounds, mut next) = (0, 0);
        while rounds < 301 || next < 100 {
            let message = ws.message();
            match message["type"].as_str() {
                Some("subscribed") => {
                    assert_eq!(
                        (&message["resume"], &message["replayed"]),
                        (&json!("resumed"), &json!(100))
                    );
                    rounds += 1;
                    next = 0;
                }
                Some("event") => {
                    assert_eq!(number(&message), next);
                    next += 1;
                }
                _ => panic!("{message}"),
            }
        }
    });
}

#[test]
fn many_connections_are_open_at_once() {
    let server = Plan::with_keys().start();
    let mut all: Vec<_> = (0..300).map(|_| Ws::following(&server, KEY_A)).collect();
    let writers: Vec<_> = (0..20).map(|_| Ws::of(&server, KEY_A)).collect();
    writers.iter().for_each(|ws| (0..5).for_each(|n| ws.publish(n, "a", n)));
    let first: Vec<_> = (0..100).map(|_| all[0].expect("event")["cursor"].clone()).collect();
    for ws in &mut all[1..] {
        let cursors: Vec<_> = (0..100).map(|_| ws.expect("event")["cursor"].clone()).collect();
        assert_eq!(cursors, first);
    }
    for mut ws in writers {
        (0..5).for_each(|n| assert_eq!(ws.expect("ack")["ref"], n));
    }
}

/// A message that has begun keeps its place and nothing else.
#[test]
fn half_a_message_harms_nobody() {
    let server = Plan::with_keys().start();
    let halves: Vec<_> = (0..50)
        .map(|_| {
            let ws = Ws::following(&server, KEY_A);
            ws.write(&raw(TEXT, &[b' '; 300_000]));
            ws
        })
        .collect();
    let mut good = Ws::following(&server, KEY_A);
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(good.numbers(1), [1]);
    for mut ws in halves {
        assert_eq!(ws.numbers(1), [1], "it reads as long as it writes");
    }
}
