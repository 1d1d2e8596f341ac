//! A connection that is never waited for: a request goes out as the socket takes it, and its answers
//! are picked up when bytes are there.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
};

use mio::{Interest, Poll, Token, net::TcpStream};

use crate::{
    http::{Answer, Answers},
    net,
};

/// What one read takes at most.
pub(crate) const READ_BYTES: usize = 64 << 10;

/// One connection.
pub(crate) struct Line {
    address: SocketAddr,
    token: Token,
    socket: TcpStream,
    answers: Answers,
    /// What is still to be written of the request.
    unsent: Vec<u8>,
    sent: usize,
}

impl Line {
    /// Begins to connect.
    ///
    /// # Errors
    /// Fails where a connection can't be opened.
    pub(crate) fn connect(poll: &Poll, address: SocketAddr, key: usize) -> io::Result<Self> {
        let token = Token(key);
        let socket = connect(poll, address, token)?;
        let (answers, unsent) = (Answers::default(), Vec::new());
        Ok(Line { address, token, socket, answers, unsent, sent: 0 })
    }

    /// Connects anew.
    ///
    /// # Errors
    /// Fails where a connection can't be opened.
    pub(crate) fn renew(&mut self, poll: &Poll) -> io::Result<()> {
        self.socket = connect(poll, self.address, self.token)?;
        self.answers = Answers::default();
        Ok(())
    }

    /// Begins to send requests.
    ///
    /// # Errors
    /// Fails where the connection broke.
    pub(crate) fn ask(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        (self.unsent, self.sent) = (bytes, 0);
        self.write()
    }

    /// Goes on sending.
    ///
    /// # Errors
    /// Fails where the connection broke.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        while self.sent < self.unsent.len() {
            match self.socket.write(&self.unsent[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) if is_early(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads all that is there, and gives each answer to `take`. An end that came together with bytes
    /// has no edge of its own, so it is looked for behind them.
    ///
    /// # Errors
    /// Fails with what the server did, where it breaks the connection or answers what is no HTTP.
    pub(crate) fn read(
        &mut self,
        poll: &Poll,
        buffer: &mut [u8],
        mut take: impl FnMut(Answer) -> Result<(), String>,
    ) -> Result<(), String> {
        loop {
            let read = match self.socket.read(buffer) {
                Ok(0) => return Err("closed a publisher's connection".to_owned()),
                Ok(read) => read,
                Err(error) if is_early(&error) => return Ok(()),
                Err(error) => return Err(broke(&error)),
            };
            self.answers.feed(&buffer[..read]);
            let mut closes = false;
            while let Some(answer) = self.answers.next().map_err(|error| error.to_string())? {
                closes |= answer.closes;
                take(answer)?;
            }
            if closes {
                return self.renew(poll).map_err(|error| broke(&error));
            }
        }
    }
}

/// Says that a connection broke.
pub(crate) fn broke(error: &io::Error) -> String {
    format!("broke a publisher's connection: {error}")
}

fn connect(poll: &Poll, address: SocketAddr, token: Token) -> io::Result<TcpStream> {
    let mut socket = net::connect(address, None)?;
    socket.set_nodelay(true)?;
    poll.registry().register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
    Ok(socket)
}

/// Returns whether a socket takes nothing yet.
fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected)
}
