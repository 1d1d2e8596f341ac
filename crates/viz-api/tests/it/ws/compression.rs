//! permessage-deflate (RFC 7692): agreed on where both want it, never otherwise.

use serde_json::json;

use crate::support::{
    server::{KEY_A, Plan, Server},
    ws::{Frame, TEXT, Ws, compressed, masked, raw},
};

const OFFER: &str = "permessage-deflate; client_max_window_bits";

fn open(server: &Server, offer: &str) -> Ws {
    Ws::open(server, "/api/ws", &[("x-api-key", KEY_A), ("sec-websocket-extensions", offer)])
}

fn answered(ws: &Ws) -> Option<&str> {
    ws.head.header("sec-websocket-extensions")
}

/// An event that is worth compressing.
fn wordy(n: u64) -> String {
    let words = "the same words again and again; ".repeat(300);
    format!(r#"{{"type":"publish","ref":{n},"event":"a","payload":{{"n":{n},"x":"{words}"}}}}"#)
}

#[test]
fn without_the_setting_nothing_is_agreed_on() {
    for word in ["", "off"] {
        let server = Plan::with_keys().set("TIDEGATE_WEBSOCKET_DEFLATE", word).start();
        let mut ws = open(&server, OFFER);
        assert_eq!(answered(&ws), None);
        ws.say(r#"{"type":"subscribe"}"#);
        ws.expect("subscribed");
        ws.say(&wordy(1));
        // The reader takes no compressed message where nothing was agreed on.
        let kinds = [ws.message(), ws.message()].map(|message| message["type"].clone());
        assert!(kinds.contains(&json!("event")), "{kinds:?}");
        ws.write(&compressed("{}"));
        assert_eq!(ws.closed(), 1002);
    }
}

#[test]
fn both_directions_are_compressed_where_both_want_it() {
    let server = Plan::with_keys().set("TIDEGATE_WEBSOCKET_DEFLATE", "on").start();
    let mut ws = open(&server, OFFER);
    let answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert_eq!(answered(&ws), Some(answer));
    ws.write(&compressed(r#"{"type":"subscribe"}"#));
    ws.expect("subscribed");
    let mut plain = Ws::following(&server, KEY_A);
    for n in 0..20 {
        // Each message for itself, compressed or not as its sender likes.
        let text = wordy(n);
        ws.write(&if n % 2 == 0 { compressed(&text) } else { masked(TEXT, text.as_bytes()) });
        let mut both = [ws.message(), ws.message()];
        both.sort_by_key(|message| message["type"].to_string());
        assert_eq!((&both[0]["ref"], &both[0]["cursor"]), (&json!(n), &both[1]["cursor"]));
        assert_eq!(both[1], plain.expect("event"), "the same for everybody");
    }
    ws.close();
}

#[test]
fn fewer_bytes_go_over_the_wire() {
    let server = Plan::with_keys().set("TIDEGATE_WEBSOCKET_DEFLATE", "on").start();
    let bytes = |ws: &mut Ws| {
        ws.say(r#"{"type":"subscribe"}"#);
        ws.expect("subscribed");
        let publisher = Ws::of(&server, KEY_A);
        (0..10).for_each(|n| publisher.say(&wordy(n)));
        (0..10).for_each(|_| drop(ws.expect("event")));
        ws.bytes_read()
    };
    let compressed = bytes(&mut open(&server, OFFER));
    let plain = bytes(&mut Ws::of(&server, KEY_A));
    assert!(compressed * 10 < plain, "{compressed} {plain}");
}

#[test]
fn a_client_that_offers_nothing_gets_nothing() {
    let server = Plan::with_keys().set("TIDEGATE_WEBSOCKET_DEFLATE", "true").start();
    for offer in ["", "x-webkit-deflate-frame", "permessage-deflate; server_max_window_bits=16"] {
        let ws = open(&server, offer);
        assert_eq!(answered(&ws), None, "{offer}");
    }
    let mut ws = Ws::of(&server, KEY_A);
    ws.write(&compressed("{}"));
    assert_eq!(ws.closed(), 1002);
}

#[test]
fn a_client_with_a_small_window_is_sent_nothing_compressed() {
    let server = Plan::with_keys().set("TIDEGATE_WEBSOCKET_DEFLATE", "on").start();
    let mut ws = open(&server, "permessage-deflate; server_max_window_bits=9");
    assert!(answered(&ws).is_some_and(|text| text.ends_with("; server_max_window_bits=9")));
    ws.write(&compressed(r#"{"type":"subscribe"}"#));
    ws.expect("subscribed");
    let before = ws.bytes_read();
    ws.write(&compressed(&wordy(1)));
    let kinds = [ws.message(), ws.message()].map(|message| message["type"].clone());
    assert!(kinds.contains(&json!("event")), "{kinds:?}");
    assert!(ws.bytes_read() - before > 9000, "as it is");
}

#[test]
fn a_compressed_message_is_as_large_as_it_is_without_that() {
    let server = Plan::with_keys().set("TIDEGATE_WEBSOCKET_DEFLATE", "on").start();
    let bomb = compressed(&format!("\"{}\"", "x".repeat(50 << 20)));
    assert!(bomb.len() < 100_000);
    let mut ws = open(&server, OFFER);
    ws.write(&bomb);
    assert_eq!(ws.closed(), 1009);
    let mut ws = open(&server, OFFER);
    ws.write(&raw(0xc0 | TEXT, b"\xff\xff no DEFLATE"));
    assert_eq!(ws.closed(), 1007);
    let mut ws = open(&server, OFFER);
    ws.write(&compressed("a question is not compressed"));
    ws.expect("error");
    ws.write(&raw(0xc0 | 9, b"x"));
    assert!(matches!(ws.frame(), Some(Frame::Close(Some(1002), _))));
}
