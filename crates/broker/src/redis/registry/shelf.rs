//! How many bytes of events wait beside the levels of all streams, and the bound on that.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use event::Event;

/// Most bytes that wait; beyond, readers of a stream are told its head alone, and read the log.
pub(super) const BYTES_MAX: usize = 16 << 20;

/// What an event costs beside its JSON, about.
const EVENT_BYTES: usize = 256;

/// What waits, in bytes.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    bytes: AtomicUsize,
}

/// An event that waits.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) event: Arc<Event>,
    shelf: Arc<Shelf>,
}

impl Shelf {
    /// Keeps an event, if there is room for it.
    pub(super) fn keep(self: &Arc<Self>, event: Arc<Event>) -> Option<Kept> {
        let bytes = bytes_of(&event);
        let kept = Kept { event, shelf: Arc::clone(self) };
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        (before + bytes <= BYTES_MAX).then_some(kept)
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.shelf.bytes.fetch_sub(bytes_of(&self.event), Ordering::Relaxed);
    }
}

fn bytes_of(event: &Event) -> usize {
    event.json.len() + EVENT_BYTES
}
