//! What a room needs of a socket, and the sockets that it gets.

use std::{
    io::{self, IoSlice, Read, Write},
    net::Shutdown,
};

use mio::{Interest, Registry, Token, event::Source};
use socket2::SockRef;

/// The near end of a reader's connection; never blocks.
pub trait Sink {
    /// Writes what fits; `WouldBlock` where nothing does.
    ///
    /// # Errors
    /// Fails where the connection is gone.
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Reads what the peer sent; 0 is its end, `WouldBlock` where there is nothing.
    ///
    /// # Errors
    /// Fails where the connection is gone.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Says that nothing more will be written; what was written still arrives.
    fn end(&mut self);
}

/// A connection of this process.
#[derive(Debug)]
pub enum Socket {
    /// A client's.
    Tcp(mio::net::TcpStream),
    /// The delivery probe's.
    Unix(mio::net::UnixStream),
}

impl Socket {
    /// Takes over a connection; it must be in non-blocking mode.
    pub fn tcp(stream: std::net::TcpStream) -> Self {
        Socket::Tcp(mio::net::TcpStream::from_std(stream))
    }

    /// Takes over one end of a socket pair; it must be in non-blocking mode.
    pub fn unix(stream: std::os::unix::net::UnixStream) -> Self {
        Socket::Unix(mio::net::UnixStream::from_std(stream))
    }
}

impl Sink for Socket {
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            // `send` and `sendmsg` go a shorter way through the kernel than `write` and `writev`.
            Socket::Tcp(stream) => match slices {
                [one] => stream.write(one),
                several => SockRef::from(&*stream).send_vectored(several),
            },
            Socket::Unix(stream) => stream.write_vectored(slices),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.read(buffer),
            Socket::Unix(stream) => stream.read(buffer),
        }
    }

    fn end(&mut self) {
        // A peer that is gone already is found by the next read.
        let _ = match self {
            Socket::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Socket::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }
}

impl Source for Socket {
    fn register(&mut self, to: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.register(to, token, interests),
            Socket::Unix(stream) => stream.register(to, token, interests),
        }
    }

    fn reregister(&mut self, to: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.reregister(to, token, interests),
            Socket::Unix(stream) => stream.reregister(to, token, interests),
        }
    }

    fn deregister(&mut self, from: &Registry) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.deregister(from),
            Socket::Unix(stream) => stream.deregister(from),
        }
    }
}
