//! The log as it stands in the end: read page by page while nothing is broken, and compared with the
//! server's own account of it.

use std::{net::SocketAddr, sync::Arc};

use event::{Epoch, EventId, Position, Seq};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::{facts::Facts, http, payload::Stamp, reader::record::Envelope};

/// Most pages that one reading takes; more is a server that never ends.
const PAGES_MAX: u32 = 10_000;

/// The log.
#[derive(Debug, Default)]
pub(crate) struct Trunk {
    /// The number before the first entry; absent where nothing was read yet.
    base: Option<u64>,
    entries: Vec<Place>,
    cursor: Option<String>,
    pub(crate) gaps: Vec<TrunkGap>,
    /// Places whose event was another one when they were read again.
    changed: Vec<Position>,
    is_again: bool,
    /// Whether the last reading came to the end.
    is_at_end: bool,
    /// The first number of the last reading from the window's start: what lies before may have been
    /// lost since it was read.
    seen_from: Option<u64>,
}

/// What is known of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing: it was not in the window any more when it was read.
    Unknown,
    /// A page told of a hole here.
    Lost,
    Has(Entry),
}

impl Place {
    fn entry(&self) -> Option<&Entry> {
        match self {
            Place::Has(entry) => Some(entry),
            Place::Unknown | Place::Lost => None,
        }
    }
}

/// An event of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    epoch: Epoch,
    pub(crate) id: EventId,
    pub(crate) stamp: Stamp,
    digest: [u8; 32],
}

/// Where the reading of pages met a gap, or another past than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrunkGap {
    pub(crate) at_ms: u64,
    pub(crate) reason: String,
}

/// The account of a log, as a replica gives it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Account {
    pub(crate) first: u64,
    pub(crate) last: String,
    pub(crate) count: u64,
    pub(crate) hash: String,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    next: String,
    has_more: bool,
    #[serde(borrow)]
    gap: Option<GapData<'a>>,
}

#[derive(Deserialize)]
struct GapData<'a> {
    #[serde(borrow)]
    reason: &'a str,
    #[serde(borrow)]
    after: Option<&'a str>,
    #[serde(borrow)]
    resumes_at: &'a str,
}

#[derive(Deserialize)]
struct Placed<'a> {
    #[serde(borrow)]
    cursor: &'a str,
}

impl Trunk {
    /// Reads on to the end.
    ///
    /// # Errors
    /// Fails where a page does not come, or is none.
    pub(crate) async fn follow(
        &mut self,
        address: SocketAddr,
        facts: &Arc<Facts>,
    ) -> Result<(), String> {
        self.is_at_end = false;
        for _ in 0..PAGES_MAX {
            let after = self.cursor.as_ref().map(|at| format!("&after={at}")).unwrap_or_default();
            let path = format!("/api/events?limit=500{after}");
            let answer = http::get(address, &path).await.map_err(|error| error.to_string())?;
            if answer.status != 200 {
                return Err(format!("a page was answered with {}", answer.status));
            }
            let page: Page<'_> = serde_json::from_slice(&answer.body).map_err(|e| e.to_string())?;
            if let Some(gap) = &page.gap {
                self.gap(gap.reason, facts.now_ms());
                self.lost_within(gap)?;
            }
            for event in page.events {
                self.add(event.get(), facts.now_ms())?;
            }
            if self.base.is_none() {
                self.base = Some(place(&page.next)?.seq.0);
            }
            self.cursor = Some(page.next);
            if !page.has_more {
                self.is_at_end = true;
                return Ok(());
            }
        }
        Err("the pages do not end".into())
    }

    /// Returns a log that begins with number 1.
    #[cfg(test)]
    pub(crate) fn starting() -> Self {
        Trunk { base: Some(0), is_at_end: true, ..Trunk::default() }
    }

    /// Adds an event that is read again.
    #[cfg(test)]
    pub(crate) fn add_again(&mut self, event: &str) -> Result<(), String> {
        self.is_again = true;
        self.add(event, 0)
    }

    /// Takes in that the numbers between a page's cursor and where it goes on are of a hole.
    fn lost_within(&mut self, gap: &GapData<'_>) -> Result<(), String> {
        let (Some(after), "data_loss") = (gap.after, gap.reason) else { return Ok(()) };
        let base = self.base.unwrap_or_default();
        let index = |cursor| {
            let seq = place(cursor)?.seq.0.saturating_sub(base);
            Ok::<_, String>(usize::try_from(seq).unwrap_or(usize::MAX))
        };
        let (from, to) = (index(after)?, index(gap.resumes_at)?);
        if from < to && from <= self.entries.len() {
            self.entries.resize(self.entries.len().max(to), Place::Unknown);
            self.entries[from..to].fill(Place::Lost);
        }
        Ok(())
    }

    fn gap(&mut self, reason: &str, at_ms: u64) {
        self.gaps.push(TrunkGap { at_ms, reason: reason.to_owned() });
    }

