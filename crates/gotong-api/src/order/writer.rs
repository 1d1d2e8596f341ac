//! Brings what the logs have to the database, in groups, and shows what is there.
//!
//! One group is under way at a time: what comes meanwhile makes the next one. The longer the database
//! takes, the more each group has.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use broker::ReadError;
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

/// Most threads of one turn.
const TURN_MAX: usize = 256;

/// How many logs are read at once.
const READS_MAX: usize = 32;

/// How long a log is waited for, and how long once one of the same turn did not answer so soon: what
/// other threads wait for is not to wait for it.
const READ_PATIENCE: [Duration; 2] = [Duration::from_secs(1), Duration::from_millis(100)];

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
        let count = waiting.len().min(TURN_MAX);
        let cells: Vec<_> = waiting.drain(..count).collect();
        for cell in &cells {
            // Before its log is read: what comes from now on brings it back.
            cell.is_queued.store(false, Ordering::SeqCst);
        }
        cells
    }

    /// Writes until the end is asked for, and then what senders wait for, as long as that is done
    /// `within` a while.
    pub(super) async fn run(
        &self,
        log: Arc<dyn ThreadLog>,
        rows: Arc<dyn Rows>,
        mut end: Shutdown,
        within: Duration,
    ) {
        let (log, rows) = (&*log, &*rows);
        while !end.is_asked() {
            let cells = self.take();
            if cells.is_empty() {
                tokio::select! {
                    () = self.more.notified() => {}
                    () = end.asked() => {}
                }
                continue;
            }
            let mut turn = pin!(self.turn(log, rows, cells));
            tokio::select! {
                () = &mut turn => continue,
                () = end.asked() => {}
            }
            if !self.is_down() {
                let _ = timeout(within, turn).await;
            }
        }
        let deadline = Instant::now() + within;
        let is_waited_for = || self.senders.load(Ordering::Relaxed) > 0 && !self.is_down();
        while is_waited_for() && Instant::now() < deadline {
            let cells = self.take();
            if cells.is_empty() {
                let _ = timeout(LOOK_EVERY, self.more.notified()).await;
            } else {
                let left = deadline.saturating_duration_since(Instant::now());
                let _ = timeout(left, self.turn(log, rows, cells)).await;
            }
        }
    }

    /// Reads what these threads' logs have, and writes it: never more at once than a group and what is
    /// being read.
    async fn turn(&self, log: &dyn ThreadLog, rows: &dyn Rows, cells: Vec<Arc<Cell>>) {
        let is_slow = AtomicBool::new(false);
        let reads = stream::iter(cells.clone()).map(|cell| read(log, cell, &is_slow));
        let mut reads = pin!(reads.buffer_unordered(READS_MAX));
        let (mut parts, mut held) = (Vec::new(), Held::default());
        let (mut is_log_down, mut is_idle) = (false, true);
        loop {
            let next = reads.next().await;
            let is_end = next.is_none();
            match next {
                Some((cell, Ok(pending))) if pending.messages.is_empty() => cell.set_fault(None),
                Some((cell, Ok(pending))) => {
                    is_idle = false;
                    held.add(&pending.messages);
                    parts.push(Part { cell, pending });
                }
                Some((cell, Err(PendingError::Log(error)))) => {
                    tracing::debug!(%error, stream = %cell.stream, "a log can't be read now");
                    is_log_down = true;
                    self.look_at(&cell);
                }
                Some((cell, Err(PendingError::Fault(fault)))) => report(&cell, fault),
                None => {}
            }
            if !is_end && held.fits() {
                continue;
            }
            held = Held::default();
            if log.is_shared() {
                self.others.take_from(&mut parts);
            }
            while !parts.is_empty() {
                let group = self.group(&mut parts);
                if !self.write(rows, group).await {
                    // What is done already is looked at for nothing.
                    cells.iter().for_each(|cell| self.look_at(cell));
                    sleep(PAUSE).await;
                    return;
                }
            }
            if is_end {
                break;
            }
        }
        if is_idle {
            // Nothing waits that would find out by itself; the next message does.
            self.is_down.store(false, Ordering::Relaxed);
        }
        if is_log_down {
            sleep(PAUSE).await;
        }
    }

    /// Takes what fits into one group; a thread whose messages do not all fit comes again.
    fn group(&self, parts: &mut Vec<Part>) -> Vec<Part> {
        let mut held = Held::default();
        let mut group: Vec<Part> = Vec::new();
        while let Some(mut part) = parts.pop() {
            let fits = part.pending.messages.iter().take_while(|message| {
                held.add([*message]);
                held.fits()
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
            if !held.has_room() {
                return group;
            }
        }
        group
    }

    /// Writes a group; false where the database takes nothing.
    async fn write(&self, rows: &dyn Rows, group: Vec<Part>) -> bool {
        let messages: Vec<Message> =
            group.iter().flat_map(|part| part.pending.messages.iter().cloned()).collect();
        match rows.write(&messages).await {
            Ok(()) => {
                for Part { cell, pending } in &group {
                    self.shown(cell, pending, pending.messages.len());
                }
                true
            }
            Err(ChatError::Query(error)) if error.is_outage() => {
                if !self.is_down.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "the database takes no messages");
                }
                false
            }
            Err(_) if group.len() > 1 => {
                // One of them is at fault; the others need not suffer.
                for part in group {
                    if !Box::pin(self.write(rows, vec![part])).await {
                        return false;
                    }
                }
                true
            }
            Err(error) => {
                self.is_down.store(false, Ordering::Relaxed);
                for Part { cell, .. } in &group {
                    report(cell, error.to_string());
                }
                true
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

/// How much there is of some messages, as the bounds of a group count.
#[derive(Debug, Default)]
struct Held {
    count: usize,
    bytes: usize,
}

impl Held {
    fn add<'a>(&mut self, messages: impl IntoIterator<Item = &'a Message>) {
        for message in messages {
            self.count += 1;
            self.bytes += MESSAGE_BYTES + message.bytes();
        }
    }

    /// Returns whether one group can have them.
    fn fits(&self) -> bool {
        self.count <= GROUP_MESSAGES_MAX && self.bytes <= GROUP_BYTES_MAX
    }

    /// Returns whether it could have more.
    fn has_room(&self) -> bool {
        self.count < GROUP_MESSAGES_MAX && self.bytes < GROUP_BYTES_MAX
    }
}

/// Reads what a thread's log has, within the patience that there is.
async fn read(
    log: &dyn ThreadLog,
    cell: Arc<Cell>,
    is_slow: &AtomicBool,
) -> (Arc<Cell>, Result<Pending, PendingError>) {
    let patience = READ_PATIENCE[usize::from(is_slow.load(Ordering::Relaxed))];
    let read = timeout(patience, Pending::read(log, &cell)).await.unwrap_or_else(|_| {
        is_slow.store(true, Ordering::Relaxed);
        let reason = "the log did not answer in time".to_owned();
        Err(PendingError::Log(ReadError::Unavailable { reason }))
    });
    (cell, read)
}

/// Says once that nothing can be sent to a thread, and why.
fn report(cell: &Cell, fault: String) {
    if cell.fault().as_ref() != Some(&fault) {
        tracing::error!(stream = %cell.stream, fault, "nothing can be sent to a thread");
    }
    cell.set_fault(Some(fault));
}
