//! Jobs that wait, in their order.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::oneshot;

use super::{JobError, PoolCounts, SubmitError};
use crate::{Bundle, Outcome};

/// What a thread does.
pub(super) struct Job {
    pub(super) bundle: Bundle,
    pub(super) due: Instant,
    pub(super) tell: oneshot::Sender<Result<Vec<Outcome>, JobError>>,
}

/// Jobs that wait.
pub(super) struct Queue {
    inner: Mutex<Inner>,
    changed: Condvar,
    jobs_max: usize,
}

#[derive(Default)]
struct Inner {
    jobs: VecDeque<Job>,
    is_closed: bool,
    counts: PoolCounts,
}

impl Queue {
    pub(super) fn new(jobs_max: usize) -> Queue {
        Queue { inner: Mutex::default(), changed: Condvar::new(), jobs_max }
    }

    pub(super) fn push(&self, job: Job) -> Result<(), SubmitError> {
        let mut inner = self.lock();
        inner.counts.submitted += 1;
        if inner.is_closed {
            inner.counts.closed += 1;
            return Err(SubmitError::Closed);
        }
        if inner.jobs.len() >= self.jobs_max {
            inner.counts.busy += 1;
            return Err(SubmitError::Busy);
        }
        inner.jobs.push_back(job);
        drop(inner);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for the next job; `None` once the queue is closed.
    pub(super) fn pop(&self) -> Option<Job> {
        let mut inner = self.lock();
        loop {
            if inner.is_closed {
                return None;
            }
            if let Some(job) = inner.jobs.pop_front() {
                return Some(job);
            }
            inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn close(&self) {
        let mut inner = self.lock();
        inner.is_closed = true;
        inner.counts.dropped += inner.jobs.len() as u64;
        inner.jobs.clear();
        drop(inner);
        self.changed.notify_all();
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut PoolCounts)) {
        count(&mut self.lock().counts);
    }

    pub(super) fn counts(&self) -> PoolCounts {
        self.lock().counts
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it holds the lock.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
