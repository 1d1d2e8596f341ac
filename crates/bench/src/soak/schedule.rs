//! What is published, and when. Pure, by the run's seed.

#[cfg(test)]
mod tests;

use std::time::Duration;

use rand::{RngExt, rngs::StdRng};

use super::{
    audience,
    limits::{BATCH_EVENTS_MAX, ORG_EVENTS_PER_SECOND, PAYLOAD_BYTES_MAX},
    phase::{Load, Phase, Phases},
};

/// One second in so many is a burst, and one stream in so many seconds is near its limit of events.
const BURST_EVERY: u64 = 4;

/// One second in so many has a list whose body is near the limit.
const GREAT_LIST_EVERY: u64 = 10;

/// Payloads with which a list of the most events has nearly the most bytes that a body may have.
const GREAT_LIST_PAYLOAD_BYTES: u32 = 16_700;

/// Events of one second that come near the limit singly, after a list of the most events.
const SINGLES_NEAR_LIMIT: u32 = ORG_EVENTS_PER_SECOND - BATCH_EVENTS_MAX - 50;

/// A loud stream's events: more in a second than an idle socket's buffers take.
const LOUD_PER_SECOND: u32 = 20;
const LOUD_PAYLOAD_BYTES: u32 = 16 << 10;

/// How big payloads are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Size {
    /// As the arguments say.
    Ordinary,
    /// What a loud stream has.
    Loud,
    /// As big as so many may be in one body.
    GreatList,
    /// The most that one event may have.
    Max,
}

impl Size {
    pub(super) const ALL: [Size; 4] = [Size::Ordinary, Size::Loud, Size::GreatList, Size::Max];

    /// Returns a payload's bytes.
    pub(super) fn bytes(self, ordinary: u32) -> u32 {
        match self {
            Size::Ordinary => ordinary,
            Size::Loud => LOUD_PAYLOAD_BYTES,
            Size::GreatList => GREAT_LIST_PAYLOAD_BYTES,
            Size::Max => PAYLOAD_BYTES_MAX,
        }
    }
}

/// One thing to publish: events of one stream, as one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Op {
    pub(super) at: Duration,
    pub(super) stream: u32,
    pub(super) events: u32,
    pub(super) size: Size,
}

/// What the schedule follows from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scheduling<'a> {
    pub(super) phases: &'a Phases,
    pub(super) streams: u32,
    /// Events a second outside of bursts.
    pub(super) rate: u32,
    /// By how much a burst multiplies it.
    pub(super) burst: u32,
}

impl Scheduling<'_> {
    /// Returns everything that is published, in order of time.
    pub(super) fn ops(&self, rng: &mut StdRng) -> Vec<Op> {
        let mut ops = Vec::new();
        for phase in self.phases.all() {
            let load = phase.name.load();
            let mut at = phase.from;
            for second in 0.. {
                if at >= phase.to {
                    break;
                }
                self.second(&load, second, at, rng, &mut ops);
                at += Duration::from_secs(1);
            }
            keep_to(phase, &mut ops);
        }
        ops.sort_by_key(|op| op.at);
        ops
    }

    /// Adds what comes within one second of a phase.
    fn second(&self, load: &Load, second: u64, at: Duration, rng: &mut StdRng, ops: &mut Vec<Op>) {
        let is_burst = load.bursts && second.is_multiple_of(BURST_EVERY);
        let rate = self.rate * if is_burst { self.burst } else { 1 };
        let size = Size::Ordinary;
        for _ in 0..rate {
            let stream = rng.random_range(0..self.streams);
            ops.push(Op { at: at + within_a_second(rng), stream, events: 1, size });
        }
        if load.pauses {
            for stream in audience::loud(self.streams) {
                evenly(Op { at, stream, events: 1, size: Size::Loud }, LOUD_PER_SECOND, ops);
            }
        }
        if load.near_limits {
            self.near_limits(second, at, rng, ops);
        }
    }

    /// Adds the greatest payload, the greatest list, the greatest body, and the greatest rate.
    fn near_limits(&self, second: u64, at: Duration, rng: &mut StdRng, ops: &mut Vec<Op>) {
        let mut stream = || rng.random_range(audience::small(self.streams));
        ops.push(Op { at, stream: stream(), events: 1, size: Size::Max });
        if second.is_multiple_of(GREAT_LIST_EVERY) {
            let (stream, size) = (stream(), Size::GreatList);
            ops.push(Op { at, stream, events: BATCH_EVENTS_MAX, size });
        }
        if second.is_multiple_of(BURST_EVERY) {
            let op = Op { at, stream: stream(), events: 1, size: Size::Ordinary };
            ops.push(Op { events: BATCH_EVENTS_MAX, ..op });
            evenly(op, SINGLES_NEAR_LIMIT, ops);
        }
    }
}

/// Takes out what would come after the phase: it is the last one so far.
fn keep_to(phase: &Phase, ops: &mut Vec<Op>) {
    ops.retain(|op| op.at < phase.to);
}

fn within_a_second(rng: &mut StdRng) -> Duration {
    Duration::from_secs_f64(rng.random_range(0.0..1.0))
}

/// Adds the same so many times, over a second.
fn evenly(op: Op, times: u32, ops: &mut Vec<Op>) {
    let after = |time: u32| Duration::from_secs(1) * time / times;
    ops.extend((0..times).map(|time| Op { at: op.at + after(time), ..op }));
}