    /// Adds an event of a page.
    pub(crate) fn add(&mut self, event: &str, at_ms: u64) -> Result<(), String> {
        let nonsense = || format!("no event of the run: {event}");
        let placed: Placed<'_> = serde_json::from_str(event).map_err(|_| nonsense())?;
        let at = place(placed.cursor)?;
        let head = format!(r#"{{"cursor":"{}","#, placed.cursor);
        let json = format!("{{{}", event.strip_prefix(&head).ok_or_else(nonsense)?);
        let (id, stamp, _) = Envelope::read(json.as_bytes()).ok_or_else(nonsense)?;
        let digest = Sha256::digest(json.as_bytes()).into();
        self.put(at, Entry { epoch: at.epoch, id, stamp, digest }, at_ms);
        Ok(())
    }

    /// Puts an event in its place. What stood there before, and all behind it, is another past.
    fn put(&mut self, at: Position, entry: Entry, at_ms: u64) {
        let base = *self.base.get_or_insert(at.seq.0.saturating_sub(1));
        let Some(index) = at.seq.0.checked_sub(base + 1) else { return };
        self.seen_from.get_or_insert(at.seq.0);
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        match self.entries.get(index) {
            Some(Place::Has(known)) if known.id == entry.id => {}
            Some(Place::Has(_)) if self.is_again => {
                self.changed.push(at);
                self.entries[index] = Place::Has(entry);
            }
            Some(Place::Has(_)) => {
                self.gap("another past", at_ms);
                self.entries.truncate(index);
                self.entries.push(Place::Has(entry));
            }
            Some(Place::Unknown | Place::Lost) => self.entries[index] = Place::Has(entry),
            None => {
                self.entries.resize(index, Place::Unknown);
                self.entries.push(Place::Has(entry));
            }
        }
    }

    /// Reads all that there is again, from the window's start. What is another event now changed
    /// behind a cursor that was good all the while.
    ///
    /// # Errors
    /// Fails where a page does not come, or is none.
    pub(crate) async fn follow_again(
        &mut self,
        address: SocketAddr,
        facts: &Arc<Facts>,
    ) -> Result<(), String> {
        (self.cursor, self.is_again, self.seen_from) = (None, true, None);
        let read = self.follow(address, facts).await;
        self.is_again = false;
        read
    }

    /// Returns the places whose event was another one when they were read again.
    pub(crate) fn changed(&self) -> &[Position] {
        &self.changed
    }

    /// Returns the events with their places.
    pub(crate) fn places(&self) -> impl Iterator<Item = (Position, &Entry)> {
        let numbered = (self.base.unwrap_or_default() + 1..).zip(&self.entries);
        numbered.filter_map(|(seq, entry)| {
            entry.entry().map(|entry| (Position::new(entry.epoch, Seq(seq)), entry))
        })
    }

    /// Returns the events in their order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter_map(Place::entry)
    }

    /// Returns whether a place's number is in a hole that was told.
    pub(crate) fn is_lost(&self, at: Position) -> bool {
        let index = at.seq.0.checked_sub(self.base.unwrap_or_default() + 1);
        let index = index.and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.entries.get(index)) == Some(&Place::Lost)
    }

    /// Returns how many places are not known.
    pub(crate) fn unknown(&self) -> usize {
        self.entries.iter().filter(|place| **place == Place::Unknown).count()
    }

    /// Returns whether every event of the log is known.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_at_end && self.unknown() == 0
    }

    /// Returns what is wrong with an account of the log, if anything.
    pub(crate) fn difference(&self, account: &Account) -> Option<String> {
        let last = match place(&account.last) {
            Ok(last) => last.seq.0,
            Err(nonsense) => return Some(nonsense),
        };
        let base = self.base.unwrap_or_default();
        let end = base + self.entries.len() as u64;
        if last != end {
            return Some(format!("it ends at {last}, its pages at {end}"));
        }
        if account.count == 0 {
            return None;
        }
        let Some(from) = account.first.checked_sub(base + 1) else {
            return Some(format!("it begins at {}, before the run", account.first));
        };
        let is_old = self.seen_from.is_some_and(|seen| account.first < seen);
        if is_old && !self.gaps.is_empty() {
            return None;
        }
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(self.entries.len());
        let covered = &self.entries[from..];
        let lost = covered.iter().filter(|place| **place == Place::Lost).count();
        if account.count != (covered.len() - lost) as u64 {
            let (first, count) = (account.first, account.count);
            return Some(format!("it counts {count} from {first} to {last}"));
        }
        let mut hash = [0; 32];
        for (seq, place) in (account.first..).zip(covered) {
            match place {
                Place::Has(entry) => hash = and(hash, seq, &entry.digest),
                Place::Lost => {}
                // Where a place is not known, the hash can't be either.
                Place::Unknown => return None,
            }
        }
        let hash = data_encoding::HEXLOWER.encode(&hash);
        let differs = hash != account.hash;
        differs.then(|| format!("its hash is {}, that of its pages {hash}", account.hash))
    }
}

/// A step of the rolling hash, for an event of which only the digest is kept.
fn and(before: [u8; 32], seq: u64, digest: &[u8; 32]) -> [u8; 32] {
    let mut chain = Sha256::new();
    chain.update(before);
    chain.update(seq.to_be_bytes());
    chain.update(digest);
    chain.finalize().into()
}

fn place(cursor: &str) -> Result<Position, String> {
    cursor.parse().map_err(|_| format!("no cursor: {cursor}"))
}

#[cfg(test)]
mod tests;
