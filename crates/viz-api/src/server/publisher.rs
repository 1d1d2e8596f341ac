//! The short way of a connection that publishes: small requests of one kind, one after the other.
//!
//! Each is read here and handed to its route without the layers that other requests go through,
//! which cost more than the rest of it. Whatever is out of the ordinary (another route, a large body or
//! one without a length, a cross-origin request, malformed syntax) goes on by hyper with all bytes from
//! there, as if nobody had looked.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use http_body_util::BodyExt;
use node_runtime::Shutdown;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{connection::HEAD_TIME_MAX, handover, lean};
use crate::{
    AppState,
    error::ApiError,
    request::{self, http_date},
    routes::events,
};

/// How the only requests that are served here begin.
pub(super) const BEGINS: &[u8] = b"POST /api/events HTTP/1.1\r\n";

/// The route, as metrics and logs name it.
const ROUTE: &str = "/api/events";

/// A longer head goes the long way.
const HEAD_BYTES_MAX: usize = 4 << 10;

/// A longer body goes the long way.
const BODY_BYTES_MAX: usize = 32 << 10;

/// How long a peer may take to take an answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

/// What is known of the bytes that a publisher has sent.
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made")]
enum Sent {
    /// A whole request of ours, and how many bytes it has.
    Request(Request<Body>, usize),
    /// It may become one.
    Part,
    /// It goes the long way.
    Other,
}

/// Serves requests until one goes the long way; then the connection is given back with all that was
/// read of it. Nothing comes back from a connection that has ended.
pub(super) async fn serve(
    mut stream: TcpStream,
    mut read: BytesMut,
    app: &Arc<AppState>,
    end: &mut Shutdown,
) -> Option<(TcpStream, Bytes)> {
    loop {
        match look(&read) {
            Sent::Request(request, bytes) => {
                let _served = read.split_to(bytes);
                let is_last = end.is_asked();
                let answer = answer(app, request, is_last).await;
                let written = timeout(ANSWER_TIME_MAX, stream.write_all(&answer)).await;
                if !matches!(written, Ok(Ok(()))) || is_last {
                    return None;
                }
            }
            Sent::Other => return Some((stream, read.freeze())),
            Sent::Part => {
                let more = tokio::select! {
                    more = timeout(HEAD_TIME_MAX, stream.read_buf(&mut read)) => more,
                    // What was begun may be finished, with an answer that says that it was the last.
                    () = end.asked() => return (!read.is_empty()).then(|| (stream, read.freeze())),
                };
                match more {
                    Ok(Ok(1..)) => {}
                    // Late or broken in the middle: what then happens is the same for all requests.
                    Err(_) if !read.is_empty() => return Some((stream, read.freeze())),
                    _ => return None,
                }
            }
        }
    }
}

/// Looks at what was sent.
fn look(read: &[u8]) -> Sent {
    let known = read.len().min(BEGINS.len());
    if read[..known] != BEGINS[..known] {
        return Sent::Other;
    }
    let mut headers = [httparse::EMPTY_HEADER; lean::HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let head_bytes = match parsed.parse(read) {
        Ok(httparse::Status::Complete(bytes)) => bytes,
        Ok(httparse::Status::Partial) if read.len() <= HEAD_BYTES_MAX => return Sent::Part,
        _ => return Sent::Other,
    };
    let Some(headers) = lean::header_map(&parsed) else { return Sent::Other };
    let Some(body_bytes) = body_bytes(&headers) else { return Sent::Other };
    let Some(body) = read.get(head_bytes..head_bytes + body_bytes) else { return Sent::Part };
    let body = Body::from(Bytes::copy_from_slice(body));
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = http::Uri::from_static(ROUTE);
    *request.headers_mut() = headers;
    Sent::Request(request, head_bytes + body_bytes)
}

/// Returns how long the body is, where its head says so plainly and asks for nothing else.
fn body_bytes(headers: &HeaderMap) -> Option<usize> {
    const OUT_OF_THE_ORDINARY: [HeaderName; 5] = [
        header::TRANSFER_ENCODING,
        header::EXPECT,
        header::UPGRADE,
        header::ORIGIN,
        header::TRAILER,
    ];
    if OUT_OF_THE_ORDINARY.iter().any(|name| headers.contains_key(name)) {
        return None;
    }
    let is_kept = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"keep-alive");
    if !headers.get_all(header::CONNECTION).iter().all(is_kept) {
        return None;
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let (length, None) = (lengths.next()?, lengths.next()) else { return None };
    let digits = length.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok().filter(|&bytes| bytes <= BODY_BYTES_MAX)
}

/// Answers a request, whole.
async fn answer(app: &Arc<AppState>, request: Request<Body>, is_last: bool) -> Vec<u8> {
    let handler = async |request| {
        let publishing = events::publish(State(Arc::clone(app)), request);
        let published = AssertUnwindSafe(publishing).catch_unwind().await;
        // The panic hook has written message and place to the log.
        published.unwrap_or_else(|_| Err(ApiError::internal())).into_response()
    };
    let response = request::around_route(app, request, Some(ROUTE), handler).await;
    write(response, &http_date(app.state.clock.unix()), is_last).await
}

async fn write(response: Response, date: &str, is_last: bool) -> Vec<u8> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut out = handover::lines(parts.status, &parts.headers);
    let connection = if is_last { "connection: close\r\n" } else { "" };
    let length = body.len();
    let rest = format!("content-length: {length}\r\ndate: {date}\r\n{connection}\r\n");
    out.extend_from_slice(rest.as_bytes());
    out.extend_from_slice(&body);
    out
}

#[cfg(test)]
mod tests;
