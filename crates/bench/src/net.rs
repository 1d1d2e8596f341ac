//! Sockets as measurements need them: a listener with a deep queue, and a connection that is not
//! waited for.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

/// With the usual 128, connections that come at one time are tried again a second later.
const QUEUE_MAX: i32 = 4096;

/// `EINPROGRESS`: connecting goes on without us.
const IN_PROGRESS: i32 = rustix::io::Errno::INPROGRESS.raw_os_error();

/// Listens on an address.
///
/// # Errors
/// Fails where the address can't be had.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = tcp(address)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(QUEUE_MAX)?;
    Ok(socket.into())
}

/// A receive buffer that is soon full, so that the server feels it when its reader stops reading.
const SMALL_BUFFER_BYTES: usize = 32 << 10;

/// A segment's size on an ordinary network. Loopback's is 64 KiB: with a small receive buffer that
/// is more than the window ever is, and the sender falls back on its timer for each segment.
const ETHERNET_MSS: u32 = 1448;

/// Begins to connect, from an address if one is given.
///
/// # Errors
/// Fails where the address can't be had, or nobody listens.
pub(crate) fn connect(to: SocketAddr, from: Option<SocketAddr>) -> io::Result<TcpStream> {
    begin(tcp(to)?, to, from)
}

/// The same, with a receive buffer that a server feels.
///
/// # Errors
/// Fails where the address can't be had, or nobody listens.
pub(crate) fn connect_small(to: SocketAddr, from: Option<SocketAddr>) -> io::Result<TcpStream> {
    let socket = tcp(to)?;
    socket.set_recv_buffer_size(SMALL_BUFFER_BYTES)?;
    socket.set_tcp_mss(ETHERNET_MSS)?;
    begin(socket, to, from)
}

fn begin(socket: Socket, to: SocketAddr, from: Option<SocketAddr>) -> io::Result<TcpStream> {
    socket.set_nonblocking(true)?;
    if let Some(from) = from {
        socket.bind(&from.into())?;
    }
    match socket.connect(&to.into()) {
        Err(error) if error.raw_os_error() != Some(IN_PROGRESS) => Err(error),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}

fn tcp(address: SocketAddr) -> io::Result<Socket> {
    Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))
}
