//! What a reader has after any number of bytes of a write.

use std::{cell::RefCell, sync::Arc};

use broker::Events;
use bytes::Bytes;
use event::{Epoch, Event, Position, Seq};

use super::{Gathered, SLICES_MAX};
use crate::{
    encoder::{Encoder, Framing},
    room::{
        catch_up::CatchUp,
        ring::Ring,
        run::{RUN_BYTES, Runs, tests::stretch},
    },
};

fn at(seq: u64) -> Position {
    Position::new(Epoch::from_bits(1), Seq(seq))
}

/// Returns what a reader at 3 gathers: a rest, then the events 4, 6 and 7; 5 and 8 are unwanted.
fn gathered(frames: &[Bytes]) -> Gathered<'_> {
    let mut gathered = Gathered { looked_through: Some(at(8)), ..Gathered::default() };
    gathered.add_rest(&frames[0]);
    for (frame, reached) in frames[1..].iter().zip([4, 6, 7]) {
        gathered.add(frame, Some(at(reached)));
    }
    gathered
}

#[test]
fn at_every_split_the_rest_and_the_next_frames_are_what_is_missing() {
    let frames = [b"rest".as_slice(), b"four..", b"six", b"seven....."].map(Bytes::from_static);
    let all = frames.concat();
    let ends = [(4, 4), (6, 10), (7, 13)];
    for written in 1..=all.len() {
        let after = gathered(&frames).after(written);
        let begun: Vec<_> = ends.iter().filter(|(_, begins)| written > *begins).collect();
        let reached = begun.last().map(|(seq, _)| at(*seq));
        assert_eq!((after.reached, after.events as usize), (reached, begun.len()), "{written}");
        assert_eq!(after.whole, written == all.len());
        // What it is sent next is the rest, and every frame that was not begun.
        let next = frames[1 + begun.len()..].concat();
        let sent = [&all[..written], &after.rest.unwrap_or_default(), &next].concat();
        assert_eq!(sent, all, "{written}");
        let through = if after.whole { Some(at(8)) } else { reached };
        assert_eq!(after.through, through, "{written}");
    }
}

#[test]
fn own_pieces_that_were_not_begun_stay_with_their_reader() {
    let own = [b"one".as_slice(), b"two!", b"three"].map(Bytes::from_static);
    let event = Bytes::from_static(b"event");
    for rest in [Bytes::new(), Bytes::from_static(b"rest")] {
        let all = [&rest[..], &own.concat(), &event].concat();
        for written in 1..=all.len() {
            let mut gathered = Gathered::default();
            if !rest.is_empty() {
                gathered.add_rest(&rest);
            }
            gathered.add_own(own.iter());
            gathered.add(&event, Some(at(4)));
            let after = gathered.after(written);
            let begun_events = after.events as usize;
            let next = [own[after.own_begun..].concat(), event[begun_events * 5..].to_vec()];
            let sent = [&all[..written], &after.rest.unwrap_or_default(), &next.concat()].concat();
            assert_eq!(sent, all, "{written} after {} bytes of rest", rest.len());
        }
    }
}

/// A page that lies before its reader: a gap or none, and events; the reader is at the place before.
struct Behind {
    gap: Option<(Bytes, Position)>,
    events: Events,
}

impl Behind {
    fn page(&self) -> CatchUp {
        let end = self.events.last().expect("there are some").position;
        let mark = Ring::new(at(0)).mark();
        CatchUp::new(self.gap.clone(), Arc::clone(&self.events), end, mark)
    }

    fn wanted(&self, wants: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| wants(event)).count()
    }

    /// Returns all that a reader is sent, after a rest.
    fn bytes(
        &self,
        rest: &Bytes,
        encoder: &Encoder<'_>,
        wants: impl Fn(&Event) -> bool,
    ) -> Vec<u8> {
        let gap = self.gap.iter().flat_map(|(bytes, _)| bytes.iter().copied());
        let mut all: Vec<u8> = rest.iter().copied().chain(gap).collect();
        for event in self.events.iter().filter(|event| wants(event)) {
            all.extend_from_slice(&encoder.event(event));
        }
        all
    }

    /// Writes all of it, the first write only so many bytes; returns what a reader was sent, how many
    /// events were counted, and how many writes it took.
    fn write(
        &self,
        rest: &Bytes,
        first: usize,
        encoder: &Encoder<'_>,
        wants: impl Fn(&Event) -> bool + Copy,
    ) -> (Vec<u8>, u64, usize) {
        let (mut page, mut runs) = (self.page(), Runs::default());
        let (mut rest, mut taken) = (rest.clone(), first);
        let (mut sent, mut told, mut writes) = (Vec::new(), 0, 0);
        while !page.is_empty() || !rest.is_empty() {
            page.prepare(&mut runs, encoder);
            let mut gathered = Gathered::default();
            if !rest.is_empty() {
                gathered.add_rest(&rest);
            }
            gathered.add_catch_up(&page, wants);
            let bytes: Vec<u8> = gathered.slices().iter().flat_map(|s| s.to_vec()).collect();
            let now = taken.min(bytes.len());
            taken = usize::MAX;
            sent.extend_from_slice(&bytes[..now]);
            let after = gathered.after(now);
            drop(gathered);
            rest = after.rest.unwrap_or_default();
            told += after.events;
            writes += 1;
            if let Some(through) = after.through {
                page.pass(through);
            }
            assert!(writes < 100, "it goes on");
        }
        (sent, told, writes)
    }
}

