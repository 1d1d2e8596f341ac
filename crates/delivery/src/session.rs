//! What a WebSocket's client says, on its way to whoever understands it, and the answers back.
//!
//! Delivery knows frames, not their meaning. A worker hands what came to the connection's
//! [`Session`], and reads on once the session has done with it: what a client may have under way
//! is one batch, and a client that sends faster than it is served meets a full socket.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use event::{MonoMs, StreamName};

use crate::{
    Subscribing,
    inbox::{Inbox, Message},
    room::ReaderKey,
    ws::{CloseCode, Opcode, decoder::DecoderOptions},
};

/// A message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// Understands what the clients of one connection say.
pub trait Session: Send + Sync + fmt::Debug {
    /// Takes what came, in order; called from a worker's thread, so it must not wait. The next call
    /// comes after the conversation was dropped.
    fn take(self: Arc<Self>, conversation: Conversation, messages: Vec<ClientMessage>);
}

/// A connection that was upgraded to WebSocket.
#[derive(Debug)]
pub struct WebSocket {
    /// What understands its client.
    pub session: Arc<dyn Session>,
    /// What its client may send.
    pub options: DecoderOptions,
    /// Whether it is sent compressed messages.
    pub sends_deflated: bool,
    /// What came behind the request.
    pub received: Bytes,
}

/// An answer to a client, or what is to become of its connection.
#[derive(Debug)]
pub enum Reply {
    /// Send this message.
    Say(Opcode, Bytes),
    /// Say this, and then follow a stream.
    Subscribe {
        /// The stream and the place in it.
        subscribing: Box<Subscribing>,
        /// What is sent before its first event: JSON texts.
        preamble: Vec<String>,
    },
    /// Follow a stream no longer.
    Unsubscribe(StreamName),
    /// The credential was renewed; it lasts until then, or for ever.
    Expires(Option<MonoMs>),
    /// Close the connection.
    Close(CloseCode, &'static str),
    /// The batch is done with; read on.
    Done,
}

/// The way back to one connection; dropped, it lets the connection be read on.
pub struct Conversation {
    inbox: Arc<Inbox>,
    reader: ReaderKey,
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation").field("reader", &self.reader).finish_non_exhaustive()
    }
}

impl Conversation {
    pub(crate) fn new(inbox: Arc<Inbox>, reader: ReaderKey) -> Self {
        Conversation { inbox, reader }
    }

    /// Sends a JSON text.
    pub fn say(&self, json: String) {
        self.reply(Reply::Say(Opcode::Text, json.into()));
    }

    /// Sends an answer; one to a connection that is gone is dropped.
    pub fn reply(&self, reply: Reply) {
        self.inbox.send(Message::Reply(self.reader, reply));
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.reply(Reply::Done);
    }
}
