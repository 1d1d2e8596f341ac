//! A client that believes nothing: whatever it is sent is held against the truth.

use std::{cell::RefCell, rc::Rc};

use delivery::room::ReaderKey;
use event::{MonoMs, Position};

use super::{Totals, follow::Follow, truth::Truth, web::Web, world::Stream};
use crate::support::{
    socket::Wire,
    sse::{Block, Parser},
};

/// A client and what it has had.
pub(crate) struct Client {
    pub(crate) wire: Rc<RefCell<Wire>>,
    pub(crate) room: usize,
    pub(crate) key: Option<ReaderKey>,
    pub(crate) expires: Option<MonoMs>,
    /// Its credential was over at some moment, even if it was renewed later.
    pub(crate) was_expired: bool,
    /// It was too far behind at some tick.
    pub(crate) was_lagging: bool,
    pub(crate) speaks: Speaks,
}

/// How it is connected.
pub(crate) enum Speaks {
    Sse(Box<Sse>),
    Web(Box<Web>),
}

/// A client of an event stream.
pub(crate) struct Sse {
    pub(crate) follow: Follow,
    goodbye: Option<String>,
    connected: bool,
    parser: Parser,
}

impl Client {
    pub(crate) fn new(
        wire: Rc<RefCell<Wire>>,
        room: usize,
        expires: Option<MonoMs>,
        speaks: Speaks,
    ) -> Self {
        let (was_expired, was_lagging) = (false, false);
        Client { wire, room, key: None, expires, was_expired, was_lagging, speaks }
    }

    /// Reads what has come and checks it; returns the bytes, for the trace.
    pub(crate) fn look(&mut self, streams: &[Stream], totals: &mut Totals) -> Vec<u8> {
        let bytes = std::mem::take(&mut self.wire.borrow_mut().written);
        match &mut self.speaks {
            Speaks::Sse(sse) => sse.look(&bytes, &streams[sse.follow.stream].truth, totals),
            Speaks::Web(web) => web.look(&bytes, streams, totals),
        }
        bytes
    }

    pub(crate) fn web(&self) -> Option<&Web> {
        match &self.speaks {
            Speaks::Sse(_) => None,
            Speaks::Web(web) => Some(web),
        }
    }

    pub(crate) fn web_mut(&mut self) -> Option<&mut Web> {
        match &mut self.speaks {
            Speaks::Sse(_) => None,
            Speaks::Web(web) => Some(web),
        }
    }

    /// Returns its places, those included that it has not been told of.
    pub(crate) fn follows(&self) -> Vec<&Follow> {
        match &self.speaks {
            Speaks::Sse(sse) => vec![&sse.follow],
            Speaks::Web(web) => web.follows.values().chain(web.pending.values()).collect(),
        }
    }

    pub(crate) fn goodbye(&self) -> Option<&str> {
        match &self.speaks {
            Speaks::Sse(sse) => sse.goodbye.as_deref(),
            Speaks::Web(web) => web.goodbye.as_deref(),
        }
    }

    /// Asserts that nothing is still to come.
    pub(crate) fn check_complete(&self, streams: &[Stream]) {
        match &self.speaks {
            Speaks::Sse(sse) => sse.follow.check_complete(&streams[sse.follow.stream].truth),
            Speaks::Web(web) => web.check_complete(streams),
        }
    }
}

impl Sse {
    pub(crate) fn new(follow: Follow) -> Self {
        Sse { follow, goodbye: None, connected: false, parser: Parser::default() }
    }

    fn look(&mut self, bytes: &[u8], truth: &Truth, totals: &mut Totals) {
        for block in self.parser.feed(bytes) {
            assert!(self.goodbye.is_none(), "nothing follows the farewell: {block:?}");
            self.on_block(&block, truth, totals);
        }
    }

    fn on_block(&mut self, block: &Block, truth: &Truth, totals: &mut Totals) {
        let id: Option<Position> = block.id.as_deref().map(|id| id.parse().expect("a cursor"));
        match (block.event.as_str(), id) {
            ("", None) => totals.heartbeats += block.comments,
            ("", Some(place)) => {
                self.follow.pass_unwanted(place, truth, totals);
                totals.heartbeats_with_place += 1;
            }
            ("connected", None) => self.connected = true,
            ("gap", Some(place)) => {
                assert_eq!(self.follow.on_gap(&block.data, truth, totals), place);
            }
            ("goodbye", None) => {
                assert!(block.retry_ms.is_some());
                let reason = crate::support::ws::field(&block.data, "reason");
                self.goodbye = Some(reason.to_owned());
            }
            (name, Some(place)) => {
                assert!(self.connected, "the preamble comes first");
                let fact = self.follow.on_event(place, block.data.as_bytes(), truth, totals);
                assert_eq!(fact.new.name.as_str(), name);
            }
            _ => panic!("no block of ours: {block:?}"),
        }
    }
}
