//! The latest messages of a thread as its readers get them, so that following costs no query.

use std::{collections::VecDeque, sync::Arc};

use event::Event;

/// Most events that are kept.
const EVENTS_MAX: usize = 256;

/// Most bytes of their JSON, as long as there is more than one.
const BYTES_MAX: usize = 256 << 10;

/// The latest events, which follow each other.
#[derive(Debug, Default)]
pub(super) struct Recent {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
}

impl Recent {
    /// Takes in the next event; one that does not follow begins anew.
    pub(super) fn push(&mut self, event: Arc<Event>) {
        let follows = |last: &Arc<Event>| last.position.seq.next() == event.position.seq;
        if !self.events.back().is_none_or(follows) {
            *self = Recent::default();
        }
        self.bytes += event.json.len();
        self.events.push_back(event);
        while self.events.len() > EVENTS_MAX || (self.bytes > BYTES_MAX && self.events.len() > 1) {
            let oldest = self.events.pop_front();
            self.bytes -= oldest.map_or(0, |event| event.json.len());
        }
    }

    /// Returns the events after a number up to another one, at most so many; `None` where it does not
    /// reach back so far.
    pub(super) fn after(&self, after: u64, through: u64, limit: usize) -> Option<Vec<Arc<Event>>> {
        let first = self.events.front()?.position.seq.0;
        let skip = usize::try_from((after + 1).checked_sub(first)?).ok()?;
        let take = usize::try_from(through.saturating_sub(after)).ok()?.min(limit);
        let wanted: Vec<_> = self.events.iter().skip(skip).take(take).cloned().collect();
        (wanted.len() == take).then_some(wanted)
    }

    /// Forgets everything: a message has changed.
    pub(super) fn clear(&mut self) {
        *self = Recent::default();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use event::{Epoch, EventId, Position, Seq};

    use super::*;

    fn event(seq: u64) -> Arc<Event> {
        let place = Position::new(Epoch::from_bits(1), Seq(seq));
        let name = "message.sent".parse().expect("a name");
        Arc::new(Event::new(place, EventId::from_bits(1), name, Bytes::from_static(b"{}")))
    }

    fn seqs(recent: &Recent, after: u64, through: u64, limit: usize) -> Option<Vec<u64>> {
        let events = recent.after(after, through, limit)?;
        Some(events.iter().map(|event| event.position.seq.0).collect())
    }

    #[test]
    fn it_gives_what_it_has_or_nothing() {
        let mut recent = Recent::default();
        assert_eq!(seqs(&recent, 0, 0, 10), None);
        (5..=9).for_each(|seq| recent.push(event(seq)));
        assert_eq!(seqs(&recent, 4, 9, 10), Some(vec![5, 6, 7, 8, 9]));
        assert_eq!(seqs(&recent, 6, 8, 10), Some(vec![7, 8]));
        assert_eq!(seqs(&recent, 6, 9, 2), Some(vec![7, 8]));
        assert_eq!(seqs(&recent, 9, 9, 2), Some(vec![]));
        assert_eq!(seqs(&recent, 3, 9, 10), None, "it does not reach back so far");
        assert_eq!(seqs(&recent, 8, 11, 10), None, "it does not have so many");
        recent.push(event(11));
        assert_eq!(seqs(&recent, 8, 9, 10), None, "it began anew");
        assert_eq!(seqs(&recent, 10, 11, 10), Some(vec![11]));
    }

    #[test]
    fn it_is_bounded() {
        let mut recent = Recent::default();
        (1..=1000).for_each(|seq| recent.push(event(seq)));
        assert_eq!(recent.events.len(), EVENTS_MAX);
        assert_eq!(
            seqs(&recent, 1000 - EVENTS_MAX as u64, 1000, 1000).map(|s| s.len()),
            Some(EVENTS_MAX)
        );
    }
}
