//! A fact with its number: what readers get.

use std::{fmt, str::FromStr};

use chain::{ChainKey, Fact, FindingKind};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::wire;

/// A fact with its place among all others and among those of its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number among all records of this process's log, from 1; a record that was lost leaves its
    /// number out.
    pub seq: u64,
    /// Its number among the facts of its chain, from 1.
    pub number: u64,
    /// Which chain it tells of.
    pub chain: ChainKey,
    /// When it was found out, in milliseconds since 1970.
    pub observed_unix_ms: u64,
    /// When it was on disk, in milliseconds since 1970; for one that an earlier process wrote, when
    /// this one read it.
    pub persisted_unix_ms: u64,
    /// What was found out.
    pub fact: Fact,
}

/// What an event tells of, as routes and streams name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// A transaction was heard of.
    Seen,
    /// A block is the head now.
    Committed,
    /// A block is the head no more.
    Reverted,
    /// A transaction is in a block.
    Included,
    /// A transaction's block is deep.
    Final,
    /// Another transaction took its place.
    Replaced,
    /// It is not waited for any more.
    Dropped,
    /// Its block was reverted.
    Reorged,
    /// The chain is followed anew.
    Broken,
    /// What a transaction asks for was read.
    Feature,
    /// An opportunity was found.
    Candidate,
    /// A simulation confirmed an opportunity.
    Confirmed,
    /// A simulation refuted an opportunity.
    Refuted,
    /// An opportunity is of a state that is gone.
    Stale,
    /// It was computed what a transaction would do.
    Simulation,
}

impl EventKind {
    /// All of them.
    pub const ALL: [EventKind; 15] = [
        EventKind::Seen,
        EventKind::Committed,
        EventKind::Reverted,
        EventKind::Included,
        EventKind::Final,
        EventKind::Replaced,
        EventKind::Dropped,
        EventKind::Reorged,
        EventKind::Broken,
        EventKind::Feature,
        EventKind::Candidate,
        EventKind::Confirmed,
        EventKind::Refuted,
        EventKind::Stale,
        EventKind::Simulation,
    ];

    /// Returns the event's name, in the grammar of event names.
    pub const fn as_str(self) -> &'static str {
        match self {
            EventKind::Seen => "transaction.seen",
            EventKind::Committed => "block.committed",
            EventKind::Reverted => "block.reverted",
            EventKind::Included => "transaction.included",
            EventKind::Final => "transaction.final",
            EventKind::Replaced => "transaction.replaced",
            EventKind::Dropped => "transaction.dropped",
            EventKind::Reorged => "transaction.reorged",
            EventKind::Broken => "chain.broken",
            EventKind::Feature => "feature.computed",
            EventKind::Candidate => "opportunity.candidate",
            EventKind::Confirmed => "opportunity.confirmed",
            EventKind::Refuted => "opportunity.refuted",
            EventKind::Stale => "opportunity.stale",
            EventKind::Simulation => "sim.computed",
        }
    }

    const fn of(fact: &Fact) -> Self {
        match fact {
            Fact::Seen { .. } => EventKind::Seen,
            Fact::Committed { .. } => EventKind::Committed,
            Fact::Reverted { .. } => EventKind::Reverted,
            Fact::Included { .. } => EventKind::Included,
            Fact::Final { .. } => EventKind::Final,
            Fact::Replaced { .. } => EventKind::Replaced,
            Fact::Dropped { .. } => EventKind::Dropped,
            Fact::Reorged { .. } => EventKind::Reorged,
            Fact::Broken { .. } => EventKind::Broken,
            Fact::Found(finding) => match finding.kind {
                FindingKind::Feature => EventKind::Feature,
                FindingKind::Candidate => EventKind::Candidate,
                FindingKind::Confirmed => EventKind::Confirmed,
                FindingKind::Refuted => EventKind::Refuted,
                FindingKind::Stale => EventKind::Stale,
                FindingKind::Simulation => EventKind::Simulation,
            },
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Event {
    /// Returns what it tells of.
    pub const fn kind(&self) -> EventKind {
        EventKind::of(&self.fact)
    }
}

/// Which kinds are wanted: names, or their beginnings, as in `transaction.*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindFilter(u16);

/// The text names no kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindFilterError(String);

impl fmt::Display for KindFilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is none of ", self.0)?;
        for kind in EventKind::ALL {
            write!(f, "{kind}, ")?;
        }
        f.write_str("transaction.*, block.*, chain.*, feature.*, opportunity.*, sim.*, *")
    }
}

impl std::error::Error for KindFilterError {}

impl KindFilter {
    /// Takes every kind.
    pub const ALL: KindFilter = KindFilter(u16::MAX);

    /// Returns whether a kind is wanted.
    pub const fn takes(self, kind: EventKind) -> bool {
        self.0 & (1 << kind as u16) != 0
    }
}

impl FromStr for KindFilter {
    type Err = KindFilterError;

    /// Reads a comma list; spaces around its parts don't count.
    fn from_str(text: &str) -> Result<Self, KindFilterError> {
        let mut bits = 0;
        for part in text.split(',').map(str::trim) {
            let wanted = |kind: &EventKind| match part.strip_suffix('*') {
                Some(begin) => kind.as_str().starts_with(begin),
                None => kind.as_str() == part,
            };
            let named = EventKind::ALL.into_iter().filter(wanted);
            let before = bits;
            bits = named.fold(bits, |bits, kind| bits | (1 << kind as u16));
            if bits == before && !EventKind::ALL.iter().any(wanted) {
                return Err(KindFilterError(part.chars().take(64).collect()));
            }
        }
        Ok(KindFilter(bits))
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("seq_id", &self.seq)?;
        map.serialize_entry("type", self.kind().as_str())?;
        map.serialize_entry("chain_key", &self.chain)?;
        map.serialize_entry("chain_seq", &self.number)?;
        map.serialize_entry("observed_unix_ms", &self.observed_unix_ms)?;
        map.serialize_entry("persisted_unix_ms", &self.persisted_unix_ms)?;
        wire::fact(&mut map, &self.fact)?;
        map.end()
    }
}
