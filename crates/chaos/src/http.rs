//! One request and its answer, each on a connection of its own.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::field::KEY;

/// How long an answer may take, where nobody says otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// Most headers of an answer, and most bytes of it.
const HEADERS_MAX: usize = 32;
const BYTES_MAX: usize = 64 << 20;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads the body as JSON; null where it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Asks for something.
///
/// # Errors
/// Fails where no whole answer comes in time.
pub(crate) async fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    exchange(address, &head("GET", path, "")).await
}

/// Publishes, under a key where there is one.
///
/// # Errors
/// Fails where no whole answer comes in time.
pub(crate) async fn publish(
    address: SocketAddr,
    body: &str,
    key: Option<&str>,
) -> io::Result<Answer> {
    let key = key.map(|key| format!("idempotency-key: {key}\r\n")).unwrap_or_default();
    send(address, "/api/events", body, &key).await
}

/// Posts JSON.
///
/// # Errors
/// Fails where no whole answer comes in time.
pub(crate) async fn post(address: SocketAddr, path: &str, body: &str) -> io::Result<Answer> {
    send(address, path, body, "").await
}

async fn send(address: SocketAddr, path: &str, body: &str, more: &str) -> io::Result<Answer> {
    let length = body.len();
    let more = format!("content-type: application/json\r\ncontent-length: {length}\r\n{more}");
    exchange(address, &format!("{}{body}", head("POST", path, &more))).await
}

fn head(method: &str, path: &str, more: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: chaos\r\nx-api-key: {KEY}\r\nconnection: close\r\n{more}\r\n"
    )
}

async fn exchange(address: SocketAddr, request: &str) -> io::Result<Answer> {
    let answer = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        (&mut stream).take(BYTES_MAX as u64).read_to_end(&mut bytes).await?;
        parse(&bytes).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    };
    timeout(PATIENCE, answer).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// Reads a whole answer; `None` where it was cut.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes).ok()? else { return None };
    let (status, body) = (head.code?, bytes.get(length..)?);
    let mut headers = head.headers.iter();
    let stated = headers.find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let body = match stated {
        Some(stated) => {
            let stated: usize = std::str::from_utf8(stated.value).ok()?.trim().parse().ok()?;
            body.get(..stated)?
        }
        None => body,
    };
    Some(Answer { status, body: body.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_answer_is_none() {
        let whole = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
        let answer = parse(whole).expect("it is whole");
        assert_eq!((answer.status, answer.json().is_object()), (201, true));
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), None, "{length}");
        }
    }
}
