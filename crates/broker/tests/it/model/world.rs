//! The model's state and what can happen to it.

use std::{
    hash::{Hash, Hasher},
    time::Duration,
};

use broker::{
    Append, Receipt, Wake,
    memory::log::{Log, WindowLimits},
};
use event::{Epoch, ForkKind, Lineage, MonoMs, Position, Seq};

use super::{
    Bounds,
    reader::{Just, Reader, Stage},
};
use crate::support::events::event_numbered;

const NOW: MonoMs = MonoMs(0);
const KEEP_ALL: WindowLimits = WindowLimits { events_max: usize::MAX, age_max: Duration::MAX };

/// One thing that happens; a number names the reader, a second one the hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Append,
    Trim,
    Save,
    ForkWhole,
    /// The process dies, and its readers' connections with it.
    Crash,
    /// The owner is lost, and its readers are taken over.
    FailOver,
    Watch(usize),
    Open(usize),
    Leave(usize),
    Read(usize),
    Receive(usize),
    WakeEvent(usize, usize),
    WakeEventAgain(usize, usize),
    WakeHead(usize),
    WakeUnsure(usize),
    MergeHints(usize),
    LoseHints(usize),
}

/// A log, what of it is saved, what was acknowledged, and its readers.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) log: Log,
    saved: Log,
    pub(crate) acked: Vec<Receipt>,
    pub(crate) readers: Vec<Reader>,
    epochs: u64,
    whole_forks: usize,
    pub(crate) crashes: usize,
    pub(crate) fail_overs: usize,
    saves: usize,
    pub(crate) trims: usize,
}

impl World {
    pub(crate) fn new(readers: usize) -> Self {
        let log = Log::begin(Lineage::origin(Epoch::from_bits(1)));
        let reader = Reader::new(log.head());
        World {
            saved: log.clone(),
            log,
            acked: Vec::new(),
            readers: vec![reader; readers],
            epochs: 1,
            whole_forks: 0,
            crashes: 0,
            fail_overs: 0,
            saves: 0,
            trims: 0,
        }
    }

    pub(crate) fn possible(&self, bounds: &Bounds, acts: &mut Vec<Act>) {
        let log = [
            (self.acked.len() < bounds.appends, Act::Append),
            (self.trims < bounds.trims && self.log.window_len() > 0, Act::Trim),
            (self.saves < bounds.saves, Act::Save),
            (self.whole_forks < bounds.whole_forks, Act::ForkWhole),
            (self.crashes < bounds.crashes, Act::Crash),
            (self.fail_overs < bounds.fail_overs, Act::FailOver),
        ];
        acts.extend(log.into_iter().filter(|(may, _)| *may).map(|(_, act)| act));
        for (i, reader) in self.readers.iter().enumerate() {
            possible_for(i, reader, bounds, acts);
        }
    }

    pub(crate) fn perform(&mut self, act: Act) {
        self.readers.iter_mut().for_each(|reader| reader.just = Just::default());
        match act {
            Act::Append => self.append(),
            Act::Trim => self.trim(),
            Act::Save => {
                self.saved = self.log.clone();
                self.saves += 1;
            }
            Act::ForkWhole => {
                self.whole_forks += 1;
                self.fork(ForkKind::Whole);
                self.saved = self.log.clone();
            }
            Act::Crash => {
                self.crashes += 1;
                self.log = self.saved.clone();
                self.readers.iter_mut().for_each(Reader::end);
                self.fork(ForkKind::Lossy);
            }
            Act::FailOver => {
                self.fail_overs += 1;
                self.log = self.saved.clone();
                self.fork(ForkKind::Lossy);
                self.saved = self.log.clone();
            }
            act => self.perform_for_reader(act),
        }
    }

    fn perform_for_reader(&mut self, act: Act) {
        let (log, acked) = (&self.log, &self.acked);
        let readers = &mut self.readers;
        match act {
            Act::Watch(i) => readers[i].stage = Stage::Watching,
            Act::Open(i) => readers[i].open(log, acked),
            Act::Leave(i) => readers[i].leave(),
            Act::Read(i) => readers[i].read(log),
            Act::Receive(i) => readers[i].receive(acked),
            Act::WakeEvent(i, hint) => {
                let event = readers[i].events.remove(hint);
                readers[i].wake(Wake::Event(event), acked);
            }
            Act::WakeEventAgain(i, hint) => {
                let event = readers[i].events[hint].clone();
                readers[i].wake(Wake::Event(event), acked);
            }
            Act::WakeHead(i) => {
                if let Some(head) = readers[i].head.take() {
                    readers[i].wake(Wake::Head(head), acked);
                }
            }
            Act::WakeUnsure(i) => {
                readers[i].unsure = false;
                readers[i].wake(Wake::Unsure, acked);
            }
            Act::MergeHints(i) => merge_hints(&mut readers[i]),
            Act::LoseHints(i) => lose_hints(&mut readers[i]),
            _ => unreachable!("it is of the log, not of a reader"),
        }
    }

