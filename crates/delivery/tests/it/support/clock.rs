//! A clock and a source of epochs that only the test moves.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use broker::memory::EpochSource;
use event::{Clock, Epoch, MonoMs, UnixMs};

const START_MS: u64 = 1_700_000_000_000;

/// Both clocks; they move together.
#[derive(Debug)]
pub(crate) struct FakeClock(AtomicU64);

impl FakeClock {
    pub(crate) fn new() -> Self {
        FakeClock(AtomicU64::new(START_MS))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).expect("tests move by minutes at most");
        self.0.fetch_add(by, Ordering::Relaxed);
    }
}

impl Clock for FakeClock {
    fn mono(&self) -> MonoMs {
        MonoMs(self.0.load(Ordering::Relaxed))
    }

    fn unix(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::Relaxed))
    }
}

/// Epochs in a sequence that its seed decides.
#[derive(Debug)]
pub(crate) struct SeededEpochs(AtomicU64);

impl SeededEpochs {
    pub(crate) fn new(seed: u64) -> Self {
        SeededEpochs(AtomicU64::new(seed))
    }
}

impl EpochSource for SeededEpochs {
    /// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014);
    /// its output never repeats within 2⁶⁴ draws.
    fn draw(&self) -> Epoch {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Epoch::from_bits(z ^ (z >> 31))
    }
}
