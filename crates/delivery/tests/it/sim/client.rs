//! A client that believes nothing: every block that it is sent is held against the truth.

use std::{cell::RefCell, collections::HashSet, rc::Rc, sync::Arc};

use delivery::{Filter, room::ReaderKey};
use event::{EventId, MonoMs, Position};

use super::{
    Totals,
    truth::{Fact, Truth},
};
use crate::support::{
    socket::Wire,
    sse::{Block, Parser},
};

/// A client and what it has had.
pub(crate) struct Client {
    pub(crate) wire: Rc<RefCell<Wire>>,
    pub(crate) stream: usize,
    pub(crate) room: usize,
    pub(crate) key: Option<ReaderKey>,
    /// Everything up to here was had, or was not wanted.
    pub(crate) at: Position,
    pub(crate) expires: Option<MonoMs>,
    pub(crate) goodbye: Option<String>,
    filter: Option<Arc<Filter>>,
    had: HashSet<EventId>,
    connected: bool,
    parser: Parser,
}

impl Client {
    pub(crate) fn new(
        wire: Rc<RefCell<Wire>>,
        (stream, room): (usize, usize),
        at: Position,
        filter: Option<Arc<Filter>>,
        expires: Option<MonoMs>,
    ) -> Self {
        Client {
            wire,
            stream,
            room,
            key: None,
            at,
            expires,
            goodbye: None,
            filter,
            had: HashSet::new(),
            connected: false,
            parser: Parser::default(),
        }
    }

    /// Reads what has come and checks it; returns the bytes, for the trace.
    pub(crate) fn look(&mut self, truth: &Truth, totals: &mut Totals) -> Vec<u8> {
        let bytes = std::mem::take(&mut self.wire.borrow_mut().written);
        for block in self.parser.feed(&bytes) {
            assert!(self.goodbye.is_none(), "nothing follows the farewell: {block:?}");
            self.on_block(&block, truth, totals);
        }
        bytes
    }

    fn on_block(&mut self, block: &Block, truth: &Truth, totals: &mut Totals) {
        let id: Option<Position> = block.id.as_deref().map(|id| id.parse().expect("a cursor"));
        match (block.event.as_str(), id) {
            ("", None) => totals.heartbeats += block.comments,
            ("", Some(place)) => {
                self.pass_unwanted(place, truth, totals);
                totals.heartbeats_with_place += 1;
            }
            ("connected", None) => self.connected = true,
            ("gap", Some(place)) => self.on_gap(place, &block.data, truth, totals),
            ("goodbye", None) => {
                assert!(block.retry_ms.is_some());
                self.goodbye = Some(field(&block.data, "reason").to_owned());
            }
            (_, Some(place)) => self.on_event(place, block, truth, totals),
            _ => panic!("no block of ours: {block:?}"),
        }
    }

    fn on_event(&mut self, place: Position, block: &Block, truth: &Truth, totals: &mut Totals) {
        assert!(self.connected, "the preamble comes first");
        let fact = truth.fact(place).unwrap_or_else(|| panic!("{place} was never acknowledged"));
        assert_eq!(
            (fact.new.name.as_str(), &*fact.new.json),
            (&*block.event, block.data.as_bytes())
        );
        assert!(self.wants(fact), "{place} was not wanted");
        assert!(self.had.insert(fact.new.id), "{place} came twice");
        let mut others = truth
            .between(self.at, place)
            .unwrap_or_else(|| panic!("{place} does not follow {} and no gap was told", self.at));
        others.remove(0);
        self.check_unwanted(&others, totals);
        self.at = place;
        totals.delivered += 1;
    }

    fn on_gap(&mut self, place: Position, data: &str, truth: &Truth, totals: &mut Totals) {
        let after: Position = field(data, "after").parse().expect("it was attached at a place");
        assert_eq!(field(data, "resumes_at"), place.to_string());
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
    }

    fn pass_unwanted(&mut self, place: Position, truth: &Truth, totals: &mut Totals) {
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

/// Returns a text field of one of the server's own JSON objects.
fn field<'a>(data: &'a str, name: &str) -> &'a str {
    let key = format!(r#""{name}":""#);
    let from = data.find(&key).unwrap_or_else(|| panic!("no {name} in {data}")) + key.len();
    &data[from..from + data[from..].find('"').expect("the text ends")]
}
