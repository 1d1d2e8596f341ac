//! A connection for publishing: requests go out, and all their answers are awaited.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::{
    error::BenchError,
    http::{Answer, Answers},
    server::{Publishing, Server},
};

/// How long one answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// An open connection, and what has come on it.
pub(crate) struct Link {
    server: String,
    address: SocketAddr,
    stream: Option<TcpStream>,
    answers: Answers,
}

impl Link {
    /// Connects.
    ///
    /// # Errors
    /// Fails where nobody listens.
    pub(crate) fn to(server: &Server) -> Result<Self, BenchError> {
        let mut link = Link {
            server: server.name.clone(),
            address: server.publish_at,
            stream: None,
            answers: Answers::default(),
        };
        link.connect()?;
        Ok(link)
    }

    fn connect(&mut self) -> Result<(), BenchError> {
        let open = || -> io::Result<TcpStream> {
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
            stream.set_write_timeout(Some(ANSWER_TIME_MAX))?;
            Ok(stream)
        };
        let unreachable = |error: io::Error| BenchError::Unreachable {
            server: self.server.clone(),
            what: format!("can't be reached for publishing: {error}"),
        };
        self.stream = Some(open().map_err(unreachable)?);
        self.answers = Answers::default();
        Ok(())
    }

    /// Sends requests, awaits every answer, and returns the last one's body.
    ///
    /// # Errors
    /// Fails where one is refused, or the connection breaks.
    pub(crate) fn publish(&mut self, publishing: &Publishing) -> Result<Vec<u8>, BenchError> {
        let mut last = Vec::new();
        for answer in self.ask(publishing)? {
            if let Some(what) = answer.refusal() {
                return Err(BenchError::Refused { server: self.server.clone(), what });
            }
            last = answer.body;
        }
        Ok(last)
    }

    /// Sends requests, and returns every answer.
    ///
    /// # Errors
    /// Fails where the connection breaks.
    pub(crate) fn ask(&mut self, publishing: &Publishing) -> Result<Vec<Answer>, BenchError> {
        if self.stream.is_none() {
            self.connect()?;
        }
        let refused = |what: String| BenchError::Refused { server: self.server.clone(), what };
        let broken =
            |error: io::Error| refused(format!("broke the publisher's connection: {error}"));
        let stream = self.stream.as_mut().ok_or_else(|| refused("is gone".to_owned()))?;
        stream.write_all(&publishing.bytes).map_err(broken)?;
        let mut answers = Vec::new();
        let mut buffer = [0; 16 << 10];
        for _ in 0..publishing.answers {
            answers.push(loop {
                match self.answers.next().map_err(|error| refused(error.to_string()))? {
                    Some(answer) => break answer,
                    None => match stream.read(&mut buffer).map_err(broken)? {
                        0 => return Err(refused("closed the publisher's connection".to_owned())),
                        read => self.answers.feed(&buffer[..read]),
                    },
                }
            });
        }
        if answers.iter().any(|answer| answer.closes) {
            self.stream = None;
        }
        Ok(answers)
    }
}
