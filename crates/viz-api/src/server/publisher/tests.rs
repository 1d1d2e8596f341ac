//! Which requests take the fast path.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::{BODY_BYTES_MAX, HEAD_BYTES_MAX, Sent, look};

const PLAIN: &str = "POST /api/events HTTP/1.1\r\nhost: a\r\nx-api-key: k\r\n";

fn verdict(text: &str) -> &'static str {
    match look(&mut text.as_bytes().into(), &mut None) {
        Sent::Whole(_) => "request",
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
    let mut next = BytesMut::from(&*format!("{whole}POST /"));
    let Sent::Whole(request) = look(&mut next, &mut None) else { panic!("it is whole") };
    assert_eq!((&next[..], request.uri().path()), (&b"POST /"[..], "/api/events"));
    assert_eq!(request.headers()["x-api-key"], "k");
    assert_eq!(body(request), "{}");
}

#[test]
fn a_head_is_read_once_while_the_body_comes() {
    let head = format!("{PLAIN}content-length: 300\r\n\r\n");
    let (mut read, mut begun) = (BytesMut::from(&*head), None);
    for sent in 0..300 {
        assert!(matches!(look(&mut read, &mut begun), Sent::Part), "{sent}");
        assert_eq!(begun.as_ref().map(|begun| begun.body_bytes), Some(300));
        read.extend_from_slice(&[b'a' + (sent % 26) as u8]);
    }
    // What is known of the head is not looked at again.
    read[0] = b'X';
    let Sent::Whole(request) = look(&mut read, &mut begun) else { panic!("it is whole") };
    assert!(read.is_empty() && begun.is_none());
    let body = body(request);
    assert_eq!((body.len(), &body[..3]), (300, &b"abc"[..]));
}

fn body(request: http::Request<axum::body::Body>) -> Bytes {
    let collected = futures_util::FutureExt::now_or_never(request.into_body().collect());
    collected.expect("it is there").expect("it does not break").to_bytes()
}

#[test]
fn what_is_out_of_the_ordinary_takes_the_slow_path() {
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
        "content-length: 2\r\ntrailer: x",
        "content-length: 2\r\nupgrade: websocket",
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
    let rest = "x: \r\ncontent-length: 0\r\n\r\n";
    let long = |bytes: usize| {
        let fill = "y".repeat(bytes - PLAIN.len() - rest.len());
        format!("{PLAIN}x: {fill}{}", &rest[3..])
    };
    assert_eq!(verdict(&long(HEAD_BYTES_MAX)), "request");
    assert_eq!(verdict(&long(HEAD_BYTES_MAX + 1)), "other");
}
