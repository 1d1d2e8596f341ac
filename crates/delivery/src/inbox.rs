//! What other threads leave for a worker, and how they wake it.
//!
//! Bounded by what exists: a channel stands in it once, a subscription has at most one page and a
//! reader one batch of messages under way, each message is answered a few times at most, and
//! admissions are limited by the open streams that are allowed. Once its worker has ended, what
//! is left in it is dropped: a socket that nobody would serve is closed.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use event::StreamName;
use mio::Waker;
use parking_lot::Mutex;

use crate::{
    channel::Channel,
    room::{Admission, Fetched, ReaderKey, SubscriptionId, socket::Socket},
    session::Reply,
};

/// A message to a worker.
pub(crate) enum Message {
    /// Serve this reader.
    Admit(Box<Admission<Socket>>),
    /// The page that a reader asked for.
    Page(ReaderKey, SubscriptionId, Fetched),
    /// What a session answers its client.
    Reply(ReaderKey, Reply),
    /// Let those readers of this stream go whose permission was taken.
    Passes(StreamName),
    /// Let all readers go, spread over this time.
    Drain(Duration),
    /// Make these faults from now on.
    #[cfg(feature = "inject")]
    Inject(crate::inject::Faults),
    /// End; readers that are still there are cut off.
    Stop,
}

/// A worker's letter box.
pub(crate) struct Inbox {
    /// None once the worker has ended.
    content: Mutex<Option<Content>>,
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
        let content = Mutex::new(Some(Content::default()));
        Inbox { content, woken: AtomicBool::new(false), waker }
    }

    pub(crate) fn send(&self, message: Message) {
        self.leave(|content| content.messages.push(message));
    }

    pub(crate) fn look_at(&self, channel: &Arc<Channel>) {
        self.leave(|content| content.channels.push(Arc::clone(channel)));
    }

    fn leave(&self, put: impl FnOnce(&mut Content)) {
        if let Some(content) = &mut *self.content.lock() {
            put(content);
        } else {
            return;
        }
        self.wake();
    }

    /// Takes everything; whoever leaves something from now on wakes the worker again.
    pub(crate) fn take(&self) -> Content {
        self.woken.store(false, Ordering::SeqCst);
        self.content.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Drops what is in it, and whatever is left from now on.
    pub(crate) fn close(&self) {
        let _dropped_without_the_lock = self.content.lock().take();
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
