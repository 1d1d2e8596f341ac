//! The head of an answer on a plain connection, and how its body is delimited.

use std::io;

use super::chunked::Chunked;

/// The longest head of an answer; a longer one is no answer of ours.
pub(super) const HEAD_BYTES_MAX: usize = 16 << 10;

const HEADERS_MAX: usize = 64;

/// What the head says.
#[derive(Debug)]
pub(super) struct Head {
    /// The status.
    pub(super) status: u16,
    /// `Content-Type`, empty where there is none.
    pub(super) content_type: String,
    /// `Retry-After`.
    pub(super) retry_after: Option<String>,
    /// `Sec-WebSocket-Accept`.
    pub(super) accept: Option<String>,
    /// How the body is delimited.
    pub(super) body: Body,
    /// The head's length, behind which the body begins.
    pub(super) length: usize,
}

/// How a body is delimited, and what is left of it.
#[derive(Debug)]
pub(super) enum Body {
    /// By the end of the connection.
    UntilClose,
    /// By its length; so many bytes are left.
    Length(u64),
    /// By chunk marks.
    Chunked(Chunked),
}

/// Reads a head; `None` where its end has not come.
///
/// # Errors
/// Fails on what is no head of HTTP/1.1, and on one that is too long.
pub(super) fn parse(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(bytes).map_err(|error| invalid(&error.to_string()))?;
    let httparse::Status::Complete(length) = parsed else {
        let overlong = bytes.len() >= HEAD_BYTES_MAX;
        return if overlong { Err(invalid("a head without an end")) } else { Ok(None) };
    };
    let find = |name: &str| {
        let header = response.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name));
        header.map(|h| String::from_utf8_lossy(h.value).trim().to_owned())
    };
    let body = match (find("transfer-encoding"), find("content-length")) {
        (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => {
            Body::Chunked(Chunked::new())
        }
        (Some(coding), _) => return Err(invalid(&format!("the coding `{coding}`"))),
        (None, Some(length)) => Body::Length(length.parse().map_err(|_| invalid("the length"))?),
        (None, None) => Body::UntilClose,
    };
    let status = response.code.unwrap_or_default();
    let content_type = find("content-type").unwrap_or_default();
    let (retry_after, accept) = (find("retry-after"), find("sec-websocket-accept"));
    Ok(Some(Head { status, content_type, retry_after, accept, body, length }))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not an answer of HTTP/1.1: {what}"))
}

impl Body {
    /// Takes the body's own bytes out of what came; returns whether more is to come.
    ///
    /// # Errors
    /// Fails on malformed chunk marks.
    pub(super) fn take(&mut self, bytes: &[u8], mut on: impl FnMut(&[u8])) -> io::Result<bool> {
        match self {
            Body::UntilClose => {
                on(bytes);
                Ok(true)
            }
            Body::Length(left) => {
                let now = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                on(&bytes[..now]);
                *left -= now as u64;
                Ok(*left > 0)
            }
            Body::Chunked(chunked) => {
                chunked
                    .feed(bytes, on)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                Ok(!chunked.is_over())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_say_how_the_body_ends() {
        let check = |head: &str, expected: Option<&str>| {
            let shown = match parse(head.as_bytes()) {
                Ok(Some(head)) => Some(format!("{} {:?}", head.status, head.body)),
                Ok(None) => Some("more".to_owned()),
                Err(_) => None,
            };
            let shown = shown.map(|s| s.split(['{', '\n']).next().unwrap_or("").trim().to_owned());
            assert_eq!(shown.as_deref(), expected, "{head:?}");
        };
        check("HTTP/1.1 200 OK\r\n\r\n", Some("200 UntilClose"));
        check("HTTP/1.1 503 \r\ncontent-length: 7\r\n\r\n", Some("503 Length(7)"));
        check("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", Some("200 Chunked(Chunked"));
        check("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", None);
        check("HTTP/1.1 200 OK\r\ncontent-le", Some("more"));
        check("SSH-2.0-x\r\n", None);
    }
}
