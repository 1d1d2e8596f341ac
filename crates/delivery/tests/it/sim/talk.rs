//! What WebSockets say, how the network brings it, and what their sessions answer.

use std::{sync::Arc, time::Duration};

use delivery::{
    Transport,
    room::{Admission, ReaderKey},
    session::{ClientMessage, Conversation, Reply, Session, WebSocket},
    ws::{CloseCode, Opcode, decoder::DecoderOptions},
};
use event::{After, Clock};
use rand::RngExt;

use super::{client::Client, web::Web, world::World};
use crate::support::socket::SimSocket;

/// Most bytes of a client's message.
pub(crate) const MESSAGE_BYTES_MAX: usize = 4000;

/// Stands for the sessions, for which the world speaks.
#[derive(Debug)]
struct Dummy;

impl Session for Dummy {
    fn take(self: Arc<Self>, _: Conversation, _: Vec<ClientMessage>) {
        panic!("the world takes what comes");
    }
}

impl World {
    /// Makes an admission one of a WebSocket; returns its client, which asks for a stream or two.
    pub(crate) fn web_socket(&mut self, admission: &mut Admission<SimSocket>) -> Web {
        let sends_deflated = self.rng.random_bool(0.5);
        let mut web = Web::new(sends_deflated, self.rng.random_bool(0.8));
        for _ in 0..self.rng.random_range(0..3) {
            let stream = self.rng.random_range(0..self.streams.len());
            web.say(&format!("sub {stream}"));
        }
        let sent = self.rng.random_range(0..=web.outgoing.len());
        let received: Vec<u8> = web.outgoing.drain(..sent).collect();
        let options = DecoderOptions { message_bytes_max: MESSAGE_BYTES_MAX, deflate: true };
        let session = Arc::new(Dummy);
        let received = received.into();
        admission.transport = Transport::websocket;
        admission.web_socket = Some(WebSocket { session, options, sends_deflated, received });
        web
    }

    /// A client says something; it is on its way.
    pub(crate) fn say_something(&mut self) {
        let what = self.rng.random_range(0..40);
        let length = self.rng.random_range(1..if what < 12 { 1500 } else { 90 });
        let stream = self.rng.random_range(0..self.streams.len());
        let Some(index) = self.some_web() else { return };
        let Some(web) = self.clients[index].web_mut().filter(|web| !web.is_ending()) else {
            return;
        };
        match what {
            0..10 => web.ask(length, stream == 0),
            10..20 => web.say(&format!("sub {stream}")),
            20..26 => web.say(&format!("unsub {stream}")),
            26..34 => (0..length).for_each(|_| web.ping()),
            34..37 => web.say("auth"),
            37 => web.say("revoke"),
            38 => web.close(),
            _ => {
                web.is_garbled = true;
                web.outgoing.extend((0..length).map(|n| (n * n * 31) as u8));
            }
        }
    }

    /// Returns some client that is a WebSocket, if there is one near a random one.
    fn some_web(&mut self) -> Option<usize> {
        let first = self.some_client()?;
        let all = self.clients.len();
        (first..first + all).map(|at| at % all).find(|&at| self.clients[at].web().is_some())
    }

    /// The network brings some of what a client said.
    pub(crate) fn bring(&mut self) {
        let most = match self.rng.random_range(0..4) {
            0 => self.rng.random_range(1..20),
            1 => self.rng.random_range(20..800),
            _ => usize::MAX,
        };
        let gives = if self.rng.random_bool(0.2) { self.rng.random_range(1..50) } else { 0 };
        if let Some(index) = self.some_web() {
            self.clients[index].wire.borrow_mut().gives = gives;
            bring(&mut self.clients[index], most);
        }
    }

    pub(crate) fn bring_all(&mut self) {
        self.clients.iter_mut().for_each(|client| bring(client, usize::MAX));
    }

