//! What can happen in one step.

use std::time::Duration;

use broker::{PageLimit, ReadError, memory::EpochSource};
use delivery::room::Wish;
use event::{After, Clock};
use futures_util::FutureExt;
use rand::RngExt;

use super::{
    Totals,
    world::{ROOMS, World},
};
use crate::support::events::event_numbered;

const NAMES: [&str; 4] = ["a.one", "a.two", "b.one", "b.two"];

impl World {
    /// Lets something happen.
    pub(crate) fn step(&mut self) {
        self.totals.steps += 1;
        let what = self.rng.random_range(0..125);
        self.note(what);
        match what {
            0..18 => self.publish(),
            18..34 => {
                let stream = self.rng.random_range(0..self.streams.len());
                self.pump(stream);
            }
            34..46 => self.some_tell(),
            46..54 => self.attach(),
            54..60 => self.some_admission(),
            60..66 => self.feed(),
            66..74 => self.poll_some(),
            74..80 => self.grant_some_wish(),
            80..86 => self.hand_some_page(),
            86..94 => {
                let by = self.rng.random_range(1..1200);
                self.advance(Duration::from_millis(by));
            }
            94..96 => self.trouble(),
            96 => self.own(),
            97 => self.restart(),
            98 => self.save(),
            100..109 => self.say_something(),
            109..116 => self.bring(),
            116..125 => self.hand_answer(),
            _ => self.rarely(),
        }
    }

    /// Ends the schedule: all settles, then all leave.
    pub(crate) fn finish(mut self) -> (Totals, u64) {
        self.settle();
        self.draining = true;
        let now = self.clock.mono();
        for client in self.clients.iter().step_by(3) {
            client.wire.borrow_mut().takes = 7;
        }
        for room in &mut self.rooms {
            room.drain(Duration::from_secs(3), now);
        }
        for _ in 0..28 {
            self.publish();
            (0..self.streams.len()).for_each(|stream| self.pump(stream));
            self.bring_all();
            (0..ROOMS).for_each(|room| self.poll(room));
            while !self.tells.is_empty() {
                self.tell(0);
            }
            self.advance(Duration::from_millis(250));
        }
        for room in &self.rooms {
            assert!(room.is_empty(), "{:?} after the drain", room.holdings());
        }
        for stream in &self.streams {
            assert_eq!(stream.channel.readers(), 0);
        }
        let trace = self.trace();
        (self.totals, trace)
    }

    fn publish(&mut self) {
        let stream = self.rng.random_range(0..self.streams.len());
        let count = match self.rng.random_range(0..10) {
            0 => self.rng.random_range(10..100),
            1..4 => self.rng.random_range(2..9),
            _ => 1,
        };
        for _ in 0..count {
            let name = NAMES[self.rng.random_range(0..NAMES.len())];
            let big = self.rng.random_bool(0.06);
            let pad = self.rng.random_range(0..if big { 4000 } else { 60 });
            let event = event_numbered(self.next_number, name, pad);
            self.next_number += 1;
            self.streams[stream].truth.append(vec![event]);
        }
        self.totals.published += count;
    }

    fn some_tell(&mut self) {
        if !self.tells.is_empty() {
            let tell = self.rng.random_range(0..self.tells.len());
            self.tell(tell);
        }
    }

    fn some_admission(&mut self) {
        if !self.coming.is_empty() {
            let coming = self.rng.random_range(0..self.coming.len());
            self.admit(coming);
        }
    }

    /// A client's kernel takes more.
    fn feed(&mut self) {
        let takes = self.appetite();
        if let Some(index) = self.some_client() {
            let mut wire = self.clients[index].wire.borrow_mut();
            wire.takes = if takes < 1000 { wire.takes + takes } else { takes };
        }
    }

    pub(crate) fn some_client(&mut self) -> Option<usize> {
        let count = self.clients.len();
        (count > 0).then(|| self.rng.random_range(0..count))
    }

    fn poll_some(&mut self) {
        let room = self.rng.random_range(0..ROOMS);
        self.poll(room);
    }

