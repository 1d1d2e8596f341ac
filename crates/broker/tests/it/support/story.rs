//! A history of one broker, its process and its readers, told step by step and checked at each.
//!
//! The reference is a plain list of what was acknowledged, with what a crash took away marked in
//! it. Steps come from a generator of cases or from a seed; the story itself has no chance in it.

mod keys;
mod reader;
mod step;

use std::{sync::Arc, time::Duration};

use broker::{Append, Appended, Broker, PageLimit, Receipt, memory::log::WindowLimits};
use event::{After, Clock, Gap, GapReason, MonoMs, StreamName};
use futures_util::FutureExt;

pub(crate) use self::step::{From, Step, drawn, steps};
use self::{keys::KnownKeys, reader::Reader};
use super::{events::event_numbered, logs::key_numbered, memory::Memory};

pub(crate) const READERS: usize = 3;

const LIMITS: WindowLimits = WindowLimits { events_max: 12, age_max: Duration::from_secs(600) };

/// The reference: what was acknowledged, in the order of the log.
#[derive(Default)]
struct Reference {
    receipts: Vec<Receipt>,
    taken_in: Vec<MonoMs>,
    /// How many of them a crash leaves.
    saved: usize,
    /// Whether a crash took it away.
    lost: Vec<bool>,
    /// How many crashes there had been before it.
    crashes_before: Vec<usize>,
    crashes: usize,
    jumps: usize,
    now: MonoMs,
}

/// A broker, its readers, and the reference.
pub(crate) struct Story {
    memory: Memory,
    stream: StreamName,
    reference: Reference,
    keys: KnownKeys,
    readers: [Reader; READERS],
    numbers: u64,
    /// What happened, for comparing two tellings.
    pub(crate) trace: Vec<String>,
}

impl Story {
    pub(crate) fn begin(seed: u64) -> Self {
        Story {
            memory: Memory::start(LIMITS, seed),
            stream: StreamName::thread("story").expect("it keeps the grammar"),
            reference: Reference::default(),
            keys: KnownKeys::default(),
            readers: Default::default(),
            numbers: 0,
            trace: Vec::new(),
        }
    }

    /// Does one thing and checks what can be checked at once; the text names what is broken.
    pub(crate) fn step(&mut self, step: &Step) -> Result<(), String> {
        self.reference.now = self.memory.clock.mono();
        let outcome = self.perform(step)?;
        self.check_window()?;
        self.trace.push(format!("{step:?} -> {outcome}"));
        Ok(())
    }

    /// Lets every reader that is attached read to the end, and checks that it has all.
    pub(crate) fn end(&mut self) -> Result<(), String> {
        let head = self.head();
        for reader in &mut self.readers {
            reader.read_to_the_end(&self.reference, head)?;
        }
        Ok(())
    }

    fn perform(&mut self, step: &Step) -> Result<String, String> {
        match *step {
            Step::Append { events, key } => self.append(events, key),
            Step::Attach { reader, from } => {
                let broker: Arc<dyn Broker> = self.memory.broker.clone();
                self.readers[reader].attach(&broker, &self.stream, from, &self.reference)
            }
            Step::Poll { reader, items } => self.readers[reader].poll(items, &self.reference),
            Step::Leave { reader } => {
                self.readers[reader].leave(&self.reference).map(|()| String::new())
            }
            Step::Advance { seconds } => {
                self.memory.clock.advance(Duration::from_secs(seconds));
                Ok(String::new())
            }
            Step::JumpWall { seconds } => {
                self.reference.jumps += 1;
                self.memory.clock.jump_wall(seconds * 1000);
                Ok(String::new())
            }
            Step::Trim => {
                self.memory.broker.trim();
                Ok(String::new())
            }
            Step::Save => {
                self.memory.save_now();
                self.reference.saved = self.reference.receipts.len();
                Ok(String::new())
            }
            Step::Restart => self.restart(),
            Step::Crash => self.crash(),
        }
    }

    fn append(&mut self, events: usize, key: Option<u8>) -> Result<String, String> {
        let first = self.numbers;
        self.numbers += events as u64;
        let events = (first..self.numbers).map(event_numbered).collect();
        let append = Append { events, idempotency: key.map(key_numbered) };
        let appended = self.memory.broker.append(&self.stream, append).now_or_never();
        let appended = appended.ok_or("an append waits")?.map_err(|error| error.to_string())?;
        if let Some(key) = key {
            self.keys.check(key, &appended, &self.reference)?;
        }
        if let Appended::First(receipts) = &appended {
            self.reference.take_in(receipts);
        }
        Ok(format!("{appended:?}"))
    }

    fn restart(&mut self) -> Result<String, String> {
        self.part_readers()?;
        self.memory.restart_now();
        self.reference.saved = self.reference.receipts.len();
        Ok(format!("{}", self.head()))
    }

    fn crash(&mut self) -> Result<String, String> {
        self.part_readers()?;
        self.memory.crash_now();
        let saved = self.reference.saved;
        self.reference.lost[saved..].fill(true);
        self.reference.crashes += 1;
        Ok(format!("{}", self.head()))
    }

    /// The connections of a process end with it.
    fn part_readers(&mut self) -> Result<(), String> {
        self.readers.iter_mut().try_for_each(|reader| reader.leave(&self.reference))
    }

    fn head(&self) -> event::Position {
        let head = self.memory.broker.head(&self.stream).now_or_never();
        head.expect("memory answers at once").expect("it is read")
    }

    fn check_window(&self) -> Result<(), String> {
        let page = self.memory.broker.page(&self.stream, &After::Oldest, PageLimit::MAX);
        let page = page.now_or_never().ok_or("a page waits")?.map_err(|error| error.to_string())?;
        if !page.is_whole() {
            return Err(format!("a page breaks its invariant: {page:?}"));
        }
        let kept = page.events.len();
        (kept <= LIMITS.events_max).then_some(()).ok_or(format!("{kept} events are kept"))
    }
}

impl Reference {
    fn take_in(&mut self, receipts: &[Receipt]) {
        self.receipts.extend_from_slice(receipts);
        self.taken_in.resize(self.receipts.len(), self.now);
        self.lost.resize(self.receipts.len(), false);
        self.crashes_before.resize(self.receipts.len(), self.crashes);
    }

    /// A gap has a cause: a reader is refused its next event only for what happened to the log.
    ///
    /// `had` is the number of events that lie before the reader, `crashes` that of the crashes.
    fn check_cause(&self, gap: &Gap, had: Option<usize>, crashes: usize) -> Result<(), String> {
        let caused = match gap.reason {
            GapReason::Expired | GapReason::Lagged => {
                had.is_none_or(|had| self.may_have_expired(had))
            }
            _ => self.crashes > crashes,
        };
        caused.then_some(()).ok_or_else(|| format!("{gap:?} without a cause"))
    }

    /// Returns whether the limits let go of the event with this index.
    fn may_have_expired(&self, index: usize) -> bool {
        let Some(taken_in) = self.taken_in.get(index) else { return false };
        let later = self.lost[index..].iter().filter(|lost| !**lost).count();
        // A wall clock that jumped tells the next process a wrong age.
        self.jumps > 0 || later > LIMITS.events_max || self.now.since(*taken_in) > LIMITS.age_max
    }
}
