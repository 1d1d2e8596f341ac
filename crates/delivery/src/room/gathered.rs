//! What goes into one vectored write, and what a reader has after any number of its bytes.

#[cfg(test)]
mod tests;

use std::io::IoSlice;

use bytes::{Buf, Bytes};
use event::{Event, Framing, Position};

use super::{catch_up::Piece, ring::Ring};
use crate::sse;

/// Most pieces in one write, well below the 1,024 that Linux takes.
const SLICES_MAX: usize = 64;

/// What was gathered for one write.
pub(super) struct Gathered<'a> {
    slices: [IoSlice<'a>; SLICES_MAX],
    /// For each slice, the place that the reader has reached with it; none for the rest of before.
    reached: [Option<Position>; SLICES_MAX],
    bytes: [Option<&'a Bytes>; SLICES_MAX],
    len: usize,
    /// The place up to which everything was looked at.
    pub(super) looked_through: Position,
}

/// What a write changed.
pub(super) struct AfterWrite {
    pub(super) rest: Option<Bytes>,
    pub(super) reached: Option<Position>,
    pub(super) through: Option<Position>,
    pub(super) events: u64,
    pub(super) whole: bool,
}

impl<'a> Gathered<'a> {
    /// Returns nothing, for a reader at this place.
    pub(super) fn after_place(through: Position) -> Self {
        Gathered {
            slices: [IoSlice::new(&[]); SLICES_MAX],
            reached: [None; SLICES_MAX],
            bytes: [None; SLICES_MAX],
            len: 0,
            looked_through: through,
        }
    }

    pub(super) fn slices(&self) -> &[IoSlice<'a>] {
        &self.slices[..self.len]
    }

    pub(super) fn add(&mut self, bytes: &'a Bytes, reached: Option<Position>) {
        self.slices[self.len] = IoSlice::new(bytes);
        self.bytes[self.len] = Some(bytes);
        self.reached[self.len] = reached;
        self.len += 1;
    }

    pub(super) fn add_pieces(
        &mut self,
        pieces: impl Iterator<Item = &'a Piece>,
        wants: impl Fn(&Event) -> bool,
    ) {
        for piece in pieces {
            match piece {
                Piece::Event(event) if wants(event) => {
                    if self.len == SLICES_MAX {
                        return;
                    }
                    self.add(event.encoded(Framing::Sse, sse::event), Some(event.position));
                }
                Piece::Event(_) => {}
                Piece::Own(bytes, place) => {
                    if self.len == SLICES_MAX {
                        return;
                    }
                    self.add(bytes, Some(*place));
                }
            }
            self.looked_through = piece.reaches();
        }
    }

    pub(super) fn add_ring(
        &mut self,
        mut index: usize,
        ring: &'a Ring,
        wants: impl Fn(&Event) -> bool,
    ) {
        while let Some(event) = ring.get(index) {
            if wants(event) {
                if self.len == SLICES_MAX {
                    return;
                }
                self.add(event.encoded(Framing::Sse, sse::event), Some(event.position));
            }
            self.looked_through = event.position;
            index += 1;
        }
    }

    /// Works out what the reader has after this many bytes.
    pub(super) fn after(&self, mut written: usize) -> AfterWrite {
        let mut reached = None;
        let mut events = 0;
        for i in 0..self.len {
            let bytes = self.bytes[i].expect("every slice was added with its bytes");
            let begun = written > 0;
            if begun && let Some(place) = self.reached[i] {
                reached = Some(place);
                events += 1;
            }
            if written < bytes.len() {
                let mut rest = bytes.clone();
                rest.advance(written);
                // An event of which nothing went out is gathered again; what was begun, or was
                // a rest already, must be finished first.
                let keep = begun || self.reached[i].is_none();
                return AfterWrite {
                    rest: keep.then_some(rest),
                    reached,
                    through: reached,
                    events,
                    whole: false,
                };
            }
            written -= bytes.len();
        }
        AfterWrite { rest: None, reached, through: Some(self.looked_through), events, whole: true }
    }
}
