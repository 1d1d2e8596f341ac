//! A replica as far as a router can tell: answers, streams that stay until they are told to go, and
//! readiness.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: hello\n\n";
/// To the key of RFC 6455, section 1.3.
const WEBSOCKET: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\
connection: upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A replica; it ends when it is dropped.
pub(crate) struct Replica {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    /// Requests but for those of health checks.
    requests: AtomicU64,
    is_ready: watch::Sender<bool>,
    /// Whether streams go.
    goes: watch::Sender<bool>,
}

impl Replica {
    /// Starts it on a port of its own.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            requests: AtomicU64::new(0),
            is_ready: watch::channel(true).0,
            goes: watch::channel(false).0,
        });
        #[expect(clippy::disallowed_methods, reason = "the handle is aborted by drop")]
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Replica { address, shared, server }
    }

    /// Returns how many requests came, without health checks.
    pub(crate) fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Says from now on whether it is ready.
    pub(crate) fn set_ready(&self, is_ready: bool) {
        self.shared.is_ready.send_replace(is_ready);
    }

    /// Ends it: nobody listens there any more.
    pub(crate) async fn end(&mut self) {
        self.server.abort();
        let _ = (&mut self.server).await;
    }

    /// Ends every stream, as after a goodbye.
    pub(crate) fn send_away(&self) {
        self.shared.goes.send_replace(true);
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        connections.spawn(serve(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        let Ok(1..) = stream.read_line(&mut line).await else { return };
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        while line.trim_end() != "" {
            line.clear();
            let Ok(1..) = stream.read_line(&mut line).await else { return };
        }
        if path != "/ready" {
            shared.requests.fetch_add(1, Ordering::SeqCst);
        }
        let status = match path.as_str() {
            "/ready" if !*shared.is_ready.borrow() => "503 Service Unavailable",
            "/fail" => "500 Internal Server Error",
            "/stream" => return hold(stream, STREAM, &shared).await,
            "/ws" => return hold(stream, WEBSOCKET, &shared).await,
            "/drop" => return,
            _ => "200 OK",
        };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Keeps a stream open until it is to go, or its client is gone.
async fn hold(mut stream: BufReader<TcpStream>, head: &str, shared: &Shared) {
    if stream.write_all(head.as_bytes()).await.is_err() {
        return;
    }
    let mut goes = shared.goes.subscribe();
    let mut byte = [0];
    tokio::select! {
        _ = goes.wait_for(|goes| *goes) => {}
        _ = stream.read(&mut byte) => {}
    }
}
