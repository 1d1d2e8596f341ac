//! Which requests take the short way.

use super::{BODY_BYTES_MAX, HEAD_BYTES_MAX, Sent, look};

const PLAIN: &str = "POST /api/events HTTP/1.1\r\nhost: a\r\nx-api-key: k\r\n";

fn verdict(text: &str) -> &'static str {
    match look(text.as_bytes()) {
        Sent::Request(..) => "request",
        Sent::Part => "part",
        Sent::Other => "other",
    }
}

#[test]
fn a_request_is_whole_with_its_last_byte_and_ends_there() {
    let whole = format!("{PLAIN}content-length: 2\r\n\r\n{{}}");
    for bytes in 0..whole.len() {
        assert_eq!(verdict(&whole[..bytes]), "part", "{bytes}");
    }
    let next = format!("{whole}POST /");
    let Sent::Request(request, bytes) = look(next.as_bytes()) else { panic!("it is whole") };
    assert_eq!((bytes, request.uri().path()), (whole.len(), "/api/events"));
    assert_eq!(request.headers()["x-api-key"], "k");
}

#[test]
fn what_is_out_of_the_ordinary_goes_the_long_way() {
    for line in [
        "POST /api/events?a=b HTTP/1.1",
        "POST /api/events HTTP/1.0",
        "POST /api/event HTTP/1.1",
        "GET /api/events HTTP/1.1",
    ] {
        assert_eq!(verdict(&format!("{line}\r\ncontent-length: 0\r\n\r\n")), "other", "{line}");
    }
    let large = format!("content-length: {}", BODY_BYTES_MAX + 1);
    for header in [
        "transfer-encoding: chunked\r\ncontent-length: 2",
        "content-length: 2\r\ncontent-length: 2",
        "content-length: 2, 2",
        "content-length: +2",
        "content-length: -2",
        "content-length:",
        "content-length: 99999999999999999999999",
        "content-length: 2\r\nexpect: 100-continue",
        "content-length: 2\r\norigin: https://a.example",
        "content-length: 2\r\nconnection: close",
        "content-length: 2\r\nconnection: keep-alive, x-api-key",
        "content-length: 2\r\nbad header: x",
        "x: y",
        &large,
    ] {
        assert_eq!(verdict(&format!("{PLAIN}{header}\r\n\r\n{{}}")), "other", "{header}");
    }
    let endless = format!("{PLAIN}x: {}", "y".repeat(HEAD_BYTES_MAX));
    assert_eq!(verdict(&endless), "other");
}
