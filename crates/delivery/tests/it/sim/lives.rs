//! How clients come and how they end, and whether they ended rightly.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use broker::PageLimit;
use bytes::Bytes;
use delivery::{
    Filter, Lease, Transport,
    room::{Admission, Wish},
    sse,
};
use event::{After, Clock};
use futures_util::FutureExt;
use rand::RngExt;

use super::{
    client::Client,
    world::{ROOMS, World},
};
use crate::support::socket::{SimSocket, Wire};

/// What the room allows a reader to send.
const INPUT_BYTES_MAX: usize = 64 << 10;

impl World {
    /// Attaches a client, as the route does; its worker hears of it later.
    pub(crate) fn attach(&mut self) {
        let (stream, after) = self.place_to_begin();
        let name = &self.streams[stream].truth.stream;
        let limit = PageLimit::clamped(self.rng.random_range(1..20));
        let lease = Lease::take(&self.streams[stream].channel);
        let page = self.broker.page(name, &after, limit).now_or_never();
        let page = page.expect("memory does not wait").expect("it answers");
        let filters = [None, None, Some("a.*"), Some("a.one,b.two"), Some("none")];
        let filter: Option<Arc<Filter>> = filters[self.rng.random_range(0..filters.len())]
            .map(|text| Arc::new(text.parse().expect("a filter")));
        let expires = self
            .rng
            .random_bool(0.15)
            .then(|| self.clock.mono().plus(Duration::from_millis(self.rng.random_range(0..6000))));
        let wire = Rc::new(RefCell::new(Wire { now: self.clock.mono(), ..Wire::default() }));
        wire.borrow_mut().takes = self.appetite();
        let room = self.rng.random_range(0..ROOMS);
        let client =
            Client::new(Rc::clone(&wire), (stream, room), page.after, filter.clone(), expires);
        let preamble = format!("{}{}", sse::retry(1000), sse::own_event(None, "connected", "{}"));
        let admission = Admission {
            socket: SimSocket(wire),
            transport: Transport::sse,
            lease,
            preamble: Bytes::from(preamble),
            after: page.after,
            first: page.events,
            first_through: page.next,
            filter,
            expires,
            permit: None,
        };
        self.totals.resumed += usize::from(matches!(after, After::At(_)));
        self.coming.push((client, admission));
    }

    fn place_to_begin(&mut self) -> (usize, After) {
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
        client.wire.borrow_mut().now = self.clock.mono();
        let room = client.room;
        client.key = Some(self.rooms[room].admit(admission, self.clock.mono()));
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
            self.cursors.push((client.stream, client.at));
            self.check_end(&client);
        }
    }

    fn check_end(&mut self, client: &Client) {
        let wire = client.wire.borrow();
        let now = self.clock.mono();
        let is_expired = client.expires.is_some_and(|at| at <= now);
        match client.goodbye.as_deref() {
            Some("drain") => {
                assert!(self.draining);
                self.totals.drained += 1;
            }
            Some("token_expired") => {
                assert!(is_expired);
                self.totals.expired += 1;
            }
            Some(other) => panic!("no farewell of ours: {other}"),
            None if wire.dead || wire.half_closed || wire.read > INPUT_BYTES_MAX => {
                self.totals.closed_by_client += 1;
            }
            None if self.draining || is_expired => {
                assert!(wire.full_since.is_some(), "a reader that takes bytes is told farewell");
                self.totals.cut_at_farewell += 1;
            }
            None => {
                let full_since = wire.full_since.expect("only who takes nothing can lag");
                let truth = &self.streams[client.stream].truth;
                let bytes = truth.bytes_after(client.at);
                let next = truth.between(client.at, truth.head());
                // A loss hides what the next event was to be.
                let age = next.map_or(Duration::MAX, |next| {
                    next.last().map_or(Duration::ZERO, |fact| now.since(fact.at))
                });
                let lag_max = self.options.lag_max;
                let lags = now.since(full_since) > lag_max
                    || bytes > self.options.lag_bytes_max
                    || age > lag_max;
                assert!(lags, "closed without a reason: {bytes} bytes behind, next is {age:?} old");
                self.totals.closed_lagging += 1;
            }
        }
    }

    /// Ends all faults, lets everything arrive, and asserts that every reader has it all.
    pub(crate) fn settle(&mut self) {
        for round in 0..12 {
            while !self.coming.is_empty() {
                self.admit(0);
            }
            for client in &self.clients {
                let mut wire = client.wire.borrow_mut();
                wire.takes = 1 << 30;
                wire.dies_next = false;
                wire.unread_edge |= wire.dead;
            }
            self.arrive();
            if round > 3 {
                self.advance(Duration::from_secs(1));
            }
        }
        for client in &self.clients {
            client.check_complete(&self.streams[client.stream].truth);
        }
        self.totals.settled += self.clients.len();
    }

    /// Lets all that is under way arrive, until nothing is.
    fn arrive(&mut self) {
        for _ in 0..200 {
            let before = (self.totals.delivered, self.totals.skipped);
            (0..ROOMS).for_each(|room| self.poll(room));
            (0..self.streams.len()).for_each(|stream| self.pump(stream));
            while !self.tells.is_empty() {
                self.tell(0);
            }
            while let Some((room, Wish::Fetch { reader, stream, after })) = self.wishes.pop() {
                let (after, limit) = (After::At(after), PageLimit::clamped(20));
                let page = self.broker.page(&stream, &after, limit).now_or_never();
                let page = page.expect("memory does not wait");
                self.pages.push((room, reader, page));
            }
            while !self.pages.is_empty() {
                self.hand_page(0);
            }
            let is_edge = self.clients.iter().any(|client| client.wire.borrow().writable_edge());
            let is_on = is_edge || !self.tells.is_empty() || !self.wishes.is_empty();
            if !is_on && before == (self.totals.delivered, self.totals.skipped) {
                return;
            }
        }
        panic!("it never comes to rest");
    }
}
