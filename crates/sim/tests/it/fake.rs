//! A node that answers as a test wants it to: HTTP on loopback, one request a connection.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What it says to a call: a result, or an error's code and words.
pub(crate) type Said = Result<Value, (i64, &'static str)>;

type Answers = dyn Fn(&str, &Value) -> Said + Send + Sync;

/// A fake node; it ends when it is dropped.
pub(crate) struct Fake {
    port: u16,
    _tasks: JoinSet<()>,
}

impl Fake {
    pub(crate) async fn start(
        answers: impl Fn(&str, &Value) -> Said + Send + Sync + 'static,
    ) -> Fake {
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

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn answer(answers: &Answers, call: &Value) -> Value {
    match answers(call["method"].as_str().unwrap_or_default(), &call["params"]) {
        Ok(result) => json!({"jsonrpc": "2.0", "id": call["id"], "result": result}),
        Err((code, words)) => json!({"jsonrpc": "2.0", "id": call["id"],
            "error": {"code": code, "message": words}}),
    }
}

async fn serve(mut stream: TcpStream, answers: Arc<Answers>) {
    let Some(request) = request(&mut stream).await else { return };
    let body = match &request {
        Value::Array(calls) => {
            Value::Array(calls.iter().map(|call| answer(answers.as_ref(), call)).collect())
        }
        call => answer(answers.as_ref(), call),
    };
    let body = body.to_string();
    let head =
        format!("HTTP/1.1 200 X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    let _ = stream.write_all((head + &body).as_bytes()).await;
    let _ = stream.shutdown().await;
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
