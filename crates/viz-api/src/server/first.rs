//! The first bytes of a new connection, and which path they take.
//!
//! What is there already is read before any poller knows the connection; only where more is needed
//! is it waited for.

#[cfg(test)]
mod tests;

use std::io::{self, Read};

use bytes::{Bytes, BytesMut};
use node_runtime::Shutdown;
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use super::{connection::HEAD_TIME_MAX, head::HEAD_BYTES_MAX, opener, publisher};

/// A connection, known to the poller or not yet.
#[derive(Debug)]
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

/// A new connection and what was read of it.
#[derive(Debug)]
pub(super) struct First {
    connection: Connection,
    read: BytesMut,
    head: Head,
}

impl First {
    /// Reads what is there, without waiting, of a connection in non-blocking mode.
    pub(super) fn of(stream: std::net::TcpStream) -> Self {
        let mut read = BytesMut::new();
        let head = read_now(&stream, &mut read);
        First { connection: Connection::New(stream), read, head }
    }

    /// Returns what is known of its head.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// Returns what was read.
    pub(super) fn read(&self) -> &[u8] {
        &self.read
    }

    /// Waits until its head is more than a part.
    ///
    /// # Errors
    /// Fails where the poller does not take the connection.
    pub(super) async fn known(mut self, end: &mut Shutdown) -> io::Result<Self> {
        if self.head != Head::Part {
            return Ok(self);
        }
        let mut stream = self.connection.into_polled()?;
        let head = tokio::select! {
            head = read_head(&mut stream, &mut self.read) => head,
            () = end.asked() => Head::Other,
        };
        Ok(First { connection: Connection::Polled(stream), head, ..self })
    }

    /// Sends it down the slow path.
    pub(super) fn slowly(self) -> Self {
        First { head: Head::Other, ..self }
    }

    /// Takes it from the poller; returns what was read behind so many bytes too.
    ///
    /// # Errors
    /// Fails where the poller does not give it back.
    pub(super) fn leave(mut self, after: usize) -> io::Result<(std::net::TcpStream, Bytes)> {
        Ok((self.connection.into_std()?, self.read.split_off(after).freeze()))
    }

    /// Makes it known to the poller; returns what was read too.
    ///
    /// # Errors
    /// Fails where the poller does not take it.
    pub(super) fn stay(self) -> io::Result<(TcpStream, BytesMut)> {
        Ok((self.connection.into_polled()?, self.read))
    }
}

/// What is known of a connection's first head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// It may be for a fast path, and is not all there.
    Part,
    /// It may open a stream or a WebSocket.
    Whole,
    /// It publishes.
    Publisher,
    /// It takes the slow path.
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
        if !opener::BEGINS.iter().any(agree) || read.len() > HEAD_BYTES_MAX {
            return Head::Other;
        }
        // A parser takes a bare LF for an end of line as well.
        let is_whole = read.windows(2).any(|two| two == b"\n\n")
            || read.windows(3).any(|three| three == b"\n\r\n");
        if is_whole { Head::Whole } else { Head::Part }
    }

    /// Returns what it is when nothing more comes.
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

/// Reads until the head is whole, as long as it may be for a fast path.
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
    match timeout(HEAD_TIME_MAX, reading).await {
        Ok(head) => head,
        Err(_) => Head::after_end(read),
    }
}
