//! What one reader saw: compact numbers of all of it, the last frames in words, and what was wrong
//! the moment that it came.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use event::{EventId, Position};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

pub(crate) use self::around::Missing;
use self::around::Surroundings;
use crate::{
    facts::Facts,
    payload::{END, Stamp},
    wire::{Ended, Transport},
};

/// How many of the last frames are kept in words, and how many stand beside something wrong.
const FRAMES_MAX: usize = 120;

/// How many things that are wrong are kept in words; all are counted.
const INCIDENTS_MAX: usize = 20;

/// How many gaps, suspicions and stretches are kept, each.
const KEPT_MAX: usize = 20_000;

/// What one reader saw.
#[derive(Debug)]
pub(crate) struct Record {
    facts: Arc<Facts>,
    last: Option<Position>,
    /// When the last event that came was answered to its publisher; 0 where none came.
    read_ms: u64,
    /// How many gaps came so far.
    generation: u32,
    /// By publisher and number, one more than the generation in which it came last; 0 for never.
    seen: Vec<Vec<u32>>,
    /// The same for further events of one publisher's number.
    rivals: HashMap<EventId, u32>,
    /// By publisher, the greatest number of this generation.
    greatest: Vec<Option<(u64, u32)>>,
    /// What came behind a later one of its publisher.
    pub(crate) late: Vec<Late>,
    /// What came before the first of them.
    pub(crate) suspicion: Vec<String>,
    pub(crate) gaps: Vec<GapSeen>,
    pub(crate) surroundings: Surroundings,
    /// All that it read, as stretches whose places follow each other.
    pub(crate) path: Vec<Stretch>,
    pub(crate) counts: Counts,
    pub(crate) is_finished: bool,
    frames: VecDeque<String>,
    pub(crate) incidents: Vec<Incident>,
    pub(crate) ends: BTreeMap<String, u64>,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Events that came in their place.
    pub(crate) delivered: u64,
    pub(crate) connections: u64,
    /// Came a second time, without a gap between.
    pub(crate) repeated: u64,
    /// Came a second time, behind a gap.
    pub(crate) told_again: u64,
    /// With other bytes than were sent, or than others received.
    pub(crate) altered: u64,
    /// Another event than others received in this place.
    pub(crate) diverged: u64,
    /// Whose number is not the next, without a gap.
    pub(crate) jumped: u64,
    /// Nothing that a server of ours says.
    pub(crate) nonsense: u64,
    /// Streams that were silent for almost three heartbeats.
    pub(crate) silent: u64,
}

/// An event that came behind a later one of its publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Late {
    pub(crate) by: usize,
    pub(crate) n: u64,
    pub(crate) id: EventId,
    pub(crate) behind: u64,
    pub(crate) at_ms: u64,
}

/// A gap that was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct GapSeen {
    pub(crate) at_ms: u64,
    /// When the last event before it was answered to its publisher: what the gap tells of lies behind
    /// that, however late the reader comes to it.
    pub(crate) read_ms: u64,
    pub(crate) replica: usize,
    pub(crate) reason: String,
    /// The last place before it.
    pub(crate) after: String,
    pub(crate) resumes_at: String,
}

/// Events whose places follow each other, as they came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Stretch {
    /// When the first came.
    pub(crate) at_ms: u64,
    pub(crate) gaps_before: u32,
    #[serde(serialize_with = "as_text")]
    pub(crate) from: Position,
    #[serde(serialize_with = "as_text")]
    pub(crate) to: Position,
}

fn as_text<S: Serializer>(at: &Position, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// Something that is wrong, and what came before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Incident {
    pub(crate) at_ms: u64,
    pub(crate) what: String,
    pub(crate) before: Vec<String>,
}

/// A connection that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) replica: usize,
    pub(crate) transport: Transport,
    pub(crate) after: Option<String>,
}

/// An envelope, as far as it is looked at.
#[derive(Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(borrow)]
    pub(crate) id: &'a str,
    #[serde(borrow)]
    pub(crate) event: &'a str,
    #[serde(borrow)]
    pub(crate) payload: &'a RawValue,
}

