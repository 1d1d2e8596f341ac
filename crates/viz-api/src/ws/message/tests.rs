//! Every form of a message, good and bad.

use serde_json::value::RawValue;

use super::{Message, REFERENCE_BYTES_MAX, Said, parse};
use crate::error::Code;

/// Returns what a message was understood as, on one line.
fn understood(text: &str) -> Result<String, String> {
    let said = parse(text).said.map_err(|error| {
        assert_eq!(error.code(), Code::ValidationError, "{text}");
        error.message().to_owned()
    })?;
    Ok(match said {
        Said::Subscribe { stream, after } => format!("subscribe {stream:?} {after:?}"),
        Said::Unsubscribe { stream } => format!("unsubscribe {stream:?}"),
        Said::Publish { event, payload, idempotency_key } => {
            let payload = payload.map(RawValue::get);
            format!("publish {event:?} {payload:?} {idempotency_key:?}")
        }
        Said::Send { stream, body, request_id } => {
            format!("send {stream:?} {body:?} {request_id:?}")
        }
        Said::Auth { token } => format!("auth {token:?}"),
    })
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(understood(text).as_deref(), Ok(expected), "{text}");
}

/// Checks that a message is refused, and that the refusal names the slip.
#[track_caller]
fn refused(text: &str, part: &str) {
    let message = understood(text).expect_err(text);
    assert!(message.contains(part), "{text}: {message}");
}

