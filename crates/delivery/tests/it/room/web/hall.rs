//! A room with several streams, and WebSockets whose session is the test itself.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use broker::{Events, Item, NewEvent};
use bytes::Bytes;
use delivery::{
    DeliveryMetrics, DeliveryOptions, EndCause, Lease, Subscribing, Transport,
    channel::{Channel, LaneLimits},
    room::{Admission, ReaderKey, Room, Wish},
    session::{ClientMessage, Conversation, Reply, Session, WebSocket},
    ws::decoder::DecoderOptions,
};
use event::{Clock, Epoch, Event, Position, Seq, StreamName};
use prometheus_client::{encoding::text::encode, registry::Registry};

use crate::{
    room::bench::Shared,
    support::{
        clock::FakeClock,
        events::event_numbered,
        socket::{SimSocket, Wire},
        ws::{self, Parser, Said},
    },
};

/// Most bytes that a client's message may have here.
pub(super) const MESSAGE_BYTES_MAX: usize = 100_000;

/// Turns after which a room that still wants another one never comes to rest.
const TURNS_MAX: usize = 20_000;

/// A room with streams.
pub(super) struct Hall {
    pub(super) clock: FakeClock,
    pub(super) room: Room<SimSocket>,
    pub(super) streams: Vec<Stream>,
    /// Pages that were wished for.
    pub(super) fetches: Vec<Wish>,
    /// Batches that no session has taken.
    batches: Vec<(ReaderKey, Vec<ClientMessage>)>,
    registry: Registry,
}

pub(super) struct Stream {
    pub(super) channel: Arc<Channel>,
    pub(super) head: Seq,
}

/// A client, and all that it was said.
pub(super) struct Client {
    pub(super) wire: Shared,
    pub(super) key: ReaderKey,
    pub(super) parser: Parser,
}

/// Stands for a session that the test speaks for.
#[derive(Debug)]
struct Dummy;

impl Session for Dummy {
    fn take(self: Arc<Self>, _: Conversation, _: Vec<ClientMessage>) {
        panic!("the test takes what comes");
    }
}

impl Hall {
    pub(super) fn new(options: DeliveryOptions, streams: usize) -> Self {
        let mut registry = Registry::default();
        let metrics = DeliveryMetrics::register(&mut registry);
        let limits = LaneLimits { events_max: 4096, bytes_max: 8 << 20 };
        let stream = |number: usize| {
            let name = StreamName::thread(&number.to_string()).expect("a short key");
            let channel = Arc::new(Channel::new(name, at(0), 1, limits));
            Stream { channel, head: Seq::ZERO }
        };
        Hall {
            clock: FakeClock::new(),
            room: Room::new(0, options, metrics, 1),
            streams: (0..streams).map(stream).collect(),
            fetches: Vec::new(),
            batches: Vec::new(),
            registry,
        }
    }

    pub(super) fn newcomer(&self, takes: usize) -> (Shared, Admission<SimSocket>) {
        let wire = Rc::new(RefCell::new(Wire { takes, now: self.clock.mono(), ..Wire::default() }));
        let options = DecoderOptions { message_bytes_max: MESSAGE_BYTES_MAX, deflate: false };
        let session = Arc::new(Dummy);
        let (sends_deflated, received) = (false, Bytes::new());
        let admission = Admission {
            socket: SimSocket(Rc::clone(&wire)),
            transport: Transport::websocket,
            preamble: Bytes::new(),
            subscribing: None,
            web_socket: Some(WebSocket { session, options, sends_deflated, received }),
            expires: None,
            permit: None,
        };
        (wire, admission)
    }

    pub(super) fn admit(&mut self, wire: Shared, admission: Admission<SimSocket>) -> Client {
        let deflate = admission.web_socket.as_ref().is_some_and(|web| web.sends_deflated);
        let key = self.room.admit(admission, self.clock.mono());
        Client { wire, key, parser: Parser::new(deflate) }
    }

    /// Admits a client whose socket takes so many bytes.
    pub(super) fn client(&mut self, takes: usize) -> Client {
        let (wire, admission) = self.newcomer(takes);
        self.admit(wire, admission)
    }

