//! What a cursor means in a log, whichever backend holds it: where reading goes on, and the gap
//! before that place.
//!
//! Owns the judgement; must not know where the window is kept. A backend fills a [`Standings`] from
//! one moment of its log, and cuts the page from that same moment.

use event::{After, Gap, GapReason, Lineage, Position, Seq, Standing, UnixMs};

/// One moment of a log, as far as a cursor's meaning depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standings<'a> {
    /// The epochs that led here.
    pub(crate) lineage: &'a Lineage,
    /// The last number.
    pub(crate) head: Seq,
    /// The number before the oldest event that is kept; the head's where none is.
    pub(crate) window_after: Seq,
    /// The number up to which events are gone that the window would have had.
    pub(crate) lost_to: Seq,
    /// The time in the oldest kept event's id, where one is kept.
    pub(crate) oldest_id_at: Option<UnixMs>,
}

/// Where reading goes on, and the hole before it.
pub(crate) type Resolved = (Position, Option<Gap>);

impl Standings<'_> {
    /// Returns the last place, beyond a hole that lies there.
    pub(crate) fn head(&self) -> Position {
        self.lineage.last_at(self.head)
    }

    /// Returns the place before the oldest event that is kept.
    pub(crate) fn oldest(&self) -> Position {
        self.lineage.last_at(self.window_after)
    }

    /// Returns the number up to which one page may go that begins at `start`: it ends before a hole.
    pub(crate) fn page_end(&self, start: Position) -> Seq {
        self.lineage.hole_after(start).unwrap_or(self.head)
    }

    /// Finds where reading goes on, and the hole before it; `found` is the number of the event that
    /// the cursor names by its id, where the window has it.
    pub(crate) fn resolve(&self, after: &After, found: Option<Seq>) -> Resolved {
        match after {
            After::Head => (self.head(), None),
            After::Oldest => (self.oldest(), None),
            After::At(place) => self.resolve_place(*place, after),
            After::Id(id) => match found {
                Some(seq) => self.resolve_place(self.lineage.position_at(seq), after),
                None => self.oldest_with_gap(after, self.reason_for_missing(id.unix_ms()), None),
            },
            After::Unreadable(_) => self.oldest_with_gap(after, GapReason::UnknownCursor, None),
        }
    }

    fn resolve_place(&self, place: Position, after: &After) -> Resolved {
        match self.lineage.standing(place, self.head) {
            Standing::Good => self.resolve_good(place, after),
            Standing::PastEnd { shared, reason } => {
                let resumes_at = self.lineage.last_at(shared.seq.max(self.window_after));
                (resumes_at, Some(gap(reason, after, resumes_at, None)))
            }
            Standing::Unknown if self.lineage.lost_its_past() => {
                self.oldest_with_gap(after, GapReason::DataLoss, None)
            }
            Standing::Unknown => self.oldest_with_gap(after, GapReason::UnknownCursor, None),
        }
    }

    /// Goes on from a place that the log has had, unless the window or a hole begins after it.
    fn resolve_good(&self, place: Position, after: &After) -> Resolved {
        let hole = self.lineage.hole_after(place);
        let missed = self.window_after.count_after(place.seq);
        if missed > 0 {
            let is_loss =
                place.seq < self.lost_to || hole.is_some_and(|hole| hole <= self.window_after);
            return if is_loss {
                self.oldest_with_gap(after, GapReason::DataLoss, None)
            } else {
                self.oldest_with_gap(after, GapReason::Expired, Some(missed))
            };
        }
        let here = self.lineage.last_at(place.seq);
        let at_hole = hole == Some(place.seq);
        (here, at_hole.then(|| gap(GapReason::DataLoss, after, here, None)))
    }

    /// An id that is older than all that is kept has expired; another one was never here.
    fn reason_for_missing(&self, at: UnixMs) -> GapReason {
        match self.oldest_id_at {
            Some(oldest) if at < oldest => GapReason::Expired,
            None if self.head > Seq::ZERO => GapReason::Expired,
            _ if self.lineage.lost_its_past() => GapReason::DataLoss,
            _ => GapReason::UnknownCursor,
        }
    }

    fn oldest_with_gap(&self, after: &After, reason: GapReason, missed: Option<u64>) -> Resolved {
        let resumes_at = self.oldest();
        (resumes_at, Some(gap(reason, after, resumes_at, missed)))
    }
}

/// Returns the gap of a cursor.
pub(crate) fn gap(
    reason: GapReason,
    after: &After,
    resumes_at: Position,
    missed: Option<u64>,
) -> Gap {
    Gap { reason, after: Some(after.to_string()), resumes_at, missed }
}
