//! A client of the server's routes: one connection, one request after the other.

#[cfg(test)]
mod tests;

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

use super::refused;
use crate::{
    error::BenchError,
    http::{Answer, Answers},
};

/// The key that the servers are given.
const KEY: &str = "bench-key-00000000";

/// How long an answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);

const READ_BYTES: usize = 64 << 10;

/// A client; it connects when it is first used, and again where the server closed.
#[derive(Debug)]
pub(super) struct Client {
    at: SocketAddr,
    connection: Option<(TcpStream, Answers)>,
    buffer: Vec<u8>,
}

/// Returns the value of `TIDEGATE_KEYS` by which a server knows the client.
pub(super) fn keys() -> String {
    format!("bench={KEY}")
}

impl Client {
    pub(super) fn new(at: SocketAddr) -> Self {
        Client { at, connection: None, buffer: vec![0; READ_BYTES] }
    }

    /// Asks once.
    ///
    /// # Errors
    /// Fails where there is no whole answer.
    pub(super) fn ask(&mut self, path: &str) -> io::Result<Answer> {
        let (mut stream, mut answers) = match self.connection.take() {
            Some(connection) => connection,
            None => (connect(self.at)?, Answers::default()),
        };
        let head = format!("GET {path} HTTP/1.1\r\nhost: bench\r\nx-api-key: {KEY}\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        loop {
            let answer = answers.next();
            let answer = answer.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
            if let Some(answer) = answer {
                if !answer.closes {
                    self.connection = Some((stream, answers));
                }
                return Ok(answer);
            }
            let read = stream.read(&mut self.buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            answers.feed(&self.buffer[..read]);
        }
    }

    /// Asks, and reads the answer's body; `None` where there is no such thing (404).
    ///
    /// # Errors
    /// Fails where the server does not answer, or refuses.
    pub(super) fn get(&mut self, path: &str) -> Result<Option<Vec<u8>>, BenchError> {
        let answer = self.ask(path);
        let answer = answer.map_err(|error| refused(format!("{path} is not answered: {error}")))?;
        if answer.status == 404 {
            return Ok(None);
        }
        match answer.refusal() {
            Some(refusal) => Err(refused(format!("{path} {refusal}"))),
            None => Ok(Some(answer.body)),
        }
    }

    /// Asks for a document; null where there is no such thing.
    ///
    /// # Errors
    /// Fails as [`Client::get`] does, and where the answer is no JSON.
    pub(super) fn document(&mut self, path: &str) -> Result<Value, BenchError> {
        let Some(body) = self.get(path)? else { return Ok(Value::Null) };
        serde_json::from_slice(&body)
            .map_err(|error| refused(format!("{path} answers with no JSON: {error}")))
    }
}

fn connect(at: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&at, CONNECT_TIME_MAX)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    stream.set_write_timeout(Some(ANSWER_TIME_MAX))?;
    Ok(stream)
}
