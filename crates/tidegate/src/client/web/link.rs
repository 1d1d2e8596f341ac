//! The connection under a WebSocket.

use std::io;

use reqwest::Upgraded;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::plain::Plain;

/// How much is read at a time.
const READ_BYTES: usize = 16 << 10;

/// The connection under a WebSocket.
#[derive(Debug)]
pub(super) enum Link {
    /// A bare socket.
    Plain(Box<Plain>),
    /// What the ordinary client has upgraded.
    Tls(Box<Tls>),
}

/// A connection that the ordinary client has upgraded.
#[derive(Debug)]
pub(super) struct Tls {
    upgraded: Upgraded,
    buffer: Vec<u8>,
    /// Whether something was written that may not have left yet.
    unflushed: bool,
}

impl Link {
    pub(super) fn tls(upgraded: Upgraded) -> Self {
        Link::Tls(Box::new(Tls { upgraded, buffer: vec![0; READ_BYTES], unflushed: false }))
    }

    /// Waits for bytes and hands them on; returns whether more may come.
    ///
    /// # Errors
    /// Fails where the connection breaks.
    ///
    /// # Cancel safety
    /// Nothing is lost: bytes are handed on in the same poll in which they are taken.
    pub(super) async fn read(&mut self, mut on: impl FnMut(&[u8])) -> io::Result<bool> {
        match self {
            Link::Plain(plain) => plain.read(on).await,
            Link::Tls(tls) => {
                let came = tls.upgraded.read(&mut tls.buffer).await?;
                on(&tls.buffer[..came]);
                Ok(came > 0)
            }
        }
    }

    /// Writes bytes and takes away those that were written.
    ///
    /// # Errors
    /// Fails where the connection breaks.
    ///
    /// # Cancel safety
    /// What is left is what was not written.
    pub(super) async fn write(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Link::Plain(plain) => plain.write(out).await,
            Link::Tls(tls) => {
                while !out.is_empty() {
                    let written = tls.upgraded.write(out).await?;
                    out.drain(..written);
                    tls.unflushed = true;
                }
                if tls.unflushed {
                    tls.upgraded.flush().await?;
                    tls.unflushed = false;
                }
                Ok(())
            }
        }
    }
}
