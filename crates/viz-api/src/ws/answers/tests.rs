//! What clients are told, byte by byte where a client could be misled.

use delivery::session::ClientMessage;
use serde_json::{Value, json};

use super::{error, refusals};
use crate::error::ApiError;

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[test]
fn an_error_is_json_whatever_it_repeats() {
    let said = ApiError::validation("a \"quote\", a \\ and a \n line; ref: {\"ref\":1}");
    for reference in [None, Some("1"), Some("-1.50e3"), Some(r#""a \" b""#)] {
        let text = error(&said, reference);
        let mut told = read(&text);
        let id = told["request_id"].take();
        assert!(id.as_str().is_some_and(|id| id.starts_with("req_")), "{text}");
        let mut expected = json!({
            "type": "error", "code": "validation_error", "message": said.message(),
            "request_id": null,
        });
        if let Some(reference) = reference {
            expected["ref"] = read(reference);
            assert!(text.contains(&format!("\"ref\":{reference},")), "as it came: {text}");
        }
        assert_eq!(told, expected);
    }
}

#[test]
fn each_message_is_refused_under_its_own_reference() {
    let text = |text: &str| ClientMessage::Text(text.to_owned());
    let messages = [
        text(r#"{"type":"publish","ref":1,"event":"a"}"#),
        ClientMessage::Binary(vec![1]),
        text("nonsense"),
        text(r#"{"type":"unknown","ref":"x"}"#),
    ];
    let reason = ApiError::unavailable("the server is shutting down");
    let told: Vec<_> = refusals(&messages, &reason).map(|text| read(&text)).collect();
    let references: Vec<_> = told.iter().map(|told| told["ref"].clone()).collect();
    assert_eq!(references, [json!(1), Value::Null, json!("x")]);
    assert!(told.iter().all(|told| told["code"] == "unavailable"), "{told:?}");
}
