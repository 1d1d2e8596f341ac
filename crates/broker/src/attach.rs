//! Replay and live as one operation over any backend.

use std::sync::Arc;

use event::{After, Gap, Position, StreamName};

pub use crate::join::Item;
use crate::{
    Broker, PageLimit, ReadError, Wake, Watch,
    join::{Joiner, Step},
};

/// Why no attachment could be made or continued.
pub type AttachError = ReadError;

/// How an attachment began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The place after which the attachment goes on.
    pub after: Position,
    /// The log's last place at the moment of attaching.
    pub head: Position,
    /// The hole before `after`, where one can't be ruled out.
    pub gap: Option<Gap>,
    /// How many events lie between `after` and `head` that this reader has not had.
    pub replayed: u64,
}

/// One reader's ordered sequence: what it missed, then what is appended, without a seam.
pub struct Attachment {
    broker: Arc<dyn Broker>,
    stream: StreamName,
    watch: Box<dyn Watch>,
    joiner: Joiner,
    page_limit: PageLimit,
    closed: bool,
}

impl Attachment {
    /// Watches first and reads second, so that nothing falls between the two.
    pub(crate) async fn open(
        broker: Arc<dyn Broker>,
        stream: StreamName,
        after: &After,
    ) -> Result<(Opening, Attachment), AttachError> {
        let page_limit = PageLimit::clamped(256);
        let watch = broker.watch(&stream).await?;
        let first = broker.page(&stream, after, page_limit).await?;
        let opening = Opening {
            after: first.after,
            head: first.head,
            gap: first.gap.clone(),
            replayed: first.head.seq.count_after(first.after.seq).saturating_sub(first.skipped),
        };
        let joiner = Joiner::opened(first);
        Ok((opening, Attachment { broker, stream, watch, joiner, page_limit, closed: false }))
    }

    /// Returns the place up to which everything has been taken in.
    pub fn at(&self) -> Position {
        self.joiner.at()
    }

    /// Waits for the next item; `None` once the log is shut down and all of it was delivered.
    ///
    /// # Errors
    /// Fails where the backend can't answer; the attachment keeps its place and may be asked again.
    ///
    /// # Cancel safety
    /// Nothing is lost or repeated when the future is dropped.
    pub async fn next(&mut self) -> Result<Option<Item>, AttachError> {
        loop {
            match self.joiner.step() {
                Step::Deliver(item) => return Ok(Some(item)),
                Step::Read(at) => {
                    let page =
                        self.broker.page(&self.stream, &After::At(at), self.page_limit).await?;
                    self.joiner.on_page(page);
                }
                Step::Wait if self.closed => return Ok(None),
                Step::Wait => self.wait().await,
            }
        }
    }

    /// Waits for at least one item and adds it to `items`, with all others that are at hand.
    ///
    /// Returns whether there was any; none once the log is shut down and all of it was delivered.
    ///
    /// # Errors
    /// Fails where the backend can't answer; the attachment keeps its place and may be asked again.
    ///
    /// # Cancel safety
    /// Nothing is lost or repeated when the future is dropped.
    pub async fn next_ready(&mut self, items: &mut Vec<Item>) -> Result<bool, AttachError> {
        let Some(first) = self.next().await? else { return Ok(false) };
        items.push(first);
        while let Some(item) = self.joiner.ready() {
            items.push(item);
        }
        Ok(true)
    }

    async fn wait(&mut self) {
        let wake = self.watch.changed().await;
        self.closed = matches!(wake, Wake::Closed);
        self.joiner.on_wake(wake);
    }
}
