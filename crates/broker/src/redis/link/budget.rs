//! The bound on what is in flight: by number, by bytes that are sent, by bytes that may come back.

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

use super::super::failure::Failure;

/// Most commands in flight; further ones wait, within their time.
const COMMANDS_MAX: usize = 4096;

/// Most bytes of commands in flight.
const SENT_BYTES_MAX: usize = 64 << 20;

/// Most bytes that answers in flight may have.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// What a command takes of the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Weight {
    pub(in super::super) sent: usize,
    pub(in super::super) answer: usize,
}

/// What is left of the bound.
pub(super) struct Budget {
    commands: Semaphore,
    sent: Bytes,
    answers: Bytes,
}

/// What a command took; it is given back with this.
pub(super) struct Share<'a> {
    _permits: [SemaphorePermit<'a>; 3],
}

/// A bound on bytes; a single command over it has it alone.
struct Bytes {
    left: Semaphore,
    max: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Budget::new(COMMANDS_MAX, SENT_BYTES_MAX, ANSWER_BYTES_MAX)
    }
}

impl Budget {
    fn new(commands: usize, sent: usize, answers: usize) -> Self {
        let commands = Semaphore::new(commands);
        Budget { commands, sent: Bytes::new(sent), answers: Bytes::new(answers) }
    }

    /// Waits for a share, until the deadline.
    pub(super) async fn share(
        &self,
        weight: Weight,
        deadline: Instant,
    ) -> Result<Share<'_>, Failure> {
        // Always in this order, so that two commands never wait for each other.
        let all = async {
            let command = self.commands.acquire().await.ok()?;
            let sent = self.sent.acquire(weight.sent).await?;
            let answer = self.answers.acquire(weight.answer).await?;
            Some(Share { _permits: [command, sent, answer] })
        };
        let late = || Failure::refused("too many commands wait for Redis");
        timeout_at(deadline, all).await.ok().flatten().ok_or_else(late)
    }
}

impl Bytes {
    fn new(max: usize) -> Self {
        Bytes { left: Semaphore::new(max), max }
    }

    async fn acquire(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        let bytes = u32::try_from(bytes.min(self.max)).ok()?;
        self.left.acquire_many(bytes).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Budget, Weight};

    async fn is_left(budget: &Budget, sent: usize, answer: usize) -> bool {
        let deadline = Instant::now() + Duration::from_millis(1);
        budget.share(Weight { sent, answer }, deadline).await.is_ok()
    }

    #[tokio::test]
    async fn each_of_the_three_bounds_holds() {
        let budget = Budget::new(2, 100, 1000);
        let soon = || Instant::now() + Duration::from_secs(20);
        let first = budget.share(Weight { sent: 60, answer: 10 }, soon()).await.unwrap();
        assert!(is_left(&budget, 40, 990).await);
        assert!(!is_left(&budget, 41, 0).await, "bytes sent");
        assert!(!is_left(&budget, 0, 991).await, "bytes of answers");
        let second = budget.share(Weight { sent: 0, answer: 0 }, soon()).await.unwrap();
        assert!(!is_left(&budget, 0, 0).await, "number");
        drop(first);
        drop(second);
        assert!(is_left(&budget, 100, 1000).await);
    }

    #[tokio::test]
    async fn one_that_is_larger_than_the_bound_has_it_alone() {
        let budget = Budget::new(2, 100, 1000);
        let deadline = Instant::now() + Duration::from_secs(20);
        let large = budget.share(Weight { sent: 500, answer: 5000 }, deadline).await.unwrap();
        assert!(!is_left(&budget, 1, 0).await && !is_left(&budget, 0, 1).await);
        drop(large);
        assert!(is_left(&budget, 100, 1000).await);
    }
}
