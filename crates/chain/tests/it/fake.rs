//! A node that answers as a test wants it to: HTTP on loopback, one request a connection.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// What it does with a request.
pub(crate) enum Answer {
    /// It answers this, with status 200.
    Body(String),
    /// It answers this status with this body.
    Status(u16, String),
    /// It says that more bytes follow than do, and closes.
    Cut(String),
    /// It answers more and more, without an end.
    Endless,
    /// It answers this once that is true.
    Held(watch::Receiver<bool>, String),
    /// It never answers.
    Silence,
}

type Answers = dyn Fn(Value) -> Answer + Send + Sync;

/// A fake node; it ends when it is dropped.
pub(crate) struct Fake {
    pub(crate) port: u16,
    _tasks: JoinSet<()>,
}

impl Fake {
    pub(crate) async fn start(answers: impl Fn(Value) -> Answer + Send + Sync + 'static) -> Fake {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let answers: Arc<Answers> = Arc::new(answers);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&answers)));
            }
        });
        Fake { port, _tasks: tasks }
    }

    /// Answers each call by itself, also those of a batch.
    pub(crate) async fn of_calls(
        answers: impl Fn(&str, &Value) -> Result<Value, i64> + Send + Sync + 'static,
    ) -> Fake {
        let one = move |call: &Value| {
            let answer = answers(call["method"].as_str().unwrap_or_default(), &call["params"]);
            match answer {
                Ok(result) => json!({"jsonrpc": "2.0", "id": call["id"], "result": result}),
                Err(code) => json!({"jsonrpc": "2.0", "id": call["id"],
                    "error": {"code": code, "message": "no"}}),
            }
        };
        Fake::start(move |request| {
            Answer::Body(match &request {
                Value::Array(calls) => Value::Array(calls.iter().map(&one).collect()).to_string(),
                call => one(call).to_string(),
            })
        })
        .await
    }

    pub(crate) fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}/v3/s3cretk3y", self.port)
    }
}

async fn serve(mut stream: TcpStream, answers: Arc<Answers>) {
    let Some(request) = request(&mut stream).await else { return };
    let head = |status: u16, length: usize| {
        format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n")
    };
    let text = match answers(request) {
        Answer::Body(body) => head(200, body.len()) + &body,
        Answer::Status(status, body) => head(status, body.len()) + &body,
        Answer::Cut(body) => head(200, body.len() * 2) + &body,
        Answer::Held(mut until, body) => match until.wait_for(|is| *is).await {
            Ok(_) => head(200, body.len()) + &body,
            Err(_) => return,
        },
        Answer::Silence => return std::future::pending().await,
        Answer::Endless => return endless(stream).await,
    };
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn endless(mut stream: TcpStream) {
    let head = "HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("1000\r\n{}\r\n", "[".repeat(0x1000));
    let mut text = head.to_owned();
    while stream.write_all(text.as_bytes()).await.is_ok() {
        text.clone_from(&chunk);
    }
}

async fn request(stream: &mut TcpStream) -> Option<Value> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = std::str::from_utf8(&bytes).ok()?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.to_ascii_lowercase();
        let length = length.split_once("content-length: ")?.1;
        if body.len() >= length.lines().next()?.trim().parse().ok()? {
            return serde_json::from_str(body).ok();
        }
    }
}
