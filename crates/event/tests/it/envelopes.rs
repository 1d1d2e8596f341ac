//! The envelope's one text, and what is refused in its place.

use event::{Envelope, EnvelopeError, EventId, Payload, UnixMs};
use proptest::prelude::*;
use serde_json::value::RawValue;

const GOLDEN: &str = concat!(
    r#"{"id":"evt_01HF7YAT00000000000000000A","org_id":"org_default","#,
    r#""event":"action.created","timestamp":"2023-11-14T22:13:20.000Z","#,
    r#""version":"v1","payload":{"a":[1.0,"é\n"]}}"#,
);

fn golden() -> Envelope {
    let raw: Box<RawValue> = serde_json::from_str(r#"{"a": [1.0, "é\n"]}"#).expect("JSON");
    Envelope {
        id: EventId::from_bits(1_700_000_000_000 << 80 | 10),
        org_id: "org_default".parse().expect("an organisation"),
        event: "action.created".parse().expect("a name"),
        payload: Payload::from_raw(&raw).expect("a payload"),
    }
}

#[test]
fn an_envelope_is_written_as_ever() {
    assert_eq!(golden().to_json(), GOLDEN);
    assert_eq!(Envelope::from_json(GOLDEN.as_bytes()).expect("an envelope"), golden());
}

#[test]
fn a_broken_field_is_named() {
    let table = [
        ("evt_01HF7YAT00000000000000000A", "evt_1", "id"),
        ("org_default", "org default", "org_id"),
        ("action.created", "Action", "event"),
        ("action.created", "gap", "event"),
        ("2023-11-14T22:13:20.000Z", "2023-11-14T22:13:20.001Z", "timestamp"),
        ("2023-11-14T22:13:20.000Z", "2023-11-14T22:13:20Z", "timestamp"),
        (r#""v1""#, r#""v2""#, "version"),
        (r#"{"a":[1.0,"é\n"]}"#, "[]", "payload"),
        (r#"{"a":[1.0,"é\n"]}"#, r#"{"a":1,"a":1}"#, "payload"),
    ];
    for (from, to, field) in table {
        let broken = GOLDEN.replacen(from, to, 1);
        assert_ne!(broken, GOLDEN, "{from} stands in it");
        let refused = Envelope::from_json(broken.as_bytes()).expect_err(field);
        assert!(matches!(refused, EnvelopeError::Field(name) if name == field), "{refused:?}");
    }
}

#[test]
fn what_is_not_the_six_fields_is_refused() {
    let table = [
        GOLDEN.replacen(r#""version":"v1","#, "", 1),
        GOLDEN.replacen('{', r#"{"more":1,"#, 1),
        GOLDEN.replacen('{', r#"{"version":"v1","#, 1),
        GOLDEN.replacen(r#""v1""#, "1", 1),
        GOLDEN.replacen(r#""v1""#, "null", 1),
        format!("{GOLDEN}x"),
        GOLDEN[..GOLDEN.len() - 1].to_owned(),
        format!("[{GOLDEN}]"),
        String::new(),
    ];
    for json in table {
        let refused = Envelope::from_json(json.as_bytes());
        assert!(matches!(refused, Err(EnvelopeError::Json(_))), "{json}");
    }
    let latin = GOLDEN.as_bytes().iter().map(|&b| if b > 127 { 0xe9 } else { b });
    assert!(Envelope::from_json(&latin.collect::<Vec<_>>()).is_err(), "text that is not UTF-8");
}

#[test]
fn timestamps_reach_from_1970_to_the_end() {
    let last_of_9999 = 253_402_207_200_999;
    let table = [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (last_of_9999, "9999-12-30T22:00:00.999Z"),
        // Four digits of year are what ISO 8601 promises; what lies beyond stays at the end.
        (last_of_9999 + 1, "9999-12-30T22:00:00.999Z"),
        ((1 << 48) - 1, "9999-12-30T22:00:00.999Z"),
    ];
    for (unix_ms, text) in table {
        let id = EventId::random(UnixMs(unix_ms), &mut rand::rng());
        let envelope = Envelope { id, ..golden() };
        assert_eq!(envelope.timestamp(), text);
        assert_eq!(Envelope::from_json(&envelope.to_json()).expect("an envelope"), envelope);
    }
}

proptest! {
    #[test]
    fn envelopes_round_trip(
        bits in any::<u128>(),
        org in "[A-Za-z0-9][A-Za-z0-9_.-]{0,63}",
        name in "x[a-z0-9_.-]{0,63}",
        text in "\\PC{0,20}",
    ) {
        let value = serde_json::to_string(&text).expect("a string");
        let raw: Box<RawValue> = serde_json::from_str(&format!(r#"{{"t": {value}}}"#)).expect("JSON");
        let envelope = Envelope {
            id: EventId::from_bits(bits),
            org_id: org.parse().expect("an organisation"),
            event: name.parse().expect("a name"),
            payload: Payload::from_raw(&raw).expect("a payload"),
        };
        let json = envelope.to_json();
        prop_assert!(!json.contains(&b'\n'));
        let value: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        prop_assert_eq!(value["payload"]["t"].as_str(), Some(&*text));
        prop_assert_eq!(Envelope::from_json(&json).expect("an envelope"), envelope);
    }

    #[test]
    fn no_bytes_fail_otherwise_than_by_an_error(
        at in any::<prop::sample::Index>(),
        with in proptest::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut json = GOLDEN.as_bytes().to_vec();
        let at = at.index(json.len());
        json.splice(at..json.len().min(at + with.len()), with);
        let _ = Envelope::from_json(&json);
    }
}
