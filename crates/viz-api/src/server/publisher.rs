//! The fast path of a connection that publishes: small requests of one kind, one after the other.
//!
//! Each is read here and handed to its route without the layers that other requests go through,
//! which cost more than the rest of it. Whatever is out of the ordinary (another route, a long head, a
//! large body or one without a length, a cross-origin request, malformed syntax, a request that comes
//! slowly or breaks off) takes the slow path with all bytes from there, as if nobody had looked.

#[cfg(test)]
mod tests;

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
    time::{Instant, timeout, timeout_at},
};

use super::{
    connection::HEAD_TIME_MAX,
    head::{self, HEAD_BYTES_MAX, HEADERS_MAX},
};
use crate::{
    AppState,
    app::Admitted,
    request::{self, http_date},
    router::after_panic,
    routes::events,
};

/// How the only requests that are served here begin.
pub(super) const BEGINS: &[u8] = b"POST /api/events HTTP/1.1\r\n";

/// The route, as metrics and logs name it.
const ROUTE: &str = "/api/events";

/// A longer body takes the slow path.
const BODY_BYTES_MAX: usize = 32 << 10;

/// Room for an ordinary request, so that it is read at once.
const READ_BYTES_MIN: usize = 2 << 10;

/// How long a peer may take to take an answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

/// Headers with which a publish takes the slow path.
static ALSO_SLOW: [HeaderName; 2] = [header::UPGRADE, header::ORIGIN];

/// A request whose head is there.
#[derive(Debug)]
struct Begun {
    headers: HeaderMap,
    head_bytes: usize,
    body_bytes: usize,
    /// Whether the server took requests while its body was still to come.
    is_admitted: bool,
}

/// What is known of the bytes that a publisher has sent.
enum Sent<T> {
    /// They begin with what was looked for, whole.
    Whole(T),
    /// They may become that.
    Part,
    /// It takes the slow path.
    Other,
}

/// What comes after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    GoesOn,
    Closes,
}

/// Serves requests until one takes the slow path; then the connection is given back with all that was
/// read of it. Nothing comes back from a connection that has ended.
pub(super) async fn serve(
    mut stream: TcpStream,
    mut read: BytesMut,
    app: &Arc<AppState>,
    end: &mut Shutdown,
) -> Option<(TcpStream, Bytes)> {
    let mut begun = None;
    // Of the wait for a request; then, from its first byte on, of the request.
    let mut deadline = Instant::now() + HEAD_TIME_MAX;
    loop {
        match look(&mut read, &mut begun) {
            Sent::Whole(request) => {
                let then = if end.is_asked() { Then::Closes } else { Then::GoesOn };
                let answer = answer(app, request, then).await?;
                let written = timeout(ANSWER_TIME_MAX, stream.write_all(&answer)).await;
                if !matches!(written, Ok(Ok(()))) || then == Then::Closes {
                    return None;
                }
                deadline = Instant::now() + HEAD_TIME_MAX;
            }
            Sent::Other => return Some((stream, read.freeze())),
            Sent::Part => {
                if let Some(begun) = &mut begun {
                    begun.is_admitted = begun.is_admitted || app.check_available().is_ok();
                    tracing::trace!(route = ROUTE, "waits for a body");
                }
                let is_idle = read.is_empty();
                if is_idle {
                    read.reserve(READ_BYTES_MIN);
                }
                let more = tokio::select! {
                    more = timeout_at(deadline, stream.read_buf(&mut read)) => more,
                    // A request whose head is there is finished; of another one, what was sent
                    // takes the slow path, whose answer says that it was the last.
                    () = end.asked(), if begun.is_none() => return rest(stream, read),
                };
                match more {
                    Ok(Ok(1..)) if is_idle => deadline = Instant::now() + HEAD_TIME_MAX,
                    Ok(Ok(1..)) => {}
                    // Late, broken or ended in the middle: what then happens is the same for all.
                    _ => return rest(stream, read),
                }
            }
        }
    }
}

/// Returns a connection on which a request was begun.
fn rest(stream: TcpStream, read: BytesMut) -> Option<(TcpStream, Bytes)> {
    (!read.is_empty()).then(|| (stream, read.freeze()))
}

/// Looks at what was sent; `begun` keeps a head while the body is still to come.
fn look(read: &mut BytesMut, begun: &mut Option<Begun>) -> Sent<Request<Body>> {
    let head = match begun.take() {
        Some(head) => head,
        None => match parse(read) {
            Sent::Whole(head) => head,
            Sent::Part => return Sent::Part,
            Sent::Other => return Sent::Other,
        },
    };
    let bytes = head.head_bytes + head.body_bytes;
    if read.len() < bytes {
        read.reserve(bytes - read.len());
        *begun = Some(head);
        return Sent::Part;
    }
    let body = read.split_to(bytes).freeze().slice(head.head_bytes..);
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = http::Uri::from_static(ROUTE);
    *request.headers_mut() = head.headers;
    if head.is_admitted {
        request.extensions_mut().insert(Admitted);
    }
    Sent::Whole(request)
}

/// Reads a head.
fn parse(read: &[u8]) -> Sent<Begun> {
    let known = read.len().min(BEGINS.len());
    if read[..known] != BEGINS[..known] {
        return Sent::Other;
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let head_bytes = match parsed.parse(read) {
        Ok(httparse::Status::Complete(bytes)) if bytes <= HEAD_BYTES_MAX => bytes,
        Ok(httparse::Status::Partial) if read.len() <= HEAD_BYTES_MAX => return Sent::Part,
        _ => return Sent::Other,
    };
    let headers = head::ordinary_headers(&parsed, &ALSO_SLOW);
    let Some(headers) = headers else { return Sent::Other };
    let Some(body_bytes) = body_bytes(&headers) else { return Sent::Other };
    Sent::Whole(Begun { headers, head_bytes, body_bytes, is_admitted: false })
}

/// Returns how long the body is, where its head says so plainly and keeps the connection.
fn body_bytes(headers: &HeaderMap) -> Option<usize> {
    let is_kept = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"keep-alive");
    if !headers.get_all(header::CONNECTION).iter().all(is_kept) {
        return None;
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let (length, None) = (lengths.next()?, lengths.next()) else { return None };
    let digits = length.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok().filter(|&bytes| bytes <= BODY_BYTES_MAX)
}

/// Answers a request, whole; `None` where the answer breaks off.
async fn answer(app: &Arc<AppState>, request: Request<Body>, then: Then) -> Option<Vec<u8>> {
    let handler = async |request| {
        let publishing = events::publish(State(Arc::clone(app)), request);
        let published = AssertUnwindSafe(publishing).catch_unwind().await;
        published.map_or_else(after_panic, IntoResponse::into_response)
    };
    let response = request::around_route(app, request, Some(ROUTE), handler).await;
    tracing::trace!(
        route = ROUTE,
        status = response.status().as_u16(),
        "answered on the fast path"
    );
    answer_bytes(response, &http_date(app.state.clock.unix()), then).await
}

async fn answer_bytes(response: Response, date: &str, then: Then) -> Option<Vec<u8>> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    let mut out = head::lines(parts.status, &parts.headers);
    let connection = match then {
        Then::GoesOn => "",
        Then::Closes => "connection: close\r\n",
    };
    let length = body.len();
    let rest = format!("content-length: {length}\r\ndate: {date}\r\n{connection}\r\n");
    out.extend_from_slice(rest.as_bytes());
    out.extend_from_slice(&body);
    Some(out)
}