    fn client_of(&mut self, room: usize, key: ReaderKey) -> Option<&mut Client> {
        self.clients.iter_mut().find(|client| client.room == room && client.key == Some(key))
    }

    /// Notes that a batch is on its way to its session: never two of one client.
    pub(crate) fn note_batch(&mut self, room: usize, key: ReaderKey) {
        self.totals.batches += 1;
        if let Some(web) = self.client_of(room, key).and_then(Client::web_mut) {
            assert!(!web.is_busy, "one batch at a time");
            web.is_busy = true;
        }
    }

    /// Answers a batch, as a session does; the answers arrive later.
    pub(crate) fn converse(&mut self, room: usize, key: ReaderKey, batch: Vec<ClientMessage>) {
        for message in batch {
            let ClientMessage::Text(words) = message else {
                // Garbage may happen to be a message.
                continue;
            };
            let (verb, stream) = words.split_once(' ').unwrap_or((&words, ""));
            match verb {
                "sub" => self.on_sub(room, key, stream.parse().expect("a number")),
                "unsub" => {
                    let stream: usize = stream.parse().expect("a number");
                    let name = self.streams[stream].truth.stream.clone();
                    let said = format!(r#"{{"type":"unsubscribed","stream":"{name}"}}"#);
                    self.answers.push_back((room, key, Reply::Unsubscribe(name)));
                    self.answers.push_back((room, key, Reply::Say(Opcode::Text, said.into())));
                }
                "auth" => {
                    let ms = self.rng.random_range(0..8000);
                    let at = self.clock.mono().plus(Duration::from_millis(ms));
                    let at = Some(at).filter(|_| ms < 6000);
                    self.answers.push_back((room, key, Reply::Expires(at)));
                }
                "revoke" => {
                    let close = Reply::Close(CloseCode::Policy, "revoked");
                    self.answers.push_back((room, key, close));
                }
                "echo" => {
                    let say = Reply::Say(Opcode::Text, words.into());
                    self.answers.push_back((room, key, say));
                }
                _ => {}
            }
        }
        self.answers.push_back((room, key, Reply::Done));
    }

    fn on_sub(&mut self, room: usize, key: ReaderKey, stream: usize) {
        let (elsewhere, after) = self.place_to_begin();
        let after = if elsewhere == stream { after } else { After::Oldest };
        let (subscribing, follow) = self.subscribing(stream, &after);
        self.next_subscription += 1;
        let number = self.next_subscription;
        if let Some(web) = self.client_of(room, key).and_then(Client::web_mut) {
            web.pending.insert(number, follow);
        }
        let said = format!(r#"{{"type":"subscribed","stream":"thread:{stream}","n":"{number}"}}"#);
        let subscribing = Box::new(subscribing);
        let reply = Reply::Subscribe { subscribing, preamble: vec![said] };
        self.answers.push_back((room, key, reply));
    }

    /// Hands a session's next answer to its room.
    pub(crate) fn hand_answer(&mut self) {
        let Some((room, key, reply)) = self.answers.pop_front() else { return };
        let now = self.clock.mono();
        if let Some(client) = self.client_of(room, key) {
            match &reply {
                Reply::Expires(at) => {
                    client.expires = *at;
                    client.was_expired |= at.is_some_and(|at| at <= now);
                    self.totals.renewed += 1;
                }
                Reply::Close(..) => client.web_mut().expect("it speaks").is_revoked = true,
                Reply::Done => client.web_mut().expect("it speaks").is_busy = false,
                _ => {}
            }
        }
        self.rooms[room].on_reply(key, reply, now);
        self.turn(room);
    }
}

fn bring(client: &mut Client, most: usize) {
    let Some(web) = client.web_mut() else { return };
    let count = most.min(web.outgoing.len());
    let bytes: Vec<u8> = web.outgoing.drain(..count).collect();
    if count > 0 {
        client.wire.borrow_mut().send(&bytes);
    }
}
