//! The task that puts evidence down: it writes the files, tells operators, and tries again what the
//! disk or the log could not take.

use std::{
    collections::VecDeque,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use broker::{
    live::{Stage, SwitchError, Target},
    memory::state_dir::StateDir,
};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::{Author, Record, WAITING_MAX};
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
    pending: VecDeque<Record>,
    number: u64,
    /// Whether the disk did not take what was written last; it is told once.
    is_failing: bool,
}

impl<'a> Keeping<'a> {
    fn begin(state: &'a Arc<State>, folder: Arc<StateDir>) -> Self {
        Keeping { state, folder, pending: VecDeque::new(), number: 0, is_failing: false }
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
        let was_failing = std::mem::replace(&mut self.is_failing, written.is_err());
        if let Err(error) = &written
            && !was_failing
        {
            self.state.metrics.evidence_failed();
            let folder = self.state.settings.realtime.evidence_dir();
            tracing::error!(%error, folder = %folder.display(), "evidence can't be written");
            self.state.tell_ops("cutover.unrecorded", json!({"reason": error.to_string()})).await;
        }
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

    async fn write(&mut self) -> io::Result<()> {
        let folder = self.state.settings.realtime.evidence_dir();
        for record in self.pending.iter_mut().filter(|record| !record.is_written) {
            let (path, bytes) = (folder.join(&record.name), record.bytes.clone());
            let written = tokio::task::spawn_blocking(move || write_whole(&path, &bytes)).await;
            written.unwrap_or_else(|error| Err(io::Error::other(error)))?;
            record.is_written = true;
        }
        Ok(())
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

/// Writes a file that is whole or absent, also after a crash; only its owner may read it.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let temporary = PathBuf::from(format!("{}.tmp", path.display()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| fs::rename(&temporary, path)) {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    File::open(folder)?.sync_all()
}
