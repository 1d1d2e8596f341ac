//! One connection: on a fast path where its first request is for one, else by hyper, until it ends or
//! leaves HTTP for delivery.

use std::{convert::Infallible, io, pin::Pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, response::Response};
use bytes::Bytes;
use delivery::{Reader, Socket, Transport, WebReader};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use node_runtime::Shutdown;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tower::ServiceExt;

use super::{
    first::{First, Head},
    handover::{Handover, HandoverSlot, StreamHandover, WebHandover},
    head, opener, publisher,
    wire::Wire,
};
use crate::AppState;

/// How long a request's head may take, and how long an idle connection is kept.
pub(super) const HEAD_TIME_MAX: Duration = Duration::from_secs(15);

/// Most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 64 << 10;

const HEADERS_MAX: usize = 100;

/// When a silent peer is first asked whether it is still there, and how often then.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(20));

/// How long what was sent may stay unacknowledged: keepalive asks only where nothing is under way,
/// and on a stream there always is a heartbeat.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(60);

/// What a connection that leaves for delivery takes along: the head of its answer, and its reader.
pub(super) type Leaving = (Vec<u8>, Handover);

/// Serves a connection on a fast path, else by hyper, until it ends or leaves for delivery.
pub(super) async fn serve(first: First, router: Router, app: Arc<AppState>, mut end: Shutdown) {
    let first = match first.known(&mut end).await {
        Ok(first) if first.head() == Head::Gone => return,
        Ok(first) if first.head() == Head::Whole => match open(first, &app).await {
            Some(first) => first,
            None => return,
        },
        Ok(first) => first,
        Err(error) => return tracing::debug!(%error, "a connection can't be waited for"),
    };
    let publishes = first.head() == Head::Publisher && has_fast_paths(&app);
    let (stream, read) = match first.stay() {
        Ok(known) => known,
        Err(error) => return tracing::debug!(%error, "a connection can't be waited for"),
    };
    let (stream, read) = if publishes {
        match publisher::serve(stream, read, &app, &mut end).await {
            Some(rest) => rest,
            None => return,
        }
    } else {
        (stream, read.freeze())
    };
    serve_http(Wire::new(stream, read), router, app, end).await;
}

/// Opens the stream or the WebSocket that a whole head asks for; gives the connection back where its
/// request takes the slow path.
pub(super) async fn open(first: First, app: &Arc<AppState>) -> Option<First> {
    if !has_fast_paths(app) {
        return Some(first.slowly());
    }
    let Some((leaving, head_bytes)) = opener::open(first.read(), app).await else {
        return Some(first.slowly());
    };
    match first.leave(head_bytes) {
        Ok((stream, received)) => depart(stream, received, leaving, app),
        Err(error) => tracing::debug!(%error, "a connection was gone before it became a stream"),
    }
    None
}

/// Returns whether requests may take a fast path. Where origins are named, every answer carries
/// headers for browsers, with which only the slow path's layers deal.
fn has_fast_paths(app: &AppState) -> bool {
    #[cfg(feature = "inject")]
    if app.inject.needs_all_requests() {
        return false;
    }
    app.state.settings.cors_origins.is_empty()
}

/// Serves HTTP by hyper, until the connection ends or leaves for delivery.
async fn serve_http(wire: Wire, router: Router, app: Arc<AppState>, mut end: Shutdown) {
    let (leave, mut leaving) = mpsc::channel(1);
    let service = service_fn(move |request| answer(router.clone(), leave.clone(), request));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(wire), service);
    let mut ending = false;
    let left = loop {
        let asked = tokio::select! {
            // The end is seen first: what is answered from then on says that the connection closes.
            biased;
            () = end.asked(), if !ending => None,
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended with an error");
                }
                return;
            }
            Some(left) = leaving.recv() => Some(left),
        };
        match asked {
            Some(left) => break left,
            None => {
                ending = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let parts = connection.into_parts();
    match parts.io.into_inner().into_quiet_stream().and_then(TcpStream::into_std) {
        Ok(stream) => depart(stream, parts.read_buf, left, &app),
        Err(error) => tracing::debug!(%error, "a connection was gone before it became a stream"),
    }
}

/// Sets on a listener what every connection that it accepts inherits: five calls less for each.
///
/// # Errors
/// Fails where the system does not know an option.
pub(super) fn tune(listener: &TcpListener) -> io::Result<()> {
    let (idle, interval) = KEEPALIVE;
    let keepalive = TcpKeepalive::new().with_time(idle).with_interval(interval);
    let socket = SockRef::from(listener);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))?;
    socket.set_tcp_keepalive(&keepalive)
}

/// Answers a request; one that opens a stream is answered by delivery instead.
async fn answer(
    router: Router,
    leave: mpsc::Sender<Leaving>,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let slot = HandoverSlot::default();
    request.extensions_mut().insert(slot.clone());
    let response = router.oneshot(request.map(Body::new)).await?;
    if let Some(handover) = slot.empty()
        && response.status() == handover.status()
    {
        let head = head::endless(response.status(), response.headers());
        if leave.send((head, handover)).await.is_ok() {
            // The connection is taken apart while this answer is still awaited.
            std::future::pending::<()>().await;
        }
    }
    Ok(response)
}

/// Lets a connection leave HTTP: gives it to delivery.
fn depart(stream: std::net::TcpStream, received: Bytes, (head, handover): Leaving, app: &AppState) {
    let socket = Socket::tcp(stream);
    let Some(delivery) = app.state().delivery() else { return };
    let with_head = |preamble: &[u8]| [&*head, preamble].concat().into();
    match handover {
        Handover::Stream(StreamHandover { opened, preamble, expires, permit }) => {
            let reader = Reader {
                socket,
                transport: Transport::sse,
                preamble: with_head(&preamble),
                expires,
                permit: Some(permit),
            };
            delivery.serve(opened, reader);
        }
        Handover::Web(web) => {
            let WebHandover { mut web_socket, likely, opened, preamble, expires, permit } = web;
            web_socket.received = received;
            delivery.serve_web(WebReader {
                socket,
                web_socket,
                likely,
                opened,
                preamble: with_head(&preamble),
                expires,
                permit: Some(permit),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_accepted_inherits_what_the_listener_was_given() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        tune(&listener).expect("the options are known");
        let near = TcpStream::connect(listener.local_addr().expect("it is bound")).await;
        let (stream, _) = listener.accept().await.expect("somebody connects");
        let socket = SockRef::from(&stream);
        assert!(near.is_ok() && socket.tcp_nodelay().expect("it is known"));
        assert!(socket.keepalive().expect("it is known"));
        assert_eq!(socket.tcp_keepalive_time().expect("it is known"), KEEPALIVE.0);
        assert_eq!(socket.tcp_keepalive_interval().expect("it is known"), KEEPALIVE.1);
        let unacknowledged = socket.tcp_user_timeout().expect("it is known");
        assert_eq!(unacknowledged, Some(UNACKNOWLEDGED_MAX));
    }
}
