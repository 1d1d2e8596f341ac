//! Clients that do harm or just behave badly: the server stays well, and others get everything.

use std::{
    io::{BufReader, Write},
    net::{SocketAddr, TcpStream},
    thread,
};

use crate::support::{
    http::{Request, connect, read_head, wait_for_end},
    server::{KEY_A, KEY_B, Plan, Server},
    sse::Sse,
    wait::until,
};

fn open_streams(server: &Server) -> f64 {
    server.metric(r#"tidegate_streams_open{transport="sse"}"#)
}

#[test]
fn a_reader_that_never_reads_is_closed_and_others_get_everything() {
    let plan = Plan::with_keys().set("TIDEGATE_LAG_SECONDS_MAX", "1");
    let server = plan.set("TIDEGATE_LAG_BYTES_MAX", "1000000").start();
    let stuck: Vec<_> = (0..3).map(|_| deaf_reader(&server)).collect();
    let mut good = server.stream_as(KEY_A, "/api/stream");
    good.connected();
    let filler = "x".repeat(60_000);
    let publisher = thread::scope(|scope| {
        let reader = scope.spawn(|| good.numbers(400));
        for n in 0..400 {
            let body = format!(r#"{{"event":"a","payload":{{"n":{n},"x":"{filler}"}}}}"#);
            assert_eq!(server.publish(KEY_A, &body).status, 201);
        }
        reader.join().expect("the good reader gets all")
    });
    assert_eq!(publisher, (0..400).collect::<Vec<_>>());
    until("those that never read are closed", || {
        server.metric(r#"tidegate_lag_closes_total{transport="sse"}"#) == 3.0
    });
    assert_eq!(server.metric(r#"tidegate_stream_ends_total{transport="sse",cause="lagged"}"#), 3.0);
    assert_eq!(server.send(&Request::get("/api/health")).status, 200);
    assert_eq!(open_streams(&server), 1.0);
    stuck.into_iter().for_each(wait_for_end);
}

/// Opens a stream, reads its head, and nothing ever again.
fn deaf_reader(server: &Server) -> BufReader<TcpStream> {
    let mut stream = connect(server.address);
    let request = format!("GET /api/stream HTTP/1.1\r\nx-api-key: {KEY_A}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is taken");
    let mut reader = BufReader::new(stream);
    assert_eq!(read_head(&mut reader).status, 200);
    reader
}

#[test]
fn thousands_of_connections_come_and_go() {
    let server = Plan::with_keys().start();
    let mut steady = server.stream_as(KEY_A, "/api/stream");
    steady.connected();
    thread::scope(|scope| {
        for kind in 0..4 {
            let address = server.address;
            scope.spawn(move || (0..600).for_each(|n| come_and_go(address, kind, n)));
        }
    });
    until("all streams but one are gone", || open_streams(&server) == 1.0);
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(steady.numbers(1), [1]);
    assert_eq!(server.send(&Request::get("/api/health")).status, 200);
    until("no file is left behind", || files(&server) < 60);
}

/// Ways to leave: without a word, in the middle of one, after an answer, in the middle of a stream.
fn come_and_go(address: SocketAddr, kind: usize, n: usize) {
    match kind {
        0 => drop(connect(address)),
        1 => drop(connect(address).write_all(b"GET /api/str")),
        2 => assert_eq!(Request::get("/health").send_to(address).status, 200),
        _ => {
            let mut stream = Sse::open(address, "/api/stream", &[("x-api-key", KEY_B)]);
            if n.is_multiple_of(2) {
                stream.connected();
            }
        }
    }
}

fn files(server: &Server) -> usize {
    let folder = format!("/proc/{}/fd", server.pid());
    std::fs::read_dir(folder).expect("the server runs").count()
}

#[test]
fn many_streams_are_open_at_once() {
    let server = Plan::with_keys().start();
    let mut streams: Vec<_> = (0..300).map(|_| server.stream_as(KEY_A, "/api/stream")).collect();
    streams.iter_mut().for_each(|stream| drop(stream.connected()));
    (0..20).for_each(|n| drop(server.publish_ok(KEY_A, "a", n)));
    for stream in &mut streams {
        assert_eq!(stream.numbers(20), (0..20).collect::<Vec<_>>());
    }
}

#[test]
fn a_reader_that_talks_is_heard_up_to_a_limit() {
    let server = Plan::with_keys().start();
    let mut stream = server.stream_as(KEY_A, "/api/stream");
    stream.connected();
    stream.socket().write_all(&[b'x'; 1000]).expect("it is taken");
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(stream.numbers(1), [1], "a little is thrown away");
    // One that goes on and on is no reader; its connection is cut while it still writes.
    let filler = [b'x'; 16 << 10];
    until("it is cut off", || stream.socket().write_all(&filler).is_err());
    until("it is gone", || open_streams(&server) == 0.0);
}

#[test]
fn requests_beside_a_large_answer_that_nobody_reads_go_on() {
    let server = Plan::with_keys().start();
    let event = format!(r#"{{"event":"a","payload":{{"x":"{}"}}}}"#, "x".repeat(200_000));
    let list = format!("[{}]", vec![event; 35].join(","));
    (0..4).for_each(|_| assert_eq!(server.publish(KEY_A, &list).status, 201));
    let page = format!("GET /api/events?limit=500 HTTP/1.1\r\nx-api-key: {KEY_A}\r\n\r\n");
    let stream = format!("GET /api/stream HTTP/1.1\r\nx-api-key: {KEY_A}\r\n\r\n");
    let mut stuck = connect(server.address);
    stuck.write_all(format!("{page}{stream}").as_bytes()).expect("it is taken");
    let mut good = server.stream_as(KEY_A, "/api/stream");
    good.connected();
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(good.numbers(1), [1]);
    // Whoever reads on after all gets the page whole, as long as one may be, and never an event in
    // the middle of it.
    let mut reader = BufReader::new(stuck);
    let answer = crate::support::http::read_answer(&mut reader, false);
    assert_eq!(answer.status, 200);
    let page = answer.json();
    assert!(page["events"].as_array().is_some_and(|events| (40..42).contains(&events.len())));
    assert_eq!(page["has_more"], true, "what does not fit comes with the next page");
}
