//! The backend that keeps its windows in this process and saves them to a folder.
//!
//! Owns: one [`log::Log`] a stream, the folder, the fork at start. An append takes one lock, that
//! of its own stream, and never waits for a disk.

mod epochs;
pub mod keys;
pub mod log;
pub mod state_dir;
mod watch;
pub mod window_file;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use event::{After, Clock, Epoch, Ledger, Lineage, Position, Seq, StreamName};
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch as level;

pub use self::epochs::{EpochSource, OsEpochs};
use self::log::{Log, WindowLimits};
use crate::{
    Append, AppendError, Appended, BoxFuture, Broker, BrokerHealth, HealthState, Page, PageLimit,
    ReadError, Watch,
};

/// Most logs that the backend holds; a further one is refused, none is forgotten.
pub const LOGS_MAX: usize = 100_000;

/// One stream's log with what surrounds it.
pub(crate) struct Cell {
    pub(crate) log: Mutex<Log>,
    head: level::Sender<u64>,
    /// Whether the log differs from what the folder has.
    pub(crate) dirty: AtomicBool,
}

impl Cell {
    fn new(log: Log) -> Self {
        let head = level::Sender::new(log.head().seq.0);
        Cell { log: Mutex::new(log), head, dirty: AtomicBool::new(true) }
    }
}

/// The memory backend.
pub struct MemoryBroker {
    limits: WindowLimits,
    clock: Arc<dyn Clock>,
    epochs: Arc<dyn EpochSource>,
    /// Whether the process before this one may have had logs that it never saved.
    lost_logs: AtomicBool,
    cells: RwLock<HashMap<StreamName, Arc<Cell>>>,
}

impl MemoryBroker {
    /// Returns a backend that holds nothing.
    pub fn new(limits: WindowLimits, clock: Arc<dyn Clock>) -> Self {
        MemoryBroker {
            limits,
            clock,
            epochs: Arc::new(OsEpochs),
            lost_logs: AtomicBool::new(false),
            cells: RwLock::default(),
        }
    }

    /// Returns the backend with another source of epochs, before it holds anything.
    #[must_use]
    pub fn with_epochs(self, epochs: Arc<dyn EpochSource>) -> Self {
        MemoryBroker { epochs, ..self }
    }

    /// Takes up a log that was saved; it replaces what the backend has under that name.
    pub fn take_up(&self, stream: StreamName, log: Log) {
        self.cells.write().insert(stream, Arc::new(Cell::new(log)));
    }

    /// Begins a log in the place of one whose saved window could not be read.
    pub fn take_up_lost(&self, stream: StreamName) {
        self.take_up(stream, Log::begin(Lineage::lossy_origin(self.epochs.draw())));
    }

    /// Says that logs may have been lost whole: those that begin from now on lost their past.
    pub(crate) fn reckon_with_lost_logs(&self) {
        self.lost_logs.store(true, Ordering::Release);
    }

    fn new_log(&self) -> Log {
        let epoch = self.epochs.draw();
        Log::begin(match self.lost_logs.load(Ordering::Acquire) {
            false => Lineage::origin(epoch),
            true => Lineage::lossy_origin(epoch),
        })
    }

    /// Lets a log go on behind this number, where it has not come so far: what lies between was kept
    /// elsewhere, and here it is a hole. Keys stay.
    ///
    /// # Errors
    /// Fails where there are too many logs.
    pub fn raise(&self, stream: &StreamName, to: Seq) -> Result<(), ReadError> {
        let epoch = self.epochs.draw();
        self.change(stream, |log| log.raise(epoch, to)).ok_or(ReadError::StreamsFull)
    }

    /// Forgets what the limits no longer keep, in logs that nobody appends to or reads.
    pub fn trim(&self) {
        for (_, cell) in self.cells() {
            let mut log = cell.log.lock();
            if log.trim(self.clock.mono(), &self.limits) {
                cell.dirty.store(true, Ordering::Release);
            }
        }
    }

    /// Returns copies of all logs; events are shared, not copied.
    pub fn copies(&self) -> Vec<(StreamName, Log)> {
        self.cells().into_iter().map(|(name, cell)| (name, cell.log.lock().clone())).collect()
    }

    /// Returns how many logs there are.
    pub fn logs(&self) -> usize {
        self.cells.read().len()
    }

