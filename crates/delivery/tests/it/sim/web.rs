//! A WebSocket's client: what it says and has yet to say, and what it was told.

use std::collections::BTreeMap;

use event::Position;

use super::{Totals, follow::Follow, world::Stream};
use crate::support::ws::{self, Parser, Said, field};

/// A WebSocket's client.
pub(crate) struct Web {
    /// Its places, by stream.
    pub(crate) follows: BTreeMap<usize, Follow>,
    /// Places that its session made for it, by number, and that it has not been told of.
    pub(crate) pending: BTreeMap<u32, Follow>,
    /// What it has said and the network has not brought.
    pub(crate) outgoing: Vec<u8>,
    pub(crate) goodbye: Option<String>,
    /// The server's close frame.
    pub(crate) closed: Option<(Option<u16>, String)>,
    /// It sent a close frame of its own accord.
    pub(crate) closes: bool,
    /// It sent what is no frame; its words mean nothing from there on.
    pub(crate) is_garbled: bool,
    /// Its session closed it.
    pub(crate) is_revoked: bool,
    /// A batch of it is with its session.
    pub(crate) is_busy: bool,
    /// Whether it answers a close frame.
    answers: bool,
    /// Pings and questions that it sent, and how many were answered.
    pings: u32,
    pongs: u32,
    questions: u32,
    echoes: u32,
    parser: Parser,
}

impl Web {
    pub(crate) fn new(deflate: bool, answers: bool) -> Self {
        Web {
            follows: BTreeMap::new(),
            pending: BTreeMap::new(),
            outgoing: Vec::new(),
            goodbye: None,
            closed: None,
            closes: false,
            is_garbled: false,
            is_revoked: false,
            is_busy: false,
            answers,
            pings: 0,
            pongs: 0,
            questions: 0,
            echoes: 0,
            parser: Parser::new(deflate),
        }
    }

    /// Returns whether it says nothing more.
    pub(crate) fn is_ending(&self) -> bool {
        self.closes || self.closed.is_some() || self.is_garbled || self.is_revoked
    }

    /// Asks its session for something.
    pub(crate) fn say(&mut self, words: &str) {
        self.outgoing.extend(ws::text(words));
    }

    /// Asks a question that is answered with itself; it may come in two pieces with a ping between.
    pub(crate) fn ask(&mut self, length: usize, is_cut: bool) {
        let words = format!("echo {} {}", self.questions, "e".repeat(length));
        self.questions += 1;
        if is_cut {
            let (first, second) = words.split_at(3);
            self.outgoing.extend(ws::frame(0x01, first.as_bytes()));
            self.ping();
            self.outgoing.extend(ws::frame(0x80, second.as_bytes()));
        } else {
            self.say(&words);
        }
    }

    pub(crate) fn ping(&mut self) {
        self.outgoing.extend(ws::frame(0x89, self.pings.to_string().as_bytes()));
        self.pings += 1;
    }

    pub(crate) fn close(&mut self) {
        self.outgoing.extend(ws::close(1000));
        self.closes = true;
    }

    pub(super) fn look(&mut self, bytes: &[u8], streams: &[Stream], totals: &mut Totals) {
        let compressed = self.parser.compressed;
        for said in self.parser.feed(bytes) {
            self.on_said(said, streams, totals);
        }
        totals.compressed += self.parser.compressed - compressed;
    }

    fn on_said(&mut self, said: Said, streams: &[Stream], totals: &mut Totals) {
        match said {
            Said::Text(json) if json.starts_with('{') => self.on_json(&json, streams, totals),
            Said::Text(echo) => {
                assert!(echo.starts_with(&format!("echo {} e", self.echoes)), "{echo}");
                self.echoes += 1;
                totals.echoes += 1;
            }
            Said::Pong(number) => {
                assert_eq!(number, self.pongs.to_string().as_bytes());
                self.pongs += 1;
                totals.pongs += 1;
            }
            Said::Ping => {
                if !self.is_ending() {
                    self.outgoing.extend(ws::frame(0x8a, b""));
                }
                totals.pings += 1;
            }
            Said::Close(code, reason) => {
                assert!(self.closed.is_none());
                self.closed = Some((code, reason));
                if self.answers && !self.closes {
                    self.outgoing.extend(ws::close(code.unwrap_or(1000)));
                    totals.closes_answered += 1;
                }
            }
            Said::Binary(_) => panic!("nobody sends bytes here"),
        }
    }

    fn on_json(&mut self, json: &str, streams: &[Stream], totals: &mut Totals) {
        assert!(self.goodbye.is_none(), "nothing but the close frame follows the farewell");
        let stream = || field(json, "stream").strip_prefix("thread:").expect("a thread").parse();
        match field(json, "type") {
            "goodbye" => self.goodbye = Some(field(json, "reason").to_owned()),
            "subscribed" => {
                let number = field(json, "n").parse().expect("a number");
                let follow = self.pending.remove(&number).expect("its session made it");
                let earlier = self.follows.insert(follow.stream, follow);
                totals.subscribed += 1;
                totals.subscribed_again += usize::from(earlier.is_some());
            }
            "unsubscribed" => {
                let gone = self.follows.remove(&stream().expect("a number"));
                totals.unsubscribed += usize::from(gone.is_some());
            }
            kind => {
                let stream: usize = stream().expect("a number");
                let follow = self.follows.get_mut(&stream);
                let follow = follow.unwrap_or_else(|| panic!("nobody follows it: {json}"));
                let truth = &streams[stream].truth;
                if kind == "gap" {
                    follow.on_gap(json, truth, totals);
                    return;
                }
                assert_eq!(kind, "event");
                let place: Position = field(json, "cursor").parse().expect("a cursor");
                let (_, envelope) = json.split_once(r#""envelope":"#).expect("an envelope");
                let envelope = envelope.strip_suffix('}').expect("an object");
                follow.on_event(place, envelope.as_bytes(), truth, totals);
                totals.delivered_web += 1;
            }
        }
    }

    /// Asserts that nothing is still to come.
    pub(super) fn check_complete(&self, streams: &[Stream]) {
        for follow in self.follows.values() {
            follow.check_complete(&streams[follow.stream].truth);
        }
        if !self.is_garbled {
            assert!(self.pending.is_empty(), "it was not told of {} places", self.pending.len());
            assert_eq!((self.echoes, self.pongs), (self.questions, self.pings));
            assert!(!self.parser.is_midway());
        }
    }
}
