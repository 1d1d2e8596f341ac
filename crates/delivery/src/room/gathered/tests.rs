//! What a reader has after any number of bytes of a write.

use bytes::Bytes;
use event::{Epoch, Position, Seq};

use super::Gathered;

fn at(seq: u64) -> Position {
    Position::new(Epoch::from_bits(1), Seq(seq))
}

/// Returns what a reader at 3 gathers: a rest, then the events 4, 6 and 7; 5 and 8 are unwanted.
fn gathered(frames: &[Bytes]) -> Gathered<'_> {
    let mut gathered = Gathered::after_place(at(8));
    for (frame, reached) in frames.iter().zip([None, Some(4), Some(6), Some(7)]) {
        gathered.add(frame, reached.map(at));
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
