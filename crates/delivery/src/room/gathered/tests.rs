//! What a reader has after any number of bytes of a write.

use bytes::Bytes;
use event::{Epoch, Position, Seq};

use super::Gathered;

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
