//! A repeated attempt waits for the first one that is still under way.

use std::{collections::HashMap, sync::Arc, time::Duration};

use broker::IdempotencyKey;
use node_runtime::{IdempotencyResult, Metrics};
use parking_lot::Mutex;
use tokio::{sync::watch, time::timeout};

use crate::error::{ApiError, Code};

/// How long a repeated attempt waits.
const WAIT_MAX: Duration = Duration::from_secs(5);

type Attempts = Mutex<HashMap<[u8; 16], watch::Receiver<()>>>;

/// The attempts with a key that are under way.
#[derive(Debug, Default)]
pub struct InFlight {
    attempts: Arc<Attempts>,
}

/// An attempt's turn with its key; the next attempt's begins when it is dropped.
#[derive(Debug)]
pub struct Turn {
    key: [u8; 16],
    attempts: Arc<Attempts>,
    _done: watch::Sender<()>,
    /// Whether another attempt had to be waited for.
    waited: bool,
}

impl InFlight {
    /// Takes the key's turn, after the attempt that has it now; counts one that had to wait.
    ///
    /// # Errors
    /// Fails with 409 where that one is still under way after five seconds.
    ///
    /// # Cancel safety
    /// Nothing is left behind when the future is dropped.
    pub async fn turn(&self, key: &IdempotencyKey, metrics: &Metrics) -> Result<Turn, ApiError> {
        let mut waited = false;
        let taking = async {
            loop {
                match self.try_turn(key.key, waited) {
                    Ok(turn) => return turn,
                    Err(mut under_way) => {
                        waited = true;
                        // Its end is the only news there is.
                        let _ = under_way.changed().await;
                    }
                }
            }
        };
        let taken = timeout(WAIT_MAX, taking).await;
        if taken.as_ref().map_or(true, |turn| turn.waited) {
            metrics.idempotency(IdempotencyResult::InFlight);
        }
        taken.map_err(|_| {
            let message = "the first attempt with this Idempotency-Key is still under way";
            ApiError::new(Code::Conflict, message).retry_after(1)
        })
    }

    fn try_turn(&self, key: [u8; 16], waited: bool) -> Result<Turn, watch::Receiver<()>> {
        let mut attempts = self.attempts.lock();
        if let Some(under_way) = attempts.get(&key) {
            return Err(under_way.clone());
        }
        let (done, under_way) = watch::channel(());
        attempts.insert(key, under_way);
        Ok(Turn { key, attempts: Arc::clone(&self.attempts), _done: done, waited })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.attempts.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests;
