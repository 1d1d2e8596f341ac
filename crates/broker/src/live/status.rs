//! What is seen of a switch: how far it is, and a record of each transition.

use std::time::Duration;

use event::{Ledger, StreamName, UnixMs};

use super::{
    SwitchError,
    plan::{Stage, Target},
};

/// How far a switch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchStatus {
    /// How far it has come.
    pub stage: Stage,
    /// Who owns the streams that nobody has touched, and all others while nothing is under way.
    pub owner: Target,
    /// Where the streams go to, or are.
    pub to: Target,
    /// Whether it undoes another one.
    pub is_undo: bool,
    /// Who asked for it; empty where nobody did, or nobody said.
    pub by: String,
    /// When this stage began.
    pub since: UnixMs,
    /// How many streams there are to switch.
    pub streams: usize,
    /// How many are copied.
    pub copied: usize,
    /// How many have changed hands.
    pub moved: usize,
    /// How many events were copied.
    pub events: u64,
    /// How many bytes of JSON they have.
    pub bytes: u64,
    /// How long appends waited while their stream changed hands.
    pub pauses: Pauses,
    /// Why the last attempt did not go on.
    pub error: Option<SwitchError>,
}

/// How long appends waited, each stream once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pauses(Vec<u64>);

impl Pauses {
    pub(super) fn add(&mut self, pause: Duration) {
        let micros = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
        let at = self.0.partition_point(|&other| other <= micros);
        self.0.insert(at, micros);
    }

    /// Returns how many there were.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the pause, in microseconds, that so many of a thousand did not pass; 0 for none.
    pub fn permille_micros(&self, permille: usize) -> u64 {
        let index = (self.0.len() * permille.min(1000)).div_ceil(1000).max(1) - 1;
        self.0.get(index).copied().unwrap_or(0)
    }

    /// Returns the longest in microseconds; 0 for none.
    pub fn max_micros(&self) -> u64 {
        self.0.last().copied().unwrap_or(0)
    }
}

/// One stream that changed hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The stream.
    pub stream: StreamName,
    /// The account of the owner before, when appends were held.
    pub before: Ledger,
    /// The account of the new owner, before appends went on.
    pub after: Ledger,
    /// How long appends were held.
    pub pause: Duration,
}

/// A change of stage.
#[derive(Clone, Debug)]
pub struct Transition {
    /// The stage before.
    pub from: Stage,
    /// How things are now.
    pub status: SwitchStatus,
    /// Which switch it is among all replicas'; 0 where it has no lease.
    pub token: u64,
    /// The streams that have changed hands since the transition before.
    pub moved: Vec<Moved>,
}

/// Is told of each transition, in order; must not wait.
pub trait SwitchObserver: Send + Sync + 'static {
    /// Takes in a transition.
    fn transition(&self, transition: &Transition);
}

/// Looks away.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl SwitchObserver for Unobserved {
    fn transition(&self, _transition: &Transition) {}
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pauses;

    #[test]
    fn pauses_are_ranked() {
        let mut pauses = Pauses::default();
        assert_eq!((pauses.permille_micros(500), pauses.max_micros()), (0, 0));
        for micros in (1..=100).rev() {
            pauses.add(Duration::from_micros(micros));
        }
        let found = [500, 990, 1000].map(|permille| pauses.permille_micros(permille));
        assert_eq!((found, pauses.max_micros(), pauses.count()), ([50, 99, 100], 100, 100));
    }
}
