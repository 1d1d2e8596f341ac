//! What goes into one vectored write, and what a reader has after any number of its bytes.

#[cfg(test)]
mod tests;

use std::{io::IoSlice, ops::Range};

use bytes::{Buf, Bytes};
use event::{Event, Position};
use smallvec::SmallVec;

use super::{catch_up::CatchUp, ring::Ring, run::Run};
use crate::encoder::Encoder;

/// Most pieces in one write, well below the 1,024 that Linux takes.
const SLICES_MAX: usize = 256;

/// What was gathered for one write; on the stack, and only what is used of it is touched.
#[derive(Default)]
pub(super) struct Gathered<'a> {
    slices: SmallVec<[IoSlice<'a>; SLICES_MAX]>,
    pieces: SmallVec<[Piece<'a>; SLICES_MAX]>,
    /// Whether the first slice is the rest of an earlier write.
    has_rest: bool,
    /// The place up to which everything was looked at; none where nothing was.
    pub(super) looked_through: Option<Position>,
}

/// What a slice is made of.
enum Piece<'a> {
    /// One frame, and the place that the reader has reached with it; none for what is no event.
    Frame(&'a Bytes, Option<Position>),
    /// These events of a run.
    Stretch(&'a Run, Range<usize>),
}

/// How far a write went into a piece.
struct Split {
    /// The last place that was begun.
    reached: Option<Position>,
    /// How many events were begun.
    events: usize,
    /// What is left of a frame that was begun.
    rest: Option<Bytes>,
}

impl Piece<'_> {
    fn len(&self) -> usize {
        match self {
            Piece::Frame(bytes, _) => bytes.len(),
            Piece::Stretch(run, events) => run.end(events.end - 1) - run.begin(events.start),
        }
    }

    /// Returns whether its reader has reached another place with it.
    fn moves_reader(&self) -> bool {
        !matches!(self, Piece::Frame(_, None))
    }

    /// Splits it after so many bytes, of which there are more than none.
    fn split(&self, written: usize) -> Split {
        match self {
            &Piece::Frame(bytes, reached) => {
                let mut rest = bytes.clone();
                rest.advance(written);
                let rest = (!rest.is_empty()).then_some(rest);
                Split { reached, events: usize::from(reached.is_some()), rest }
            }
            Piece::Stretch(run, events) => {
                let at = run.begin(events.start) + written;
                let last = run.event_at(at - 1);
                let rest = run.bytes().slice(at..run.end(last));
                let rest = (!rest.is_empty()).then_some(rest);
                Split { reached: Some(run.place(last)), events: last + 1 - events.start, rest }
            }
        }
    }
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
        self.pieces.push(Piece::Frame(bytes, reached));
    }

    fn add_stretch(&mut self, run: &'a Run, events: Range<usize>) {
        let bytes = run.begin(events.start)..run.end(events.end - 1);
        self.slices.push(IoSlice::new(&run.bytes()[bytes]));
        self.pieces.push(Piece::Stretch(run, events));
    }

    /// Adds what a reader has from the log, as far as it is encoded.
    pub(super) fn add_catch_up(&mut self, page: &'a CatchUp, wants: impl Fn(&Event) -> bool) {
        if let Some((bytes, place)) = &page.gap {
            if self.is_full() {
                return;
            }
            self.add(bytes, Some(*place));
            self.looked_through = Some(*place);
        }
        let Some((run, mut left)) = page.encoded() else { return };
        while let Some(from) = left.find(|&index| wants(page.event(index))) {
            if self.is_full() {
                if from > run.range().start {
                    self.looked_through = Some(run.place(from - 1));
                }
                return;
            }
            let unwanted = left.find(|&index| !wants(page.event(index)));
            self.add_stretch(run, from..unwanted.unwrap_or(left.end));
        }
        self.looked_through = Some(run.place(run.range().end - 1));
    }

    pub(super) fn add_ring(
        &mut self,
        mut index: usize,
        ring: &'a Ring,
        wants: impl Fn(&Event) -> bool,
        encoder: &Encoder<'_>,
    ) {
        while let Some(slot) = ring.slot(index) {
            #[cfg(feature = "inject")]
            if encoder.faults.holds(&slot.event) && wants(&slot.event) {
                // It waits for the next one, behind which it comes.
                let Some(next) = ring.slot(index + 1) else { return };
                if wants(&next.event) {
                    if self.is_full() {
                        return;
                    }
                    let place = next.event.position;
                    self.add(next.frame_before(slot, encoder), Some(place));
                    self.looked_through = Some(place);
                    index += 2;
                    continue;
                }
            }
            let place = slot.event.position;
            if wants(&slot.event) {
                if self.is_full() {
                    return;
                }
                self.add(slot.frame(encoder), Some(place));
            }
            self.looked_through = Some(place);
            index += 1;
        }
    }

    /// Works out what the reader has after this many bytes.
    pub(super) fn after(&self, mut written: usize) -> AfterWrite {
        let mut reached = None;
        let (mut events, mut own_begun, mut rest) = (0, 0, None);
        let mut whole = true;
        for (i, piece) in self.pieces.iter().enumerate() {
            let taken = written.min(piece.len());
            written -= taken;
            if taken > 0 {
                let split = piece.split(taken);
                reached = split.reached.or(reached);
                events += split.events as u64;
                own_begun += usize::from(!piece.moves_reader());
                rest = split.rest;
            } else if let (0, true, Piece::Frame(bytes, _)) = (i, self.has_rest, piece) {
                // A rest must be finished first; what was not begun is gathered again.
                rest = Some((*bytes).clone());
            }
            if taken < piece.len() {
                whole = false;
                break;
            }
        }
        AfterWrite {
            rest,
            own_begun: self.without_rest(own_begun),
            reached,
            through: if whole { self.looked_through } else { reached },
            events,
            whole,
        }
    }

    fn without_rest(&self, begun: usize) -> usize {
        begun.saturating_sub(usize::from(self.has_rest))
    }
}
