//! An attached reader that remembers all it received.

use std::{sync::Arc, time::Duration};

use event::{After, EventId, Gap, GapReason, StreamName};

use super::{Start, broken_promise};
use crate::{Attachment, Broker, Item, Opening, Receipt};

/// How long a reader waits for what must come; far beyond what any backend takes.
const WAIT_MAX: Duration = Duration::from_secs(20);

pub(super) struct Reader {
    pub(super) opening: Opening,
    pub(super) attachment: Attachment,
    pub(super) items: Vec<Item>,
}

impl Reader {
    pub(super) async fn attach(
        broker: &Arc<dyn Broker>,
        stream: &StreamName,
        after: &After,
    ) -> Reader {
        let (opening, attachment) = broker.attach(stream, after).await.expect("it attaches");
        Reader { opening, attachment, items: Vec::new() }
    }

    pub(super) async fn next(&mut self) -> &Item {
        let next = tokio::time::timeout(WAIT_MAX, self.attachment.next()).await;
        let next = next.unwrap_or_else(|_| panic!("nothing more came after {:?}", self.items));
        let item = next.expect("the backend answers").expect("the log is not shut down");
        self.items.push(item);
        self.items.last().expect("it was just pushed")
    }

    /// Reads until this event came.
    pub(super) async fn through(&mut self, id: EventId) {
        while !matches!(self.next().await, Item::Event(event) if event.id == id) {}
    }

    /// Reads until the last of these events came, and checks all that was received.
    pub(super) async fn through_all(&mut self, acknowledged: &[Receipt], start: Start) {
        if let Some(last) = acknowledged.last() {
            self.through(last.id).await;
        }
        self.assert_promises(acknowledged, start);
    }

    /// Checks what was received until now against what was acknowledged.
    pub(super) fn assert_promises(&self, acknowledged: &[Receipt], start: Start) {
        if let Some(broken) = broken_promise(acknowledged, start, &self.items) {
            panic!("{broken}; opened {:?}, received {:?}", self.opening, self.items);
        }
    }

    /// Returns the ids of the events received.
    pub(super) fn ids(&self) -> Vec<EventId> {
        let events = self.items.iter().filter_map(|item| match item {
            Item::Event(event) => Some(event.id),
            Item::Gap(_) => None,
        });
        events.collect()
    }

    /// Returns the gaps received, that of the opening first.
    pub(super) fn gaps(&self) -> Vec<&Gap> {
        let later = self.items.iter().filter_map(|item| match item {
            Item::Gap(gap) => Some(gap),
            Item::Event(_) => None,
        });
        self.opening.gap.iter().chain(later).collect()
    }

    /// Returns the reasons of the gaps received, that of the opening first.
    pub(super) fn reasons(&self) -> Vec<GapReason> {
        self.gaps().into_iter().map(|gap| gap.reason).collect()
    }
}
