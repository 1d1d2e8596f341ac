//! Messages are found wherever they are cut.

use super::*;
use crate::ws::text_head;

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Text(Vec<u8>),
    Ping(Vec<u8>),
    Close(u16),
}

fn seen(mut messages: Messages, bytes: &[u8], size: usize) -> Vec<Seen> {
    let mut all = Vec::new();
    for piece in bytes.chunks(size) {
        messages.feed(piece, |message| {
            all.push(match message {
                Message::Event(text) | Message::Text(text) => {
                    Seen::Text(text[..text.len().min(BEGINNING_BYTES)].to_vec())
                }
                Message::Ping(payload) => Seen::Ping(payload.to_vec()),
                Message::Close(code) => Seen::Close(code),
            });
        });
    }
    all
}

#[test]
fn blocks_of_an_event_stream() {
    let long = format!("data: {}\n\n", "x".repeat(5000));
    let blocks = ["retry: 5\n\n", "id: a\nevent: b\ndata: {}\n\n", &long, ": heartbeat\n\n"];
    let text = blocks.concat();
    let beginning = |block: &str| block.as_bytes()[..block.len().min(BEGINNING_BYTES)].to_vec();
    let expected: Vec<_> = blocks.map(|block| Seen::Text(beginning(block))).into();
    for size in [1, 2, 3, 7, 1000, text.len()] {
        assert_eq!(seen(Messages::sse(BEGINNING_BYTES), text.as_bytes(), size), expected, "{size}");
    }
}

#[test]
fn frames_of_a_websocket() {
    let mut bytes = Vec::new();
    let mut expected = Vec::new();
    for length in [0, 5, 125, 126, 300, 70_000] {
        text_head(length, &mut bytes);
        bytes.resize(bytes.len() + length, b'x');
        expected.push(Seen::Text(vec![b'x'; length.min(BEGINNING_BYTES)]));
        bytes.extend_from_slice(&[0x89, 2, b'h', b'i']);
        expected.push(Seen::Ping(b"hi".to_vec()));
    }
    bytes.extend_from_slice(&[0x88, 5, 0x03, 0xf5, b's', b'l', b'o']);
    expected.push(Seen::Close(1013));
    bytes.extend_from_slice(&[0x88, 0]);
    expected.push(Seen::Close(1005));
    for size in [1, 2, 3, 7, 1000, bytes.len()] {
        assert_eq!(seen(Messages::ws(BEGINNING_BYTES), &bytes, size), expected, "{size}");
    }
}