impl Envelope<'_> {
    /// Reads an envelope's identity and stamp; `None` where it is none of the run's.
    pub(crate) fn read(json: &[u8]) -> Option<(EventId, Stamp, bool)> {
        let envelope: Envelope<'_> = serde_json::from_slice(json).ok()?;
        let stamp = Stamp::read(envelope.payload.get())?;
        Some((envelope.id.parse().ok()?, stamp, envelope.event == END))
    }
}

impl Record {
    /// Returns the record of a reader that has seen nothing.
    pub(crate) fn new(facts: &Arc<Facts>) -> Self {
        let publishers = facts.publishers();
        Record {
            facts: Arc::clone(facts),
            last: None,
            read_ms: 0,
            generation: 0,
            seen: vec![Vec::new(); publishers],
            rivals: HashMap::new(),
            greatest: vec![None; publishers],
            late: Vec::new(),
            suspicion: Vec::new(),
            gaps: Vec::new(),
            surroundings: Surroundings::new(publishers),
            path: Vec::new(),
            counts: Counts::default(),
            is_finished: false,
            frames: VecDeque::new(),
            incidents: Vec::new(),
            ends: BTreeMap::new(),
        }
    }

    /// Returns after what it resumes.
    pub(crate) fn last(&self) -> Option<Position> {
        self.last
    }

    /// Returns the last frames in words.
    pub(crate) fn frames(&self) -> &VecDeque<String> {
        &self.frames
    }

    /// Returns how many gaps came before an event, and `None` where it never came.
    pub(crate) fn came(&self, by: usize, n: u64, id: EventId) -> Option<u32> {
        let mark = if self.facts.is_first(by, n, id) {
            *self.seen.get(by)?.get(usize::try_from(n).ok()?)?
        } else {
            *self.rivals.get(&id)?
        };
        mark.checked_sub(1)
    }

    /// Returns what came of a publisher: by number, and how many gaps came before.
    pub(crate) fn of(&self, by: usize) -> &[u32] {
        &self.seen[by]
    }

    /// Returns how many gaps came in all.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Notes that it comes to a replica.
    pub(crate) fn connected(&mut self, to: Connection) {
        self.counts.connections += 1;
        let Connection { replica, transport, after } = to;
        let after = after.unwrap_or_default();
        self.frame(&format!("to replica {replica} over {transport:?} after {after}"));
    }

    /// Notes that a stream begins.
    pub(crate) fn begins(&mut self, resume: &str, last: Option<Position>) {
        self.frame(&format!("begins: {resume}"));
        if self.last.is_none() {
            self.last = last;
        }
    }

    /// Notes why it left a stream.
    pub(crate) fn left(&mut self, why: &str) {
        *self.ends.entry(word(why)).or_default() += 1;
        self.frame(&format!("leaves: {why}"));
    }

    /// Notes how a stream ended.
    pub(crate) fn ended(&mut self, ended: &Ended) {
        self.left(&ended.to_string());
        match ended {
            Ended::Nonsense(what) => {
                self.counts.nonsense += 1;
                self.wrong(format!("nonsense: {what}"));
            }
            Ended::Refused(status) if *status != 503 => {
                self.counts.nonsense += 1;
                self.wrong(format!("a stream was refused with {status}"));
            }
            Ended::Refused(_) | Ended::Closed | Ended::Broken(_) => {}
        }
    }

    /// Notes that nothing came for long.
    pub(crate) fn was_silent(&mut self) {
        self.counts.silent += 1;
        self.wrong("not even a heartbeat came".into());
    }

    /// Takes a gap.
    pub(crate) fn gap(&mut self, replica: usize, reason: &str, resumes_at: Position) {
        self.generation += 1;
        self.surroundings.met(reason == "unknown_cursor");
        let after = self.last.map(|last| last.to_string()).unwrap_or_default();
        self.last = Some(resumes_at);
        let at_ms = self.facts.now_ms();
        if self.gaps.len() < KEPT_MAX {
            let (reason, resumes_at) = (reason.to_owned(), resumes_at.to_string());
            let read_ms = self.read_ms;
            self.gaps.push(GapSeen { at_ms, read_ms, replica, reason, after, resumes_at });
        }
        self.frame(&format!("gap: {reason}, goes on after {resumes_at}"));
    }

