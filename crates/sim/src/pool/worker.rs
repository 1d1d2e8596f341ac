//! What a thread of a pool does.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use super::{
    JobError, PoolParts,
    queue::{Job, Queue},
};
use crate::{FetchLimits, Means, Outcome, simulate};

/// Simulates job after job, until the queue is closed.
pub(super) fn work(parts: &PoolParts, queue: &Queue, limits: FetchLimits) {
    while let Some(job) = queue.pop() {
        if job.tell.is_closed() {
            queue.count(|counts| counts.abandoned += 1);
        } else if Instant::now() >= job.due {
            queue.count(|counts| counts.expired += 1);
            let _ = job.tell.send(Err(JobError::Expired));
        } else {
            carry_out(parts, queue, limits, job);
        }
    }
}

fn carry_out(parts: &PoolParts, queue: &Queue, limits: FetchLimits, job: Job) {
    let Job { bundle, due, tell } = job;
    // A fault of the simulator costs one job, not the thread. What is shared stays whole: the cache
    // puts in one value at a time.
    let done = catch_unwind(AssertUnwindSafe(|| run(parts, limits, &bundle, due)));
    let done = done.map_err(|_| JobError::Panicked);
    queue.count(|counts| match &done {
        Ok(outcomes) => counts.count(outcomes),
        Err(_) => counts.panicked += 1,
    });
    // Nobody may wait for it any more.
    let _ = tell.send(done);
}

fn run(
    parts: &PoolParts,
    limits: FetchLimits,
    bundle: &crate::Bundle,
    due: Instant,
) -> Vec<Outcome> {
    let means = Means {
        simulator: parts.simulator.as_ref(),
        cache: &parts.cache,
        source: parts.source.as_ref(),
        limits,
    };
    parts.runtime.block_on(simulate(means, bundle, due))
}
