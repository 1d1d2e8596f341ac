//! The bytes of each frame that a server sends.

use event::{Epoch, Event, EventId, Gap, GapReason, Position, Seq, StreamName};

use super::*;

fn stream(name: &str) -> StreamName {
    name.parse().expect("a stream's name")
}

fn place() -> Position {
    Position::new(Epoch::from_bits(0x2a), Seq(7))
}

fn check(frame: &[u8], head: &[u8], payload: &str) {
    assert_eq!(&frame[..head.len()], head, "{payload}");
    assert_eq!(String::from_utf8_lossy(&frame[head.len()..]), payload);
}

#[test]
fn the_length_takes_as_few_bytes_as_it_can() {
    let cases: [(usize, &[u8]); 7] = [
        (0, &[0x82, 0]),
        (1, &[0x82, 1]),
        (125, &[0x82, 125]),
        (126, &[0x82, 126, 0, 126]),
        (0xffff, &[0x82, 126, 0xff, 0xff]),
        (0x1_0000, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        (0x1_0001, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 1]),
    ];
    for (length, head) in cases {
        check(&message(Opcode::Binary, &vec![b'x'; length]), head, &"x".repeat(length));
    }
}

#[test]
fn control_frames() {
    assert_eq!(PING, [0x89, 0].as_slice());
    check(&message(Opcode::Pong, b"hi"), &[0x8a, 2], "hi");
    check(&close(CloseCode::GoingAway, "drain"), &[0x88, 7, 0x03, 0xe9], "drain");
    check(&close(CloseCode::Normal, ""), &[0x88, 2, 0x03, 0xe8], "");
    let codes = [
        (CloseCode::Protocol, 1002_u16),
        (CloseCode::InvalidData, 1007),
        (CloseCode::Policy, 1008),
        (CloseCode::TooLarge, 1009),
        (CloseCode::TryAgainLater, 1013),
    ];
    for (code, number) in codes {
        assert_eq!(close(code, "")[2..], number.to_be_bytes());
    }
}

#[test]
fn a_close_reason_is_cut_between_characters() {
    for (reason, fits) in [("x".repeat(124), 123), ("ä".repeat(62), 122), ("x".repeat(123), 123)] {
        let frame = close(CloseCode::Policy, &reason);
        assert_eq!(usize::from(frame[1]), 2 + fits);
        check(&frame[4..], &[], &reason[..fits]);
    }
}

#[test]
fn an_event() {
    let name = "a.one".parse().expect("a name");
    let json = r#"{"id":"evt_x"}"#.into();
    let event = Event::new(place(), EventId::from_bits(1), name, json);
    for (stream, label) in [("org:acme", "events"), ("thread:9", "thread:9"), ("ops", "ops")] {
        let json = event_json(&stream_label(&self::stream(stream)), &event);
        let expected = format!(
            r#"{{"type":"event","stream":"{label}","cursor":"{}","envelope":{{"id":"evt_x"}}}}"#,
            place()
        );
        check(&json, &[], &expected);
    }
}

#[test]
fn an_event_lies_behind_others_whatever_its_length() {
    let event = |bytes: usize| {
        let name = "a.one".parse().expect("a name");
        Event::new(place(), EventId::from_bits(1), name, vec![b'x'; bytes].into())
    };
    let text = event_json("events", &event(0)).len();
    for length in [text, 125, 126, 127, 0xfffe, 0xffff, 0x1_0000, 0x1_0001] {
        let event = event(length.saturating_sub(text));
        let json = event_json("events", &event);
        assert!(json.len() == length.max(text), "the case is what it says");
        let mut out = b"before".to_vec();
        add_event("events", &event, &mut out);
        assert!(out == [b"before", &*message(Opcode::Text, &json)].concat(), "{length}");
    }
}

#[test]
fn a_gap_and_a_farewell() {
    let gap = Gap {
        reason: GapReason::UnknownCursor,
        after: Some("\"\\\n".to_owned()),
        resumes_at: place(),
        missed: Some(3),
    };
    let json = format!(
        r#"{{"type":"gap","stream":"ops","reason":"unknown_cursor","after":"\"\\\u000a","resumes_at":"{}","missed":3}}"#,
        place()
    );
    check(&super::gap("ops", &gap), &[0x81, json.len() as u8], &json);
    let json = r#"{"type":"goodbye","reason":"token_expired","retry_ms":250}"#;
    check(&goodbye(GoodbyeReason::TokenExpired, 250), &[0x81, json.len() as u8], json);
}

/// RFC 7692, 7.2.3.1: a compressed message has its tail cut off, and the first reserved bit.
#[test]
fn a_message_is_compressed_where_that_is_shorter() {
    let mut deflater = Deflater::default();
    let text = "so it goes, and ".repeat(30);
    let frame = compressed(Opcode::Text, text.as_bytes(), &mut deflater);
    assert_eq!(frame[0], 0xc1);
    assert!(frame.len() < text.len() / 8, "{} bytes", frame.len());
    assert!(!frame.ends_with(&[0, 0, 0xff, 0xff]));
    assert_eq!(frame, compressed(Opcode::Text, text.as_bytes(), &mut deflater), "no context");
    let short = compressed(Opcode::Text, &text.as_bytes()[..63], &mut deflater);
    check(&short, &[0x81, 63], &text[..63]);
}
