//! How far each sink got and how it is.
//!
//! Owns the table that retention and health read. Must not know files.

use parking_lot::Mutex;

use crate::health::{SinkHealth, SinkState};
use crate::seq::Seq;
use crate::shared::now_unix_ms;

struct Position {
    health: SinkHealth,
    attached: bool,
    /// When the last record was written that it took; when it was attached where that is later.
    taken_written_ms: u64,
}

/// All sinks that the journal keeps data for.
pub(crate) struct Positions(Mutex<Vec<Position>>);

impl Positions {
    pub(crate) fn new(sinks: impl IntoIterator<Item = (String, Option<Seq>)>) -> Self {
        let position = |(name, taken)| Position {
            health: SinkHealth {
                name,
                state: SinkState::Stopped,
                taken,
                behind_records: 0,
                behind_ms: 0,
                rejected_records: 0,
                damaged_records: 0,
                failures: 0,
                last_error: None,
            },
            attached: false,
            taken_written_ms: 0,
        };
        Self(Mutex::new(sinks.into_iter().map(position).collect()))
    }

    /// Whether a sink did not take all below `seq` yet.
    pub(crate) fn needs(&self, seq: Seq) -> bool {
        self.0.lock().iter().any(|sink| next(sink) < seq)
    }

    /// The name of the sink that is furthest behind.
    pub(crate) fn slowest(&self) -> String {
        let sinks = self.0.lock();
        let slowest = sinks.iter().min_by_key(|sink| next(sink));
        slowest.map_or_else(|| "no sink".to_owned(), |sink| sink.health.name.clone())
    }

    /// Marks a sink as attached and gives where it goes on; `None` where it is unknown, and
    /// `Some(None)` where it is attached already.
    pub(crate) fn attach(&self, name: &str) -> Option<Option<Seq>> {
        let mut sinks = self.0.lock();
        let sink = sinks.iter_mut().find(|sink| sink.health.name == name)?;
        sink.health.state = SinkState::Running;
        sink.taken_written_ms = now_unix_ms();
        let first = !std::mem::replace(&mut sink.attached, true);
        Some(first.then(|| next(sink)))
    }

    /// Says that a sink took all up to `taken`, the last of which was written at `written_ms`.
    pub(crate) fn taken(&self, name: &str, taken: Seq, written_ms: u64) {
        self.change(name, |sink| {
            sink.health.taken = Some(taken);
            if written_ms > 0 {
                sink.taken_written_ms = written_ms;
            }
        });
    }

    pub(crate) fn health(&self, name: &str, change: impl FnOnce(&mut SinkHealth)) {
        self.change(name, |sink| change(&mut sink.health));
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Position)) {
        if let Some(sink) = self.0.lock().iter_mut().find(|sink| sink.health.name == name) {
            change(sink);
        }
    }

    /// How each attached sink is, where the log goes up to `end`; `written_ms` knows when a record
    /// was written, if it is a new one.
    pub(crate) fn all(&self, end: Seq, written_ms: impl Fn(Seq) -> Option<u64>) -> Vec<SinkHealth> {
        let now = now_unix_ms();
        let sinks = self.0.lock();
        let attached = sinks.iter().filter(|sink| sink.attached);
        let health = attached.map(|sink| {
            let behind_records = end.get().saturating_sub(next(sink).get());
            let since = written_ms(next(sink)).unwrap_or(sink.taken_written_ms);
            let behind_ms = if behind_records > 0 { now.saturating_sub(since) } else { 0 };
            SinkHealth { behind_records, behind_ms, ..sink.health.clone() }
        });
        health.collect()
    }
}

fn next(sink: &Position) -> Seq {
    sink.health.taken.map_or(Seq::FIRST, |taken| taken.plus(1))
}
