//! Both transports say the same.

use super::*;
use crate::payload::Payloads;

fn stamp() -> Stamp {
    Stamp { stream: 3, number: 17, sent_us: 99 }
}

#[track_caller]
fn says(message: Message<'_>, expected: &Told<'_>) {
    assert_eq!(read(message, &Mark::new(5)), *expected, "{message:?}");
}

#[test]
fn an_event_has_its_cursor_and_stamp() {
    let payloads = Payloads::new(Mark::new(5), 300);
    let expected = Told::Event { cursor: b"0000000000000-00000017", stamp: stamp() };
    let (mut block, mut text) = (Vec::new(), Vec::new());
    payloads.sse_frame(stamp(), &mut block);
    payloads.ws_text(stamp(), &mut text);
    for cut in [0, 50] {
        says(Message::Event(&block[..block.len() - cut]), &expected);
        says(Message::Text(&text[..text.len() - cut]), &expected);
    }
    let others = Payloads::new(Mark::new(6), 300);
    block.clear();
    others.sse_frame(stamp(), &mut block);
    assert!(matches!(read(Message::Event(&block), &Mark::new(5)), Told::Wrong(_)));
}

#[test]
fn a_stream_begins_after_a_place() {
    let opened = Told::Opened { head: "e-7".to_owned() };
    let block = b"id: e-7\nevent: connected\ndata: {\"status\":\"ok\",\"lastEventId\":\"e-7\"}\n\n";
    says(Message::Event(block), &opened);
    let text = br#"{"type":"subscribed","stream":"events","resume":"fresh","lastEventId":"e-7"}"#;
    says(Message::Text(text), &opened);
    says(Message::Text(br#"{"type":"connected","orgId":"o"}"#), &Told::Nothing);
}

#[test]
fn a_hole_and_an_end_are_told() {
    let gap = Told::Gap { reason: "expired".to_owned(), resumes_at: "e-9".to_owned() };
    let json = r#""reason":"expired","after":"e-7","resumes_at":"e-9","missed":2}"#;
    let block = format!("id: e-9\nevent: gap\ndata: {{{json}\n\n");
    says(Message::Event(block.as_bytes()), &gap);
    let text = format!(r#"{{"type":"gap","stream":"events",{json}"#);
    says(Message::Text(text.as_bytes()), &gap);
    let goodbye = "retry: 5\nevent: goodbye\ndata: {\"reason\":\"drain\",\"retry_ms\":5}\n\n";
    says(Message::Event(goodbye.as_bytes()), &Told::Goodbye);
    says(Message::Close(1013), &Told::LagClose);
}

#[test]
fn what_does_not_matter_is_told_from_what_is_wrong() {
    for block in ["retry: 1234\n\n", ": heartbeat\n\n", ": heartbeat\nid: e-3\n\n"] {
        says(Message::Event(block.as_bytes()), &Told::Nothing);
    }
    for text in [r#"{"type":"error","code":"forbidden"}"#, "nonsense"] {
        assert!(matches!(read(Message::Text(text.as_bytes()), &Mark::new(5)), Told::Wrong(_)));
    }
    assert!(matches!(read(Message::Close(1002), &Mark::new(5)), Told::Wrong(_)));
}
