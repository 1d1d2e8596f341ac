//! An attached reader that remembers all it received, and waits through outages.

use std::{collections::HashSet, sync::Arc, time::Duration};

use broker::{Attachment, Broker, Item, Opening, Receipt};
use event::{After, EventId, GapReason, StreamName};
use tokio::time::{Instant, timeout_at};

/// Far beyond what any case here takes.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Attached {
    pub(crate) opening: Opening,
    pub(crate) items: Vec<Item>,
    attachment: Attachment,
}

impl Attached {
    pub(crate) async fn at(broker: &Arc<dyn Broker>, stream: &StreamName, after: &After) -> Self {
        let (opening, attachment) = broker.attach(stream, after).await.expect("it attaches");
        Attached { opening, items: Vec::new(), attachment }
    }

    /// Reads one more item; an outage is waited through.
    pub(crate) async fn next(&mut self) -> &Item {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match timeout_at(deadline, self.attachment.next()).await {
                Ok(Ok(Some(item))) => self.items.push(item),
                Ok(Err(_)) if Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    continue;
                }
                other => panic!(
                    "nothing more came ({other:?}) after {} items, the last one {:?}",
                    self.items.len(),
                    self.items.last()
                ),
            }
            return self.items.last().expect("it was just pushed");
        }
    }

    /// Reads until this event came.
    pub(crate) async fn through(&mut self, id: EventId) {
        while !matches!(self.next().await, Item::Event(event) if event.id == id) {}
    }

    /// Returns the reasons of the gaps received, that of the opening first.
    pub(crate) fn reasons(&self) -> Vec<GapReason> {
        let later = self.items.iter().filter_map(|item| match item {
            Item::Gap(gap) => Some(gap),
            Item::Event(_) => None,
        });
        self.opening.gap.iter().chain(later).map(|gap| gap.reason).collect()
    }

    /// Returns how many of these events did not come.
    ///
    /// # Panics
    /// Panics where any came out of order or twice.
    pub(crate) fn lost(&self, acknowledged: &[Receipt]) -> usize {
        let events = self.items.iter().filter_map(|item| match item {
            Item::Event(event) => Some((event.position.seq, event.id)),
            Item::Gap(_) => None,
        });
        let (numbers, ids): (Vec<_>, HashSet<_>) = events.unzip();
        // After a gap the numbers of what was lost may be given again.
        let repeats = numbers.windows(2).filter(|pair| pair[0] >= pair[1]).count();
        assert!(repeats <= self.gaps(), "out of order without a gap: {numbers:?}");
        assert_eq!(ids.len(), numbers.len(), "an event came twice");
        acknowledged.iter().filter(|receipt| !ids.contains(&receipt.id)).count()
    }

    /// Returns how many gaps were received.
    pub(crate) fn gaps(&self) -> usize {
        self.reasons().len()
    }
}
