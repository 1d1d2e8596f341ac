//! Rounds over many readers: those of a stream that has grown, those that would take more, those
//! whose heart beats.

use std::sync::Arc;

use event::MonoMs;

use super::{Room, socket::Sink, table::Seat};
use crate::{Transport, channel::Channel};

/// A round over a stream's readers in which events went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    transport: Transport,
    oldest: MonoMs,
}

impl<S: Sink> Room<S> {
    /// Takes in what a stream's pump has left for this worker, and writes it to who is ready.
    ///
    /// Returns what to give to [`Room::end_round`] where events went out.
    pub fn on_channel(&mut self, channel: &Arc<Channel>, now: MonoMs) -> Option<Round> {
        let look = channel.look(self.worker);
        let &table = self.table_of.get(channel.stream())?;
        if !Arc::ptr_eq(self.tables[table].channel(), channel) {
            return None;
        }
        let oldest = look.arrivals.front().map(|arrival| arrival.at);
        self.tables[table].take_in(look);
        // Asked first: the table is gone where its last reader leaves in this round.
        let transport = self.tables[table].transport(&self.readers);
        let delivered = self.serve_table(table, now);
        // Only now: a burst that is larger than the ring is no reason to read the log for somebody
        // who takes it all.
        if let Some(table) = self.tables.get_mut(table) {
            table.trim(&self.options);
        }
        oldest.filter(|_| delivered).map(|oldest| Round { transport, oldest })
    }

    /// Counts how long the oldest event of a round took until the last reader had it.
    pub fn end_round(&self, round: Round, now: MonoMs) {
        let took = now.since(round.oldest);
        self.counts[round.transport as usize].1.observe(took.as_secs_f64());
    }

    /// Returns whether a reader would take more at once.
    pub fn is_unfinished(&self) -> bool {
        !self.unfinished.is_empty()
    }

    /// Gives those who would take more another turn.
    pub fn go_on(&mut self, now: MonoMs) {
        for key in std::mem::take(&mut self.unfinished) {
            if let Some(reader) = self.reader_mut(key) {
                reader.unfinished = false;
                self.serve(key, now);
                self.read_on(key, now);
            }
        }
    }

    /// Does what is due each second: heartbeats, lag, departures, pages asked for again.
    pub fn on_tick(&mut self, now: MonoMs) {
        for (key, id) in std::mem::take(&mut self.waiting) {
            let Some(reader) = self.reader_mut(key) else { continue };
            let Some(index) = reader.find(id) else { continue };
            reader.subscriptions[index].fetching = false;
            self.serve_at(key, index, now);
        }
        self.runs.clear();
        self.close_the_lagging(now);
        self.close_the_unending(now);
        #[cfg(feature = "inject")]
        self.cut_some(now);
        for table in self.tables.iter_mut().map(|(_, table)| table) {
            table.forget(&self.readers, now.minus(self.options.lag_max));
        }
        self.beat(now);
    }

    fn beat(&mut self, now: MonoMs) {
        self.wheel_at += 1;
        let slot = self.wheel_at as usize % self.wheel.len();
        let mut keys = std::mem::take(&mut self.wheel[slot]);
        keys.retain(|&key| self.reader(key).is_some());
        for &key in &keys {
            self.heartbeat(key, now);
        }
        // A heartbeat that failed removed its reader; the next turn of the wheel forgets the key.
        self.wheel[slot] = keys;
    }

    fn serve_table(&mut self, table: usize, now: MonoMs) -> bool {
        let mut delivered = [0; 3];
        let mut number = 0;
        while let Some(seat) = self.seated(table, number) {
            let reader = &self.readers[seat.reader as usize];
            let (key, transport) = (reader.key, reader.transport);
            let served = self.serve_uncounted(key, seat.subscription as usize, now);
            delivered[transport as usize] += served.events;
            // A reader that was removed left its seat to the last one; the last reader of all took
            // the table with it.
            if self.seated(table, number) == Some(seat) {
                number += 1;
            }
        }
        for ((counter, _), events) in self.counts.iter().zip(delivered) {
            if events > 0 {
                counter.inc_by(events);
            }
        }
        delivered.iter().any(|&events| events > 0)
    }

    fn seated(&self, table: usize, number: usize) -> Option<Seat> {
        self.tables.get(table)?.seats().get(number).copied()
    }
}
