//! What a reader has after any number of bytes of a write.

use std::{cell::RefCell, sync::Arc};

use broker::Events;
use bytes::Bytes;
use event::{Epoch, Event, EventId, Position, Seq};

use super::Gathered;
use crate::{
    encoder::{Encoder, Framing},
    room::{catch_up::CatchUp, ring::Ring, run::Runs},
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

/// Returns the events 4 to 9, each with a payload of its number's length.
fn stretch() -> Events {
    let event = |seq: u64| {
        let name = "a".parse().expect("a name");
        let json = vec![b'0' + seq as u8; seq as usize];
        Arc::new(Event::new(at(seq), EventId::from_bits(seq.into()), name, json.into()))
    };
    (4..=9).map(event).collect()
}

#[test]
fn at_every_split_of_a_stretch_what_is_left_goes_on_with_the_next_byte() {
    let events = stretch();
    let deflater = RefCell::default();
    let wanted: [fn(&Event) -> bool; 3] =
        [|_| true, |event| event.position.seq.0 % 2 == 0, |event| event.position.seq.0 > 6];
    for (framing, wants) in
        [Framing::Sse, Framing::WebSocket].into_iter().flat_map(|f| wanted.map(|w| (f, w)))
    {
        let encoder = Encoder { framing, label: "events", deflater: &deflater };
        let frames = events.iter().filter(|event| wants(event));
        let all: Vec<u8> = frames.flat_map(|event| encoder.event(event).to_vec()).collect();
        for split in 1..=all.len() {
            let mut page = CatchUp::opened(Arc::clone(&events), at(9), Ring::new(at(3)).mark());
            let (mut sent, mut written, mut told) = (Vec::new(), split, 0);
            let mut runs = Runs::default();
            while !page.is_empty() {
                page.prepare(&mut runs, &encoder);
                let mut gathered = Gathered::default();
                gathered.add_catch_up(&page, wants);
                let bytes: Vec<u8> = gathered.slices().iter().flat_map(|s| s.to_vec()).collect();
                let taken = written.min(bytes.len());
                written = usize::MAX;
                sent.extend_from_slice(&bytes[..taken]);
                let after = gathered.after(taken);
                sent.extend_from_slice(&after.rest.unwrap_or_default());
                told += after.events;
                drop(gathered);
                page.pass(after.through.expect("something was looked at"));
            }
            assert_eq!(sent, all, "{framing:?} split after {split} bytes");
            assert_eq!(told, events.iter().filter(|event| wants(event)).count() as u64);
        }
    }
}
