//! The short way of a new connection whose first request opens an event stream or a WebSocket.
//!
//! Thousands of readers come at one time after a restart, and each needs one small answer: its head
//! is read here and handed to the route at once, without the layers that other requests go through.
//! Only success ends here. Whatever is out of the ordinary (another route, a body, a ticket that is
//! used up, a cross-origin request, any refusal) goes on with all bytes as if nobody had looked.

use std::{
    io::{self, Read},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Instant,
};

use bytes::{Bytes, BytesMut};
use delivery::Transport;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version, header, request::Parts};
use node_runtime::Shutdown;
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use super::{
    connection::{HEAD_TIME_MAX, Leaving},
    handover::{self, HandoverSlot},
    publisher,
};
use crate::{AppState, request, routes};

/// How the only requests that are served here begin.
const BEGINS: [&[u8]; 2] = [b"GET /api/stream", b"GET /api/ws"];

/// What such a request opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opens {
    Stream,
    Web,
}

impl Opens {
    /// Returns the route, as metrics and logs name it.
    const fn route(self) -> &'static str {
        match self {
            Opens::Stream => "/api/stream",
            Opens::Web => "/api/ws",
        }
    }

    const fn transport(self) -> Transport {
        match self {
            Opens::Stream => Transport::sse,
            Opens::Web => Transport::websocket,
        }
    }

    /// Returns whether a header asks for more than that.
    fn is_too_much(self, name: &HeaderName) -> bool {
        match *name {
            header::CONTENT_LENGTH | header::TRANSFER_ENCODING | header::EXPECT => true,
            header::UPGRADE | header::ORIGIN => self == Opens::Stream,
            _ => false,
        }
    }
}

/// A longer head goes the long way.
const HEAD_BYTES_MAX: usize = 4 << 10;

/// A head with more headers goes the long way.
pub(super) const HEADERS_MAX: usize = 32;

/// What became of a new connection.
pub(super) enum First {
    /// It leaves HTTP, with what was read of it behind the request.
    Leaves(std::net::TcpStream, Bytes, Box<Leaving>),
    /// It publishes.
    Publisher(TcpStream, BytesMut),
    /// It goes the long way, with what was read of it.
    Other(TcpStream, Bytes),
    /// Its peer is gone.
    Gone,
}

/// A connection, known to the poller or not yet.
enum Connection {
    New(std::net::TcpStream),
    Polled(TcpStream),
}

impl Connection {
    fn into_std(self) -> io::Result<std::net::TcpStream> {
        match self {
            Connection::New(stream) => Ok(stream),
            Connection::Polled(stream) => stream.into_std(),
        }
    }

    fn into_polled(self) -> io::Result<TcpStream> {
        match self {
            Connection::New(stream) => TcpStream::from_std(stream),
            Connection::Polled(stream) => Ok(stream),
        }
    }
}

/// Looks at the first request of a connection.
///
/// Where it is there already, nothing is waited for and the poller never hears of the connection.
pub(super) async fn first(
    stream: std::net::TcpStream,
    app: &Arc<AppState>,
    end: &mut Shutdown,
) -> First {
    let mut read = BytesMut::new();
    let mut connection = Connection::New(stream);
    let mut head = Head::Part;
    if let Connection::New(stream) = &connection {
        head = read_now(stream, &mut read);
    }
    if head == Head::Part {
        let Ok(mut stream) = connection.into_polled() else { return First::Gone };
        head = tokio::select! {
            head = read_head(&mut stream, &mut read) => head,
            () = end.asked() => Head::Other,
        };
        connection = Connection::Polled(stream);
    }
    if head == Head::Gone {
        return First::Gone;
    }
    let leaving = match head {
        Head::Whole => open(&read, app).await,
        _ => None,
    };
    let first = match leaving {
        Some((leaving, head_bytes)) => connection.into_std().map(|stream| {
            First::Leaves(stream, read.split_off(head_bytes).freeze(), Box::new(leaving))
        }),
        None => connection.into_polled().map(|stream| match head {
            Head::Publisher => First::Publisher(stream, read),
            _ => First::Other(stream, read.freeze()),
        }),
    };
    first.unwrap_or(First::Gone)
}

/// What is known of a connection's first head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    /// It may be one of ours, and is not all there.
    Part,
    /// It may be one of ours.
    Whole,
    /// It publishes.
    Publisher,
    /// It goes the long way.
    Other,
    /// There is none, and none will come.
    Gone,
}

impl Head {
    fn of(read: &[u8]) -> Self {
        if read.starts_with(publisher::BEGINS) {
            return Head::Publisher;
        }
        if publisher::BEGINS.starts_with(read) {
            return Head::Part;
        }
        let agree = |begins: &&[u8]| read.starts_with(begins) || begins.starts_with(read);
        if !BEGINS.iter().any(agree) || read.len() > HEAD_BYTES_MAX {
            return Head::Other;
        }
        let is_whole = read.windows(4).any(|four| four == b"\r\n\r\n");
        if is_whole { Head::Whole } else { Head::Part }
    }

    fn after_end(read: &[u8]) -> Self {
        if read.is_empty() { Head::Gone } else { Head::Other }
    }
}

