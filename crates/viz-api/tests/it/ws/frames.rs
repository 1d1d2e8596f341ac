//! What is on the wire: frames in pieces, frames that break the protocol, and how it ends then.

use serde_json::json;

use crate::support::{
    server::{KEY_A, Plan, Server},
    wait::until,
    ws::{BINARY, CLOSE, CONTINUATION, Frame, PING, TEXT, Ws, fragmented, masked, raw},
};

const SUBSCRIBE: &[u8] = br#"{"type":"subscribe"}"#;

fn open_sockets(server: &Server) -> f64 {
    server.metric(r#"tidegate_streams_open{transport="websocket"}"#)
}

/// Opens a connection, writes bytes, and returns the code that it is closed with.
#[track_caller]
fn closed_after(server: &Server, bytes: &[u8]) -> u16 {
    let mut ws = Ws::of(server, KEY_A);
    ws.write(bytes);
    ws.closed()
}

#[test]
fn a_message_may_come_in_pieces() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::of(&server, KEY_A);
    let (head, tail) = SUBSCRIBE.split_at(9);
    ws.write(&fragmented(&[head, b"", tail]));
    ws.expect("subscribed");
    // A question in the middle of a message is answered before it is whole.
    let text = br#"{"type":"publish","ref":1,"event":"a","payload":{"n":7,"x":"\u00e4"}}"#;
    ws.write(&raw(TEXT, &text[..20]));
    ws.write(&masked(PING, b"still there?"));
    assert_eq!(ws.frame(), Some(Frame::Pong(b"still there?".to_vec())));
    ws.write(&raw(0x80 | CONTINUATION, &text[20..]));
    let kinds = [ws.message(), ws.message()].map(|message| message["type"].clone());
    assert!(kinds.contains(&json!("ack")) && kinds.contains(&json!("event")), "{kinds:?}");
}

#[test]
fn bytes_may_come_one_at_a_time() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::of(&server, KEY_A);
    for byte in masked(TEXT, SUBSCRIBE) {
        ws.write(&[byte]);
    }
    ws.expect("subscribed");
    let bytes: Vec<u8> = (0..100)
        .flat_map(|n| {
            let text =
                format!(r#"{{"type":"publish","ref":{n},"event":"a","payload":{{"n":{n}}}}}"#);
            let (one, two) = text.as_bytes().split_at(text.len() / 2);
            fragmented(&[one, two])
        })
        .collect();
    bytes.chunks(7).for_each(|chunk| ws.write(chunk));
    let (mut acks, mut events) = (0, 0);
    while acks < 100 || events < 100 {
        match ws.message()["type"].as_str() {
            Some("ack") => acks += 1,
            _ => events += 1,
        }
    }
    assert_eq!((acks, events), (100, 100));
}

#[test]
fn a_ping_is_answered_with_its_payload() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::of(&server, KEY_A);
    for payload in [&b""[..], b"a", &[0xff; 125]] {
        ws.write(&masked(PING, payload));
        assert_eq!(ws.frame(), Some(Frame::Pong(payload.to_vec())));
    }
    // A pong that nobody asked for is none of ours.
    ws.write(&masked(10, b"unasked"));
    ws.write(&masked(PING, b"after"));
    assert_eq!(ws.frame(), Some(Frame::Pong(b"after".to_vec())));
}

#[test]
fn what_breaks_the_protocol_is_closed_with_1002() {
    let server = Plan::with_keys().start();
    let mut unmasked = vec![0x80 | TEXT, SUBSCRIBE.len() as u8];
    unmasked.extend(SUBSCRIBE);
    let table: [(&str, Vec<u8>); 12] = [
        ("unmasked", unmasked),
        ("RSV1 that was not agreed on", raw(0xc0 | TEXT, SUBSCRIBE)),
        ("RSV2", raw(0xa0 | TEXT, SUBSCRIBE)),
        ("RSV3", raw(0x90 | TEXT, SUBSCRIBE)),
        ("a reserved opcode", masked(3, b"")),
        ("a reserved control opcode", masked(11, b"")),
        ("a continuation of nothing", masked(CONTINUATION, b"x")),
        ("a message within a message", [raw(TEXT, b"{"), raw(0x80 | TEXT, b"}")].concat()),
        ("a ping in pieces", raw(PING, b"x")),
        ("a long ping", masked(PING, &[0; 126])),
        ("half a close code", masked(CLOSE, b"\x03")),
        ("a close code that nobody may send", masked(CLOSE, &1005_u16.to_be_bytes())),
    ];
    for (what, bytes) in &table {
        assert_eq!(closed_after(&server, bytes), 1002, "{what}");
    }
    until("all are gone", || open_sockets(&server) == 0.0);
    let broken = r#"tidegate_stream_ends_total{transport="websocket",cause="broken"}"#;
    until("all ends are counted", || server.metric(broken) == table.len() as f64);
}

