//! Heads of requests and answers as the fast paths read and write them.
//!
//! The fast paths serve what clients mostly send. What is out of the ordinary is decided here for all
//! of them, so that it takes the slow path wherever it comes.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// A longer head takes the slow path.
pub(super) const HEAD_BYTES_MAX: usize = 4 << 10;

/// A head with more headers takes the slow path.
pub(super) const HEADERS_MAX: usize = 32;

/// Headers with which no request takes a fast path: they ask for more than its plain answer.
static ALWAYS_SLOW: [HeaderName; 3] = [header::TRANSFER_ENCODING, header::EXPECT, header::TRAILER];

/// Returns the headers of a head; `None` where one is malformed or forces the slow path, as those of
/// `also_slow` do for this kind of request.
pub(super) fn ordinary_headers(
    parsed: &httparse::Request<'_, '_>,
    also_slow: &[HeaderName],
) -> Option<HeaderMap> {
    let mut map = HeaderMap::with_capacity(parsed.headers.len());
    for header in parsed.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        if ALWAYS_SLOW.contains(&name) || also_slow.contains(&name) {
            return None;
        }
        map.append(name, HeaderValue::from_bytes(header.value).ok()?);
    }
    Some(map)
}

/// Writes the head of an answer that goes on until the connection ends, so it states no length.
pub(super) fn endless(status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
    let mut out = lines(status, headers);
    if status != StatusCode::SWITCHING_PROTOCOLS {
        out.extend_from_slice(b"connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// Writes the lines of an answer's head but for its length and its end.
pub(super) fn lines(status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in headers {
        if name == header::CONTENT_LENGTH {
            continue;
        }
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out
}
