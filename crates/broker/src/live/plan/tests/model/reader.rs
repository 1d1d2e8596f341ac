//! A reader of the model: it follows one process and remembers what it got.

use event::{After, Position};

use super::world::id_of;
use crate::{
    Page, PageLimit,
    memory::log::Log,
    trunk::{record::BranchRecord, view},
};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reader {
    pub(super) process: usize,
    pub(super) place: Position,
    pub(super) got: Vec<u8>,
    pub(super) had_gap: bool,
    pub(super) broken: Option<&'static str>,
}

impl Reader {
    pub(super) fn new(process: usize, place: Position) -> Self {
        Reader { process, place, got: Vec::new(), had_gap: false, broken: None }
    }

    /// Returns the next page of a log with these records.
    pub(super) fn page(&self, log: &Log, records: &[BranchRecord]) -> Page {
        let limit = PageLimit::clamped(1);
        let page = log.page(&After::At(self.place), limit);
        if page.gap.is_none() {
            return page;
        }
        let local = |record| view::local::page(record, log, log.head().seq, self.place, limit);
        records.iter().find_map(local).unwrap_or(page)
    }

    /// Returns whether a page says anything new.
    pub(super) fn has_news(page: &Page) -> bool {
        page.gap.is_some() || !page.events.is_empty()
    }

    pub(super) fn take(&mut self, page: &Page) {
        if page.gap.is_some() {
            self.had_gap = true;
        }
        for event in &*page.events {
            let number = id_of(event);
            if self.got.contains(&number) && !self.had_gap {
                self.broken = Some("an event came twice");
            }
            if page.gap.is_none() && event.position.seq != self.place.seq.next() {
                self.broken = Some("the numbers jump");
            }
            self.got.push(number);
        }
        self.place = page.next;
    }
}
