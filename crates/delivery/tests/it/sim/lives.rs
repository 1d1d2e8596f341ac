//! How clients come, and are taken off.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use broker::PageLimit;
use bytes::Bytes;
use delivery::{Filter, Lease, Subscribing, Transport, room::Admission, sse};
use event::{After, Clock};
use futures_util::FutureExt;
use rand::RngExt;

use super::{
    client::{Client, Speaks, Sse},
    follow::Follow,
    world::{ROOMS, World},
};
use crate::support::socket::{SimSocket, Wire};

impl World {
    /// Attaches a client, as the route does; its worker hears of it later.
    pub(crate) fn attach(&mut self) {
        let expires = self
            .rng
            .random_bool(0.15)
            .then(|| self.clock.mono().plus(Duration::from_millis(self.rng.random_range(0..6000))));
        let wire = Rc::new(RefCell::new(Wire { now: self.clock.mono(), ..Wire::default() }));
        wire.borrow_mut().takes = self.appetite();
        let mut admission = Admission {
            socket: SimSocket(Rc::clone(&wire)),
            transport: Transport::sse,
            preamble: Bytes::new(),
            subscribing: None,
            web_socket: None,
            expires,
            permit: None,
        };
        let speaks = if self.rng.random_bool(0.45) {
            Speaks::Web(self.web_socket(&mut admission).into())
        } else {
            let (stream, after) = self.place_to_begin();
            let (subscribing, follow) = self.subscribing(stream, &after);
            admission.subscribing = Some(subscribing);
            let preamble =
                format!("{}{}", sse::retry(1000), sse::own_event(None, "connected", "{}"));
            admission.preamble = preamble.into();
            Speaks::Sse(Sse::new(follow).into())
        };
        let room = self.rng.random_range(0..ROOMS);
        self.coming.push((Client::new(wire, room, expires, speaks), admission));
    }

    /// Reads where a place in a stream is, and what follows it.
    pub(crate) fn subscribing(&mut self, stream: usize, after: &After) -> (Subscribing, Follow) {
        let name = &self.streams[stream].truth.stream;
        let limit = PageLimit::clamped(self.rng.random_range(1..20));
        let lease = Lease::take(&self.streams[stream].channel);
        let page = self.broker.page(name, after, limit).now_or_never();
        let page = page.expect("memory does not wait").expect("it answers");
        let filters = [None, None, Some("a.*"), Some("a.one,b.two"), Some("none")];
        let filter: Option<Arc<Filter>> = filters[self.rng.random_range(0..filters.len())]
            .map(|text| Arc::new(text.parse().expect("a filter")));
        self.totals.resumed += usize::from(matches!(after, After::At(_)));
        let follow = Follow::new(stream, page.after, filter.clone());
        let subscribing = Subscribing {
            lease,
            after: page.after,
            first: page.events,
            first_through: page.next,
            filter,
            permit: None,
            terms: delivery::Terms::default(),
        };
        (subscribing, follow)
    }

    /// Returns a stream, and where in it a client begins.
    pub(crate) fn place_to_begin(&mut self) -> (usize, After) {
        let stream = self.rng.random_range(0..self.streams.len());
        match self.rng.random_range(0..10) {
            0..4 => (stream, After::Head),
            4..6 => (stream, After::Oldest),
            6 => (stream, After::Unreadable("?".to_owned())),
            _ if self.cursors.is_empty() => (stream, After::Head),
            _ => {
                let (stream, at) = self.cursors[self.rng.random_range(0..self.cursors.len())];
                (stream, After::At(at))
            }
        }
    }

    /// Returns how many bytes a socket takes before it is full.
    pub(crate) fn appetite(&mut self) -> usize {
        match self.rng.random_range(0..6) {
            0 => 0,
            1 => self.rng.random_range(1..40),
            2 => self.rng.random_range(40..600),
            3 => self.rng.random_range(600..12_000),
            _ => 1 << 20,
        }
    }

    /// Hands a client that waits to its worker.
    pub(crate) fn admit(&mut self, coming: usize) {
        let (mut client, admission) = self.coming.swap_remove(coming);
        let now = self.clock.mono();
        client.wire.borrow_mut().now = now;
        client.was_expired = client.expires.is_some_and(|at| at <= now);
        let room = client.room;
        client.key = Some(self.rooms[room].admit(admission, now));
        self.clients.push(client);
        self.totals.admitted += 1;
        self.turn(room);
    }

    /// Takes the clients off that the room let go of, and asserts that it had a reason.
    pub(crate) fn bury(&mut self) {
        let mut index = 0;
        while index < self.clients.len() {
            if !self.clients[index].wire.borrow().closed {
                index += 1;
                continue;
            }
            let client = self.clients.swap_remove(index);
            self.cursors.extend(client.follows().iter().map(|follow| (follow.stream, follow.at)));
            self.check_end(&client);
        }
    }
}
