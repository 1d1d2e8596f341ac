//! The end of all faults: everything arrives, and everybody has all of it.

use std::time::Duration;

use super::world::{ROOMS, World};

impl World {
    /// Ends all faults, lets everything arrive, and asserts that every reader has it all.
    pub(crate) fn settle(&mut self) {
        for round in 0..12 {
            while !self.coming.is_empty() {
                self.admit(0);
            }
            for client in &self.clients {
                let mut wire = client.wire.borrow_mut();
                wire.takes = 1 << 30;
                wire.gives = 0;
                wire.dies_next = false;
                wire.unread_edge |= wire.dead;
            }
            self.arrive();
            if round > 3 {
                self.advance(Duration::from_secs(1));
            }
        }
        for client in &self.clients {
            client.check_complete(&self.streams);
        }
        self.totals.settled += self.clients.len();
    }

    /// Lets all that is under way arrive, until nothing is.
    fn arrive(&mut self) {
        for _ in 0..400 {
            let before = (self.totals.delivered, self.totals.skipped);
            self.bring_all();
            (0..ROOMS).for_each(|room| self.poll(room));
            (0..self.streams.len()).for_each(|stream| self.pump(stream));
            while !self.tells.is_empty() {
                self.tell(0);
            }
            while !self.wishes.is_empty() {
                let last = self.wishes.len() - 1;
                self.grant(last, false);
            }
            while !self.answers.is_empty() {
                self.hand_answer();
            }
            while !self.pages.is_empty() {
                self.hand_page(0);
            }
            if !self.is_on() && before == (self.totals.delivered, self.totals.skipped) {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    /// Returns whether something is under way.
    fn is_on(&self) -> bool {
        let has_edge = self.clients.iter().any(|client| {
            let wire = client.wire.borrow();
            let has_words = client.web().is_some_and(|web| !web.outgoing.is_empty());
            wire.writable_edge() || wire.unread_edge || has_words
        });
        let wants_turn = self.rooms.iter().any(|room| room.is_unfinished());
        has_edge || wants_turn || !self.tells.is_empty() || !self.wishes.is_empty()
    }
}
