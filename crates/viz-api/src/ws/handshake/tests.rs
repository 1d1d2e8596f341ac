//! Requests for an upgrade, good and bad, and what of compression is agreed on.

use http::{Method, Request, Version, request::Parts};

use super::{Handshake, check};

/// The key of RFC 6455, 1.3, and its answer.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

type Headers<'a> = &'a [(&'a str, &'a str)];

const GOOD: Headers<'_> = &[
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", KEY),
];

fn request(headers: Headers<'_>) -> Parts {
    let mut builder = Request::get("/api/ws");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(()).expect("the headers are well formed").into_parts().0
}

/// Returns the good request with other lines in the place of one of its headers.
fn with(name: &str, values: &[&str]) -> Parts {
    let mut headers = GOOD.to_vec();
    headers.retain(|(known, _)| *known != name);
    headers.extend(values.iter().map(|value| (name, *value)));
    request(&headers)
}

fn agreed(request: &Parts) -> Option<Handshake> {
    check(request, true).ok()
}

#[track_caller]
fn refused(request: &Parts, part: &str) {
    let error = check(request, true).expect_err("it is no good request");
    assert!(error.message().contains(part), "{}", error.message());
}

#[test]
fn the_example_of_the_standard_is_agreed_to() {
    let expected = Handshake { accept: ACCEPT.to_owned(), deflate: None };
    assert_eq!(agreed(&request(GOOD)), Some(expected));
}

#[test]
fn lists_may_be_long_on_several_lines_and_in_any_case() {
    for values in [
        &["keep-alive, Upgrade"][..],
        &["keep-alive", "upgrade"],
        &["UPGRADE"],
        &[" , keep-alive ,, uPgRaDe ,"],
        &["keep-alive\t,\tupgrade"],
    ] {
        assert!(agreed(&with("connection", values)).is_some(), "{values:?}");
    }
    for values in [&["WebSocket"][..], &["h2c, websocket"], &["h2c", "websocket"]] {
        assert!(agreed(&with("upgrade", values)).is_some(), "{values:?}");
    }
}

#[test]
fn what_asks_for_no_websocket_gets_none() {
    let message = "this path is for WebSockets";
    for values in [&[][..], &["keep-alive"], &["upgraded"], &["up grade"], &["\"upgrade\""], &[""]]
    {
        refused(&with("connection", values), message);
    }
    for values in [&[][..], &["h2c"], &["websockets"], &["websocket/13"], &["web socket"]] {
        refused(&with("upgrade", values), message);
    }
    for method in [Method::POST, Method::HEAD, Method::OPTIONS, Method::CONNECT] {
        let mut request = request(GOOD);
        request.method = method;
        refused(&request, message);
    }
    for version in [Version::HTTP_09, Version::HTTP_10] {
        let mut request = request(GOOD);
        request.version = version;
        refused(&request, message);
    }
}

#[test]
fn a_body_is_refused() {
    for line in
        [("content-length", "5"), ("content-length", "00"), ("transfer-encoding", "chunked")]
    {
        refused(&request(&[GOOD, &[line]].concat()), "no body");
    }
    let empty = request(&[GOOD, &[("content-length", "0")]].concat());
    assert!(agreed(&empty).is_some());
}

#[test]
fn the_version_is_13_and_stands_once() {
    for values in [&[][..], &["12"], &["8"], &["013"], &["+13"], &["13, 8"], &["13", "13"], &[""]] {
        refused(&with("sec-websocket-version", values), "`Sec-WebSocket-Version` has to be 13");
    }
}

