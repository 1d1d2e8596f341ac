//! Waiting until replicas have what was appended (`WAIT`).
//!
//! `WAIT` holds up its connection, so it has one of its own. Replication keeps the order of writes:
//! a mark that is written after an append's answer, and that replicas have, says that they have the
//! append. One mark serves all appends that were answered before it.

use redis::{Value, aio::MultiplexedConnection};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

use super::super::failure::Failure;
use std::sync::atomic::{AtomicU64, Ordering};

/// How long a mark stays in Redis.
const MARK_MS: u64 = 60_000;

/// What waits for the replicas of one server.
pub(super) struct Witness {
    wire: Mutex<MultiplexedConnection>,
    replicas: u32,
    /// How many marks were begun, and the last one that the replicas have.
    begun: AtomicU64,
    seen: AtomicU64,
}

impl Witness {
    pub(super) fn new(wire: MultiplexedConnection, replicas: u32) -> Self {
        Witness {
            wire: Mutex::new(wire),
            replicas,
            begun: AtomicU64::new(0),
            seen: AtomicU64::new(0),
        }
    }

    /// Waits until replicas have everything that was answered before this call; `mark` is a key of
    /// the log.
    pub(super) async fn confirm(&self, mark: &str, deadline: Instant) -> Result<(), Failure> {
        // The next mark to be begun comes after what the caller was answered.
        let wanted = self.begun.load(Ordering::Acquire) + 1;
        let late =
            |_| Failure::unanswered("it is stored, but its replicas did not confirm in time");
        let mut wire = timeout_at(deadline, self.wire.lock()).await.map_err(late)?;
        if self.seen.load(Ordering::Acquire) >= wanted {
            return Ok(());
        }
        let number = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let left = deadline.saturating_duration_since(Instant::now());
        // The answer takes a moment too.
        let wait_ms = u64::try_from(left.mul_f64(0.9).as_millis()).unwrap_or(u64::MAX).max(1);
        let mut commands = redis::pipe();
        commands.cmd("SET").arg(mark).arg(number).arg("PX").arg(MARK_MS);
        commands.cmd("WAIT").arg(self.replicas).arg(wait_ms);
        let answers = timeout_at(deadline, wire.send_packed_commands(&commands, 0, 2)).await;
        let answers = answers.map_err(late)?;
        let broken = |error| Failure { maybe: true, ..Failure::from_redis(&error) };
        let reached = match answers.map_err(broken)?.as_slice() {
            [Value::ServerError(error), _] | [_, Value::ServerError(error)] => {
                return Err(broken(error.clone().into()));
            }
            [_, Value::Int(reached)] => *reached,
            _ => return Err(Failure::unanswered("Redis answered nonsense to WAIT")),
        };
        if reached < i64::from(self.replicas) {
            return Err(Failure::unanswered(format!(
                "it is stored, but {reached} of {} replicas have it",
                self.replicas
            )));
        }
        self.seen.store(number, Ordering::Release);
        Ok(())
    }
}
