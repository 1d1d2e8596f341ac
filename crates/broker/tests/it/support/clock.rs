//! A clock and a source of epochs that only the test moves.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use broker::memory::EpochSource;
use event::{Clock, Epoch, MonoMs, UnixMs};

const DAY_MS: u64 = 24 * 3600 * 1000;

/// Both clocks; they move together, and the wall clock jumps when told to.
#[derive(Debug)]
pub(crate) struct FakeClock {
    mono: AtomicU64,
    unix: AtomicU64,
}

impl FakeClock {
    pub(crate) fn new() -> Self {
        FakeClock { mono: AtomicU64::new(30 * DAY_MS), unix: AtomicU64::new(1_700_000_000_000) }
    }

    pub(crate) fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).expect("tests move by days at most");
        self.mono.fetch_add(by, Ordering::Relaxed);
        self.unix.fetch_add(by, Ordering::Relaxed);
    }

    /// Moves the wall clock alone.
    pub(crate) fn jump_wall(&self, by_ms: i64) {
        let jump = |unix: u64| unix.saturating_add_signed(by_ms);
        let _ = self.unix.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |u| Some(jump(u)));
    }
}

impl Clock for FakeClock {
    fn mono(&self) -> MonoMs {
        MonoMs(self.mono.load(Ordering::Relaxed))
    }

    fn unix(&self) -> UnixMs {
        UnixMs(self.unix.load(Ordering::Relaxed))
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

impl SeededEpochs {
    /// Draws a number below `bound`; the bias is below 2⁻⁵⁰ for the small bounds of tests.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.draw().bits() % bound
    }
}
