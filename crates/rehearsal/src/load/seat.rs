//! One reader's seat: whom it comes as, what it follows, what it has seen, and how its streams ended.

use std::time::{Duration, Instant};

use guard::Arm;
use parking_lot::Mutex;

use super::{
    ledger::{ArmCounts, Ledger},
    record::Record,
    wire::{Ended, Way},
};

/// A seat.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) name: String,
    pub(super) way: Way,
    /// Of the streams that there are, the one that it follows.
    pub(super) stream: usize,
    /// For how long it stays and is away, where it comes and goes.
    pub(super) stays: Option<Stays>,
    pub(super) state: Mutex<SeatState>,
}

/// For how long a reader that comes and goes stays with a stream, and is away behind it: half to one and
/// a half of it, drawn anew each time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stays {
    pub(super) stay: Duration,
    pub(super) away: Duration,
}

/// What changes.
#[derive(Debug, Default)]
pub(super) struct SeatState {
    pub(super) record: Record,
    /// Whether a stream of its ever began.
    pub(super) has_begun: bool,
    open: Option<(Option<Arm>, Instant)>,
    open_ms: ArmCounts,
    connects: ArmCounts,
    goodbyes: ArmCounts,
    breaks: ArmCounts,
    departures: ArmCounts,
    refused: u64,
    nonsense: u64,
    pub(super) last_trouble: Option<String>,
}

/// Why a reader left a stream.
#[derive(Debug)]
pub(super) enum Left {
    /// The server said goodbye, and after how many milliseconds to come back.
    Goodbye(u64),
    Ended(Ended),
    /// Not even a heartbeat came.
    Silent,
    /// The reader went away by itself.
    Gone,
}

impl SeatState {
    pub(super) fn opened(&mut self, arm: Option<Arm>) {
        self.connects.add(arm);
        self.record.is_on_canary = arm == Some(Arm::Canary);
        self.open = Some((arm, Instant::now()));
    }

    /// Notes that no stream could be opened.
    pub(super) fn not_opened(&mut self, why: &Ended) {
        self.refused += 1;
        self.nonsense += u64::from(matches!(why, Ended::Nonsense(_)));
        self.last_trouble = Some(why.to_string());
    }

    pub(super) fn left(&mut self, left: &Left) {
        self.record.ended();
        self.record.is_on_canary = false;
        let Some((arm, since)) = self.open.take() else { return };
        self.open_ms.add_many(arm, millis(since.elapsed()));
        match left {
            Left::Goodbye(_) => self.goodbyes.add(arm),
            Left::Gone => self.departures.add(arm),
            Left::Silent => {
                self.breaks.add(arm);
                self.last_trouble = Some("not even a heartbeat came".into());
            }
            // The server keeps the connection, and has no stream to give.
            Left::Ended(Ended::Refused { .. }) => self.refused += 1,
            Left::Ended(why) => {
                self.breaks.add(arm);
                self.nonsense += u64::from(matches!(why, Ended::Nonsense(_)));
                self.last_trouble = Some(why.to_string());
            }
        }
    }

    /// Adds what it counted, as of now.
    pub(super) fn add_to(&mut self, ledger: &mut Ledger, now_ms: u64) {
        self.record.look(now_ms);
        let counts = &self.record.counts;
        ledger.checked += counts.checked;
        ledger.lost += counts.lost;
        ledger.repeated += counts.repeated;
        ledger.reordered += counts.reordered;
        ledger.on_canary.lost += counts.on_canary.lost;
        ledger.on_canary.repeated += counts.on_canary.repeated;
        ledger.on_canary.reordered += counts.on_canary.reordered;
        ledger.altered += counts.altered;
        ledger.foreign += counts.foreign;
        ledger.told_missing += counts.told_missing;
        ledger.told_again += counts.told_again;
        for (reason, count) in &counts.gaps {
            *ledger.gaps.entry(reason.clone()).or_default() += count;
        }
        ledger.nonsense += self.nonsense;
        ledger.refused += self.refused;
        let mut open_ms = self.open_ms;
        if let Some((arm, since)) = self.open {
            ledger.open.add(arm);
            open_ms.add_many(arm, millis(since.elapsed()));
        }
        add(&mut ledger.open_ms, open_ms);
        add(&mut ledger.connects, self.connects);
        add(&mut ledger.goodbyes, self.goodbyes);
        add(&mut ledger.breaks, self.breaks);
        add(&mut ledger.departures, self.departures);
    }
}

fn add(to: &mut ArmCounts, more: ArmCounts) {
    to.stable += more.stable;
    to.canary += more.canary;
    to.unknown += more.unknown;
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
