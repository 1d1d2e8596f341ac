//! What takes its time by contract, waited for all at once: this test is as long as its longest.

use std::{
    io::{BufReader, ErrorKind, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use crate::support::{
    http::{Request, connect, exchange, read_answer, wait_for_end},
    server::{KEY_A, Plan, Server},
    sse::Sse,
    wait::until,
};

#[test]
fn what_takes_its_time_ends_while_others_go_on() {
    let server = Plan::with_keys().start();
    thread::scope(|scope| {
        scope.spawn(|| half_a_head_is_ended(&server));
        scope.spawn(|| half_a_body_is_ended(&server));
        scope.spawn(|| a_head_in_drops_is_ended(&server));
        scope.spawn(|| a_body_in_drops_is_ended(&server));
        scope.spawn(|| an_idle_connection_is_ended(&server));
        scope.spawn(|| an_idle_stream_has_a_heartbeat(&server));
        scope.spawn(|| a_filtered_stream_learns_its_place(&server));
        scope.spawn(|| a_ticket_expires(&server));
        scope.spawn(|| {
            for n in 0..50 {
                server.publish_ok(KEY_A, "busy", n);
                assert_eq!(server.send(&Request::get("/api/health")).status, 200);
            }
        });
    });
}

fn half_a_head_is_ended(server: &Server) {
    let mut socket = connect(server.address);
    socket.write_all(b"GET /health HTTP/1.1\r\nhost: ").expect("it is taken");
    wait_for_end(socket);
}

fn half_a_body_is_ended(server: &Server) {
    let request = format!(
        "POST /api/events HTTP/1.1\r\nx-api-key: {KEY_A}\r\ncontent-length: 100\r\n\r\n{{\"event\""
    );
    let answer = exchange(server.address, request.as_bytes(), false);
    assert!(answer.assert_error(400, "validation_error").contains("did not go on"));
}

/// Sends a byte after each pause until an answer or the end comes.
fn drip(socket: &mut TcpStream, pause: Duration) {
    socket.set_read_timeout(Some(pause)).expect("the pause is not zero");
    for _ in 0..4 {
        match socket.peek(&mut [0]) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                // A server that ends it at this moment does not take it.
                let _ = socket.write_all(b"x");
            }
            _ => return,
        }
    }
    panic!("it is still waited for");
}

/// Each byte comes before the time for a whole head is over, and the head never ends.
fn a_head_in_drops_is_ended(server: &Server) {
    let mut socket = connect(server.address);
    socket.write_all(b"POST /api/events HTTP/1.1\r\nhost: ").expect("it is taken");
    drip(&mut socket, Duration::from_secs(14));
    wait_for_end(socket);
}

/// Each byte comes before the time for a whole request is over, and later than a pause may be.
fn a_body_in_drops_is_ended(server: &Server) {
    let mut socket = connect(server.address);
    let request =
        format!("POST /api/events HTTP/1.1\r\nx-api-key: {KEY_A}\r\ncontent-length: 100\r\n\r\n{{");
    socket.write_all(request.as_bytes()).expect("it is taken");
    drip(&mut socket, Duration::from_secs(13));
    let answer = read_answer(&mut BufReader::new(socket), false);
    assert!(answer.assert_error(400, "validation_error").contains("did not go on"));
}

fn an_idle_connection_is_ended(server: &Server) {
    let mut socket = connect(server.address);
    socket.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").expect("it is taken");
    let mut reader = BufReader::new(socket);
    assert_eq!(read_answer(&mut reader, false).status, 200);
    wait_for_end(reader);
}

fn an_idle_stream_has_a_heartbeat(server: &Server) {
    let mut stream = server.stream_as("key-b-both-scopes", "/api/stream");
    stream.connected();
    let frame = stream.next().expect("it stays open");
    assert_eq!((frame.comment.as_deref(), frame.event), (Some("heartbeat"), None));
}

fn a_filtered_stream_learns_its_place(server: &Server) {
    let mut stream = server.stream_as(KEY_A, "/api/stream?events=never.sent");
    let began = stream.connected()["lastEventId"].clone();
    let frame = stream.next().expect("it stays open");
    assert_eq!(frame.comment.as_deref(), Some("heartbeat"));
    assert_ne!(frame.cursor(), began, "what was left out moved the cursor");
    let mut again = server.stream_as(KEY_A, &format!("/api/stream?after={}", frame.cursor()));
    assert_eq!(again.connected()["resume"], "resumed");
}

/// A ticket that was never used is refused after its 30 seconds; a second one shows when.
fn a_ticket_expires(server: &Server) {
    let buy = || {
        let sold = server.send(&Request::post("/api/stream/ticket").key(KEY_A)).json();
        format!("/api/stream?ticket={}", sold["ticket"].as_str().expect("a ticket"))
    };
    let tickets: Vec<_> = (0..40).map(|_| buy()).collect();
    let mut left = tickets.iter();
    let mut taken = 0;
    until("tickets expire", || {
        thread::park_timeout(Duration::from_secs(1));
        let ticket = left.next().expect("they expire before all are used");
        let opened = Sse::try_open(server.address, ticket, &[]).head.status;
        taken += usize::from(opened == 200);
        opened == 401
    });
    assert!(taken > 5, "a ticket is good for a while: {taken}");
    for ticket in left {
        server.send(&Request::get(ticket)).assert_error(401, "unauthorized");
    }
}