#[test]
fn what_is_no_text_is_closed_with_1007() {
    let server = Plan::with_keys().start();
    for bytes in [
        masked(BINARY, SUBSCRIBE),
        masked(BINARY, b""),
        fragmented(&[b"\"", b"\xff", b"\""]),
        masked(TEXT, b"\xed\xa0\x80"),
        masked(TEXT, b"\xc3"),
        // It need not be whole for that.
        raw(TEXT, b"\xc0\xaf"),
    ] {
        assert_eq!(closed_after(&server, &bytes), 1007, "{bytes:?}");
    }
}

#[test]
fn what_was_said_before_a_slip_is_done_and_answered() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::of(&server, KEY_A);
    ws.publish(1, "a", 1);
    ws.write(&masked(BINARY, b"x"));
    ws.publish(2, "a", 2);
    assert_eq!(ws.expect("ack")["ref"], 1);
    assert_eq!(ws.closed(), 1007);
    let page = server.get("/api/events", KEY_A).json();
    assert_eq!(page["events"].as_array().map(Vec::len), Some(1), "and nothing behind it");
}

#[test]
fn a_message_that_is_too_large_is_closed_with_1009() {
    let server = Plan::with_keys().set("TIDEGATE_PAYLOAD_BYTES_MAX", "1000").start();
    let most = 1000 + (64 << 10);
    let sized = |bytes: usize| format!("{{\"x\":\"{}\"}}", "x".repeat(bytes - 8));
    let mut ws = Ws::of(&server, KEY_A);
    ws.say(&sized(most));
    assert!(
        ws.expect("error")["message"].as_str().is_some_and(|text| text.contains("unknown field"))
    );
    drop(ws);
    assert_eq!(closed_after(&server, &masked(TEXT, sized(most + 1).as_bytes())), 1009);
    let pieces = vec![&[b'x'; 1 << 10][..]; 66];
    assert_eq!(closed_after(&server, &fragmented(&pieces)), 1009);
    // What its head says is enough.
    let head = [&[0x80 | TEXT, 0x80 | 127][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
    assert_eq!(closed_after(&server, &head), 1009);
    let too_large = r#"tidegate_stream_ends_total{transport="websocket",cause="too_large"}"#;
    until("they are counted", || server.metric(too_large) == 3.0);
}

#[test]
fn a_client_that_closes_is_answered_with_its_code() {
    let server = Plan::with_keys().start();
    for payload in [&b""[..], &1000_u16.to_be_bytes(), b"\x0f\xa0so long"] {
        let mut ws = Ws::following(&server, KEY_A);
        ws.write(&masked(CLOSE, payload));
        let code = payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]]));
        assert_eq!(ws.frame(), Some(Frame::Close(code, String::new())));
        ws.wait_for_end();
    }
    // What was said before the close frame has its answer before the close frame's.
    let mut ws = Ws::of(&server, KEY_A);
    ws.publish(1, "a", 1);
    ws.write(&masked(CLOSE, &1001_u16.to_be_bytes()));
    ws.expect("ack");
    assert_eq!(ws.frame(), Some(Frame::Close(Some(1001), String::new())));
    ws.wait_for_end();
    until("all are gone", || open_sockets(&server) == 0.0);
    assert_eq!(
        server.metric(r#"tidegate_stream_ends_total{transport="websocket",cause="client"}"#),
        4.0
    );
}
