//! The delivery of a process: its workers, its channels, its end.

mod channels;
mod open;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use broker::Broker;
use event::{Clock, StreamName};
use parking_lot::Mutex;
use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use self::channels::Channels;
pub use self::open::{OpenRequest, Opened, Reader, Resume, WebReader};
use crate::{
    DeliveryMetrics, DeliveryOptions, Socket,
    channel::{Channel, home},
    fetch::{self, WISHES_MAX},
    inbox::{Inbox, Message},
    room::{Admission, CLOSE_MAX},
    worker::{Surroundings, Worker},
};

/// How much longer than its spread a drain may take, for readers that are slow to leave: longer
/// than a WebSocket has to answer its close frame.
const DRAIN_GRACE: Duration = CLOSE_MAX.saturating_add(Duration::from_secs(1));

/// Readers of one stream that are served by one worker before it is split over all.
const READERS_TOGETHER: usize = 32;

/// The delivery of a process.
pub struct Delivery {
    broker: Arc<dyn Broker>,
    metrics: DeliveryMetrics,
    channels: Channels,
    inboxes: Arc<[Arc<Inbox>]>,
    turn: AtomicUsize,
    ends: Mutex<Ends>,
}

/// What has to be joined at the end.
#[derive(Default)]
struct Ends {
    threads: Vec<thread::JoinHandle<()>>,
    tasks: JoinSet<()>,
    drained: Option<mpsc::Receiver<usize>>,
}

/// Delivery could not be started.
#[derive(Debug, thiserror::Error)]
#[error("a delivery worker could not be started")]
pub struct StartError(#[from] io::Error);

/// How a drain went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainReport {
    /// Whether every reader left before the time was up.
    pub complete: bool,
}

impl Delivery {
    /// Starts the workers; must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Fails where the system gives no poller or no thread.
    pub fn start(
        broker: Arc<dyn Broker>,
        clock: Arc<dyn Clock>,
        options: DeliveryOptions,
        metrics: DeliveryMetrics,
    ) -> Result<Self, StartError> {
        let (fetches, wishes) = mpsc::channel(WISHES_MAX);
        let workers = options.workers.max(1);
        let (drained, drained_rx) = mpsc::channel(workers);
        let shared = Surroundings {
            clock: Arc::clone(&clock),
            options,
            metrics: metrics.clone(),
            fetches,
            drained,
        };
        let (inboxes, threads) = start_workers(workers, &shared)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(fetch::run(Arc::clone(&broker), wishes, Arc::clone(&inboxes)));
        let channels = Channels::new(Arc::clone(&broker), clock, Arc::clone(&inboxes));
        let ends = Mutex::new(Ends { threads, tasks, drained: Some(drained_rx) });
        Ok(Delivery { broker, metrics, channels, inboxes, turn: AtomicUsize::new(0), ends })
    }

    /// Returns what delivery counts.
    pub fn metrics(&self) -> &DeliveryMetrics {
        &self.metrics
    }

    /// Returns how many workers there are.
    pub fn workers(&self) -> usize {
        self.inboxes.len()
    }

    /// Returns how many readers hold a stream open, the probe's own included.
    pub fn open_readers(&self) -> usize {
        self.channels.readers()
    }

    /// Returns how many streams clients have open.
    pub fn client_readers(&self) -> usize {
        self.channels.client_readers()
    }

    /// Returns how many streams are followed, those that may end at the next sweeps included.
    pub fn streams(&self) -> usize {
        self.channels.len()
    }

    /// Ends channels that have had no reader for a while; to be called every few seconds.
    pub fn sweep(&self) {
        self.channels.sweep();
    }

    /// Lets those readers of a stream go whose [`Pass`](crate::Pass) was taken.
    pub fn look_at_passes(&self, stream: &StreamName) {
        for inbox in &*self.inboxes {
            inbox.send(Message::Passes(stream.clone()));
        }
    }

    /// Makes these faults; to be said before there are readers.
    #[cfg(feature = "inject")]
    pub fn inject(&self, faults: crate::inject::Faults) {
        for inbox in &*self.inboxes {
            inbox.send(Message::Inject(faults));
        }
    }

    pub(crate) fn admit(&self, worker: usize, admission: Admission<Socket>) {
        self.inboxes[worker].send(Message::Admit(Box::new(admission)));
    }

    /// Keeps the few readers of a small stream together, and spreads those of a big one.
    fn worker_for(&self, channel: &Channel) -> usize {
        if channel.readers() <= READERS_TOGETHER {
            return home(channel.stream()) % self.inboxes.len();
        }
        self.turn.fetch_add(1, Ordering::Relaxed) % self.inboxes.len()
    }

    /// The same for a connection that will follow this stream.
    fn worker_for_stream(&self, stream: &StreamName) -> usize {
        match self.channels.readers_of(stream) {
            0..READERS_TOGETHER => home(stream) % self.inboxes.len(),
            _ => self.turn.fetch_add(1, Ordering::Relaxed) % self.inboxes.len(),
        }
    }

    /// Lets every reader go, spread over `over`; readers that come meanwhile leave within it too.
    pub async fn drain(&self, over: Duration) -> DrainReport {
        let Some(mut drained) = self.ends.lock().drained.take() else {
            return DrainReport { complete: true };
        };
        for inbox in &*self.inboxes {
            inbox.send(Message::Drain(over));
        }
        let all = async {
            for _ in 0..self.inboxes.len() {
                drained.recv().await;
            }
        };
        let complete = timeout(over + DRAIN_GRACE, all).await.is_ok();
        DrainReport { complete }
    }

    /// Ends the workers and joins them; readers that are still there are cut off.
    pub async fn stop(&self) {
        for inbox in &*self.inboxes {
            inbox.send(Message::Stop);
        }
        self.channels.end_all();
        let Ends { threads, mut tasks, .. } = std::mem::take(&mut *self.ends.lock());
        let joined = tokio::task::spawn_blocking(move || {
            threads.into_iter().filter_map(|thread| thread.join().err()).count()
        });
        if let Ok(1..) = joined.await {
            tracing::error!("a delivery worker had panicked");
        }
        tasks.abort_all();
        while tasks.join_next().await.is_some() {}
    }
}

impl Drop for Delivery {
    /// Ends the workers where nobody has stopped them; nothing is joined.
    fn drop(&mut self) {
        for inbox in &*self.inboxes {
            inbox.send(Message::Stop);
        }
    }
}

type Workers = (Arc<[Arc<Inbox>]>, Vec<thread::JoinHandle<()>>);

/// Starts all workers or none.
fn start_workers(count: usize, shared: &Surroundings) -> io::Result<Workers> {
    let mut inboxes: Vec<Arc<Inbox>> = Vec::new();
    let mut threads = Vec::new();
    for number in 0..count {
        match Worker::start(number, shared) {
            Ok((inbox, thread)) => {
                inboxes.push(inbox);
                threads.push(thread);
            }
            Err(error) => {
                inboxes.iter().for_each(|inbox| inbox.send(Message::Stop));
                return Err(error);
            }
        }
    }
    Ok((inboxes.into(), threads))
}

/// Aborts a task when it is dropped.
#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
