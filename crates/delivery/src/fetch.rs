//! Reads pages of the log for readers that are behind their ring.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use broker::{Broker, PageLimit, ReadError};
use event::{After, Position, StreamName};
use futures_util::{FutureExt, StreamExt};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    inbox::{Inbox, Message},
    room::{ReaderKey, SubscriptionId},
};

/// Most events of one page: what a slow reader may hold beside its ring.
const PAGE_EVENTS: usize = 128;

/// Most pages that are read at one time.
const READS_MAX: usize = 64;

/// How long a page may take; beyond, its reader asks again, and others have their turn.
const READ_MAX: Duration = Duration::from_secs(10);

/// Most wishes that wait; beyond, a worker asks again at its next tick.
pub(crate) const WISHES_MAX: usize = 4096;

/// A wish for a page.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) worker: usize,
    pub(crate) reader: ReaderKey,
    pub(crate) subscription: SubscriptionId,
    pub(crate) stream: StreamName,
    pub(crate) after: Position,
}

/// Reads pages until the last worker is gone.
pub(crate) async fn run(
    broker: Arc<dyn Broker>,
    wishes: mpsc::Receiver<Fetch>,
    inboxes: Arc<[Arc<Inbox>]>,
) {
    let stream = futures_util::stream::unfold(wishes, async |mut wishes| {
        wishes.recv().await.map(|fetch| (fetch, wishes))
    });
    let answer = async |fetch: Fetch| {
        let page = AssertUnwindSafe(read(&*broker, &fetch)).catch_unwind().await;
        let panicked = |_| Err(ReadError::Unavailable { reason: "a page panicked".to_owned() });
        let page = page.unwrap_or_else(panicked);
        inboxes[fetch.worker].send(Message::Page(fetch.reader, fetch.subscription, page));
    };
    stream.for_each_concurrent(READS_MAX, answer).await;
}

async fn read(broker: &dyn Broker, fetch: &Fetch) -> Result<broker::Page, ReadError> {
    let after = After::At(fetch.after);
    let page = broker.page(&fetch.stream, &after, PageLimit::clamped(PAGE_EVENTS));
    let late = |_| Err(ReadError::Unavailable { reason: "a page took too long".to_owned() });
    timeout(READ_MAX, page).await.unwrap_or_else(late)
}
