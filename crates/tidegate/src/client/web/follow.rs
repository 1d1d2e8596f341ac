//! A stream that is read over a WebSocket.

use std::time::Duration;

use serde_json::json;

use super::{WebSocket, message::MessageReader};
use crate::{
    client::{Api, Ended, FollowRequest, Refusal},
    sse::Message,
    target::Target,
};

/// A stream that is read over a WebSocket.
#[derive(Debug)]
pub(crate) struct WebStream {
    socket: WebSocket,
    reader: MessageReader,
    /// What came with the stream's beginning and was not handed on yet.
    early: Vec<String>,
}

impl WebStream {
    /// Opens a WebSocket and subscribes to a stream.
    ///
    /// # Errors
    /// Fails where the server can't be reached, or refuses the one or the other.
    pub(in crate::client) async fn open(
        target: &Target,
        api: &Api,
        request: &FollowRequest,
    ) -> Result<Self, Refusal> {
        let mut socket = WebSocket::open(target, api, request.receive_buffer).await?;
        let refusal = |ended: Ended| ended.into_refusal(target.shown());
        socket.say(&subscribe(request)).map_err(refusal)?;
        // What is here is read again when it is handed on.
        let mut reader = MessageReader::new();
        let mut early = Vec::new();
        while !reader.is_subscribed() {
            let mut read = Ok(());
            let came = socket.read(|text| {
                early.push(text.to_owned());
                if read.is_ok() && !reader.is_subscribed() {
                    read = reader.read(text, |_| ());
                }
            });
            let came = came.await;
            read?;
            came.map_err(refusal)?;
        }
        Ok(WebStream { socket, reader: MessageReader::new(), early })
    }

    /// Waits for bytes and hands on the messages that they complete; returns how many bytes came.
    ///
    /// # Errors
    /// Fails where the stream is over; what came before that was handed on.
    ///
    /// # Cancel safety
    /// Nothing is lost: messages are handed on in the same poll in which their bytes are taken.
    pub(in crate::client) async fn read(
        &mut self,
        mut on: impl FnMut(Message<'_>),
    ) -> Result<usize, Ended> {
        let WebStream { socket, reader, early } = self;
        let mut read = Ok(());
        let mut take = |text: &str| {
            if read.is_ok() {
                read = reader.read(text, &mut on);
            }
        };
        let came = if early.is_empty() {
            socket.read(take).await
        } else {
            let early = std::mem::take(early);
            early.iter().for_each(|text| take(text));
            Ok(early.iter().map(String::len).sum())
        };
        read.map_err(Ended::Refused)?;
        came
    }

    /// Returns the id to resume after.
    pub(in crate::client) fn last_id(&self) -> &[u8] {
        self.reader.last_id()
    }

    /// Returns how long the server asks a reader to wait before it comes back.
    pub(in crate::client) fn retry(&self) -> Option<Duration> {
        self.reader.retry()
    }
}

fn subscribe(request: &FollowRequest) -> String {
    let mut message = json!({"type": "subscribe"});
    let after = request.last_event_id.as_ref().or(request.after.as_ref());
    for (name, value) in [("stream", request.stream.as_ref()), ("after", after)] {
        if let Some(value) = value {
            message[name] = value.as_str().into();
        }
    }
    message.to_string()
}
