//! The streams that have readers here, each with its pump.

use std::{collections::HashMap, sync::Arc};

use broker::{AttachError, Broker};
use event::{After, Clock, StreamName};
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::AbortOnDrop;
use crate::{
    channel::{Channel, LaneLimits, Lease},
    inbox::Inbox,
    pump::Pump,
};

/// Sweeps that a channel without readers survives, so that a reader that reconnects finds it.
const IDLE_SWEEPS_MAX: u32 = 3;

pub(super) struct Channels {
    broker: Arc<dyn Broker>,
    clock: Arc<dyn Clock>,
    inboxes: Arc<[Arc<Inbox>]>,
    entries: Mutex<HashMap<StreamName, Arc<Entry>>>,
}

/// A channel that is being made or has been.
#[derive(Default)]
struct Entry {
    running: OnceCell<Running>,
    /// Guarded by the map's lock: how many sweeps found it without readers.
    idle_sweeps: std::sync::atomic::AtomicU32,
}

struct Running {
    channel: Arc<Channel>,
    _pump: AbortOnDrop,
}

impl Channels {
    pub(super) fn new(
        broker: Arc<dyn Broker>,
        clock: Arc<dyn Clock>,
        inboxes: Arc<[Arc<Inbox>]>,
    ) -> Self {
        Channels { broker, clock, inboxes, entries: Mutex::default() }
    }

    /// Returns a share in the stream's channel; it is watched from now on.
    pub(super) async fn lease(&self, stream: &StreamName) -> Result<Lease, AttachError> {
        let entry = {
            let mut entries = self.entries.lock();
            let entry = Arc::clone(entries.entry(stream.clone()).or_default());
            entry.idle_sweeps.store(0, std::sync::atomic::Ordering::Relaxed);
            entry
        };
        let running = entry.running.get_or_try_init(|| self.begin(stream)).await?;
        Ok(Lease::take(&running.channel))
    }

    async fn begin(&self, stream: &StreamName) -> Result<Running, AttachError> {
        let (opening, log) = self.broker.attach(stream, &After::Head).await?;
        let (workers, limits) = (self.inboxes.len(), LaneLimits::default());
        let channel = Arc::new(Channel::new(stream.clone(), opening.head, workers, limits));
        let pump = Pump {
            broker: Arc::clone(&self.broker),
            channel: Arc::clone(&channel),
            inboxes: Arc::clone(&self.inboxes),
            clock: Arc::clone(&self.clock),
        };
        #[expect(clippy::disallowed_methods, reason = "the channel owns it and aborts it")]
        let pump = AbortOnDrop(tokio::spawn(pump.run(log)));
        Ok(Running { channel, _pump: pump })
    }

    /// Ends the channels that were idle often enough.
    ///
    /// An entry that somebody holds is being leased this moment and stays.
    pub(super) fn sweep(&self) {
        use std::sync::atomic::Ordering::Relaxed;
        self.entries.lock().retain(|_, entry| {
            let idle = entry.running.get().is_none_or(|running| running.channel.readers() == 0);
            if !idle || Arc::strong_count(entry) > 1 {
                entry.idle_sweeps.store(0, Relaxed);
                return true;
            }
            entry.idle_sweeps.fetch_add(1, Relaxed) < IDLE_SWEEPS_MAX
        });
    }

    pub(super) fn len(&self) -> usize {
        self.entries.lock().len()
    }

    /// Returns how many readers a stream has.
    pub(super) fn readers_of(&self, stream: &StreamName) -> usize {
        let entries = self.entries.lock();
        let running = entries.get(stream).and_then(|entry| entry.running.get());
        running.map_or(0, |running| running.channel.readers())
    }

    pub(super) fn readers(&self) -> usize {
        self.count(|_| true)
    }

    pub(super) fn client_readers(&self) -> usize {
        self.count(|stream| *stream != StreamName::Probe)
    }

    fn count(&self, of: impl Fn(&StreamName) -> bool) -> usize {
        let entries = self.entries.lock();
        let running = entries.iter().filter(|(stream, _)| of(stream));
        running.filter_map(|(_, entry)| entry.running.get()).map(|r| r.channel.readers()).sum()
    }

    pub(super) fn end_all(&self) {
        self.entries.lock().clear();
    }
}
