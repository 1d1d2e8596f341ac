//! Writers that go on appending through faults, and remember what was acknowledged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use broker::{Append, AppendError, Broker, Receipt, conformance::new_event};
use event::StreamName;
use tokio::{task::JoinSet, time::Instant};

use super::logs::golden_stream;

/// Far beyond what any fault here takes.
const PATIENCE: Duration = Duration::from_secs(40);

/// Tasks that append to a stream, each one event after the other.
pub(crate) struct Writer {
    tasks: JoinSet<Vec<Receipt>>,
    acknowledged: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Writer {
    /// Starts some that append to the golden stream, as fast as they can.
    pub(crate) fn start(broker: &Arc<dyn Broker>, tasks: usize) -> Self {
        Writer::start_all(broker, &golden_stream(), tasks, Duration::ZERO)
    }

    /// Starts tasks that rest between two events: memory would take any number of them.
    pub(crate) fn start_paced(broker: &Arc<dyn Broker>, tasks: usize, rest: Duration) -> Self {
        Writer::start_all(broker, &golden_stream(), tasks, rest)
    }

    /// Starts one that appends to a stream, and rests after each event.
    pub(crate) fn start_on(broker: &Arc<dyn Broker>, stream: &StreamName, pace: Duration) -> Self {
        Writer::start_all(broker, stream, 1, pace)
    }

    fn start_all(
        broker: &Arc<dyn Broker>,
        stream: &StreamName,
        tasks: usize,
        pace: Duration,
    ) -> Self {
        let (acknowledged, stop) = (Arc::default(), Arc::default());
        let mut writer = Writer { tasks: JoinSet::new(), acknowledged, stop };
        for _ in 0..tasks {
            let (broker, stream) = (Arc::clone(broker), stream.clone());
            let count = Arc::clone(&writer.acknowledged);
            let stop = Arc::clone(&writer.stop);
            writer.tasks.spawn(async move {
                let mut receipts = Vec::new();
                while !stop.load(Ordering::Acquire) {
                    match broker.append(&stream, Append::one(new_event())).await {
                        Ok(appended) => {
                            receipts.extend_from_slice(appended.receipts());
                            count.fetch_add(1, Ordering::AcqRel);
                            if pace > Duration::ZERO {
                                tokio::time::sleep(pace).await;
                            }
                        }
                        Err(AppendError::Unavailable { .. }) => tokio::task::yield_now().await,
                        Err(error) => panic!("{error}"),
                    }
                }
                receipts
            });
        }
        writer
    }

    /// Waits until so many appends were acknowledged since the start.
    pub(crate) async fn wait_for(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.acknowledged.load(Ordering::Acquire) < count {
            assert!(Instant::now() < deadline, "appends are not acknowledged any more");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until so many more were.
    pub(crate) async fn wait_for_more(&self, count: usize) {
        self.wait_for(self.acknowledged.load(Ordering::Acquire) + count).await;
    }

    /// Stops, and returns what was acknowledged. In no order: a later owner of the log may have given
    /// the numbers of what an earlier one lost.
    pub(crate) async fn stop(self) -> Vec<Receipt> {
        self.stop.store(true, Ordering::Release);
        self.tasks.join_all().await.concat()
    }
}
