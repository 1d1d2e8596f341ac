//! Payloads: stricter than JSON, and kept as their own text.

use event::{Payload, limits::PAYLOAD_DEPTH_MAX};
use proptest::prelude::*;
use serde_json::value::RawValue;

/// Reads a payload as a surface would, out of a body.
fn payload(json: &str) -> Result<String, String> {
    let raw: Box<RawValue> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let payload = Payload::from_raw(&raw).map_err(|error| error.to_string())?;
    Ok(payload.as_str().to_owned())
}

fn nested(depth: usize, open: &str, close: &str) -> String {
    // The object around it is the first level.
    format!(r#"{{"a":{}1{}}}"#, open.repeat(depth - 1), close.repeat(depth - 1))
}

#[test]
fn texts_are_kept() {
    let table = [
        ("{}", "{}"),
        (" {\n} ", "{}"),
        (r#"{ "a" : [ 1 , 2 ] }"#, r#"{"a":[1,2]}"#),
        ("{\t\"a\"\r\n:\ttrue}", r#"{"a":true}"#),
        // White space, quotes and backslashes inside strings are theirs.
        (r#"{"a b" : " c \" d \\" , "e":"\\\" "}"#, r#"{"a b":" c \" d \\","e":"\\\" "}"#),
        (r#"{"a":"\u0041\n"}"#, r#"{"a":"\u0041\n"}"#),
        ("{\"é\": \"\u{2028}😀\"}", "{\"é\":\"\u{2028}😀\"}"),
        // Numbers are not converted.
        (r#"{"n":123456789012345678901234567890}"#, r#"{"n":123456789012345678901234567890}"#),
        (r#"{"n":[1.0,1e2,-0,0.10,1E+2]}"#, r#"{"n":[1.0,1e2,-0,0.10,1E+2]}"#),
        // One key in two objects is two keys.
        (r#"{"a":{"a":1},"b":[{"a":1},{"a":2}]}"#, r#"{"a":{"a":1},"b":[{"a":1},{"a":2}]}"#),
    ];
    for (sent, kept) in table {
        assert_eq!(payload(sent).as_deref(), Ok(kept), "{sent}");
    }
}

#[test]
fn what_is_no_payload_says_why() {
    let table = [
        ("[]", "must be a JSON object"),
        ("\"{}\"", "must be a JSON object"),
        ("null", "must be a JSON object"),
        (r#"{"a":1,"a":2}"#, r#"the key "a" stands twice"#),
        (r#"{"a":1,"\u0061":2}"#, r#"the key "a" stands twice"#),
        (r#"{"b":[{"c":{"a":1,"a":1}}]}"#, r#"the key "a" stands twice"#),
        (r#"{"a":1e999}"#, "out of range"),
        (r#"{"a":"\ud800"}"#, "hex escape"),
        (r#"{"\udc00":1}"#, "surrogate"),
    ];
    for (sent, why) in table {
        let refused = payload(sent).expect_err(sent);
        assert!(refused.contains(why), "{sent}: {refused}");
    }
}

#[test]
fn what_is_no_json_is_refused_before() {
    for sent in ["", "{", "{}}", "{'a':1}", "{\"a\":01}", "{\"a\":NaN}", "{\"a\":\"\n\"}"] {
        assert!(payload(sent).is_err(), "{sent:?} is taken");
    }
    let bytes: &[u8] = b"{\"a\":\"\xff\"}";
    assert!(serde_json::from_slice::<&RawValue>(bytes).is_err(), "text that is not UTF-8");
}

#[test]
fn the_depth_is_limited() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"[{"a":"#, "}]")] {
        let levels = open.matches(['[', '{']).count();
        let deepest = 1 + (PAYLOAD_DEPTH_MAX - 1) / levels;
        assert!(payload(&nested(deepest, open, close)).is_ok(), "{open}");
        let refused = payload(&nested(deepest + 1, open, close)).expect_err(open);
        assert!(refused.contains("nested deeper than 64"), "{refused}");
    }
    // Far beyond what a stack would bear.
    assert!(payload(&nested(1_000_000, "[", "]")).is_err());
}

#[test]
fn an_absent_payload_is_an_empty_object() {
    assert_eq!(Payload::empty().as_str(), "{}");
}

/// A JSON value as a text, with white space wherever it may stand.
fn json() -> impl Strategy<Value = String> {
    let space = "[ \t\r\n]{0,2}";
    let string = r#""([a-z {},:\[\]é]|\\"|\\\\|\\n|\\u00e9){0,6}""#;
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,3})?",
        string,
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let item = (space, inner, space).prop_map(|(a, item, b)| format!("{a}{item}{b}"));
        let items = proptest::collection::vec(item, 0..4);
        prop_oneof![
            items.clone().prop_map(|items| format!("[{}]", items.join(","))),
            items.prop_map(|items| object(&items)),
        ]
    })
}

fn object(items: &[String]) -> String {
    let entries = items.iter().enumerate().map(|(i, item)| format!("\n\"{i} \" :{item}"));
    format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
}

proptest! {
    #[test]
    fn compaction_changes_no_value(items in proptest::collection::vec(json(), 0..4)) {
        let sent = object(&items);
        let kept = payload(&sent).map_err(TestCaseError::fail)?;
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        prop_assert_eq!(value(&kept), value(&sent));
        prop_assert!(!kept.contains(['\n', '\r', '\t']));
        let again = payload(&kept);
        prop_assert_eq!(again.as_ref(), Ok(&kept));
    }

    #[test]
    fn no_text_fails_otherwise_than_by_an_error(text in "[{}\\[\\]\":,0-9a\\\\ ]{0,40}") {
        let _ = payload(&text);
    }
}
