//! A server of HTTP/1.1 whose answers are made by a function, lies and silence among them.

use std::{collections::BTreeMap, future::Future, net::SocketAddr, pin::Pin, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    /// By their names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// What is answered.
pub(crate) enum Reply {
    /// A status, headers and a body.
    Full(u16, Vec<(String, String)>, Vec<u8>),
    /// A head, then pieces until the sender is gone, which are made meanwhile.
    Stream(Vec<(String, String)>, mpsc::Receiver<Vec<u8>>, Feeding),
    /// Bytes as they are, then the end of the connection.
    Raw(Vec<u8>),
    /// Nothing, for ever.
    Hang,
}

/// What makes the pieces of a stream.
pub(crate) type Feeding = Pin<Box<dyn Future<Output = ()> + Send>>;

type Answer = Pin<Box<dyn Future<Output = Reply> + Send>>;
type Answering = Arc<dyn Fn(Request) -> Answer + Send + Sync>;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Reply {
    /// Returns an answer of JSON.
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("content-type".into(), "application/json".into())];
        Reply::Full(status, headers, body.to_string().into_bytes())
    }

    /// Returns an answer of text.
    pub(crate) fn text(status: u16, body: impl Into<String>) -> Self {
        let headers = vec![("content-type".into(), "text/plain".into())];
        Reply::Full(status, headers, body.into().into_bytes())
    }
}

impl Server {
    /// Starts a server.
    pub(crate) async fn start<F, A>(answer: F) -> Self
    where
        F: Fn(Request) -> A + Send + Sync + 'static,
        A: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answering: Answering = Arc::new(move |request| Box::pin(answer(request)));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((stream, _)) = accepted else { return };
                        connections.spawn(serve(stream, Arc::clone(&answering)));
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Server { address, _tasks: tasks }
    }

    /// Returns its address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn serve(mut stream: TcpStream, answering: Answering) {
    let Some(request) = read(&mut stream).await else { return };
    match answering(request).await {
        Reply::Hang => std::future::pending().await,
        Reply::Raw(bytes) => {
            let _gone = stream.write_all(&bytes).await;
        }
        Reply::Full(status, headers, body) => {
            let head = head(status, &headers, Some(body.len()));
            let _gone = stream.write_all(&[head, body].concat()).await;
        }
        Reply::Stream(headers, mut pieces, mut feeding) => {
            if stream.write_all(&head(200, &headers, None)).await.is_err() {
                return;
            }
            let (mut from, mut to) = stream.split();
            let (mut nothing, mut is_fed) = ([0; 64], false);
            loop {
                tokio::select! {
                    piece = pieces.recv() => match piece {
                        Some(piece) if to.write_all(&piece).await.is_ok() => {}
                        _ => return,
                    },
                    () = &mut feeding, if !is_fed => is_fed = true,
                    read = from.read(&mut nothing) => {
                        if !matches!(read, Ok(bytes) if bytes > 0) {
                            return;
                        }
                    }
                }
            }
        }
    }
}

fn head(status: u16, headers: &[(String, String)], length: Option<usize>) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(length) = length {
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers: BTreeMap<_, _> =
        headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
    let length = headers.get("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request { method, path, headers, body })
}
