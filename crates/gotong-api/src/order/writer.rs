//! Brings what the logs have to the database, in groups, and shows what is there.
//!
//! One group is under way at a time: what comes meanwhile makes the next one. The longer the database
//! takes, the more each group has.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream};
use node_runtime::Shutdown;
use parking_lot::Mutex;
use store::{ChatError, GROUP_BYTES_MAX, GROUP_MESSAGES_MAX, Message};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};

use super::{
    cell::Cell,
    log::ThreadLog,
    others::Others,
    pending::{Pending, PendingError},
    rows::Rows,
};

/// Most threads of one group.
const CELLS_MAX: usize = 256;

/// How many logs are read at once.
const READS_MAX: usize = 32;

/// What a message counts besides its texts.
const MESSAGE_BYTES: usize = 256;

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_millis(100);

/// How often it is looked whether everything is done, at the end.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The threads that wait.
#[derive(Debug, Default)]
pub(super) struct Writer {
    waiting: Mutex<VecDeque<Arc<Cell>>>,
    more: Notify,
    is_down: AtomicBool,
    /// What other processes are about to write.
    pub(super) others: Others,
    /// How many senders wait for what they sent.
    senders: AtomicUsize,
}

/// A sender that waits; counted until it is dropped.
#[derive(Debug)]
pub(super) struct Waiting<'a>(&'a Writer);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.senders.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A part of a group: messages of one thread that follow what is shown of it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) cell: Arc<Cell>,
    pub(super) pending: Pending,
}

impl Writer {
    /// Leaves a thread whose log may have more than is shown.
    pub(super) fn look_at(&self, cell: &Arc<Cell>) {
        if !cell.is_queued.swap(true, Ordering::SeqCst) {
            self.waiting.lock().push_back(Arc::clone(cell));
            self.more.notify_one();
        }
    }

    /// Returns whether the database takes nothing.
    pub(super) fn is_down(&self) -> bool {
        self.is_down.load(Ordering::Relaxed)
    }

    /// Counts a sender that waits.
    pub(super) fn waiting(&self) -> Waiting<'_> {
        self.senders.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    fn take(&self) -> Vec<Arc<Cell>> {
        let mut waiting = self.waiting.lock();
        let count = waiting.len().min(CELLS_MAX);
        let cells: Vec<_> = waiting.drain(..count).collect();
        for cell in &cells {
            // Before its log is read: what comes from now on brings it back.
            cell.is_queued.store(false, Ordering::SeqCst);
        }
        cells
    }

    /// Writes until the end is asked for, and then what is under way, as long as that is done `within`
    /// a while.
    pub(super) async fn run(
        &self,
        log: Arc<dyn ThreadLog>,
        rows: Arc<dyn Rows>,
        mut end: Shutdown,
        within: Duration,
    ) {
        loop {
            let cells = self.take();
            if cells.is_empty() {
                tokio::select! {
                    () = self.more.notified() => {}
                    () = end.asked() => break,
                }
                continue;
            }
            let turn = self.turn(&*log, &*rows, cells);
            tokio::select! {
                () = turn => {}
                () = end.asked(), if self.is_down() => break,
            }
        }
        let deadline = Instant::now() + within;
        while self.senders.load(Ordering::Relaxed) > 0 && Instant::now() < deadline {
            let cells = self.take();
            if cells.is_empty() {
                let _ = timeout(LOOK_EVERY, self.more.notified()).await;
            } else {
                let left = deadline.saturating_duration_since(Instant::now());
                let _ = timeout(left, self.turn(&*log, &*rows, cells)).await;
            }
        }
    }

