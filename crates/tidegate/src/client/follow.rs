//! Following a stream, over whichever transport: the one thing that its readers know.

use std::time::Duration;

use form_urlencoded::Serializer;
use tokio::time::timeout;

use super::{
    Api, Ended, EventFilter, Refusal,
    stream::{Stream, StreamRequest},
    web::WebStream,
};
use crate::{
    sse::{Message, Parser},
    target::Target,
};

/// How long opening may take, up to the stream's beginning.
const OPEN_TIME_MAX: Duration = Duration::from_secs(15);

/// How a stream comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Server-Sent Events.
    Sse,
    /// A WebSocket.
    WebSocket,
}

/// What to follow, and from where on.
#[derive(Clone, Debug)]
pub(crate) struct FollowRequest {
    /// How it is to come.
    pub(crate) transport: Transport,
    /// The stream, where it is not the credential's own.
    pub(crate) stream: Option<String>,
    /// Which events are wanted, where that is not all.
    pub(crate) filter: Option<EventFilter>,
    /// The cursor to begin after.
    pub(crate) after: Option<String>,
    /// The cursor of an earlier stream; it wins.
    pub(crate) last_event_id: Option<String>,
    /// The size of the socket's receive buffer, where it is not to be the system's.
    pub(crate) receive_buffer: Option<u32>,
}

/// An open stream, read message by message; its messages have the form of Server-Sent Events.
#[derive(Debug)]
pub(crate) struct Following(Source);

#[derive(Debug)]
enum Source {
    /// Server-Sent Events, which the server filters.
    Sse(Stream, Box<Parser>),
    /// A WebSocket, whose events are filtered here.
    Web(Box<WebStream>, Option<EventFilter>),
}

impl Transport {
    /// Returns the other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Transport::Sse => Transport::WebSocket,
            Transport::WebSocket => Transport::Sse,
        }
    }
}

impl Following {
    /// Opens a stream.
    ///
    /// # Errors
    /// Fails where the server can't be reached, or refuses.
    pub(crate) async fn open(
        target: &Target,
        api: &Api,
        request: &FollowRequest,
    ) -> Result<Self, Refusal> {
        let opened = timeout(OPEN_TIME_MAX, async {
            match request.transport {
                Transport::Sse => {
                    let stream = Stream::open(target, api, &request.to_stream()).await?;
                    Ok(Source::Sse(stream, Box::default()))
                }
                Transport::WebSocket => {
                    let stream = WebStream::open(target, api, request).await?;
                    Ok(Source::Web(Box::new(stream), request.filter.clone()))
                }
            }
        });
        let opened = opened.await.unwrap_or_else(|_| Err(Refusal::timed_out(target.shown())));
        opened.map(Following)
    }

    /// Waits for bytes, a heartbeat's among them, and hands on the messages that they complete;
    /// returns how many bytes came.
    ///
    /// # Errors
    /// Fails where the stream is over; what came before that was handed on.
    ///
    /// # Cancel safety
    /// Nothing is lost: messages are handed on in the same poll in which their bytes are taken.
    pub(crate) async fn read(&mut self, mut on: impl FnMut(Message<'_>)) -> Result<usize, Ended> {
        match &mut self.0 {
            Source::Sse(stream, parser) => {
                let (mut came, mut fed) = (0, Ok(()));
                let read = stream.read(|bytes| {
                    came += bytes.len();
                    fed = parser.feed(bytes, &mut on);
                });
                let more = read.await?;
                fed.map_err(|error| Ended::Garbled(error.to_string()))?;
                if more { Ok(came) } else { Err(Ended::Closed) }
            }
            Source::Web(stream, None) => stream.read(on).await,
            Source::Web(stream, Some(filter)) => {
                let read = stream.read(|message| {
                    if is_own(message.name) || filter.wants(message.name) {
                        on(message);
                    }
                });
                read.await
            }
        }
    }

    /// Returns the id to resume after, over events that were filtered out.
    pub(crate) fn last_id(&self) -> &[u8] {
        match &self.0 {
            Source::Sse(_, parser) => parser.last_id(),
            Source::Web(stream, _) => stream.last_id(),
        }
    }

    /// Returns how long the server asks a reader to wait before it comes back.
    pub(crate) fn retry(&self) -> Option<Duration> {
        match &self.0 {
            Source::Sse(_, parser) => parser.retry(),
            Source::Web(stream, _) => stream.retry(),
        }
    }
}

/// Returns whether it is a name that the server keeps for itself.
fn is_own(name: &[u8]) -> bool {
    matches!(name, b"connected" | b"gap" | b"goodbye" | b"")
}

impl FollowRequest {
    fn to_stream(&self) -> StreamRequest {
        let mut query = Serializer::new(String::new());
        let events = self.filter.as_ref().map(EventFilter::text);
        let parts = [
            ("stream", self.stream.as_deref()),
            ("events", events),
            ("after", self.after.as_deref()),
        ];
        for (name, value) in parts {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        StreamRequest {
            query: query.finish(),
            last_event_id: self.last_event_id.clone(),
            receive_buffer: self.receive_buffer,
        }
    }
}
