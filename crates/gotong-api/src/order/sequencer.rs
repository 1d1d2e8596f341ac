//! The threads that are open in this process, and what gives their messages numbers.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use broker::BrokerHealth;
use event::Clock;
use node_runtime::Shutdown;
use parking_lot::Mutex;
use tokio::{sync::OnceCell, task::JoinSet};

use super::{cell::Cell, log::ThreadLog, rows::Rows, writer::Writer};

/// How long a thread stays open that nobody has to do with.
const IDLE: Duration = Duration::from_secs(60);

/// How a sequencer is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequencerOptions {
    /// How long a sender waits until its message is in the database.
    pub patience: Duration,
    /// Most threads that are open at one time.
    pub threads_max: usize,
}

impl Default for SequencerOptions {
    fn default() -> Self {
        SequencerOptions { patience: Duration::from_secs(5), threads_max: 100_000 }
    }
}

/// A thread that is open, or is being opened.
pub(super) type Entry = Arc<OnceCell<Arc<Cell>>>;

/// Gives messages their numbers.
pub struct Sequencer {
    pub(super) log: Arc<dyn ThreadLog>,
    pub(super) rows: Arc<dyn Rows>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: SequencerOptions,
    cells: Mutex<HashMap<Arc<str>, Entry>>,
    pub(super) writer: Writer,
    /// What follows logs to which others append; each ends with its thread's cell.
    pub(super) followers: Mutex<JoinSet<()>>,
}

impl fmt::Debug for Sequencer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sequencer").field("open", &self.cells.lock().len()).finish_non_exhaustive()
    }
}

impl Sequencer {
    /// Returns the sequencer over a log and a database; nothing runs yet.
    pub fn new(
        log: Arc<dyn ThreadLog>,
        rows: Arc<dyn Rows>,
        clock: Arc<dyn Clock>,
        options: SequencerOptions,
    ) -> Arc<Self> {
        Arc::new(Sequencer {
            log,
            rows,
            clock,
            options,
            cells: Mutex::default(),
            writer: Writer::default(),
            followers: Mutex::default(),
        })
    }

    /// Brings messages to the database until the end is asked for.
    pub async fn run(self: Arc<Self>, end: Shutdown, within: Duration) {
        let (log, rows) = (Arc::clone(&self.log), Arc::clone(&self.rows));
        tokio::select! {
            () = self.writer.run(log, rows, end, within) => {}
            // Senders may wait for what stands behind another process's messages, to the end.
            () = self.writer.others.run(&self.writer, &*self.rows) => {}
        }
        let mut followers = std::mem::take(&mut *self.followers.lock());
        followers.shutdown().await;
    }

    /// Closes threads that nobody has had to do with for a minute; to be called every few seconds.
    pub fn sweep(&self) {
        self.close_unused(&mut self.cells.lock(), IDLE);
    }

    /// Returns the entry of a thread, made where there is none; none where too many are open with which
    /// somebody has to do.
    pub(super) fn entry(&self, thread: &str) -> Option<Entry> {
        let mut cells = self.cells.lock();
        if cells.len() >= self.options.threads_max && !cells.contains_key(thread) {
            self.close_unused(&mut cells, Duration::ZERO);
            if cells.len() >= self.options.threads_max {
                return None;
            }
        }
        Some(Arc::clone(cells.entry(thread.into()).or_default()))
    }

    /// Removes the entry of a thread that could not be opened, unless somebody else tries.
    pub(super) fn give_up(&self, thread: &str, entry: Entry) {
        let mut cells = self.cells.lock();
        drop(entry);
        // Under the lock nobody else comes to hold it.
        let is_nobodys = |entry: &Entry| !entry.initialized() && Arc::strong_count(entry) == 1;
        if cells.get(thread).is_some_and(is_nobodys) {
            cells.remove(thread);
        }
    }

    /// Closes threads that nobody holds and that were not used for a while; the log of each is
    /// forgotten under the lock, so that nobody opens it meanwhile.
    fn close_unused(&self, cells: &mut HashMap<Arc<str>, Entry>, idle: Duration) {
        let now = self.now_ms();
        cells.retain(|_, entry| {
            let Some(cell) = entry.get() else { return Arc::strong_count(entry) > 1 };
            let idle_ms = now.saturating_sub(cell.used.load(Ordering::Relaxed));
            let is_held = Arc::strong_count(entry) > 1 || Arc::strong_count(cell) > 1;
            let is_behind = cell.own() > cell.shown();
            let stays =
                is_held || is_behind || cell.is_watched() || u128::from(idle_ms) < idle.as_millis();
            if !stays {
                self.log.forget(&cell.stream);
            }
            stays
        });
    }

    /// Returns the word for what keeps the logs.
    pub(crate) fn backend(&self) -> &'static str {
        self.log.health().selected
    }

    /// Returns how well the logs serve.
    pub(crate) fn log_health(&self) -> BrokerHealth {
        self.log.health()
    }

    /// Returns whether the database takes no messages, as far as was found out.
    pub fn is_down(&self) -> bool {
        self.writer.is_down()
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.clock.unix().0
    }
}
