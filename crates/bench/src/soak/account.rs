//! What one reader has to be right about, from its first connection to its last. Pure.
//!
//! Every number once and in order, across reconnects; a hole that the server told of is counted as
//! told, one that it did not tell of is a loss. Numbers and cursors go together: an organisation's
//! stream is published to by the run alone, so an event's number is that of its cursor.

#[cfg(test)]
mod tests;

use crate::{
    check::{Check, Faults},
    stamp::Stamp,
};

/// One reader's account.
#[derive(Clone, Debug)]
pub(super) struct Account {
    stream: u32,
    /// Nothing until the first stream was open.
    check: Option<Check>,
    /// After what it resumes.
    cursor: Vec<u8>,
    /// Events in holes that the server told of.
    told_missing: u64,
    /// Cursors that are none, or not that of the event that they came with.
    garbled: u64,
}

impl Account {
    /// Returns the account of a reader that has not come yet.
    pub(super) fn new(stream: u32) -> Self {
        Account { stream, check: None, cursor: Vec::new(), told_missing: 0, garbled: 0 }
    }

    pub(super) fn stream(&self) -> u32 {
        self.stream
    }

    pub(super) fn told_missing(&self) -> u64 {
        self.told_missing
    }

    pub(super) fn garbled(&self) -> u64 {
        self.garbled
    }

    /// Returns after what to resume; nothing for a reader that never had a stream.
    pub(super) fn cursor(&self) -> Option<String> {
        let is_known = self.check.is_some();
        is_known.then(|| String::from_utf8_lossy(&self.cursor).into_owned())
    }

    /// Takes the beginning of a stream. Only the first one says where the account begins: a later
    /// one has to go on after what came before, whatever it says.
    pub(super) fn opened(&mut self, head: &[u8]) {
        if self.check.is_some() {
            return;
        }
        match number(head) {
            Some(last) => {
                self.check = Some(Check::new(self.stream, last + 1));
                self.set_cursor(head);
            }
            None => self.garbled += 1,
        }
    }

    /// Takes an event.
    pub(super) fn event(&mut self, cursor: &[u8], stamp: Stamp) {
        let Some(check) = &mut self.check else {
            self.garbled += 1;
            return;
        };
        check.see(stamp.stream, stamp.number);
        if number(cursor) == Some(stamp.number) {
            self.set_cursor(cursor);
        } else {
            self.garbled += 1;
        }
    }

    /// Takes a hole that the server tells of; reading goes on after `resumes_at`.
    pub(super) fn gap(&mut self, resumes_at: &[u8]) {
        match (number(resumes_at), &mut self.check) {
            (Some(last), Some(check)) => {
                self.told_missing += check.go_on_at(last + 1);
                self.set_cursor(resumes_at);
            }
            _ => self.garbled += 1,
        }
    }

    /// Returns whether it has everything up to a number.
    pub(super) fn has(&self, last: u64) -> bool {
        self.check.as_ref().is_some_and(|check| check.next() > last)
    }

    /// Returns what was wrong, given the number of the last event; nothing for a reader that never
    /// had a stream.
    pub(super) fn faults(&self, last: u64) -> Option<Faults> {
        self.check.as_ref().map(|check| check.faults(last))
    }

    fn set_cursor(&mut self, cursor: &[u8]) {
        self.cursor.clear();
        self.cursor.extend_from_slice(cursor);
    }
}

/// Returns the number in a cursor, `EPOCH-NUMBER`.
pub(super) fn number(cursor: &[u8]) -> Option<u64> {
    let (_, number) = std::str::from_utf8(cursor).ok()?.rsplit_once('-')?;
    number.parse().ok()
}
