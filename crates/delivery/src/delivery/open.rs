//! How a reader is attached, and handed over with its socket.

use std::sync::Arc;

use broker::{AttachError, Events, PageLimit};
use bytes::Bytes;
use event::{After, Event, Gap, MonoMs, Position, StreamName};
use tokio::sync::OwnedSemaphorePermit;

use super::Delivery;
use crate::{
    Filter, Lease, Socket, Subscribing, Terms, Transport, room::Admission, session::WebSocket,
};

/// Events of the first page; what lies beyond is read when the reader has taken these.
const FIRST_PAGE: PageLimit = PageLimit::clamped(512);

/// What a reader asks for.
#[derive(Clone, Debug)]
pub struct OpenRequest {
    /// The stream.
    pub stream: StreamName,
    /// Where to begin.
    pub after: After,
    /// Which events; all where there is none.
    pub filter: Option<Arc<Filter>>,
    /// On what terms.
    pub terms: Terms,
}

/// How a stream begins for its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// It asked for no earlier place.
    Fresh,
    /// It goes on where it was.
    Resumed,
    /// A hole can't be ruled out.
    Gap,
}

impl Resume {
    /// Returns the word that clients see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Resume::Fresh => "fresh",
            Resume::Resumed => "resumed",
            Resume::Gap => "gap",
        }
    }
}

/// A reader that is attached and waits for its socket.
#[derive(Debug)]
pub struct Opened {
    /// How it begins.
    pub resume: Resume,
    /// The place after which it goes on.
    pub after: Position,
    /// The hole before that place.
    pub gap: Option<Gap>,
    /// How many events it will be sent before the live ones.
    pub replayed: u64,
    lease: Lease,
    first: Events,
    first_through: Position,
    filter: Option<Arc<Filter>>,
    terms: Terms,
}

/// A reader's end of a stream.
#[derive(Debug)]
pub struct Reader {
    /// Its connection, in non-blocking mode.
    pub socket: Socket,
    /// How it is connected.
    pub transport: Transport,
    /// What is written before any event.
    pub preamble: Bytes,
    /// When its credential expires.
    pub expires: Option<MonoMs>,
    /// Its share in its tenant's open streams.
    pub permit: Option<OwnedSemaphorePermit>,
}

/// A client's end of a WebSocket.
#[derive(Debug)]
pub struct WebReader {
    /// Its connection, in non-blocking mode.
    pub socket: Socket,
    /// What its client may send, and to whom it goes.
    pub web_socket: WebSocket,
    /// The stream that its client is likely to follow: its worker is chosen by that.
    pub likely: StreamName,
    /// The stream that it follows from its beginning, if any.
    pub opened: Option<Opened>,
    /// What is written before anything else.
    pub preamble: Bytes,
    /// When its credential expires.
    pub expires: Option<MonoMs>,
    /// Its share in its tenant's open streams.
    pub permit: Option<OwnedSemaphorePermit>,
}

impl Opened {
    /// Turns it into what a WebSocket subscribes to.
    pub fn subscribing(self, permit: Option<OwnedSemaphorePermit>) -> Subscribing {
        Subscribing {
            lease: self.lease,
            after: self.after,
            first: self.first,
            first_through: self.first_through,
            filter: self.filter,
            permit,
            terms: self.terms,
        }
    }
}

impl Delivery {
    /// Attaches a reader: from now on nothing that follows its place can be missed.
    ///
    /// # Errors
    /// Fails where the backend can't answer; a bad cursor is a gap.
    ///
    /// # Cancel safety
    /// Nothing is left behind when the future is dropped.
    pub async fn open(&self, request: OpenRequest) -> Result<Opened, AttachError> {
        let OpenRequest { stream, after, filter, terms } = request;
        let lease = self.channels.lease(&stream).await?;
        let page = self.broker.page(&stream, &after, FIRST_PAGE).await?;
        if !page.is_whole() {
            let reason = "the backend gave a page with a hole".to_owned();
            return Err(AttachError::Unavailable { reason });
        }
        let resume = match (&after, &page.gap) {
            (_, Some(_)) => Resume::Gap,
            (After::Head, None) => Resume::Fresh,
            _ => Resume::Resumed,
        };
        let replayed = match &filter {
            None => page.head.seq.count_after(page.after.seq).saturating_sub(page.skipped),
            Some(filter) => self.count(&stream, &page, filter).await?,
        };
        if let Some(gap) = &page.gap {
            self.metrics.gap(gap.reason);
        }
        Ok(Opened {
            resume,
            after: page.after,
            gap: page.gap,
            replayed,
            lease,
            first: page.events,
            first_through: page.next,
            filter,
            terms,
        })
    }

    /// Counts what a filter lets through up to the head that the first page saw.
    async fn count(
        &self,
        stream: &StreamName,
        first: &broker::Page,
        filter: &Filter,
    ) -> Result<u64, AttachError> {
        let wanted = |events: &[Arc<Event>]| {
            let up_to_head = events.iter().filter(|event| event.position.seq <= first.head.seq);
            up_to_head.filter(|event| filter.wants(&event.name)).count() as u64
        };
        let mut count = wanted(&first.events);
        let mut next = first.next;
        while next.seq < first.head.seq {
            let page = self.broker.page(stream, &After::At(next), PageLimit::MAX).await?;
            if page.next == next {
                break;
            }
            count += wanted(&page.events);
            // A page of memory is always ready; others have their turn too.
            tokio::task::yield_now().await;
            next = page.next;
        }
        Ok(count)
    }

    /// Serves an attached reader over its socket.
    pub fn serve(&self, opened: Opened, reader: Reader) {
        let worker = self.worker_for(opened.lease.channel());
        self.serve_in(worker, opened, reader);
    }

    /// Serves an attached reader in a certain worker.
    pub(crate) fn serve_in(&self, worker: usize, opened: Opened, reader: Reader) {
        let admission = Admission {
            socket: reader.socket,
            transport: reader.transport,
            preamble: reader.preamble,
            subscribing: Some(opened.subscribing(None)),
            web_socket: None,
            expires: reader.expires,
            permit: reader.permit,
        };
        self.admit(worker, admission);
    }

    /// Serves a WebSocket.
    pub fn serve_web(&self, reader: WebReader) {
        let admission = Admission {
            socket: reader.socket,
            transport: Transport::websocket,
            preamble: reader.preamble,
            subscribing: reader.opened.map(|opened| opened.subscribing(None)),
            web_socket: Some(reader.web_socket),
            expires: reader.expires,
            permit: reader.permit,
        };
        self.admit(self.worker_for_stream(&reader.likely), admission);
    }
}
