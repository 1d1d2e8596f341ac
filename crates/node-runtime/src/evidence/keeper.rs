//! The task that puts evidence down: it writes the files, tells operators, and tries again what the
//! disk or the log could not take.

use std::{
    collections::VecDeque,
    error::Error,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use broker::{
    live::{Stage, SwitchError, Target},
    memory::state_dir::StateDir,
};
use jiff::Timestamp;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::{
    Author, Record, WAITING_MAX,
    shelf::{SetAside, Shelf, ShelfError},
};
use crate::{Shutdown, State, runtime::forget_windows};

/// How long to wait before what could not be told or written is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long the last attempts may take when the process ends.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Puts down what the process's switch does until the process ends.
pub(crate) async fn run(state: Arc<State>, folder: Arc<StateDir>, mut end: Shutdown) {
    let Some(live) = state.live.broker() else { return };
    let mut status = live.watch_status();
    let mut keeping = Keeping::begin(&state, folder);
    keeping.open_past().await;
    let mut failed = None;
    loop {
        keeping.take_in();
        keeping.put_down().await;
        let error = status.borrow_and_update().error.clone();
        if error != failed && keeping.tell_failure(error.as_ref()).await {
            failed = error;
        }
        let again = !keeping.pending.is_empty() || status.borrow().error != failed;
        tokio::select! {
            () = end.asked() => break,
            () = state.evidence.woken.notified() => {}
            changed = status.changed() => if changed.is_err() { break },
            () = tokio::time::sleep(AGAIN), if again => {}
        }
    }
    keeping.take_in();
    let until = Instant::now() + LAST_WORDS;
    while !keeping.pending.is_empty() && Instant::now() < until {
        let _ = timeout(LAST_WORDS, keeping.put_down()).await;
        tokio::time::sleep(LAST_WORDS / 20).await;
    }
    if !keeping.pending.is_empty() {
        tracing::error!(records = keeping.pending.len(), "evidence is not put down at the end");
    }
}

struct Keeping<'a> {
    state: &'a Arc<State>,
    folder: Arc<StateDir>,
    /// In the meantime it is with the thread that writes.
    shelf: Option<Shelf>,
    pending: VecDeque<Record>,
    number: u64,
    /// Whether the disk did not take what was written last; it is told once.
    is_failing: bool,
}

impl<'a> Keeping<'a> {
    fn begin(state: &'a Arc<State>, folder: Arc<StateDir>) -> Self {
        let (pending, shelf) = (VecDeque::new(), None);
        Keeping { state, folder, shelf, pending, number: 0, is_failing: false }
    }

    /// Mends what a crash left of the signed log, before anything new happens.
    async fn open_past(&mut self) {
        if self.shelf().has_past() {
            let ((), opened) = self.on_shelf(|_| ((), Ok(()))).await;
            self.tell_whether(opened).await;
        }
    }

    fn take_in(&mut self) {
        let by_settings = self.state.live.by_settings();
        let author = Author { replica: self.state.replica(), by_settings };
        while let Some(happened) = self.state.evidence.take() {
            self.number += 1;
            if self.pending.len() >= WAITING_MAX {
                tracing::error!("too much evidence waits for the disk; the oldest is given up");
                self.pending.pop_front();
            }
            if happened.is_begun() {
                self.state.has_windows.store(true, Ordering::Release);
            }
            self.pending.push_back(author.record(&happened, self.number));
        }
    }

    /// Writes and tells what waits, in order.
    async fn put_down(&mut self) {
        let written = self.write().await;
        self.tell_whether(written).await;
        for record in self.pending.iter_mut().filter(|record| !record.is_told) {
            let said = &record.said;
            let made = || self.state.ops_event("cutover.changed", said.clone());
            if !self.state.tell_ops_once(record.event.get_or_insert_with(made)).await {
                break;
            }
            record.is_told = true;
        }
        self.pending.retain(|record| !(record.is_written && record.is_told));
        self.forget_windows().await;
    }