const WANTED: [fn(&Event) -> bool; 3] =
    [|_| true, |event| event.position.seq.0 % 2 == 0, |event| event.position.seq.0 > 6];

#[test]
fn at_every_split_what_is_left_goes_on_with_the_next_byte() {
    let deflater = RefCell::default();
    let (none, rest) = (Bytes::new(), Bytes::from_static(b"rest"));
    let gap = Some((Bytes::from_static(b"gap"), at(3)));
    for (gap, rest) in [(&None, &none), (&None, &rest), (&gap, &none), (&gap, &rest)] {
        let behind = Behind { gap: gap.clone(), events: stretch(4..=9, |seq| seq as usize) };
        let told = |wants| (behind.wanted(wants) + usize::from(gap.is_some())) as u64;
        for (framing, wants) in
            [Framing::Sse, Framing::WebSocket].into_iter().flat_map(|f| WANTED.map(|w| (f, w)))
        {
            let encoder = Encoder::new(framing, "events", &deflater);
            let all = behind.bytes(rest, &encoder, wants);
            for split in 1..=all.len() {
                let (sent, counted, _) = behind.write(rest, split, &encoder, wants);
                assert_eq!(sent, all, "{framing:?} split after {split} bytes");
                assert_eq!(counted, told(wants), "{framing:?} split after {split} bytes");
            }
        }
    }
}

#[test]
fn what_one_write_has_no_room_for_comes_with_the_next() {
    let deflater = RefCell::default();
    let encoder = Encoder::new(Framing::Sse, "events", &deflater);
    // Each wanted event lies between two that are not, so that each is a slice of its own.
    let wants = |event: &Event| event.position.seq.0.is_multiple_of(2);
    let count = 4 * SLICES_MAX as u64 + 8;
    let behind = Behind { gap: None, events: stretch(4..=3 + count, |_| 1) };
    let all = behind.bytes(&Bytes::new(), &encoder, wants);
    for split in [1, all.len() / 4, all.len() / 2 - 1, usize::MAX] {
        let (sent, told, writes) = behind.write(&Bytes::new(), split, &encoder, wants);
        assert!(sent == all, "split after {split} bytes");
        assert_eq!(told, behind.wanted(wants) as u64);
        assert!(writes >= 3, "more than two writes have room for: {writes}");
    }
    let (mut page, mut gathered) = (behind.page(), Gathered::default());
    page.prepare(&mut Runs::default(), &encoder);
    gathered.add_catch_up(&page, wants);
    assert!(gathered.is_full());
    let last = 4 + 2 * (SLICES_MAX as u64 - 1);
    assert_eq!(gathered.looked_through, Some(at(last + 1)), "nobody wants the one behind it");
}

#[test]
fn a_stretch_that_is_longer_than_a_run_goes_on_with_the_next_run() {
    let deflater = RefCell::default();
    let encoder = Encoder::new(Framing::WebSocket, "events", &deflater);
    let behind = Behind { gap: None, events: stretch(4..=20, |_| RUN_BYTES / 3) };
    for wants in WANTED {
        let all = behind.bytes(&Bytes::new(), &encoder, wants);
        let run = RUN_BYTES + RUN_BYTES / 3;
        for split in [1, RUN_BYTES / 3, RUN_BYTES, run, run + 1, usize::MAX] {
            let (sent, told, writes) = behind.write(&Bytes::new(), split, &encoder, wants);
            assert!(sent == all, "split after {split} bytes");
            assert_eq!(told, behind.wanted(wants) as u64, "split after {split} bytes");
            assert!(writes >= 3, "it is more than a run: {writes}");
        }
    }
}
