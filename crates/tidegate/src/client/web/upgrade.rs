//! How a connection becomes a WebSocket, as its client asks for it (RFC 6455, 4.1).

use data_encoding::BASE64;
use sha1::{Digest, Sha1};

use super::link::Link;
use crate::{
    client::{
        Api, Refusal,
        plain::{Plain, Question},
    },
    target::Target,
};

/// Where the server has its WebSocket.
const PATH: &str = "/api/ws";

/// Joined to the client's key before it is hashed (RFC 6455, 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Opens a connection and makes it a WebSocket; `https://` through the ordinary client, so that
/// there is one TLS stack with one set of roots.
pub(super) async fn open(
    target: &Target,
    api: &Api,
    receive_buffer: Option<u32>,
) -> Result<Link, Refusal> {
    let key = BASE64.encode(&rand::random::<[u8; 16]>());
    let headers = headers(&key);
    let (accept, link) = if target.base().scheme() == "https" {
        let (accept, upgraded) = api.upgrade(PATH, &headers).await?;
        (accept, Link::tls(upgraded))
    } else {
        let headers = headers.map(|(name, value)| format!("{name}: {value}\r\n")).concat();
        let question = Question { path: PATH.to_owned(), headers, receive_buffer };
        let (head, plain) = Plain::ask(target, &question).await?;
        match head.status {
            101 => (head.accept, Link::Plain(Box::new(plain))),
            // A success is none here: whoever answered so knows no WebSocket.
            200..300 => return Err(no_websocket(target)),
            _ => return Err(plain.refusal(&head).await),
        }
    };
    if accept.as_deref() == Some(&*accept_of(&key)) { Ok(link) } else { Err(no_websocket(target)) }
}

fn headers(key: &str) -> [(&'static str, &str); 4] {
    [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", key),
    ]
}

fn no_websocket(target: &Target) -> Refusal {
    Refusal::garbled(target.shown(), "it did not agree to a WebSocket")
}

fn accept_of(key: &str) -> String {
    BASE64.encode(&Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_the_example_key_is_that_of_the_rfc() {
        assert_eq!(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