/// Reads what is there, without waiting.
fn read_now(mut stream: &std::net::TcpStream, read: &mut BytesMut) -> Head {
    let mut buffer = [0; HEAD_BYTES_MAX];
    match stream.read(&mut buffer) {
        Ok(0) => Head::Gone,
        Ok(bytes) => {
            read.extend_from_slice(&buffer[..bytes]);
            Head::of(read)
        }
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Head::Part,
            _ => Head::Gone,
        },
    }
}

/// Reads until the head is whole, as long as it may be one of ours.
async fn read_head(stream: &mut TcpStream, read: &mut BytesMut) -> Head {
    let reading = async {
        loop {
            match stream.read_buf(read).await {
                Ok(0) | Err(_) => return Head::after_end(read),
                Ok(_) => {}
            }
            let head = Head::of(read);
            if head != Head::Part {
                return head;
            }
        }
    };
    timeout(HEAD_TIME_MAX, reading).await.unwrap_or(Head::Other)
}

/// Opens what a head asks for, and returns how long the head is; `None` where anything is not as it
/// mostly is.
async fn open(read: &[u8], app: &Arc<AppState>) -> Option<(Leaving, usize)> {
    let began = Instant::now();
    let (opens, mut parts, head_bytes) = parse(read)?;
    let id = request::RequestId::of(&parts.headers);
    let slot = HandoverSlot::default();
    parts.extensions.insert(slot.clone());
    let opening = async {
        match opens {
            Opens::Stream => routes::stream::open(app, &parts).await,
            Opens::Web => routes::ws::open(app, &parts).await,
        }
    };
    // After a panic the long way has its turn, and its own answer.
    let opened = AssertUnwindSafe(opening).catch_unwind().await.ok()?;
    let mut response = opened.ok()?;
    let handover = slot.empty()?;
    response.headers_mut().insert(request::REQUEST_ID, HeaderValue::from_str(&id.0).ok()?);
    app.state.metrics.connect(opens.transport(), "ok");
    let (status, took) = (response.status().as_u16(), began.elapsed());
    app.state.metrics.http.request(opens.route(), "GET", status, took);
    Some(((handover::head(response.status(), response.headers()), handover), head_bytes))
}

fn parse(read: &[u8]) -> Option<(Opens, Parts, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(head_bytes)) = parsed.parse(read) else { return None };
    let target = parsed.path?;
    let query_of = |opens: Opens| Some((opens, target.strip_prefix(opens.route())?));
    let (opens, query) = query_of(Opens::Stream).or_else(|| query_of(Opens::Web))?;
    let is_plain = query.is_empty() || query.starts_with('?');
    if parsed.method != Some("GET") || !is_plain || query.contains("ticket") {
        return None;
    }
    let map = header_map(&parsed)?;
    if map.keys().any(|name| opens.is_too_much(name)) {
        return None;
    }
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let request = Request::builder().method(Method::GET).uri(target).version(version);
    let (mut parts, ()) = request.body(()).ok()?.into_parts();
    parts.headers = map;
    Some((opens, parts, head_bytes))
}

/// Returns the headers of a head; `None` where one is malformed.
pub(super) fn header_map(parsed: &httparse::Request<'_, '_>) -> Option<HeaderMap> {
    let mut map = HeaderMap::with_capacity(parsed.headers.len());
    for header in parsed.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        map.append(name, HeaderValue::from_bytes(header.value).ok()?);
    }
    Some(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ordinary_request_takes_the_short_way() {
        let check = |text: &str, expected: bool| {
            assert_eq!(parse(text.as_bytes()).is_some(), expected, "{text:?}");
        };
        let plain = "host: a\r\nx-api-key: k\r\n\r\n";
        check(&format!("GET /api/stream HTTP/1.1\r\n{plain}"), true);
        check(&format!("GET /api/stream?after=1-2 HTTP/1.0\r\n{plain}"), true);
        check(&format!("GET /api/ws HTTP/1.1\r\nupgrade: websocket\r\n{plain}"), true);
        check(&format!("GET /api/ws HTTP/1.1\r\norigin: https://a.example\r\n{plain}"), true);
        check(&format!("GET /api/stream HTTP/1.1\r\nupgrade: websocket\r\n{plain}"), false);
        check(&format!("GET /api/wss HTTP/1.1\r\nupgrade: websocket\r\n{plain}"), false);
        for line in [
            "GET /api/stream/ticket HTTP/1.1",
            "GET /api/streams HTTP/1.1",
            "POST /api/stream HTTP/1.1",
            "HEAD /api/stream HTTP/1.1",
            "GET /api/stream?ticket=x HTTP/1.1",
            "GET /api/stream HTTP/2.0",
            "GET /api/stream",
        ] {
            check(&format!("{line}\r\n{plain}"), false);
        }
        for header in ["content-length: 1", "expect: 100-continue", "origin: https://a.example"] {
            check(&format!("GET /api/stream HTTP/1.1\r\n{header}\r\n{plain}"), false);
        }
        let many = "a: b\r\n".repeat(HEADERS_MAX + 1);
        check(&format!("GET /api/stream HTTP/1.1\r\n{many}\r\n"), false);
        check("GET /api/stream HTTP/1.1\r\nbad header: x\r\n\r\n", false);
    }
}
