//! On what terms a reader follows a stream: how it is spoken to, and whether it still may.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// On what terms a reader follows a stream.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// What can be taken from it while it reads; nothing where there is none.
    pub pass: Option<Arc<Pass>>,
    /// How it is spoken to.
    pub dialect: Dialect,
}

/// A reader's permission.
///
/// Whoever takes it says so here first and to delivery second, so that a reader that is admitted in
/// between is found out by either.
#[derive(Debug, Default)]
pub struct Pass {
    is_lost: AtomicBool,
}

impl Pass {
    /// Takes the permission; see [`Delivery::look_at_passes`](crate::Delivery::look_at_passes).
    pub fn lose(&self) {
        self.is_lost.store(true, Ordering::SeqCst);
    }

    /// Returns whether it was taken.
    pub fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::SeqCst)
    }
}

/// How an event stream is written; WebSockets have one way alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// An event under its own name, with its envelope.
    #[default]
    Envelopes,
    /// Every event as `message`, with its payload alone; a heartbeat is an event, `ping`.
    Messages,
}

impl Terms {
    pub(crate) fn are_broken(&self) -> bool {
        self.pass.as_ref().is_some_and(|pass| pass.is_lost())
    }
}