    /// Tells once that the disk began not to take records.
    async fn tell_whether(&mut self, written: Result<(), Unwritten>) {
        let was_failing = std::mem::replace(&mut self.is_failing, written.is_err());
        if let Err(Unwritten(reason)) = written
            && !was_failing
        {
            self.state.metrics.evidence_failed();
            let folder = self.state.settings.realtime.evidence_dir();
            tracing::error!(error = reason, folder = %folder.display(), "evidence can't be written");
            self.state.tell_ops("cutover.unrecorded", json!({"reason": reason})).await;
        }
    }

    async fn write(&mut self) -> Result<(), Unwritten> {
        let waiting = self.pending.iter().filter(|record| !record.is_written).cloned();
        let waiting: Vec<Record> = waiting.collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let (written, done) = self.on_shelf(|shelf| put_all(shelf, waiting)).await;
        for record in self.pending.iter_mut().filter(|record| written.contains(&record.name)) {
            record.is_written = true;
        }
        done
    }

    /// Opens the shelf and does something with it, on a thread that may wait for the disk.
    ///
    /// # Cancel safety
    /// The thread goes on, and until it has ended nobody else opens the log. What it wrote is then
    /// written again, which changes nothing.
    async fn on_shelf<T: Default + Send + 'static>(
        &mut self,
        act: impl FnOnce(&mut Shelf) -> (T, Result<(), ShelfError>) + Send + 'static,
    ) -> (T, Result<(), Unwritten>) {
        let mut shelf = self.shelf.take().unwrap_or_else(|| self.shelf());
        let at = i64::try_from(self.state.clock.unix().0).ok();
        let at = at.and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or_default();
        let acted = tokio::task::spawn_blocking(move || match shelf.open(at) {
            Ok(set_aside) => {
                let (made, done) = act(&mut shelf);
                (shelf, set_aside, made, done)
            }
            Err(error) => (shelf, None, T::default(), Err(error)),
        });
        let (shelf, set_aside, made, done) = match acted.await {
            Ok(acted) => acted,
            Err(error) => {
                return (T::default(), Err(Unwritten(format!("writing broke off: {error}"))));
            }
        };
        self.shelf = Some(shelf);
        if let Some(set_aside) = set_aside {
            self.tell_set_aside(&set_aside).await;
        }
        (made, done.map_err(|error| Unwritten(chain(&error))))
    }

    async fn tell_set_aside(&self, set_aside: &SetAside) {
        let (reason, moved_to) = (&set_aside.reason, set_aside.moved_to.display().to_string());
        tracing::error!(reason, moved_to, "evidence was changed and is set aside");
        self.state.metrics.evidence_failed();
        let told = json!({"reason": reason, "moved_to": moved_to});
        self.state.tell_ops("cutover.evidence_set_aside", told).await;
    }

    fn shelf(&self) -> Shelf {
        let signer = self.state.evidence.signer.get().cloned();
        Shelf::new(self.state.settings.realtime.evidence_dir(), signer)
    }

    /// Tells of an attempt that did not go on.
    async fn tell_failure(&self, error: Option<&SwitchError>) -> bool {
        let Some(error) = error else { return true };
        let reason = json!({"reason": error.to_string()});
        self.state.tell_ops("cutover.stopped", reason).await
    }

    /// Removes windows that are Redis's again, where a start with these settings would take them for
    /// news.
    async fn forget_windows(&self) {
        let standing = self.state.live.broker().map(|live| live.standing());
        let is_over = standing == Some((Stage::Idle, Target::Redis));
        let has_windows = self.state.has_windows.load(Ordering::Acquire);
        if !is_over || !has_windows || self.state.live.by_settings() != Target::Redis {
            return;
        }
        let (state, folder) = (Arc::clone(self.state), Arc::clone(&self.folder));
        match tokio::task::spawn_blocking(move || forget_windows(&state, &folder)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::error!(%error, "saved windows can't be removed"),
            Err(error) => tracing::error!(%error, "removing saved windows panicked"),
        }
    }
}

/// Puts records down as far as the disk takes them; returns the names of those that are there.
fn put_all(shelf: &mut Shelf, records: Vec<Record>) -> (Vec<String>, Result<(), ShelfError>) {
    let mut written = Vec::new();
    for record in records {
        if let Err(error) = shelf.put(&record) {
            return (written, Err(error));
        }
        written.push(record.name);
    }
    (written, Ok(()))
}

/// Why records are not on disk, with all reasons behind it.
struct Unwritten(String);

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
