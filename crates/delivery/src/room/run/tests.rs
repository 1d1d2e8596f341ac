//! What a run holds, who shares it, and how much is kept.

use std::{cell::RefCell, ops::RangeInclusive, sync::Arc};

use broker::Events;
use event::{Epoch, Event, EventId, Position, Seq};

use super::{RUN_BYTES, RUNS_MAX, Runs};
use crate::encoder::{Encoder, Framing};

/// Returns the events of these numbers in one epoch, each with so many bytes.
pub(in crate::room) fn stretch(seqs: RangeInclusive<u64>, bytes: impl Fn(u64) -> usize) -> Events {
    let event = |seq: u64| {
        let name = "a".parse().expect("a name");
        let position = Position::new(Epoch::from_bits(1), Seq(seq));
        let json = vec![b'0' + (seq % 10) as u8; bytes(seq)];
        Arc::new(Event::new(position, EventId::from_bits(seq.into()), name, json.into()))
    };
    seqs.map(event).collect()
}

fn events(count: u64, bytes: usize) -> Events {
    stretch(1..=count, |_| bytes)
}

#[test]
fn who_comes_for_the_same_stretch_shares_its_bytes() {
    let (one, deflater) = (events(3, 10), RefCell::default());
    let encoder = |framing| Encoder::new(framing, "events", &deflater);
    let mut runs = Runs::default();
    let first = runs.get(&one, 0, &encoder(Framing::Sse));
    assert!(Arc::ptr_eq(&first, &runs.get(&one, 2, &encoder(Framing::Sse))), "it has that too");
    assert!(!Arc::ptr_eq(&first, &runs.get(&one, 0, &encoder(Framing::WebSocket))));
    assert!(!Arc::ptr_eq(&first, &runs.get(&events(3, 10), 0, &encoder(Framing::Sse))));
    runs.clear();
    assert!(!Arc::ptr_eq(&first, &runs.get(&one, 0, &encoder(Framing::Sse))));
}

#[test]
fn frames_lie_one_behind_the_other() {
    let (events, deflater) = (events(4, 10), RefCell::default());
    for framing in [Framing::Sse, Framing::WebSocket, Framing::WebSocketDeflate] {
        let encoder = Encoder::new(framing, "events", &deflater);
        let run = Runs::default().get(&events, 1, &encoder);
        assert_eq!(run.range(), 1..4);
        for index in run.range() {
            let frame = &run.bytes()[run.begin(index)..run.end(index)];
            assert_eq!(frame, encoder.event(&events[index]));
            assert_eq!(run.place(index), events[index].position);
            assert_eq!(run.event_at(run.begin(index)), index);
            assert_eq!(run.event_at(run.end(index) - 1), index);
        }
    }
}

#[test]
fn a_run_ends_soon_after_its_limit_and_few_are_kept() {
    let (large, deflater) = (events(9, RUN_BYTES / 2), RefCell::default());
    let encoder = Encoder::new(Framing::Sse, "events", &deflater);
    let mut runs = Runs::default();
    let run = runs.get(&large, 0, &encoder);
    assert_eq!(run.range(), 0..2);
    for _ in 0..2 * RUNS_MAX {
        runs.get(&events(1, 10), 0, &encoder);
    }
    assert_eq!(runs.0.len(), RUNS_MAX);
}
