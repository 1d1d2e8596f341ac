//! What other threads leave for a worker, and how they wake it.
//!
//! Bounded by what exists: a channel stands in it once, a reader has at most one page under way,
//! and adoptions are limited by the open streams that are allowed.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mio::Waker;
use parking_lot::Mutex;

use crate::{
    channel::Channel,
    room::{Admission, Fetched, ReaderKey, socket::Socket},
};

/// A message to a worker.
pub(crate) enum Message {
    /// Serve this reader.
    Admit(Box<Admission<Socket>>),
    /// The page that a reader asked for.
    Page(ReaderKey, Fetched),
    /// Let all readers go, spread over this time.
    Drain(Duration),
    /// End; readers that are still there are cut off.
    Stop,
}

/// A worker's letter box.
pub(crate) struct Inbox {
    content: Mutex<Content>,
    woken: AtomicBool,
    waker: Waker,
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

/// What was in the box.
#[derive(Default)]
pub(crate) struct Content {
    pub(crate) messages: Vec<Message>,
    pub(crate) channels: Vec<Arc<Channel>>,
}

impl Inbox {
    pub(crate) fn new(waker: Waker) -> Self {
        Inbox { content: Mutex::default(), woken: AtomicBool::new(false), waker }
    }

    pub(crate) fn send(&self, message: Message) {
        self.content.lock().messages.push(message);
        self.wake();
    }

    pub(crate) fn look_at(&self, channel: &Arc<Channel>) {
        self.content.lock().channels.push(Arc::clone(channel));
        self.wake();
    }

    /// Takes everything; whoever leaves something from now on wakes the worker again.
    pub(crate) fn take(&self) -> Content {
        self.woken.store(false, Ordering::SeqCst);
        std::mem::take(&mut *self.content.lock())
    }

    fn wake(&self) {
        if !self.woken.swap(true, Ordering::SeqCst) {
            self.wake_now().expect("an eventfd of this process takes a write");
        }
    }

    fn wake_now(&self) -> io::Result<()> {
        self.waker.wake()
    }
}