    /// Reports each edge once, as a poller does.
    pub(crate) fn poll(&mut self, room: usize) {
        let now = self.clock.mono();
        for index in 0..self.clients.len() {
            let client = &self.clients[index];
            let Some(key) = client.key.filter(|_| client.room == room) else { continue };
            let mut wire = client.wire.borrow_mut();
            let writable = wire.writable_edge();
            let readable = std::mem::take(&mut wire.unread_edge);
            if writable {
                wire.full_since = None;
            }
            drop(wire);
            if writable {
                self.rooms[room].on_writable(key, now);
            }
            if readable {
                self.rooms[room].on_readable(key, now);
            }
        }
        self.turn(room);
    }

    /// Does what some room wishes for; what comes of it arrives later.
    fn grant_some_wish(&mut self) {
        if !self.wishes.is_empty() {
            let index = self.rng.random_range(0..self.wishes.len());
            let fails = self.rng.random_bool(0.2);
            self.grant(index, fails);
        }
    }

    /// Reads a page that was wished for, or lets a session answer.
    pub(crate) fn grant(&mut self, index: usize, fails: bool) {
        let (room, wish) = self.wishes.swap_remove(index);
        let (reader, subscription, stream, after) = match wish {
            Wish::Fetch { reader, subscription, stream, after } => {
                (reader, subscription, stream, after)
            }
            Wish::Converse { reader, messages, .. } => {
                return self.converse(room, reader, messages);
            }
        };
        let limit = PageLimit::clamped(self.rng.random_range(1..20));
        let page = if fails {
            self.totals.pages_failed += 1;
            Err(ReadError::Unavailable { reason: "as the schedule has it".to_owned() })
        } else {
            self.totals.pages += 1;
            let page = self.broker.page(&stream, &After::At(after), limit).now_or_never();
            page.expect("memory does not wait")
        };
        self.pages.push((room, (reader, subscription), page));
    }

    fn hand_some_page(&mut self) {
        if !self.pages.is_empty() {
            let index = self.rng.random_range(0..self.pages.len());
            self.hand_page(index);
        }
    }

    pub(crate) fn hand_page(&mut self, index: usize) {
        let (room, (reader, subscription), page) = self.pages.swap_remove(index);
        self.rooms[room].on_page(reader, subscription, page, self.clock.mono());
        self.turn(room);
    }

    /// Something befalls a client's connection.
    fn trouble(&mut self) {
        let what = self.rng.random_range(0..12);
        let bytes = self.rng.random_range(1..40_000);
        let Some(index) = self.some_client() else { return };
        let is_web = self.clients[index].web().is_some();
        let mut wire = self.clients[index].wire.borrow_mut();
        match what {
            0..2 => wire.dead = true,
            2 => wire.half_closed = true,
            // What WebSockets send has a form.
            3..6 if is_web => {}
            3 => wire.send(&[b'x'; 70_000]),
            4..6 => wire.send(&vec![b'x'; bytes % 300]),
            6..8 => wire.dies_next = true,
            _ => wire.interrupts = bytes % 80,
        }
        // A dead peer may be found out by a write before the poller tells.
        wire.unread_edge |= what > 0 && what < 6;
    }

    /// Another owner takes over a log.
    fn own(&mut self) {
        let stream = self.rng.random_range(0..self.streams.len());
        let epoch = self.epochs.draw();
        self.streams[stream].truth.switch(epoch);
    }

    fn save(&mut self) {
        let stream = self.rng.random_range(0..self.streams.len());
        self.streams[stream].truth.save();
    }

    /// A log goes on from what was saved of it.
    fn rarely(&mut self) {
        let stream = self.rng.random_range(0..self.streams.len());
        if self.rng.random_bool(0.5) {
            let epoch = self.epochs.draw();
            self.streams[stream].truth.crash(epoch);
        } else {
            self.settle();
        }
    }

    /// A channel begins anew where its log is, for no reason.
    fn restart(&mut self) {
        let stream = self.rng.random_range(0..self.streams.len());
        self.restart_channel(stream);
    }
}
