//! One request over a bare socket, and the bytes of its answer.
//!
//! An audit reads many hundred streams on the machine that also runs the server, and what the
//! reader costs is what is left for it.

use std::io;

use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream, lookup_host},
};

use super::{
    head::{self, Body, HEAD_BYTES_MAX, Head},
    refusal::Refusal,
};
use crate::target::Target;

/// A segment's size on an ordinary network. Loopback's is 64 KiB: with a small receive buffer that
/// is more than the window ever is, and the sender falls back on its timer for each segment.
const ETHERNET_MSS: u32 = 1448;

/// How much of an error's body is read.
const ERROR_BODY_MAX: usize = 16 << 10;

/// What to ask for.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// The path with its query.
    pub(super) path: String,
    /// The request's own headers, each line with its end.
    pub(super) headers: String,
    /// The size of the socket's receive buffer, where it is not to be the system's.
    pub(super) receive_buffer: Option<u32>,
}

/// A bare socket on which a request was answered.
#[derive(Debug)]
pub(crate) struct Plain {
    socket: TcpStream,
    body: Body,
    buffer: Vec<u8>,
    /// What came with the head and was not handed on yet, from the buffer's beginning.
    ready: usize,
}

impl Plain {
    /// Connects, asks, and reads the head of the answer.
    ///
    /// # Errors
    /// Fails where the server can't be reached or answers with something else than HTTP.
    pub(super) async fn ask(target: &Target, question: &Question) -> Result<(Head, Self), Refusal> {
        let url = target.shown();
        let unreachable = |error: io::Error| Refusal::unreachable(url, error);
        let mut socket = connect(target, question).await.map_err(unreachable)?;
        socket.write_all(request(target, question).as_bytes()).await.map_err(unreachable)?;
        let mut buffer = vec![0; HEAD_BYTES_MAX];
        let mut filled = 0;
        let mut head = loop {
            let read = socket.read(&mut buffer[filled..]).await.map_err(unreachable)?;
            if read == 0 {
                return Err(unreachable(io::ErrorKind::UnexpectedEof.into()));
            }
            filled += read;
            let garbled = |e: io::Error| Refusal::garbled(url, e.to_string());
            if let Some(head) = head::parse(&buffer[..filled]).map_err(garbled)? {
                break head;
            }
        };
        buffer.copy_within(head.length..filled, 0);
        let ready = filled - head.length;
        let body = std::mem::replace(&mut head.body, Body::UntilClose);
        Ok((head, Plain { socket, body, buffer, ready }))
    }

    /// Reads what an answer with an error status says.
    pub(super) async fn refusal(mut self, head: &Head) -> Refusal {
        let mut text = Vec::new();
        while text.len() < ERROR_BODY_MAX && !matches!(self.body, Body::Length(0)) {
            match self.read(|bytes| text.extend_from_slice(bytes)).await {
                Ok(true) => {}
                Ok(false) | Err(_) => break,
            }
        }
        Refusal::from_answer(head.status, head.retry_after.as_deref(), &text)
    }

    /// Waits for bytes of the body and hands them on; returns whether more may come.
    ///
    /// # Errors
    /// Fails where the connection breaks.
    ///
    /// # Cancel safety
    /// Nothing is lost: bytes are handed on in the same poll in which they are taken.
    pub(super) async fn read(&mut self, on: impl FnMut(&[u8])) -> io::Result<bool> {
        let mut came = std::mem::take(&mut self.ready);
        if came == 0 {
            came = self.socket.read(&mut self.buffer).await?;
            if came == 0 {
                return Ok(false);
            }
        }
        self.body.take(&self.buffer[..came], on)
    }

    /// Writes bytes and takes away those that were written.
    ///
    /// # Errors
    /// Fails where the connection breaks.
    ///
    /// # Cancel safety
    /// What is left is what was not written.
    pub(super) async fn write(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        while !out.is_empty() {
            let written = self.socket.write(out).await?;
            out.drain(..written);
        }
        Ok(())
    }
}

async fn connect(target: &Target, question: &Question) -> io::Result<TcpStream> {
    let host = target.base().host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = target.base().port_or_known_default().unwrap_or(80);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in lookup_host((host, port)).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_nodelay(true)?;
        if let Some(bytes) = question.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
            SockRef::from(&socket).set_tcp_mss(ETHERNET_MSS)?;
        }
        match socket.connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Writes the request's head.
fn request(target: &Target, question: &Question) -> String {
    let base = target.base();
    let path = base.path().trim_end_matches('/');
    let host = base.host_str().unwrap_or_default();
    let port = base.port().map(|port| format!(":{port}")).unwrap_or_default();
    let (name, value) = target.credential.header();
    format!(
        "GET {path}{} HTTP/1.1\r\nhost: {host}{port}\r\nuser-agent: tidegate/{}\r\n\
         {name}: {value}\r\n{}\r\n",
        question.path,
        node_runtime::VERSION,
        question.headers,
    )
}
