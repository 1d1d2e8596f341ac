//! What the run asks of its publishers and readers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::watch;

use crate::dice::Dice;

/// Something that publishers do when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// An event at once.
    Burst,
    /// A list of events.
    Lists,
    /// An acknowledged event again.
    Retries,
}

/// Something that readers do when told; the round says which of them do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    #[default]
    None,
    /// Go to another replica.
    Move { round: u64, percent: u64 },
    /// Come back over the other transport.
    Switch { round: u64, percent: u64 },
    /// Stop reading for a while.
    Rest { round: u64, percent: u64, ms: u64 },
}

/// What the run asks of its publishers and readers.
#[derive(Debug, Default)]
pub(crate) struct Load {
    asked: [AtomicU64; 3],
    orders: watch::Sender<Order>,
    is_over: AtomicBool,
    is_done: AtomicBool,
}

impl Load {
    /// Asks for so much more work.
    pub(crate) fn ask(&self, work: Work, count: u64) {
        self.asked[work as usize].fetch_add(count, Ordering::AcqRel);
    }

    /// Takes one piece of work, where there is one.
    pub(crate) fn take(&self, work: Work) -> bool {
        let asked = &self.asked[work as usize];
        asked
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |asked| asked.checked_sub(1))
            .is_ok()
    }

    /// Tells all readers.
    pub(crate) fn order(&self, order: Order) {
        self.orders.send_replace(order);
    }

    /// Returns what readers are told from now on.
    pub(crate) fn orders(&self) -> watch::Receiver<Order> {
        let mut orders = self.orders.subscribe();
        orders.mark_unchanged();
        orders
    }

    /// Lets publishers end behind what they are at.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Returns whether publishers are to end.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Lets everybody give up what they could not finish.
    pub(crate) fn give_up(&self) {
        self.end();
        self.is_done.store(true, Ordering::Release);
    }

    /// Returns whether nothing is waited for any more.
    pub(crate) fn is_done(&self) -> bool {
        self.is_done.load(Ordering::Acquire)
    }
}

impl Order {
    /// Returns whether it concerns a reader: the same ones for the same seed and round.
    pub(crate) fn concerns(self, seed: u64, reader: usize) -> bool {
        let (round, percent) = match self {
            Order::None => return false,
            Order::Move { round, percent }
            | Order::Switch { round, percent }
            | Order::Rest { round, percent, .. } => (round, percent),
        };
        Dice::new(seed, "order", (round << 16) | reader as u64).percent(percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_taken_once() {
        let load = Load::default();
        load.ask(Work::Burst, 2);
        assert_eq!([load.take(Work::Burst), load.take(Work::Lists)], [true, false]);
        assert_eq!([load.take(Work::Burst), load.take(Work::Burst)], [true, false]);
    }

    #[test]
    fn orders_concern_a_share_of_the_readers() {
        let count = |percent| {
            let order = Order::Move { round: 1, percent };
            (0..100).filter(|&reader| order.concerns(5, reader)).count()
        };
        assert_eq!([count(0), count(100)], [0, 100]);
        assert!((20..80).contains(&count(50)), "{}", count(50));
    }
}
