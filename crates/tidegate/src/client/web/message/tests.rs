//! What a server's texts mean, in the layout that is read by marks and in others.

use super::{Layout, MessageReader, event_name, split};
use crate::sse::Message;

const CONNECTED: &str =
    r#"{"type":"connected","orgId":"acme","backend":"memory","realtimeStatus":"healthy"}"#;
const SUBSCRIBED: &str = r#"{"type":"subscribed","stream":"events","resume":"resumed","replayed":2,"lastEventId":"e-7"}"#;
const ENVELOPE: &str = r#"{"id":"evt_1","org_id":"acme","event":"a.b","timestamp":"T","version":"v1","payload":{"n":1.0,"envelope":{}}}"#;

/// Reads texts after a stream's beginning; a message is `name|data|id`.
fn read(texts: &[&str]) -> (Vec<String>, MessageReader) {
    let mut reader = MessageReader::new();
    for text in [CONNECTED, SUBSCRIBED] {
        reader.read(text, |_| ()).unwrap();
    }
    let mut all = Vec::new();
    for text in texts {
        let on = |message: Message<'_>| all.push(shown(message));
        reader.read(text, on).unwrap();
    }
    (all, reader)
}

fn shown(Message { name, data, id }: Message<'_>) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{}|{}|{}", text(name), text(data), text(id))
}

