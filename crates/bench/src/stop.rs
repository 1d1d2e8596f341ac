//! The wish from outside that a run ends: every wait looks at it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::error::BenchError;

/// Whether a run is to end; clones share one wish.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks for the end.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns whether the end was asked for.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Fails where the end was asked for.
    ///
    /// # Errors
    /// `Stopped`, then.
    pub(crate) fn check(&self) -> Result<(), BenchError> {
        if self.is_asked() { Err(BenchError::Stopped) } else { Ok(()) }
    }

    /// Waits, for a short while: what is waited for is looked at again after it.
    #[expect(clippy::unused_self, reason = "who waits has a wish to look at")]
    pub(crate) fn wait(&self, time: Duration) {
        thread::park_timeout(time);
    }
}
