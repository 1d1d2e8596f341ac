//! One reader of the model: its real joiner, what is in flight to it, what it has been given.

use std::sync::Arc;

use broker::{
    Events, Item, Page, PageLimit, Receipt, Wake,
    join::{Joiner, Step},
    memory::log::Log,
};
use event::{After, Event, Gap, GapReason, Position, Seq};

/// Small, so that reading on is part of every history.
const LIMIT: PageLimit = PageLimit::clamped(2);

/// How far a reader is with attaching.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    Away,
    /// It is hinted at, and has read nothing yet.
    Watching,
    Attached(Joiner),
}

/// A page on its way from the log to the reader.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct InFlight {
    gap: Option<Gap>,
    places: [Position; 3],
    events: Events,
}

/// What the last thing that happened has brought a reader; it goes with the next one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Just {
    pub(crate) told: Option<GapReason>,
    pub(crate) resumed_at: Option<Position>,
    pub(crate) took_live: bool,
}

/// One reader.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reader {
    pub(crate) stage: Stage,
    pub(crate) reading: Option<Position>,
    pub(crate) in_flight: Option<InFlight>,
    pub(crate) events: Vec<Arc<Event>>,
    pub(crate) head: Option<Seq>,
    pub(crate) unsure: bool,
    /// Its last cursor.
    pub(crate) place: Position,
    pub(crate) reconnects: usize,
    pub(crate) hint_faults: usize,
    /// The index of the acknowledged event that is next without a gap.
    pub(crate) next: usize,
    gap: bool,
    pub(crate) broken: Option<&'static str>,
    pub(crate) just: Just,
}

impl Reader {
    pub(crate) fn new(place: Position) -> Self {
        Reader {
            stage: Stage::Away,
            reading: None,
            in_flight: None,
            events: Vec::new(),
            head: None,
            unsure: false,
            place,
            reconnects: 0,
            hint_faults: 0,
            next: 0,
            gap: false,
            broken: None,
            just: Just::default(),
        }
    }

    pub(crate) fn is_hinted(&self) -> bool {
        self.stage != Stage::Away
    }

    /// Returns whether it waits, and nothing is on its way to it.
    pub(crate) fn is_quiet(&self) -> bool {
        let Stage::Attached(joiner) = &self.stage else { return false };
        let nothing_hinted = self.events.is_empty() && self.head.is_none() && !self.unsure;
        nothing_hinted && self.in_flight.is_none() && joiner.clone().step() == Step::Wait
    }

    pub(crate) fn has_all(&self, acked: &[Receipt]) -> bool {
        self.next == acked.len() || self.gap
    }

    pub(crate) fn is_told(&self, reason: GapReason) -> bool {
        self.just.told == Some(reason)
    }

    /// Reads the first page and is attached.
    pub(crate) fn open(&mut self, log: &Log, acked: &[Receipt]) {
        let first = log.page(&After::At(self.place), LIMIT);
        match first.gap.clone() {
            Some(gap) => {
                self.take(&Item::Gap(gap), acked);
                // A new attachment from wherever the log can go on; it has had nothing yet.
                self.next = 0;
            }
            None => {
                self.just.resumed_at = Some(self.place);
                self.place = first.after;
            }
        }
        self.stage = Stage::Attached(Joiner::opened(first));
        self.drive(acked);
    }

    /// Gives up its connection of its own accord.
    pub(crate) fn leave(&mut self) {
        self.end();
        self.reconnects += 1;
    }

    /// Loses its connection with all that is in flight; its last cursor stays.
    pub(crate) fn end(&mut self) {
        let kept = Reader::new(self.place);
        *self = Reader {
            next: self.next,
            gap: self.gap,
            broken: self.broken,
            reconnects: self.reconnects,
            hint_faults: self.hint_faults,
            ..kept
        };
    }

    /// Reads the page that the joiner asked for; it arrives later.
    pub(crate) fn read(&mut self, log: &Log) {
        let Some(at) = self.reading.take() else { return };
        let page = log.page(&After::At(at), LIMIT);
        if !page.is_whole() {
            self.broken = Some("a page breaks its invariant");
        }
        self.in_flight = Some(InFlight {
            gap: page.gap,
            places: [page.after, page.next, page.head],
            events: page.events,
        });
    }

    pub(crate) fn receive(&mut self, acked: &[Receipt]) {
        let Some(InFlight { gap, places, events }) = self.in_flight.take() else { return };
        let [after, next, head] = places;
        let page = Page { gap, after, events, skipped: 0, next, head };
        if let Stage::Attached(joiner) = &mut self.stage {
            joiner.on_page(page);
        }
        self.drive(acked);
    }

    pub(crate) fn wake(&mut self, wake: Wake, acked: &[Receipt]) {
        let had = self.next;
        if let Stage::Attached(joiner) = &mut self.stage {
            joiner.on_wake(wake);
        }
        self.drive(acked);
        self.just.took_live = self.next > had;
    }

    /// Takes what the joiner gives, until it has to read or to wait.
    fn drive(&mut self, acked: &[Receipt]) {
        loop {
            let Stage::Attached(joiner) = &mut self.stage else { return };
            match joiner.step() {
                Step::Deliver(item) => self.take(&item, acked),
                Step::Read(at) => return self.reading = Some(at),
                Step::Wait => return self.reading = None,
            }
        }
    }

    fn take(&mut self, item: &Item, acked: &[Receipt]) {
        match item {
            Item::Gap(gap) => {
                self.place = gap.resumes_at;
                self.gap = true;
                self.just.told = Some(gap.reason);
            }
            Item::Event(event) => self.take_event(event, acked),
        }
    }

    fn take_event(&mut self, event: &Event, acked: &[Receipt]) {
        self.place = event.position;
        let same = |receipt: &Receipt| receipt.position == event.position && receipt.id == event.id;
        let Some(index) = acked.iter().position(same) else {
            return self.broken = Some("an event that was never acknowledged");
        };
        if index < self.next {
            return self.broken = Some("an event twice or out of order");
        }
        if index > self.next && !self.gap {
            return self.broken = Some("a hole without a gap");
        }
        self.next = index + 1;
        self.gap = false;
    }
}
