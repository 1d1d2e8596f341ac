//! Threads that simulate: a bounded queue before them, a deadline for each job.
//!
//! Whoever submits never waits: a job is taken or refused at once. A source that hangs holds a thread
//! until the job's deadline, and a contract that never ends is cut by its gas and by that deadline.

mod counts;
mod queue;
mod worker;

use std::{
    num::NonZeroUsize,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, sync::oneshot};

pub use self::counts::PoolCounts;
use self::queue::Queue;
use crate::{Bundle, FetchLimits, Outcome, Simulator, StateCache, StateSource};

/// What a pool is made of.
pub struct PoolParts {
    /// Who simulates.
    pub simulator: Arc<dyn Simulator>,
    /// Where state is kept.
    pub cache: Arc<StateCache>,
    /// Where state that is not there is read.
    pub source: Arc<dyn StateSource>,
    /// The runtime that the source's connections belong to; it has to go on while the pool does.
    pub runtime: Handle,
}

/// How a pool works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolOptions {
    /// How many threads simulate.
    pub threads: NonZeroUsize,
    /// How many jobs wait at most.
    pub queue_max: usize,
    /// How long a job may take, its wait included.
    pub deadline: Duration,
    /// What is fetched for a job at most.
    pub fetch: FetchLimits,
}

/// What a deadline counts as that no clock can tell.
const DEADLINE_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// Threads that simulate. They end, and are waited for, when it is dropped.
pub struct Pool {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
    deadline: Duration,
}

/// What a job comes to. The sender is gone without a word where the pool ended first.
pub type Outcomes = oneshot::Receiver<Result<Vec<Outcome>, JobError>>;

/// A job came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// Its time was over before it began.
    #[error("the time for the simulation was over before it began")]
    Expired,
    /// The simulator panicked.
    #[error("the simulator failed")]
    Panicked,
}

/// A job was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// As many wait as may.
    #[error("as many simulations wait as may")]
    Busy,
    /// The pool ends.
    #[error("no simulations are taken any more")]
    Closed,
}

impl Pool {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// Fails where the system has no thread to give.
    pub fn start(parts: PoolParts, options: PoolOptions) -> Result<Pool, std::io::Error> {
        let (parts, queue) = (Arc::new(parts), Arc::new(Queue::new(options.queue_max)));
        let mut pool = Pool { queue, threads: Vec::new(), deadline: options.deadline };
        for _ in 0..options.threads.get() {
            let (parts, queue) = (Arc::clone(&parts), Arc::clone(&pool.queue));
            let work = move || worker::work(&parts, &queue, options.fetch);
            // Where it fails, those that run already are ended by the drop.
            pool.threads.push(thread::Builder::new().name("sim".to_owned()).spawn(work)?);
        }
        Ok(pool)
    }

    /// Gives a bundle to the threads, without waiting.
    ///
    /// # Errors
    ///
    /// Fails where as many wait as may, or the pool ends.
    pub fn try_submit(&self, bundle: Bundle) -> Result<Outcomes, SubmitError> {
        let (tell, outcomes) = oneshot::channel();
        let now = Instant::now();
        let due = now.checked_add(self.deadline).unwrap_or(now + DEADLINE_MAX);
        self.queue.push(queue::Job { bundle, due, tell })?;
        Ok(outcomes)
    }

    /// Returns what became of all jobs so far.
    pub fn counts(&self) -> PoolCounts {
        self.queue.counts()
    }

    /// Ends it: nothing more is taken, what waits is dropped, and what runs is waited for, which is
    /// at most until its deadline.
    pub fn end(mut self) -> PoolCounts {
        self.close();
        self.counts()
    }

    fn close(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            // A job's panic is caught where it happens.
            let _ = thread.join();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
