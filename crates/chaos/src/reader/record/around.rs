//! What came to a reader before and behind each gap, and so what the gap tells of.

use std::collections::HashMap;

use event::EventId;

/// All of a reader's gaps, with what came around them.
#[derive(Debug)]
pub(crate) struct Surroundings {
    gaps: Vec<Around>,
    /// By publisher, the last number that came.
    last_numbers: Vec<Option<u64>>,
    last: Option<EventId>,
    /// By publisher, the first gap behind which nothing of it has come yet.
    open: Vec<usize>,
}

/// How many gaps are kept; of later ones nothing is taken for told.
const KEPT_MAX: usize = 20_000;

/// What came around one gap.
#[derive(Debug)]
struct Around {
    /// By publisher, the last number before the gap, and the first behind it.
    numbers: Vec<(Option<u64>, Option<u64>)>,
    last: Option<EventId>,
    first: Option<EventId>,
    leaves_the_place: bool,
}

/// An event that did not come, and where the log has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Missing {
    pub(crate) by: usize,
    pub(crate) n: u64,
    pub(crate) index: usize,
}

impl Surroundings {
    /// Returns those of a reader that has met no gap.
    pub(super) fn new(publishers: usize) -> Self {
        Surroundings {
            gaps: Vec::new(),
            last_numbers: vec![None; publishers],
            last: None,
            open: vec![0; publishers],
        }
    }

    /// Takes an event.
    pub(super) fn came(&mut self, by: usize, n: u64, id: EventId) {
        for gap in &mut self.gaps[self.open[by]..] {
            gap.numbers[by].1 = Some(n);
        }
        self.open[by] = self.gaps.len();
        for gap in self.gaps.iter_mut().rev().take_while(|gap| gap.first.is_none()) {
            gap.first = Some(id);
        }
        self.last_numbers[by] = Some(n);
        self.last = Some(id);
    }

    /// Takes a gap; `leaves_the_place` where the server does not know what the reader has had, so that
    /// all before the place where it goes on may be missing.
    pub(super) fn met(&mut self, leaves_the_place: bool) {
        if self.gaps.len() >= KEPT_MAX {
            return;
        }
        let numbers = self.last_numbers.iter().map(|last| (*last, None)).collect();
        self.gaps.push(Around { numbers, last: self.last, first: None, leaves_the_place });
    }

    /// Returns whether a gap tells of an event that did not come: it stands between those of the
    /// event's publisher, as in a branch's order, or around it in the log, or nobody knew the reader's
    /// place, and it was led beyond. `indexes` says where the log has what.
    pub(crate) fn tell(&self, missing: Missing, indexes: &HashMap<EventId, usize>) -> bool {
        let index = |id: Option<EventId>| id.and_then(|id| indexes.get(&id).copied());
        self.gaps.iter().any(|gap| {
            let (before, behind) = gap.numbers[missing.by];
            let among_its_own = before.is_none_or(|before| before < missing.n)
                && behind.is_none_or(|behind| behind > missing.n);
            let is_passed = index(gap.first).is_some_and(|first| first > missing.index);
            let came_from_before =
                index(gap.last).map_or(gap.last.is_none(), |last| last < missing.index);
            among_its_own || (is_passed && (gap.leaves_the_place || came_from_before))
        })
    }
}
