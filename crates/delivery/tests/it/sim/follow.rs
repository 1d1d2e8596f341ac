//! A client's place in one stream: every event and every gap is held against the truth.

use std::{collections::HashSet, sync::Arc};

use delivery::Filter;
use event::{EventId, Position};

use super::{
    Totals,
    truth::{Fact, Truth},
};
use crate::support::ws::field;

/// A place in a stream, and what was had there.
pub(crate) struct Follow {
    pub(crate) stream: usize,
    /// Everything up to here was had, or was not wanted.
    pub(crate) at: Position,
    filter: Option<Arc<Filter>>,
    had: HashSet<EventId>,
}

impl Follow {
    pub(crate) fn new(stream: usize, at: Position, filter: Option<Arc<Filter>>) -> Self {
        Follow { stream, at, filter, had: HashSet::new() }
    }

    /// Takes in an event; returns the fact that it tells.
    pub(crate) fn on_event<'t>(
        &mut self,
        place: Position,
        json: &[u8],
        truth: &'t Truth,
        totals: &mut Totals,
    ) -> &'t Fact {
        let fact = truth.fact(place).unwrap_or_else(|| panic!("{place} was never acknowledged"));
        assert_eq!(&*fact.new.json, json);
        assert!(self.wants(fact), "{place} was not wanted");
        assert!(self.had.insert(fact.new.id), "{place} came twice");
        let mut others = truth
            .between(self.at, place)
            .unwrap_or_else(|| panic!("{place} does not follow {} and no gap was told", self.at));
        others.remove(0);
        self.check_unwanted(&others, totals);
        self.at = place;
        totals.delivered += 1;
        fact
    }

    /// Takes in a gap; returns where it goes on.
    pub(crate) fn on_gap(&mut self, data: &str, truth: &Truth, totals: &mut Totals) -> Position {
        let after: Position = field(data, "after").parse().expect("it was attached at a place");
        let place: Position = field(data, "resumes_at").parse().expect("a place");
        self.pass_unwanted(after, truth, totals);
        let reason = field(data, "reason");
        match reason {
            "lagged" => {
                let missed = place.seq.count_after(after.seq);
                assert!(data.ends_with(&format!(r#""missed":{missed}}}"#)), "{data}");
                totals.gaps_lagged += 1;
            }
            "data_loss" => {
                assert!(truth.crashes > 0, "nothing was lost: {data}");
                totals.gaps_lost += 1;
            }
            _ => panic!("no gap of an attached reader: {data}"),
        }
        if place.seq < self.at.seq {
            self.had.clear();
        }
        self.at = place;
        place
    }

    pub(crate) fn pass_unwanted(&mut self, place: Position, truth: &Truth, totals: &mut Totals) {
        let passed = truth.between(self.at, place);
        let passed = passed.unwrap_or_else(|| panic!("{place} does not follow {}", self.at));
        self.check_unwanted(&passed, totals);
        self.at = place;
    }

    fn check_unwanted(&self, facts: &[&Fact], totals: &mut Totals) {
        for fact in facts {
            assert!(!self.wants(fact), "{:?} was left out", fact.new);
            totals.skipped += 1;
        }
    }

    fn wants(&self, fact: &Fact) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.wants(&fact.new.name))
    }

    /// Asserts that nothing of the log is still to come.
    pub(crate) fn check_complete(&self, truth: &Truth) {
        let missing = truth.between(self.at, truth.head());
        let missing = missing
            .unwrap_or_else(|| panic!("the reader at {} was not led to {}", self.at, truth.head()));
        let wanted = missing.iter().filter(|fact| self.wants(fact)).count();
        assert_eq!(wanted, 0, "the reader at {} never got to {}", self.at, truth.head());
    }
}
