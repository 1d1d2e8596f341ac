//! One open stream of Server-Sent Events, as bytes.
//!
//! `http://` goes over a bare socket, `https://` through the ordinary client.

use std::io;

use super::{
    Api,
    head::Head,
    plain::{Plain, Question},
    refusal::Refusal,
};
use crate::target::Target;

/// What to read, and from where on.
#[derive(Clone, Debug, Default)]
pub(super) struct StreamRequest {
    /// The query, encoded, without `?`.
    pub(super) query: String,
    /// The cursor of an earlier stream.
    pub(super) last_event_id: Option<String>,
    /// The size of the socket's receive buffer, where it is not to be the system's.
    pub(super) receive_buffer: Option<u32>,
}

/// An open stream.
#[derive(Debug)]
pub(super) enum Stream {
    /// Over a bare socket.
    Plain(Box<Plain>),
    /// Through the ordinary client.
    Tls(reqwest::Response),
}

impl Stream {
    /// Opens a stream.
    ///
    /// # Errors
    /// Fails where the server can't be reached, or answers with anything but an event stream.
    pub(super) async fn open(
        target: &Target,
        api: &Api,
        request: &StreamRequest,
    ) -> Result<Self, Refusal> {
        if target.base().scheme() == "https" {
            return api.open_stream(request).await.map(Stream::Tls);
        }
        let (head, plain) = Plain::ask(target, &request.question()).await?;
        let Head { status, content_type, .. } = &head;
        if *status != 200 {
            return Err(plain.refusal(&head).await);
        }
        if !content_type.starts_with("text/event-stream") {
            let what = format!("`{content_type}` instead of an event stream");
            return Err(Refusal::garbled(target.shown(), what));
        }
        Ok(Stream::Plain(Box::new(plain)))
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
            Stream::Plain(plain) => plain.read(on).await,
            Stream::Tls(response) => match response.chunk().await {
                Ok(Some(bytes)) => {
                    on(&bytes);
                    Ok(true)
                }
                Ok(None) => Ok(false),
                Err(error) => Err(io::Error::other(error)),
            },
        }
    }
}

impl StreamRequest {
    /// Returns the path with the query.
    pub(super) fn path(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("/api/stream{mark}{}", self.query)
    }

    fn question(&self) -> Question {
        let resume = self.last_event_id.as_ref();
        let resume = resume.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
        Question {
            path: self.path(),
            headers: format!("accept: text/event-stream\r\ncache-control: no-store\r\n{resume}"),
            receive_buffer: self.receive_buffer,
        }
    }
}
