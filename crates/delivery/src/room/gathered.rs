//! What goes into one vectored write, and what a reader has after any number of its bytes.

#[cfg(test)]
mod tests;

use std::io::IoSlice;

use bytes::{Buf, Bytes};
use event::{Event, Position};
use smallvec::SmallVec;

use super::{catch_up::Piece, ring::Ring};
use crate::encoder::Encoder;

/// Most pieces in one write, well below the 1,024 that Linux takes.
const SLICES_MAX: usize = 256;

/// What was gathered for one write; on the stack, and only what is used of it is touched.
#[derive(Default)]
pub(super) struct Gathered<'a> {
    slices: SmallVec<[IoSlice<'a>; SLICES_MAX]>,
    /// For each slice, its bytes and the place that the reader has reached with it; none for what
    /// is no event.
    pieces: SmallVec<[(&'a Bytes, Option<Position>); SLICES_MAX]>,
    /// Whether the first slice is the rest of an earlier write.
    has_rest: bool,
    /// The place up to which everything was looked at; none where nothing was.
    pub(super) looked_through: Option<Position>,
}

/// What a write changed.
pub(super) struct AfterWrite {
    pub(super) rest: Option<Bytes>,
    /// How many of the reader's own pieces, from the first, went out whole or in part.
    pub(super) own_begun: usize,
    pub(super) reached: Option<Position>,
    pub(super) through: Option<Position>,
    pub(super) events: u64,
    pub(super) whole: bool,
}

impl<'a> Gathered<'a> {
    pub(super) fn slices(&self) -> &[IoSlice<'a>] {
        &self.slices
    }

    /// Returns whether something may have been left out.
    pub(super) fn is_full(&self) -> bool {
        self.slices.len() == SLICES_MAX
    }

    /// Adds what an earlier write left over; it comes first.
    pub(super) fn add_rest(&mut self, rest: &'a Bytes) {
        self.has_rest = true;
        self.add(rest, None);
    }

    /// Adds pieces of a reader's own, as many as there is room for.
    pub(super) fn add_own(&mut self, pieces: impl Iterator<Item = &'a Bytes>) {
        for piece in pieces.take(SLICES_MAX - self.slices.len()) {
            self.add(piece, None);
        }
    }

    fn add(&mut self, bytes: &'a Bytes, reached: Option<Position>) {
        self.slices.push(IoSlice::new(bytes));
        self.pieces.push((bytes, reached));
    }

    pub(super) fn add_pieces(
        &mut self,
        pieces: impl Iterator<Item = &'a Piece>,
        wants: impl Fn(&Event) -> bool,
        encoder: &Encoder<'_>,
    ) {
        for piece in pieces {
            match piece {
                Piece::Event(event) if wants(event) => {
                    if self.is_full() {
                        return;
                    }
                    self.add(encoder.event(event), Some(event.position));
                }
                Piece::Event(_) => {}
                Piece::Own(bytes, place) => {
                    if self.is_full() {
                        return;
                    }
                    self.add(bytes, Some(*place));
                }
            }
            self.looked_through = Some(piece.reaches());
        }
    }

    pub(super) fn add_ring(
        &mut self,
        mut index: usize,
        ring: &'a Ring,
        wants: impl Fn(&Event) -> bool,
        encoder: &Encoder<'_>,
    ) {
        while let Some(event) = ring.get(index) {
            if wants(event) {
                if self.is_full() {
                    return;
                }
                self.add(encoder.event(event), Some(event.position));
            }
            self.looked_through = Some(event.position);
            index += 1;
        }
    }

    /// Works out what the reader has after this many bytes.
    pub(super) fn after(&self, mut written: usize) -> AfterWrite {
        let mut reached = None;
        let (mut events, mut begun_own) = (0, 0);
        for (i, &(bytes, place)) in self.pieces.iter().enumerate() {
            let begun = written > 0;
            match place.filter(|_| begun) {
                Some(place) => {
                    reached = Some(place);
                    events += 1;
                }
                None => begun_own += usize::from(begun && place.is_none()),
            }
            if written < bytes.len() {
                let mut rest = bytes.clone();
                rest.advance(written);
                // What was not begun is gathered again; a rest must be finished first.
                let keep = begun || (i == 0 && self.has_rest);
                return AfterWrite {
                    rest: keep.then_some(rest),
                    own_begun: self.without_rest(begun_own),
                    reached,
                    through: reached,
                    events,
                    whole: false,
                };
            }
            written -= bytes.len();
        }
        AfterWrite {
            rest: None,
            own_begun: self.without_rest(begun_own),
            reached,
            through: self.looked_through,
            events,
            whole: true,
        }
    }

    fn without_rest(&self, begun: usize) -> usize {
        begun.saturating_sub(usize::from(self.has_rest))
    }
}
