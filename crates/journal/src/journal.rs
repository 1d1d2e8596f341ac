//! The journal: opens the log, owns the thread that writes and the tasks that feed sinks.
//!
//! Owns their life. Must not know what the records mean.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::disk::Disk;
use crate::error::{AttachError, OpenError};
use crate::health::{Health, SinkHealth, SinkState, State};
use crate::log::Log;
use crate::metrics::{Counters, Metrics};
use crate::options::Options;
use crate::queue::{Bounds, Queue};
use crate::recent::Recent;
use crate::recovery::{self, Opened, Recovered, failed};
use crate::retention::Retention;
use crate::segments::Segments;
use crate::seq::Seq;
use crate::shared::Shared;
use crate::sink::{Checkpoint, Positions, Sink, SinkOptions, SinkTask};
use crate::tail::Tail;
use crate::writer::{Left, Work, Writer};

/// How long the answer of the writing thread may take over the deadline.
const GRACE: Duration = Duration::from_secs(1);
/// How often it is looked whether the sinks that are left still take anything.
const LOOK: Duration = Duration::from_millis(20);

/// A write-ahead log with a bounded queue before it and sinks behind it.
pub struct Journal {
    shared: Arc<Shared>,
    ended: Mutex<Option<oneshot::Receiver<Left>>>,
    sinks: Mutex<JoinSet<()>>,
}

/// What was left when a journal was closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closed {
    /// Groups that were taken and could not be written.
    pub unwritten_groups: u64,
    /// Records of these groups; counted as dropped.
    pub unwritten_records: u64,
    /// Sinks that did not take all; they go on after the next start.
    pub sinks_behind: Vec<String>,
}

impl Journal {
    /// Opens the journal, reads all of it, and starts the thread that writes.
    ///
    /// # Errors
    ///
    /// Another process has it open, a limit makes no sense, the log was written by a newer
    /// version, or the file system failed. Damage is no error: [`Recovered`] tells of it.
    pub fn open(options: Options) -> Result<(Self, Recovered), OpenError> {
        options.check()?;
        let (disk, folder) = (Arc::clone(&options.disk), options.folder.clone());
        let sinks_folder = folder.join("sinks");
        make_folders(&*disk, &folder, &sinks_folder)
            .map_err(failed("making its folder", &folder))?;
        let lock_path = folder.join("lock");
        let lock = disk.lock(&lock_path).map_err(failed("locking it", &lock_path))?;
        let lock = lock.ok_or_else(|| OpenError::InUse { folder: folder.clone() })?;
        let checkpoints = checkpoints(&disk, &sinks_folder, &options.sinks)?;
        let floor = checkpoints.iter().filter_map(|(_, taken)| *taken).max();
        let opened = recovery::open(&*disk, &folder, floor)?;
        let recovered = opened.recovered.clone();
        let (work, shared) = assemble(options, checkpoints, opened);
        let ended = start(work, lock).map_err(failed("starting its thread", &folder))?;
        let journal =
            Self { shared, ended: Mutex::new(Some(ended)), sinks: Mutex::new(JoinSet::new()) };
        Ok((journal, recovered))
    }

    /// A handle that feeds it.
    pub fn writer(&self) -> Writer {
        Writer::new(Arc::clone(&self.shared))
    }

    /// A reader from that record on; where it is not kept, the first read says so.
    pub fn tail(&self, from: Seq) -> Tail {
        Tail::new(Arc::clone(&self.shared), from)
    }

    /// The first record that is kept; the next one's number where none is.
    pub fn first_seq(&self) -> Seq {
        self.shared.first_seq()
    }

    /// The number that the next record gets.
    pub fn next_seq(&self) -> Seq {
        self.shared.recent.end().next
    }

    /// Starts to feed a sink from where it was; must be called in a tokio runtime.
    ///
    /// # Errors
    ///
    /// The journal was opened without it, or it is attached already.
    pub fn attach(&self, sink: Arc<dyn Sink>, options: SinkOptions) -> Result<(), AttachError> {
        let name = sink.name().to_owned();
        let Some(from) = self.shared.positions.attach(&name) else {
            return Err(AttachError::Unknown(name));
        };
        let Some(from) = from else { return Err(AttachError::Twice(name)) };
        // A new sink begins with what is there.
        let from = if from == Seq::FIRST { self.first_seq() } else { from };
        let task = SinkTask::new(sink, options, Arc::clone(&self.shared), from);
        self.sinks.lock().spawn(task.run());
        Ok(())
    }

    /// How it is.
    pub fn health(&self) -> Health {
        let state = self.shared.state.lock().clone();
        Health { state, sinks: self.sink_health() }
    }

    /// Its counters.
    pub fn metrics(&self) -> Metrics {
        let (shared, counters) = (&self.shared, &self.shared.counters);
        let (queue_records, queue_bytes) = shared.queue.depth();
        Metrics {
            queue_records: queue_records as u64,
            queue_bytes: queue_bytes as u64,
            dropped: counters.dropped(),
            dropped_ever: shared.dropped_ever(),
            records_written: counters.records_written.load(Relaxed),
            bytes_written: counters.bytes_written.load(Relaxed),
            fsyncs: counters.fsyncs.load(Relaxed),
            write_failures: counters.write_failures.load(Relaxed),
            segments: shared.segments.count(),
            log_bytes: shared.segments.bytes(),
            next_seq: self.next_seq().get(),
        }
    }

