//! Measures both arms in turn: the same request as a client of the first bucket, which is the canary's as
//! soon as that has any share, and as one of the last bucket.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use guard::Arm;
use parking_lot::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Pair, Shared};
use crate::http::Ask;

/// How many pairs wait for being taken.
const PAIRS_MAX: usize = 10_000;

/// Pairs that nobody took yet.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    waiting: Mutex<VecDeque<Pair>>,
    dropped: std::sync::atomic::AtomicU64,
}

impl Pairs {
    fn push(&self, pair: Pair) {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= PAIRS_MAX {
            waiting.pop_front();
            self.dropped.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        waiting.push_back(pair);
    }

    pub(super) fn take(&self) -> Vec<Pair> {
        self.waiting.lock().drain(..).collect()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// Measures until it is aborted.
pub(super) async fn measure(shared: Arc<Shared>, keys: [String; 2], path: String, every: Duration) {
    let mut turns = interval(every);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for turn in 0_u64.. {
        turns.tick().await;
        // Who comes first takes turns too.
        let order = if turn.is_multiple_of(2) { [0, 1] } else { [1, 0] };
        let mut took = [None; 2];
        for who in order {
            if let Some((arm, time)) = one(&shared, &keys[who], &path).await {
                took[usize::from(arm == Arm::Stable)] = Some(time.as_secs_f64() * 1000.0);
            }
        }
        if let [Some(canary_ms), Some(stable_ms)] = took {
            let at_ms = jiff::Timestamp::now().as_millisecond().unsigned_abs();
            shared.pairs.push(Pair { at_ms, canary_ms, stable_ms });
        }
    }
}

/// Asks once; returns who answered and how long it took, where it was a good answer.
async fn one(shared: &Shared, key: &str, path: &str) -> Option<(Arm, Duration)> {
    let asked = Instant::now();
    let answer = shared.http.ask(shared.router, Ask::get(path, Some(key))).await;
    let took = asked.elapsed();
    shared.traffic.lock().count(&answer, 200);
    let answer = answer.ok().filter(|answer| answer.status == 200)?;
    Some((answer.arm?, took))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_bounded_and_taken_once() {
        let pairs = Pairs::default();
        for at_ms in 0..PAIRS_MAX as u64 + 3 {
            pairs.push(Pair { at_ms, canary_ms: 1.0, stable_ms: 1.0 });
        }
        let taken = pairs.take();
        assert_eq!((taken.len(), taken[0].at_ms, pairs.dropped()), (PAIRS_MAX, 3, 3));
        assert!(pairs.take().is_empty());
    }
}