    /// Returns a place in a stream from which a subscription begins.
    pub(super) fn subscribing(&self, stream: usize) -> Subscribing {
        let Stream { channel, head } = &self.streams[stream];
        Subscribing {
            lease: Lease::take(channel),
            after: at(head.0),
            first: Events::default(),
            first_through: at(head.0),
            filter: None,
            permit: None,
            terms: delivery::Terms::default(),
        }
    }

    /// Answers a client's wish for a stream.
    pub(super) fn subscribe(&mut self, client: &Client, stream: usize) {
        let subscribing = Box::new(self.subscribing(stream));
        let preamble = vec![format!(r#"{{"type":"subscribed","stream":"thread:{stream}"}}"#)];
        self.reply(client, Reply::Subscribe { subscribing, preamble });
    }

    pub(super) fn unsubscribe(&mut self, client: &Client, stream: usize) {
        let name = self.streams[stream].channel.stream().clone();
        self.reply(client, Reply::Unsubscribe(name));
    }

    pub(super) fn reply(&mut self, client: &Client, reply: Reply) {
        self.room.on_reply(client.key, reply, self.clock.mono());
    }

    /// Leaves events of a stream in the room's lane.
    pub(super) fn append(&mut self, stream: usize, count: usize, pad: usize) -> Vec<Arc<Event>> {
        let events: Vec<_> = (0..count).map(|_| self.next_event(stream, pad)).collect();
        let items = events.iter().cloned().map(Item::Event);
        self.streams[stream].channel.take_in(items, self.clock.mono());
        events
    }

    pub(super) fn next_event(&mut self, stream: usize, pad: usize) -> Arc<Event> {
        let head = &mut self.streams[stream].head;
        *head = head.next();
        let NewEvent { id, name, json } = event_numbered(head.0, "a.one", pad);
        Arc::new(Event::new(at(head.0), id, name, json))
    }

    pub(super) fn tell(&mut self, stream: usize) {
        let channel = Arc::clone(&self.streams[stream].channel);
        self.room.on_channel(&channel, self.clock.mono());
    }

    pub(super) fn publish(&mut self, stream: usize, count: usize, pad: usize) {
        self.append(stream, count, pad);
        self.tell(stream);
    }

    /// A client sends this, and the poller says so.
    pub(super) fn send(&mut self, client: &Client, bytes: &[u8]) {
        client.wire.borrow_mut().send(bytes);
        self.readable(client);
    }

    pub(super) fn readable(&mut self, client: &Client) {
        if std::mem::take(&mut client.wire.borrow_mut().unread_edge) {
            self.room.on_readable(client.key, self.clock.mono());
        }
    }

    /// Lets a socket take more, and reports it where a poller would.
    pub(super) fn writable(&mut self, client: &Client, takes: usize) {
        client.wire.borrow_mut().takes = takes;
        let edge = client.wire.borrow_mut().full_since.take().is_some();
        if edge {
            self.room.on_writable(client.key, self.clock.mono());
        }
    }

    /// Gives turns until none is wanted; returns how many.
    pub(super) fn turn(&mut self) -> usize {
        self.room.on_deadline(self.clock.mono());
        (0..TURNS_MAX)
            .find(|_| {
                let is_unfinished = self.room.is_unfinished();
                self.room.go_on(self.clock.mono());
                !is_unfinished
            })
            .expect("the room spins")
    }

    /// Time passes; a tick happens.
    pub(super) fn tick(&mut self, by: Duration) {
        self.clock.advance(by);
        self.room.on_deadline(self.clock.mono());
        self.room.on_tick(self.clock.mono());
        self.turn();
    }

    /// Returns the next batch for this client's session, as texts.
    pub(super) fn batch(&mut self, client: &Client) -> Option<Vec<String>> {
        self.take_wishes();
        let at = self.batches.iter().position(|(key, _)| *key == client.key)?;
        let texts = self.batches.remove(at).1.into_iter().map(|message| match message {
            ClientMessage::Text(text) => text,
            ClientMessage::Binary(bytes) => format!("{bytes:?}"),
        });
        let texts: Vec<_> = texts.collect();
        assert!(!texts.is_empty(), "a batch has a message");
        assert!(!self.batches.iter().any(|(key, _)| *key == client.key), "one batch at a time");
        Some(texts)
    }

    /// Answers each message of the next batch with itself, and is done with it.
    pub(super) fn echo(&mut self, client: &Client) -> Option<Vec<String>> {
        let texts = self.batch(client)?;
        for text in &texts {
            let say = Reply::Say(delivery::ws::Opcode::Text, text.clone().into());
            self.reply(client, say);
        }
        self.reply(client, Reply::Done);
        Some(texts)
    }

    pub(super) fn take_wishes(&mut self) {
        for wish in self.room.take_wishes() {
            match wish {
                Wish::Converse { reader, messages, .. } => self.batches.push((reader, messages)),
                fetch @ Wish::Fetch { .. } => self.fetches.push(fetch),
            }
        }
    }

    /// Returns the value of one of the metrics.
    pub(super) fn metric(&self, line_begins: &str) -> Option<String> {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes it");
        let line = text.lines().find_map(|line| line.strip_prefix(line_begins))?;
        Some(line.trim().to_owned())
    }

    /// Asserts that a client was let go of for this cause, and left nothing behind.
    pub(super) fn check_gone(&self, client: &Client, cause: EndCause) {
        assert!(client.wire.borrow().closed);
        let ended =
            format!(r#"stream_ends_total{{transport="websocket",cause="{}"}}"#, cause.as_str());
        assert_eq!(self.metric(&ended).as_deref(), Some("1"), "{}", cause.as_str());
        let open = self.metric(r#"streams_open{transport="websocket"}"#);
        assert_eq!(open, Some(self.room.len().to_string()));
        if self.room.is_empty() {
            let held = self.room.holdings();
            assert_eq!((held.tables, held.rest_bytes, held.web_bytes), (0, 0, 0));
            assert!(self.streams.iter().all(|stream| stream.channel.readers() == 0));
        }
    }
}

impl Client {
    /// Returns what it was said since it last looked.
    pub(super) fn look(&mut self) -> Vec<Said> {
        let bytes = std::mem::take(&mut self.wire.borrow_mut().written);
        self.parser.feed(&bytes)
    }

    /// The same as short texts: `0#1` is the first event of the stream 0.
    pub(super) fn heard(&mut self) -> Vec<String> {
        self.look().iter().map(short).collect()
    }

    pub(super) fn is_open(&self) -> bool {
        !self.wire.borrow().closed
    }
}

pub(super) fn at(seq: u64) -> Position {
    Position::new(Epoch::from_bits(7), Seq(seq))
}

/// Returns `0#1 0#2 …` for the events from the one number to the other.
pub(super) fn events(stream: usize, numbers: std::ops::RangeInclusive<u64>) -> Vec<String> {
    numbers.map(|number| format!("{stream}#{number}")).collect()
}

fn short(said: &Said) -> String {
    let Said::Text(text) = said else {
        return match said {
            Said::Ping => "ping".to_owned(),
            Said::Pong(payload) => format!("pong {}", String::from_utf8_lossy(payload)),
            Said::Close(code, reason) => format!("close {} {reason}", code.unwrap_or(0)),
            other => format!("{other:?}"),
        };
    };
    let field = |name: &str| ws::field(text, name).to_owned();
    match text.strip_prefix(r#"{"type":""#).and_then(|rest| rest.split('"').next()) {
        Some("event") => {
            let stream = field("stream").replace("thread:", "");
            let number = text.split(r#""envelope":{"n":"#).nth(1).expect("an envelope");
            let number = number.split(',').next().expect("a number").to_owned();
            assert!(field("cursor").ends_with(&format!("-{number}")), "{text}");
            format!("{stream}#{number}")
        }
        Some(kind @ ("subscribed" | "gap")) => {
            format!("{kind} {}", field("stream").replace("thread:", ""))
        }
        Some("goodbye") => format!("goodbye {}", field("reason")),
        _ => text.clone(),
    }
}
