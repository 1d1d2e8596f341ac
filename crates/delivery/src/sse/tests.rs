//! Golden bytes: clients out there parse these.

use event::{Epoch, EventId, Gap, GapReason, Seq};

use super::{
    Event, GoodbyeReason, HEARTBEAT, PING, Position, add_event, add_message, closed, gap, gap_json,
    goodbye, heartbeat_at, json_text, own_event, retry,
};

fn at(seq: u64) -> Position {
    Position::new(Epoch::from_bits(u64::MAX), Seq(seq))
}

fn check(bytes: impl AsRef<[u8]>, expected: &str) {
    assert_eq!(std::str::from_utf8(bytes.as_ref()).expect("it is UTF-8"), expected);
}

#[test]
fn every_frame_is_what_it_was() {
    let name = "action.created".parse().expect("a name");
    let one = Event::new(at(42), EventId::from_bits(1), name, r#"{"payload":{}}"#.into());
    let mut event = Vec::new();
    add_event(&one, &mut event);
    check(event, "id: fzzzzzzzzzzzz-42\nevent: action.created\ndata: {\"payload\":{}}\n\n");
    let json = r#"{"id":"evt_1","payload":{"body":"\"payload\":1"}}"#;
    let name = "message.sent".parse().expect("a name");
    let sent = Event::new(at(43), EventId::from_bits(2), name, json.into());
    let mut message = Vec::new();
    add_message(&sent, &mut message);
    let expected =
        "id: fzzzzzzzzzzzz-43\nevent: message\ndata: {\"body\":\"\\\"payload\\\":1\"}\n\n";
    check(message, expected);
    check(PING, "event: ping\ndata: {}\n\n");
    check(closed(), "event: closed\ndata: {\"reason\":\"permission_lost\"}\n\n");
    check(retry(2500), "retry: 2500\n\n");
    check(HEARTBEAT, ": heartbeat\n\n");
    check(heartbeat_at(at(7)), ": heartbeat\nid: fzzzzzzzzzzzz-7\n\n");
    check(own_event(None, "connected", "{}"), "event: connected\ndata: {}\n\n");
    check(own_event(Some(at(0)), "gap", "{}"), "id: fzzzzzzzzzzzz-0\nevent: gap\ndata: {}\n\n");
}

#[test]
fn a_farewell_says_when_to_come_back_twice() {
    for (reason, word) in [
        (GoodbyeReason::Drain, "drain"),
        (GoodbyeReason::TokenExpired, "token_expired"),
        (GoodbyeReason::Moved, "moved"),
    ] {
        let data = format!(r#"{{"reason":"{word}","retry_ms":900}}"#);
        check(goodbye(reason, 900), &format!("retry: 900\nevent: goodbye\ndata: {data}\n\n"));
    }
}

#[test]
fn a_gap_has_the_place_where_reading_goes_on_as_its_id() {
    let after = Some("what\nthe \"client\" sent".to_owned());
    let hole = Gap { reason: GapReason::Expired, after, resumes_at: at(9), missed: Some(3) };
    let json = r#"{"reason":"expired","after":"what\u000athe \"client\" sent","resumes_at":"fzzzzzzzzzzzz-9","missed":3}"#;
    assert_eq!(gap_json(&hole), json);
    check(gap(&hole), &format!("id: fzzzzzzzzzzzz-9\nevent: gap\ndata: {json}\n\n"));
    let unknown = Gap { after: None, missed: None, ..hole };
    assert!(gap_json(&unknown).contains(r#""after":null,"#));
    assert!(gap_json(&unknown).ends_with(r#""missed":null}"#));
}

#[test]
fn no_text_can_break_a_line_or_a_string() {
    assert_eq!(json_text(None), "null");
    assert_eq!(json_text(Some("")), r#""""#);
    assert_eq!(json_text(Some("é😀/")), r#""é😀/""#);
    assert_eq!(json_text(Some(r#"a"b\c"#)), r#""a\"b\\c""#);
    assert_eq!(json_text(Some("\u{2028}\u{2029}")), r#""\u2028\u2029""#);
    for c in ('\0'..=' ').chain('\u{7f}'..='\u{9f}').filter(|c| c.is_control()) {
        assert_eq!(json_text(Some(&c.to_string())), format!("\"\\u{:04x}\"", u32::from(c)));
    }
}
