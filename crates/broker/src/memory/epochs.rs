//! Where a backend takes the names of its epochs from.

use event::Epoch;

/// Draws the names of new epochs; a simulation supplies its own.
pub trait EpochSource: Send + Sync + 'static {
    /// Returns an epoch that no log has had.
    fn draw(&self) -> Epoch;
}

/// Draws from the operating system's randomness.
#[derive(Clone, Copy, Debug)]
pub struct OsEpochs;

impl EpochSource for OsEpochs {
    fn draw(&self) -> Epoch {
        Epoch::random(&mut rand::rng())
    }
}
