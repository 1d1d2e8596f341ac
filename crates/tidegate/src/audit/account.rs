//! What one reader keeps from one connection to the next, and what it makes of each message.

use event::{Epoch, Position, Seq};
use serde::Deserialize;

use super::{
    check::ReaderCheck,
    plan::{Kind, Role},
    shared::Shared,
};
use crate::sse::Message;

/// What one reader keeps.
#[derive(Debug)]
pub(super) struct Account {
    /// What it received.
    pub(super) check: ReaderCheck,
    /// How its connections ended.
    pub(super) ends: Ends,
    /// Why it gave up, where it did.
    pub(super) refused: Option<String>,
    /// Messages that no server of ours sends.
    pub(super) garbled: u64,
    /// How often it came back over the other transport.
    pub(super) switches: u64,
    /// How often it came back to another replica.
    pub(super) moves: u64,
    /// After what it resumes.
    cursor: Position,
    was_attached: bool,
    said_goodbye: bool,
    epoch: KnownEpoch,
}

/// How connections ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ends {
    /// The reader's own will.
    pub(super) own: u64,
    /// The server said goodbye.
    pub(super) goodbye: u64,
    /// The server closed a reader that had stopped reading.
    pub(super) lagged: u64,
    /// Neither: the connection broke, or nothing came for long.
    pub(super) broken: u64,
}

#[derive(Deserialize)]
struct GapData {
    reason: String,
    resumes_at: String,
}

impl Account {
    /// Returns the account of a reader that begins after this place.
    pub(super) fn new(start: Position) -> Self {
        Account {
            check: ReaderCheck::new(start.seq),
            ends: Ends::default(),
            refused: None,
            garbled: 0,
            switches: 0,
            moves: 0,
            cursor: start,
            was_attached: false,
            said_goodbye: false,
            epoch: KnownEpoch::new(start.epoch),
        }
    }

    /// Returns after what to resume, and whether there was a stream before.
    pub(super) fn resume(&self) -> (Position, bool) {
        (self.cursor, self.was_attached)
    }

    /// Returns whether the server said goodbye since the last time.
    pub(super) fn take_goodbye(&mut self) -> bool {
        std::mem::take(&mut self.said_goodbye)
    }

    /// Takes a message that came to a reader with this role.
    pub(super) fn take(&mut self, shared: &Shared, role: Role, message: Message<'_>) {
        match message.name {
            b"connected" => self.attached(shared),
            b"goodbye" => self.said_goodbye = true,
            b"gap" => self.gap(message.data),
            _ => self.event(shared, role, message),
        }
    }

    fn attached(&mut self, shared: &Shared) {
        if !std::mem::replace(&mut self.was_attached, true) {
            shared.attached.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    fn event(&mut self, shared: &Shared, role: Role, message: Message<'_>) {
        let Some(position) = self.epoch.position(message.id) else {
            self.garbled += 1;
            return;
        };
        let same = shared.log.see(position, message.data);
        self.check.event(position, same);
        if position.seq > self.cursor.seq {
            self.cursor = position;
        }
        if role.kind == Kind::Sample
            && let Some(stamp) = shared.log.mark().read(message.data)
        {
            shared.came(stamp.sent_us, role.transport);
        }
    }

    fn gap(&mut self, data: &[u8]) {
        let gap: Option<GapData> = serde_json::from_slice(data).ok();
        match gap.and_then(|gap| Some((gap.reason, gap.resumes_at.parse::<Position>().ok()?))) {
            Some((reason, resumes_at)) => {
                self.check.gap(&reason, resumes_at.seq);
                self.cursor = resumes_at;
            }
            None => self.garbled += 1,
        }
    }
}

/// Reads cursors; nearly all have the epoch of the one before, which is then not read again.
#[derive(Debug)]
struct KnownEpoch {
    epoch: Epoch,
    prefix: Vec<u8>,
}

impl KnownEpoch {
    fn new(epoch: Epoch) -> Self {
        KnownEpoch { epoch, prefix: format!("{epoch}-").into_bytes() }
    }

    fn position(&mut self, id: &[u8]) -> Option<Position> {
        if let Some(number) = id.strip_prefix(&*self.prefix) {
            let seq = std::str::from_utf8(number).ok()?.parse().ok()?;
            return Some(Position::new(self.epoch, Seq(seq)));
        }
        let position: Position = std::str::from_utf8(id).ok()?.parse().ok()?;
        *self = KnownEpoch::new(position.epoch);
        Some(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_across_epochs() {
        let mut known = KnownEpoch::new(Epoch::from_bits(1));
        let mut check = |text: String, expected: Option<Position>| {
            assert_eq!(known.position(text.as_bytes()), expected, "{text}");
        };
        for (epoch, seq) in [(1, 1), (1, 2), (2, 3), (2, 4), (1, 5)] {
            let position = Position::new(Epoch::from_bits(epoch), Seq(seq));
            check(position.to_string(), Some(position));
        }
        check(String::new(), None);
        check("evt_1".to_owned(), None);
        check(format!("{}-x", Epoch::from_bits(1)), None);
    }
}