    async fn turn(&self, log: &dyn ThreadLog, rows: &dyn Rows, cells: Vec<Arc<Cell>>) {
        let read = stream::iter(cells).map(|cell| async move {
            let pending = Pending::read(log, &cell).await;
            (cell, pending)
        });
        let read: Vec<_> = read.buffered(READS_MAX).collect().await;
        let mut parts = Vec::new();
        let mut is_log_down = false;
        for (cell, pending) in read {
            match pending {
                Ok(pending) if pending.messages.is_empty() => cell.set_fault(None),
                Ok(pending) => parts.push(Part { cell, pending }),
                Err(PendingError::Log(error)) => {
                    tracing::debug!(%error, stream = %cell.stream, "a log can't be read now");
                    is_log_down = true;
                    self.look_at(&cell);
                }
                Err(PendingError::Fault(fault)) => report(&cell, fault),
            }
        }
        if parts.is_empty() {
            // Nothing waits that would find out by itself; the next message does.
            self.is_down.store(false, Ordering::Relaxed);
        }
        if log.is_shared() {
            self.others.take_from(&mut parts);
        }
        while !parts.is_empty() {
            let group = self.group(&mut parts);
            self.write(rows, group).await;
        }
        if is_log_down {
            sleep(PAUSE).await;
        }
    }

    /// Takes what fits into one group; a thread whose messages do not all fit comes again.
    fn group(&self, parts: &mut Vec<Part>) -> Vec<Part> {
        let (mut count, mut bytes) = (0, 0);
        let mut group: Vec<Part> = Vec::new();
        while let Some(mut part) = parts.pop() {
            let fits = part.pending.messages.iter().take_while(|message| {
                count += 1;
                bytes += MESSAGE_BYTES + size(message);
                count <= GROUP_MESSAGES_MAX && bytes <= GROUP_BYTES_MAX
            });
            let fits = fits.count();
            if fits == 0 && !group.is_empty() {
                parts.push(part);
                return group;
            }
            let fits = fits.max(1);
            part.pending.has_more |= fits < part.pending.messages.len();
            part.pending.messages.truncate(fits);
            group.push(part);
            if count >= GROUP_MESSAGES_MAX || bytes >= GROUP_BYTES_MAX {
                return group;
            }
        }
        group
    }

    async fn write(&self, rows: &dyn Rows, group: Vec<Part>) {
        let messages: Vec<Message> =
            group.iter().flat_map(|part| part.pending.messages.iter().cloned()).collect();
        match rows.write(&messages).await {
            Ok(()) => {
                for Part { cell, pending } in &group {
                    self.shown(cell, pending, pending.messages.len());
                }
            }
            Err(ChatError::Query(error)) if error.is_outage() => {
                if !self.is_down.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "the database takes no messages");
                }
                group.iter().for_each(|part| self.look_at(&part.cell));
                sleep(PAUSE).await;
            }
            Err(_) if group.len() > 1 => {
                // One of them is at fault; the others need not suffer.
                for part in group {
                    Box::pin(self.write(rows, vec![part])).await;
                }
            }
            Err(error) => {
                self.is_down.store(false, Ordering::Relaxed);
                for Part { cell, .. } in &group {
                    report(cell, error.to_string());
                }
            }
        }
    }

    /// Shows the first messages of a thread that the database has.
    pub(super) fn shown(&self, cell: &Arc<Cell>, pending: &Pending, count: usize) {
        self.is_down.store(false, Ordering::Relaxed);
        cell.set_fault(None);
        if cell.show(&pending.messages[..count]).is_err() {
            return report(cell, "a message can't be shown".to_owned());
        }
        let place = count.checked_sub(1).and_then(|last| pending.places.get(last));
        cell.set_place(place.copied());
        if pending.has_more {
            self.look_at(cell);
        }
    }
}

/// Says once that nothing can be sent to a thread, and why.
fn report(cell: &Cell, fault: String) {
    if cell.fault().as_ref() != Some(&fault) {
        tracing::error!(stream = %cell.stream, fault, "nothing can be sent to a thread");
    }
    cell.set_fault(Some(fault));
}

fn size(message: &Message) -> usize {
    let options = [&message.request_id, &message.correlation_id];
    let optional: usize = options.into_iter().flatten().map(String::len).sum();
    let attached: usize = message.attachments.iter().map(String::len).sum();
    message.body.len() + message.author_id.len() + attached + optional
}