/// An event as the server lays it out.
fn event(cursor: &str) -> String {
    format!(r#"{{"type":"event","stream":"events","cursor":"{cursor}","envelope":{ENVELOPE}}}"#)
}

fn own(cursor: &str) -> String {
    format!("a.b|{ENVELOPE}|{cursor}")
}

#[test]
fn events_are_read_in_whatever_layout() {
    #[track_caller]
    fn check(texts: &[&str], expected: &[&str], layout: Layout) {
        let (found, reader) = read(texts);
        assert_eq!(found, expected, "{texts:?}");
        assert_eq!(reader.layout, layout, "{texts:?}");
    }
    let (first, second) = (event("e-8"), event("e-9"));
    let (own_first, own_second) = (own("e-8"), own("e-9"));
    let both = [&*own_first, &own_second];
    check(&[], &[], Layout::Unknown);
    check(&[&first, &second], &both, Layout::Marked);

    let turned = format!(
        r#"{{"envelope": {ENVELOPE}, "cursor" : "e-9", "stream":"events","type":"event","x":[1]}}"#
    );
    check(&[&turned], &both[1..], Layout::Other);
    check(&[&first, &turned], &both, Layout::Marked);
    // Once a server has another layout, even what looks like the known one is really read.
    let behind = |cursor| event(cursor).replacen("}}}}", "}}},\"more\":{}}", 1);
    check(&[&behind("e-8"), &second], &both, Layout::Other);
    let escaped = first.replacen("e-8", r"\u0065-8", 1);
    check(&[&escaped], &both[..1], Layout::Other);
    check(&[&second.replacen("e-9", r"\u0065-9", 1)], &both[1..], Layout::Other);
    check(&[&first, &escaped], &[&own_first, &own_first], Layout::Marked);
}

#[test]
fn what_makes_no_sense_has_no_name() {
    let first = event("e-8");
    for text in [
        "",
        "x",
        "[]",
        "{}",
        r#"{"type":"ack","ref":1,"id":"evt_1","cursor":"e-9"}"#,
        r#"{"type":"event","stream":"events","cursor":"e-9"}"#,
        r#"{"type":"event","stream":"ops","cursor":"e-9","envelope":{}}"#,
        r#"{"type":"gap","stream":"events","reason":"lagged"}"#,
        r#"{"type":"gap","stream":"ops","reason":"lagged","resumes_at":"e-9"}"#,
        SUBSCRIBED,
        &first[..first.len() - 5],
    ] {
        let (found, reader) = read(&[&first, text]);
        assert_eq!(found, [own("e-8"), format!("|{text}|")], "{text}");
        assert_eq!(reader.last_id(), b"e-8", "{text}");
    }
    let mut early = Vec::new();
    let mut reader = MessageReader::new();
    reader.read(&first, |message| early.push(shown(message))).unwrap();
    assert_eq!(early, [format!("|{first}|")], "an event of a stream that nobody asked for");
}

#[test]
fn a_stream_begins_with_both_greetings() {
    let mut found = Vec::new();
    let mut reader = MessageReader::new();
    for text in [CONNECTED, SUBSCRIBED] {
        assert!(!reader.is_subscribed());
        reader.read(text, |message| found.push(shown(message))).unwrap();
    }
    assert!(reader.is_subscribed());
    assert_eq!(reader.last_id(), b"e-7");
    let (_, rest) = found[0].split_once("connected|").unwrap();
    let (data, id) = rest.rsplit_once('|').unwrap();
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    let fields = ["orgId", "backend", "realtimeStatus", "resume", "replayed", "lastEventId"];
    let values = fields.map(|field| data[field].to_string()).join(" ");
    assert_eq!(values, r#""acme" "memory" "healthy" "resumed" 2 "e-7""#);
    assert_eq!((found.len(), id), (1, "e-7"));
}

#[test]
fn the_servers_own_words_have_their_names() {
    let gap = r#"{"type":"gap","stream":"events","reason":"lagged","after":"e-8","resumes_at":"e-9","missed":1}"#;
    let goodbye = r#"{"type":"goodbye","reason":"drain","retry_ms":250}"#;
    let (found, reader) = read(&[&event("e-8"), gap, goodbye]);
    assert_eq!(found, [own("e-8"), format!("gap|{gap}|e-9"), format!("goodbye|{goodbye}|e-9")]);
    assert_eq!(reader.last_id(), b"e-9");
    assert_eq!(reader.retry().map(|retry| retry.as_millis()), Some(250));
}

#[test]
fn a_refusal_is_that_of_the_answer_with_its_code() {
    let check = |text: &str, expected: &str, temporary: bool| {
        let refusal = MessageReader::new().read(text, |_| ()).unwrap_err();
        assert_eq!((refusal.chain().as_str(), refusal.is_temporary()), (expected, temporary));
    };
    let error =
        |code| format!(r#"{{"type":"error","code":"{code}","message":"m","request_id":"req_1"}}"#);
    check(&error("forbidden"), "the server answered 403 forbidden: m", false);
    check(&error("unauthorized"), "the server answered 401 unauthorized: m", false);
    check(&error("unavailable"), "the server answered 503 unavailable: m", true);
    check(&error("rate_limited"), "the server answered 429 rate_limited: m", true);
    check(r#"{"type":"error"}"#, "the server answered 400 -: -", false);
}

#[test]
fn names_are_found_by_their_marks_or_by_reading() {
    let check = |envelope: &str, expected: &str| {
        assert_eq!(event_name(envelope.as_bytes()), expected.as_bytes(), "{envelope}");
    };
    check(ENVELOPE, "a.b");
    check(r#"{"event":"a.b","id":"evt_1"}"#, "a.b");
    check(r#"{"id":"evt_1","org_id":"o\",\"event\":\"x","event":"a.b"}"#, "a.b");
    check(r#"{ "id":"evt_1","payload":{"event":"x"},"event":"a.b"}"#, "a.b");
    check(r#"{"id":"evt_1"}"#, "");
    check("x", "");
}

#[test]
fn marks_are_all_there_or_nothing_is_found() {
    let text = event("e-8");
    let head = br#"{"type":"event","stream":"events","cursor":""#;
    assert!(split(head, text.as_bytes()).is_some());
    // The braces at the end are not counted.
    for end in 0..text.trim_end_matches('}').len() {
        assert_eq!(split(head, &text.as_bytes()[..end]), split(head, &[]), "{}", &text[..end]);
    }
}