    /// Takes an event; returns whether it was the last one.
    pub(crate) fn event(&mut self, at: Position, json: &[u8]) -> bool {
        let Some((id, stamp, is_end)) = Envelope::read(json) else {
            self.counts.altered += 1;
            self.wrong(format!("{at}: not as it was sent: {}", String::from_utf8_lossy(json)));
            return false;
        };
        self.frame(&format!("{at} {id} {}/{}", stamp.by, stamp.n));
        self.check_number(at);
        self.goes_on(at);
        let digest = Sha256::digest(json).iter().take(8).fold(0, |a, b| (a << 8) | u64::from(*b));
        let compared = self.facts.see(stamp, at, id, digest);
        if !compared.same_bytes {
            self.counts.altered += 1;
            self.wrong(format!("{at} {id}: other bytes than another reader received"));
        }
        if !compared.same_place {
            self.counts.diverged += 1;
            self.wrong(format!("{at} {id}: another reader received another event in this place"));
        }
        self.note(stamp, at, id, compared.is_first);
        self.is_finished |= is_end;
        is_end
    }

    /// Notes where an event came.
    fn goes_on(&mut self, at: Position) {
        let (before, gaps_before) = (self.last.replace(at), self.generation);
        let is_full = self.path.len() >= KEPT_MAX;
        match self.path.last_mut() {
            Some(stretch)
                if Some(stretch.to) == before
                    && stretch.to.epoch == at.epoch
                    && stretch.gaps_before == gaps_before =>
            {
                stretch.to = at;
            }
            _ if is_full => {}
            _ => {
                let at_ms = self.facts.now_ms();
                self.path.push(Stretch { at_ms, gaps_before, from: at, to: at });
            }
        }
    }

    fn check_number(&mut self, at: Position) {
        if let Some(last) = self.last
            && at.seq != last.seq.next()
        {
            self.counts.jumped += 1;
            self.wrong(format!("{at} came after {last}, without a gap"));
        }
    }

    fn note(&mut self, stamp: Stamp, at: Position, id: EventId, is_first: bool) {
        let Stamp { by, n, .. } = stamp;
        let Some(seen) = self.seen.get_mut(by) else { return };
        let index = usize::try_from(n).unwrap_or(usize::MAX);
        let Some(sent) = self.facts.sent(by, n) else {
            self.counts.altered += 1;
            self.wrong(format!("{at} {id}: nobody published {by}/{n}"));
            return;
        };
        if sent.ended_ms > 0 {
            self.read_ms = sent.ended_ms;
        }
        self.surroundings.came(by, n, id);
        let mark = if is_first {
            if seen.len() <= index {
                seen.resize(index + 1, 0);
            }
            &mut seen[index]
        } else {
            self.rivals.entry(id).or_default()
        };
        let before = std::mem::replace(mark, (*mark).max(self.generation + 1));
        match before.checked_sub(1) {
            None => {
                self.counts.delivered += 1;
                self.check_order(by, n, id);
            }
            Some(generation) if generation < self.generation => self.counts.told_again += 1,
            Some(_) => {
                self.counts.repeated += 1;
                self.wrong(format!("{at} {id} {by}/{n} came a second time"));
            }
        }
    }

    fn check_order(&mut self, by: usize, n: u64, id: EventId) {
        let (generation, at_ms) = (self.generation, self.facts.now_ms());
        match self.greatest[by] {
            Some((behind, of)) if of == generation && behind > n => {
                if self.late.is_empty() {
                    // Whether it is wrong is known at the end.
                    self.suspicion = self.frames.iter().cloned().collect();
                }
                if self.late.len() < KEPT_MAX {
                    self.late.push(Late { by, n, id, behind, at_ms });
                }
            }
            _ => self.greatest[by] = Some((n, generation)),
        }
    }

    fn frame(&mut self, what: &str) {
        if self.frames.len() >= FRAMES_MAX {
            self.frames.pop_front();
        }
        self.frames.push_back(format!("{:>8} ms  {what}", self.facts.now_ms()));
    }

    fn wrong(&mut self, what: String) {
        if self.incidents.len() < INCIDENTS_MAX {
            let before = self.frames.iter().cloned().collect();
            self.incidents.push(Incident { at_ms: self.facts.now_ms(), what, before });
        }
    }
}

/// The first word of why a stream ended, under which it is counted.
fn word(why: &str) -> String {
    let end = why.find(['{', '(', ':']).unwrap_or(why.len());
    why[..end].trim().to_lowercase()
}

mod around;
#[cfg(test)]
mod tests;