#[test]
fn each_form_is_understood() {
    check(r#"{"type":"subscribe"}"#, "subscribe None None");
    check(
        r#"{"type":"subscribe","stream":"ops","after":"x-1"}"#,
        r#"subscribe Some("ops") Some("x-1")"#,
    );
    check(r#"{"type":"subscribe","after":""}"#, r#"subscribe None Some("")"#);
    check(r#"{"type":"unsubscribe","stream":"ops"}"#, r#"unsubscribe "ops""#);
    check(r#"{"type":"auth","token":"a.b.c"}"#, r#"auth "a.b.c""#);
    check(r#"{"type":"send","ref":1,"body":"hi"}"#, r#"send None "hi" None"#);
    check(
        r#"{"type":"send","ref":1,"stream":"thread:t","body":"hi","request_id":"r"}"#,
        r#"send Some("thread:t") "hi" Some("r")"#,
    );
    check(r#"{"type":"publish","ref":1,"event":"a"}"#, r#"publish "a" None None"#);
    check(
        r#"{"type":"publish","ref":"x","event":"a","payload":{"n": 1},"idempotency_key":"k"}"#,
        r#"publish "a" Some("{\"n\": 1}") Some("k")"#,
    );
}

#[test]
fn order_space_and_escapes_do_not_matter() {
    check(
        " \t\r\n{ \"after\" : \"c\" , \"type\" : \"subscribe\" } \n",
        r#"subscribe None Some("c")"#,
    );
    check(r#"{"ty\u0070e":"sub\u0073cribe","stream":"\u006fps"}"#, r#"subscribe Some("ops") None"#);
    check(r#"{"type":"auth","token":"a\/b\u00e4\ud83d\ude00"}"#, r#"auth "a/bä😀""#);
}

/// `null` is how many languages write an absent field; only a payload has to be an object.
#[test]
fn a_null_counts_as_absent_but_as_a_payload() {
    check(r#"{"type":"subscribe","stream":null,"after":null,"ref":null}"#, "subscribe None None");
    check(r#"{"type":"subscribe","token":null}"#, "subscribe None None");
    refused(r#"{"type":"unsubscribe","stream":null}"#, "needs `stream`");
    refused(r#"{"type":"publish","ref":null,"event":"a"}"#, "needs `ref`");
    check(
        r#"{"type":"publish","ref":1,"event":"a","payload":null,"idempotency_key":null}"#,
        r#"publish "a" Some("null") None"#,
    );
}

#[test]
fn what_is_no_object_is_refused() {
    for text in ["", " ", "null", "1", "\"subscribe\"", "[]", r#"["subscribe"]"#, "\u{feff}{}"] {
        refused(text, "a JSON object is expected");
    }
    // Positions are no names, as many as there are fields.
    refused(r#"["subscribe",null,null,null,null,null,null,null]"#, "a JSON object is expected");
    for text in ["{", "{}x", r#"{"type":"subscribe"}{}"#, r#"{"type":"subscribe",}"#, "{'type':1}"]
    {
        understood(text).expect_err(text);
    }
}

#[test]
fn a_type_is_one_of_five() {
    let kinds = "subscribe, unsubscribe, publish, send or auth";
    for kind in ["", "Subscribe", "SUBSCRIBE", "subscribe ", "ping", "event", "sends", "\\u0000"] {
        refused(&format!(r#"{{"type":"{kind}"}}"#), kinds);
    }
    refused("{}", "missing field `type`");
    for kind in ["null", "1", "true", "[]", "{}", r#"["subscribe"]"#] {
        refused(&format!(r#"{{"type":{kind}}}"#), "invalid type");
    }
}

#[test]
fn a_field_stands_once_and_is_known() {
    refused(r#"{"type":"subscribe","streams":"ops"}"#, "unknown field `streams`");
    refused(r#"{"type":"subscribe","Stream":"ops"}"#, "unknown field `Stream`");
    refused(r#"{"type":"subscribe","type":"subscribe"}"#, "duplicate field `type`");
    refused(r#"{"type":"subscribe","after":"a","after":"b"}"#, "duplicate field `after`");
    refused(r#"{"type":"subscribe","after":"a","\u0061fter":"b"}"#, "duplicate field `after`");
    refused(r#"{"type":"publish","ref":1,"ref":2,"event":"a"}"#, "duplicate field `ref`");
}

#[test]
fn a_field_means_something_with_its_type_only() {
    let fields = [
        ("stream", r#""ops""#),
        ("after", r#""x""#),
        ("event", r#""a""#),
        ("payload", "{}"),
        ("idempotency_key", r#""k""#),
        ("token", r#""t""#),
    ];
    let types: [(&str, &[&str]); 4] = [
        (r#""type":"subscribe""#, &["stream", "after"]),
        (r#""type":"unsubscribe","stream":"ops""#, &["stream"]),
        (r#""type":"publish","ref":1,"event":"a""#, &["event", "payload", "idempotency_key"]),
        (r#""type":"auth","token":"t""#, &["token"]),
    ];
    for (kind, takes) in types {
        understood(&format!("{{{kind}}}")).expect(kind);
        for (field, value) in fields {
            if !takes.contains(&field) {
                let text = format!(r#"{{{kind},"{field}":{value}}}"#);
                refused(&text, &format!("`{field}` means nothing with"));
            }
        }
    }
    refused(r#"{"type":"subscribe","payload":null}"#, "`payload` means nothing");
}

#[test]
fn what_is_needed_is_named() {
    refused(r#"{"type":"unsubscribe"}"#, "`unsubscribe` needs `stream`");
    refused(r#"{"type":"auth"}"#, "`auth` needs `token`");
    refused(r#"{"type":"publish","event":"a"}"#, "`publish` needs `ref`");
    refused(r#"{"type":"publish","ref":1}"#, "`publish` needs `event`");
}

#[test]
fn a_text_is_a_text() {
    for field in ["stream", "after", "event", "idempotency_key", "token"] {
        for value in ["1", "true", "[]", "{}"] {
            refused(&format!(r#"{{"type":"subscribe","{field}":{value}}}"#), "invalid type");
        }
        for broken in ["\"\n\"", "\"\u{0}\"", r#""\x""#, r#""\ud800""#, r#""\u12""#, "\"", "'a'"] {
            let text = format!(r#"{{"type":"subscribe","{field}":{broken}}}"#);
            understood(&text).expect_err(&text);
        }
    }
}

#[track_caller]
fn reference(text: &str, expected: Option<&str>) {
    assert_eq!(parse(text).reference, expected, "{text}");
}

#[test]
fn a_reference_is_a_text_or_a_number_and_goes_back_as_it_came() {
    for sent in [r#""x""#, r#""""#, "0", "-1", "1.0", "1e400", "123456789012345678901234567890"] {
        let text = format!(r#"{{"type":"publish","ref": {sent} ,"event":"a"}}"#);
        check(&text, r#"publish "a" None None"#);
        reference(&text, Some(sent));
    }
    let sent = r#""\"\\\u0041 ä\n""#;
    reference(&format!(r#"{{"type":"subscribe","ref":{sent}}}"#), Some(sent));
    for sent in ["true", "false", "{}", "[]", r#"[1]"#, r#"{"a":1}"#] {
        let text = format!(r#"{{"type":"subscribe","ref":{sent}}}"#);
        refused(&text, "`ref` is a text or a number");
        reference(&text, None);
    }
    reference(r#"{"type":"subscribe"}"#, None);
    reference(r#"{"type":"subscribe","ref":null}"#, None);
}

#[test]
fn a_reference_is_short() {
    let sized =
        |bytes: usize| format!(r#"{{"type":"subscribe","ref":"{}"}}"#, "x".repeat(bytes - 2));
    check(&sized(REFERENCE_BYTES_MAX), "subscribe None None");
    refused(&sized(REFERENCE_BYTES_MAX + 1), "at most 256 bytes");
    reference(&sized(REFERENCE_BYTES_MAX + 1), None);
    let digits = "1".repeat(REFERENCE_BYTES_MAX + 1);
    refused(&format!(r#"{{"type":"subscribe","ref":{digits}}}"#), "at most 256 bytes");
}

/// A client that waits for an answer under a reference has to learn of its slip there.
#[test]
fn a_refusal_has_the_reference_where_there_is_one() {
    for text in [
        r#"{"type":"publish","ref":7,"event":"a","payloud":{}}"#,
        r#"{"type":"publish","ref":7,"event":1}"#,
        r#"{"type":"publish","ref":7}"#,
        r#"{"type":"nothing","ref":7}"#,
        r#"{"ref":7}"#,
        r#"{"type":"subscribe","ref":7,"type":"subscribe"}"#,
    ] {
        reference(text, Some("7"));
        understood(text).expect_err(text);
    }
    let unclear = [r#"{"ref":7,"ref":8}"#, r#"{"ref":7"#, r#"[7]"#, r#"{"ref":[7]}"#, "7"];
    unclear.iter().for_each(|text| reference(text, None));
}

#[test]
fn nesting_and_length_do_not_bring_it_down() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for depth in [10, 200, 100_000] {
        refused(&format!(r#"{{"type":"subscribe","after":{}}}"#, deep(depth)), "");
        refused(&format!(r#"{{"type":"subscribe","other":{}}}"#, deep(depth)), "unknown field");
        refused(&format!(r#"{{"type":"subscribe","ref":{}}}"#, deep(depth)), "");
        let payload =
            format!(r#"{{"type":"publish","ref":1,"event":"a","payload":{}}}"#, deep(depth));
        // How deep one may be is the payload's own affair.
        assert!(matches!(parse(&payload).said, Ok(Said::Publish { .. })), "{depth}");
    }
    refused(&"[".repeat(1 << 20), "a JSON object is expected");
    understood(&r#"{"type":"#.repeat(1 << 16)).expect_err("it is no message");
}

#[test]
fn a_refusal_is_short_whatever_was_sent() {
    let long = "ä".repeat(100_000);
    for text in [format!(r#"{{"{long}":1}}"#), format!(r#"{{"type":"{long}"}}"#)] {
        let Message { said, .. } = parse(&text);
        let message = said.expect_err("nobody knows that").message().to_owned();
        assert!(message.len() < 600, "{}", message.len());
    }
}

#[test]
fn a_token_is_in_no_refusal() {
    for text in [
        r#"{"type":"auth","token":"secret-token","x":1}"#,
        r#"{"type":"auth","token":"secret-token","token":"secret-token"}"#,
        r#"{"type":"auth","token":["secret-token"]}"#,
        r#"{"type":"auth","token":{"secret":"secret-token"}}"#,
        r#"{"type":"secret-token","token":"secret-token"}"#,
        r#"{"type":"subscribe","token":"secret-token"}"#,
        r#""secret-token""#,
        r#"{"type":"auth","token":"secret-token"#,
    ] {
        let message = understood(text).expect_err(text);
        assert!(!message.contains("secret"), "{message}");
    }
}