    pub(crate) fn cells(&self) -> Vec<(StreamName, Arc<Cell>)> {
        self.cells.read().iter().map(|(name, cell)| (name.clone(), Arc::clone(cell))).collect()
    }

    /// Looks at a log, where there is one.
    pub(crate) fn peek<T>(&self, stream: &StreamName, look: impl FnOnce(&Log) -> T) -> Option<T> {
        let cell = self.cells.read().get(stream).cloned()?;
        let log = cell.log.lock();
        Some(look(&log))
    }

    /// Changes a log, a new one where there is none; `None` where there are too many.
    pub(crate) fn change<T>(
        &self,
        stream: &StreamName,
        change: impl FnOnce(&mut Log) -> T,
    ) -> Option<T> {
        let cell = self.cell(stream)?;
        let mut log = cell.log.lock();
        let changed = change(&mut log);
        cell.dirty.store(true, Ordering::Release);
        cell.head.send_replace(log.head().seq.0);
        Some(changed)
    }

    /// Forgets a log with all of it; for those who keep elsewhere what it had. Whoever is attached to
    /// it is not told.
    pub fn forget(&self, stream: &StreamName) {
        self.cells.write().remove(stream);
    }

    pub(crate) fn limits(&self) -> &WindowLimits {
        &self.limits
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn draw_epoch(&self) -> Epoch {
        self.epochs.draw()
    }

    /// Returns the stream's cell, a new one where there is none; `None` where there are too many.
    fn cell(&self, stream: &StreamName) -> Option<Arc<Cell>> {
        if let Some(cell) = self.cells.read().get(stream) {
            return Some(Arc::clone(cell));
        }
        let mut cells = self.cells.write();
        if cells.len() >= LOGS_MAX && !cells.contains_key(stream) {
            return None;
        }
        let cell = cells.entry(stream.clone());
        Some(Arc::clone(cell.or_insert_with(|| Arc::new(Cell::new(self.new_log())))))
    }

    fn append_now(&self, stream: &StreamName, append: Append) -> Result<Appended, AppendError> {
        let cell = self.cell(stream).ok_or(AppendError::StreamsFull)?;
        let mut log = cell.log.lock();
        // Under the lock, so that times ascend with the numbers.
        let now = self.clock.mono();
        let appended = log.append(append, now, &self.limits)?;
        if matches!(appended, Appended::First(_)) {
            cell.dirty.store(true, Ordering::Release);
            // Under the lock, so that the level never falls.
            cell.head.send_replace(log.head().seq.0);
        }
        Ok(appended)
    }

    fn page_now(
        &self,
        stream: &StreamName,
        after: &After,
        limit: PageLimit,
    ) -> Result<Page, ReadError> {
        let cell = self.cell(stream).ok_or(ReadError::StreamsFull)?;
        let mut log = cell.log.lock();
        log.trim(self.clock.mono(), &self.limits);
        Ok(log.page(after, limit))
    }
}

impl Broker for MemoryBroker {
    fn append<'a>(
        &'a self,
        stream: &'a StreamName,
        append: Append,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        Box::pin(async move { self.append_now(stream, append) })
    }

    fn page<'a>(
        &'a self,
        stream: &'a StreamName,
        after: &'a After,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move { self.page_now(stream, after, limit) })
    }

    fn head<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Position, ReadError>> {
        Box::pin(async move {
            let cell = self.cell(stream).ok_or(ReadError::StreamsFull)?;
            let head = cell.log.lock().head();
            Ok(head)
        })
    }

    fn ledger<'a>(&'a self, stream: &'a StreamName) -> BoxFuture<'a, Result<Ledger, ReadError>> {
        Box::pin(async move {
            let cell = self.cell(stream).ok_or(ReadError::StreamsFull)?;
            let ledger = cell.log.lock().ledger();
            Ok(ledger)
        })
    }

    fn watch<'a>(
        &'a self,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>, ReadError>> {
        Box::pin(async move {
            let cell = self.cell(stream).ok_or(ReadError::StreamsFull)?;
            Ok(Box::new(watch::Level::new(cell.head.subscribe())) as Box<dyn Watch>)
        })
    }

    fn health(&self) -> BrokerHealth {
        BrokerHealth { state: HealthState::Healthy, reason: None, selected: "memory" }
    }
}
