//! A port that is this stack's for as long as the stack lives, whether or not anybody listens on it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use tokio::net::TcpSocket;

use crate::StackError;

/// A port of loopback, bound and never listened on here: the kernel gives it to nobody else, and a
/// server of ours, which also asks for the reuse of its address, may listen on it.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    _held: TcpSocket,
}

impl Port {
    /// Takes one that is free.
    ///
    /// # Errors
    /// Fails where there is none.
    pub(crate) fn take() -> Result<Self, StackError> {
        let take = || -> io::Result<Port> {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
            Ok(Port { address: socket.local_addr()?, _held: socket })
        };
        take().map_err(StackError::NoPort)
    }

    /// Returns its address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