#[test]
fn a_key_is_16_bytes_and_stands_once() {
    let values = [
        &[][..],
        &[""],
        &["x"],
        &["dGhlIHNhbXBsZSBub25jZQ"],
        &["dGhlIHNhbXBsZSBub25jZQ=="; 2],
        &["dGhlIHNhbXBsZSBub25jZR=="],
        &["dGhlIHNhbXBsZSBub25jZQ==="],
        &["dGhlIHNhbXBsZSBub25j"],
        &["dGhlIHNhbXBsZSBub25jZWQ="],
        &["SGVsbG8sIHdvcmxkIQ=="],
        &["____________________"],
        &["dGhl IHNhbXBsZSBub25jZQ=="],
    ];
    for values in values {
        refused(&with("sec-websocket-key", values), "16 bytes in base64");
    }
    let zeros = with("sec-websocket-key", &["AAAAAAAAAAAAAAAAAAAAAA=="]);
    assert!(agreed(&zeros).is_some_and(|handshake| handshake.accept != ACCEPT));
}

const ANSWER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// Offers these on lines of their own; returns the answer, and whether what is sent is compressed.
fn offered(lines: &[&str]) -> Option<(String, bool)> {
    let handshake = agreed(&with("sec-websocket-extensions", lines)).expect("never a refusal");
    handshake.deflate.map(|deflate| (deflate.answer(), deflate.sends()))
}

#[test]
fn offers_of_compression_that_can_be_met() {
    for offer in [
        "permessage-deflate",
        " permessage-deflate ",
        "permessage-deflate; server_no_context_takeover",
        "permessage-deflate; client_no_context_takeover",
        "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
        "permessage-deflate;client_max_window_bits",
        "permessage-deflate; client_max_window_bits=8",
        "permessage-deflate; client_max_window_bits = \"15\"",
        "permessage-deflate; client_max_window_bits; server_no_context_takeover",
    ] {
        assert_eq!(offered(&[offer]), Some((ANSWER.to_owned(), true)), "{offer}");
    }
}

#[test]
fn a_window_of_the_clients_choice_is_kept_to() {
    for bits in 8..=15 {
        for value in [format!("{bits}"), format!("\"{bits}\"")] {
            let offer = format!("permessage-deflate; server_max_window_bits={value}");
            let answer = format!("{ANSWER}; server_max_window_bits={bits}");
            // Compressed with the full window or not at all.
            assert_eq!(offered(&[&offer]), Some((answer, bits == 15)), "{offer}");
        }
    }
}

#[test]
fn offers_that_cannot_be_met_are_declined() {
    for name in ["server_max_window_bits", "client_max_window_bits"] {
        let values =
            ["7", "16", "08", "0", "-8", "+8", "8.0", "15x", "", "\"\"", "\"15", "15\"", "1 5"];
        for value in values {
            let offer = format!("permessage-deflate; {name}={value}");
            assert_eq!(offered(&[&offer]), None, "{offer}");
        }
        let twice = format!("permessage-deflate; {name}=15; {name}=15");
        assert_eq!(offered(&[&twice]), None);
    }
    for offer in [
        "",
        "x-webkit-deflate-frame",
        "permessage-bzip2",
        "permessage-deflated",
        "deflate",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_no_context_takeover=true",
        "permessage-deflate; client_no_context_takeover=\"\"",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
        "permessage-deflate; mem_level=9",
        "permessage-deflate;",
        "permessage-deflate;; server_no_context_takeover",
        "permessage-deflate server_no_context_takeover",
    ] {
        assert_eq!(offered(&[offer]), None, "{offer}");
    }
    assert_eq!(offered(&[]), None);
}

#[test]
fn the_first_offer_that_can_be_met_counts() {
    let answer = |bits: &str| Some((format!("{ANSWER}{bits}"), true));
    let list = "permessage-deflate; mem_level=9, permessage-deflate; server_max_window_bits=15, \
                permessage-deflate";
    assert_eq!(offered(&[list]), answer("; server_max_window_bits=15"));
    let lines =
        ["x-other; a=1", "permessage-deflate; server_max_window_bits=16, permessage-deflate"];
    assert_eq!(offered(&lines), answer(""));
    assert_eq!(offered(&["x-other", "permessage-other"]), None);
}

#[test]
fn nothing_is_agreed_on_that_is_switched_off() {
    let request = with("sec-websocket-extensions", &["permessage-deflate"]);
    assert_eq!(check(&request, false).map(|handshake| handshake.deflate), Ok(None));
}