    /// Takes nothing more, writes what was taken, lets the sinks take it, and ends.
    ///
    /// A disk that fails is tried until the deadline. Sinks that fail are not waited for.
    ///
    /// # Cancel safety
    ///
    /// Not safe: dropped, the journal closes all the same, and a second call does not know what was
    /// not written.
    pub async fn close(&self, deadline: Duration) -> Closed {
        let until = Instant::now() + deadline;
        self.shared.queue.close(Some(until));
        let ended = self.ended.lock().take();
        let left = match ended {
            None => Left::default(),
            Some(ended) => match timeout(deadline + GRACE, ended).await {
                Ok(Ok(left)) => left,
                // The disk hangs: what it has is unknown, and so not written.
                Ok(Err(_)) | Err(_) => {
                    let records = self.shared.queue.depth().0;
                    Left { groups: self.shared.queue.groups(), records }
                }
            },
        };
        self.end_sinks(until).await;
        let behind = self.sink_health().into_iter();
        Closed {
            unwritten_groups: left.groups as u64,
            unwritten_records: left.records as u64,
            sinks_behind: behind
                .filter(|sink| sink.behind_records > 0)
                .map(|sink| sink.name)
                .collect(),
        }
    }

    async fn end_sinks(&self, until: Instant) {
        let mut sinks = std::mem::take(&mut *self.sinks.lock());
        while Instant::now() < until && !self.all_fail() {
            if let Ok(None) = timeout(LOOK, sinks.join_next()).await {
                break;
            }
        }
        sinks.shutdown().await;
        for sink in self.sink_health() {
            let stop = |health: &mut SinkHealth| health.state = SinkState::Stopped;
            self.shared.positions.health(&sink.name, stop);
        }
    }

    fn sink_health(&self) -> Vec<SinkHealth> {
        let recent = &self.shared.recent;
        self.shared.positions.all(self.next_seq(), |seq| recent.written_ms(seq))
    }

    fn all_fail(&self) -> bool {
        let sinks = self.sink_health();
        sinks.iter().all(|sink| matches!(sink.state, SinkState::Retrying | SinkState::Stopped))
    }
}

impl Drop for Journal {
    /// Lets the thread write what it has and end; who wants to know how that went closes it.
    fn drop(&mut self) {
        self.shared.queue.close(Some(Instant::now()));
    }
}

/// Makes the folders, so that their names last too.
fn make_folders(disk: &dyn Disk, folder: &Path, sinks: &Path) -> std::io::Result<()> {
    disk.create_folder(sinks)?;
    disk.sync_folder(folder)?;
    match folder.parent() {
        Some(parent) if parent == Path::new("") => disk.sync_folder(Path::new(".")),
        Some(parent) => disk.sync_folder(parent),
        None => Ok(()),
    }
}

fn checkpoints(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    names: &[String],
) -> Result<Vec<(String, Option<Seq>)>, OpenError> {
    let read = |name: &String| {
        let taken = Checkpoint::new(Arc::clone(disk), folder, name).read();
        Ok((name.clone(), taken.map_err(failed("reading a sink's checkpoint", folder))?))
    };
    names.iter().map(read).collect()
}

fn assemble(
    options: Options,
    checkpoints: Vec<(String, Option<Seq>)>,
    opened: Opened,
) -> (Work, Arc<Shared>) {
    let next = opened.recovered.next;
    let bounds = Bounds { records: options.queue_records_max, bytes: options.queue_bytes_max };
    let shared = Arc::new(Shared {
        folder: options.folder,
        disk: options.disk,
        observer: options.observer,
        queue: Queue::new(bounds),
        recent: Recent::new(options.recent_bytes_max, next),
        segments: Segments::new(opened.segments),
        positions: Positions::new(checkpoints),
        counters: Counters::default(),
        state: Mutex::new(State::Writing),
        dropped_before: opened.recovered.dropped,
    });
    let log = Log::new(Arc::clone(&shared), options.segment_bytes_max, opened.file);
    let retention =
        Retention { log_bytes_max: options.log_bytes_max, retain_records: options.retain_records };
    let work = Work {
        shared: Arc::clone(&shared),
        log,
        retention,
        flush_bytes_max: options.flush_bytes_max,
        retry_delay_max: options.retry_delay_max,
    };
    (work, shared)
}

/// Starts the thread, which has the lock for as long as it writes.
fn start(work: Work, lock: Box<dyn Send + Sync>) -> std::io::Result<oneshot::Receiver<Left>> {
    let (told, ended) = oneshot::channel();
    let guard = Ended(Arc::clone(&work.shared));
    let run = move || {
        let _guard = guard;
        let left = work.run();
        drop(lock);
        // Nobody listens where the journal was dropped without being closed.
        let _nobody = told.send(left);
    };
    std::thread::Builder::new().name("journal".to_owned()).spawn(run)?;
    Ok(ended)
}

/// Tells all who wait for the writing thread that it ended, also where it panicked.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.queue.close(Some(Instant::now()));
        self.0.recent.close();
        let mut state = self.0.state.lock();
        if *state != State::Closed {
            *state = State::Degraded { reason: "its thread failed; restart the server".to_owned() };
        }
    }
}