    fn append(&mut self) {
        let append = Append::one(event_numbered(self.acked.len() as u64));
        let appended = self.log.append(append, NOW, &KEEP_ALL).expect("it has no key");
        self.acked.extend_from_slice(appended.receipts());
        let newest = self.log.parts().window.pop().expect("it was just appended").event;
        for reader in self.readers.iter_mut().filter(|reader| reader.is_hinted()) {
            reader.events.push(newest.clone());
        }
    }

    fn trim(&mut self) {
        self.trims += 1;
        let events_max = self.log.window_len() - 1;
        self.log.trim(NOW, &WindowLimits { events_max, ..KEEP_ALL });
    }

    /// Changes the owner; one that takes readers over is then saved before it serves them.
    fn fork(&mut self, kind: ForkKind) {
        self.epochs += 1;
        self.log.fork(Epoch::from_bits(self.epochs), kind);
        for reader in self.readers.iter_mut().filter(|reader| reader.is_hinted()) {
            reader.unsure = true;
        }
    }
}

fn possible_for(i: usize, reader: &Reader, bounds: &Bounds, acts: &mut Vec<Act>) {
    if reader.is_hinted() && reader.reconnects < bounds.reconnects {
        acts.push(Act::Leave(i));
    }
    if reader.is_hinted() && reader.hint_faults < bounds.hint_faults && !reader.events.is_empty() {
        acts.extend([Act::MergeHints(i), Act::LoseHints(i)]);
    }
    match &reader.stage {
        Stage::Away => acts.push(Act::Watch(i)),
        Stage::Watching => acts.push(Act::Open(i)),
        // While a page is on its way the attachment does not look at its hints.
        Stage::Attached(_) if reader.in_flight.is_some() => acts.push(Act::Receive(i)),
        Stage::Attached(_) if reader.reading.is_some() => acts.push(Act::Read(i)),
        Stage::Attached(_) => possible_wakes(i, reader, bounds, acts),
    }
}

fn possible_wakes(i: usize, reader: &Reader, bounds: &Bounds, acts: &mut Vec<Act>) {
    for hint in 0..reader.events.len() {
        acts.push(Act::WakeEvent(i, hint));
        if bounds.hint_faults > 0 {
            acts.push(Act::WakeEventAgain(i, hint));
        }
    }
    if reader.head.is_some() {
        acts.push(Act::WakeHead(i));
    }
    if reader.unsure {
        acts.push(Act::WakeUnsure(i));
    }
}

/// One hint that covers them all takes their place.
fn merge_hints(reader: &mut Reader) {
    reader.hint_faults += 1;
    let highest = reader.events.drain(..).map(|event| event.position.seq).max();
    reader.head = reader.head.max(highest);
}

fn lose_hints(reader: &mut Reader) {
    reader.hint_faults += 1;
    reader.events.clear();
    reader.head = None;
    reader.unsure = true;
}

/// What tells two logs of one history apart.
fn log_key(log: &Log) -> (Vec<(Epoch, Seq, bool)>, Position, Position) {
    let forks = log.lineage().forks().iter();
    let forks = forks.map(|fork| (fork.epoch, fork.after, fork.kind == ForkKind::Lossy));
    (forks.collect(), log.ledger().window_after, log.ledger().last)
}

impl World {
    fn counts(&self) -> [usize; 5] {
        [self.whole_forks, self.crashes, self.fail_overs, self.saves, self.trims]
    }
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (log_key(&self.log), log_key(&self.saved)).hash(state);
        self.acked.iter().for_each(|receipt| receipt.position.hash(state));
        self.readers.hash(state);
        self.counts().hash(state);
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        log_key(&self.log) == log_key(&other.log)
            && log_key(&self.saved) == log_key(&other.saved)
            && self.acked == other.acked
            && self.readers == other.readers
            && self.counts() == other.counts()
    }
}
