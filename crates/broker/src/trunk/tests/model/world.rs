//! The model's state and what can happen to it.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    time::Duration,
};

use event::{After, Epoch, EventId, ForkKind, Lineage, MonoMs, Position, Seq};

use super::Bounds;
use crate::{
    Append, NewEvent, PageLimit,
    memory::log::{Log, LogParts, WindowLimits},
    trunk::{
        branch::Branch,
        record::{BranchRecord, Run},
        view::View,
    },
};

const NOW: MonoMs = MonoMs(0);
const ALL: WindowLimits = WindowLimits { events_max: usize::MAX, age_max: Duration::MAX };
const TRUNK: Epoch = Epoch::from_bits(1);

/// One thing that happens; the number names the replica or the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Append(usize),
    Cut(usize),
    Find(usize),
    /// One event of a branch is merged; the answer arrives or not.
    Merge(usize, Answer),
    /// The branch is closed with what is left.
    Close(usize, Answer),
    Restart(usize),
    Read(usize),
    Move(usize, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Comes,
    /// The round took effect, and the replica is cut off before it knows.
    IsLost,
}

#[derive(Clone, Debug)]
pub(super) struct Replica {
    is_up: bool,
    /// Up to where its readers have read the trunk.
    read: u64,
    branch: Option<Branch>,
    /// Records that it knew when it was cut off.
    merged: Vec<BranchRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reader {
    replica: usize,
    place: Position,
    pub(super) got: Vec<u8>,
    moves: usize,
    pub(super) has_viewed: bool,
    pub(super) broken: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub(super) struct World {
    /// The trunk's events.
    pub(super) trunk: Vec<u8>,
    pub(super) records: HashMap<Epoch, BranchRecord>,
    replicas: Vec<Replica>,
    pub(super) readers: Vec<Reader>,
    pub(super) acked: usize,
    epochs: u64,
    cuts: usize,
    lost: usize,
    restarts: usize,
}

impl World {
    pub(super) fn new(bounds: &Bounds) -> Self {
        let replica = Replica { is_up: true, read: 0, branch: None, merged: Vec::new() };
        let reader = |replica| Reader {
            replica,
            place: Position::new(TRUNK, Seq::ZERO),
            got: Vec::new(),
            moves: 0,
            has_viewed: false,
            broken: None,
        };
        World {
            trunk: Vec::new(),
            records: HashMap::new(),
            replicas: vec![replica; bounds.replicas],
            readers: (0..bounds.readers).map(reader).collect(),
            acked: 0,
            epochs: 1,
            cuts: 0,
            lost: 0,
            restarts: 0,
        }
    }

    /// Returns whether nothing is left but to wait.
    pub(super) fn is_at_rest(&self) -> bool {
        let back = self.replicas.iter().all(|replica| replica.is_up && replica.branch.is_none());
        back && (0..self.readers.len()).all(|i| self.next_of(i).is_none())
    }

    pub(super) fn possible(&self, bounds: &Bounds, acts: &mut Vec<Act>) {
        for (i, replica) in self.replicas.iter().enumerate() {
            if self.acked < bounds.appends {
                acts.push(Act::Append(i));
            }
            if !replica.is_up {
                acts.push(Act::Find(i));
            } else if self.cuts < bounds.cuts {
                acts.push(Act::Cut(i));
            }
            if replica.branch.is_some() && self.restarts < bounds.restarts {
                acts.push(Act::Restart(i));
            }
            let Some(branch) = replica.branch.as_ref().filter(|_| replica.is_up) else { continue };
            let may_lose = self.lost < bounds.lost_answers;
            let answers = [Answer::Comes, Answer::IsLost];
            for answer in answers.into_iter().filter(|a| *a == Answer::Comes || may_lose) {
                if branch.pending() > 0 {
                    acts.push(Act::Merge(i, answer));
                }
                acts.push(Act::Close(i, answer));
            }
        }
        for (i, reader) in self.readers.iter().enumerate() {
            if self.next_of(i).is_some() {
                acts.push(Act::Read(i));
            }
            if reader.moves < bounds.moves {
                let others = (0..self.replicas.len()).filter(|&other| other != reader.replica);
                acts.extend(
                    others.filter(|&to| self.knows(to, reader.place)).map(|to| Act::Move(i, to)),
                );
            }
        }
    }

    pub(super) fn perform(&mut self, act: Act) {
        match act {
            Act::Append(i) => self.append(i),
            Act::Cut(i) => {
                self.cuts += 1;
                self.cut(i);
            }
            Act::Find(i) => self.find(i),
            Act::Merge(i, answer) => self.merge(i, false, answer),
            Act::Close(i, answer) => self.merge(i, true, answer),
            Act::Restart(i) => self.restart(i),
            Act::Read(i) => self.read(i),
            Act::Move(i, to) => {
                self.readers[i].moves += 1;
                self.readers[i].replica = to;
                self.note_read(i);
                if self.is_viewing(i) {
                    self.replicas[to].read = self.trunk.len() as u64;
                }
            }
        }
    }

    fn draw(&mut self) -> Epoch {
        self.epochs += 1;
        Epoch::from_bits(self.epochs)
    }

    /// The branch begins at once, with the part of the trunk that readers here have read.
    fn cut(&mut self, i: usize) {
        let epoch = self.draw();
        let read = self.replicas[i].read;
        let replica = &mut self.replicas[i];
        replica.is_up = false;
        if replica.branch.is_none() {
            let complete = |record: &&BranchRecord| record.is_complete;
            replica.merged = self.records.values().filter(complete).cloned().collect();
            let mut base = Log::begin(Lineage::origin(TRUNK));
            let events: Vec<_> = self.trunk[..read as usize].iter().map(|&n| event(n)).collect();
            if !events.is_empty() {
                let append = Append { events, idempotency: None };
                let _ = base.append(append, NOW, &ALL);
            }
            replica.branch = Some(Branch::begin(Some(base), epoch));
        }
    }

    fn find(&mut self, i: usize) {
        let replica = &mut self.replicas[i];
        replica.is_up = true;
        if let Some(branch) = &mut replica.branch {
            branch.agree(&self.records);
        }
    }

    fn append(&mut self, i: usize) {
        let number = u8::try_from(self.acked).unwrap();
        self.acked += 1;
        match &mut self.replicas[i].branch {
            Some(branch) => {
                let append = Append::one(event(number));
                branch.append(append, false, NOW, &ALL).unwrap();
            }
            None => self.trunk.push(number),
        }
    }

    /// What the server-side function does with a round, and what the replica does with its answer.
    fn merge(&mut self, i: usize, may_end: bool, answer: Answer) {
        let (epoch, tail) = (self.draw(), self.draw());
        let branch = self.replicas[i].branch.as_mut().unwrap();
        if !branch.has_places() {
            self.replicas[i].branch = None;
            self.replicas[i].read = self.trunk.len() as u64;
            return;
        }
        let round = branch.round(if may_end { usize::MAX } else { 1 }, usize::MAX);
        let (name, mut record) = (branch.name(), branch.record());
        if may_end {
            record.close(branch.len(), tail);
            branch.begin_epoch(epoch);
        }
        let stored = self.records.get(&name).cloned().unwrap_or_else(|| record.clone());
        if stored.is_complete || stored.merged() != round.offset {
            if branch.agree(&self.records).is_some() {
                self.go_back(i);
            }
            return;
        }
        let mut runs = stored.runs;
        for event in round.units.iter().flat_map(|(_, events)| events) {
            self.trunk.push(u8::try_from(event.id.bits()).unwrap());
            runs.push(Run { first: Seq(self.trunk.len() as u64), count: 1 });
        }
        let stored = BranchRecord { runs, is_complete: may_end, ..record };
        let merged = stored.merged();
        self.records.insert(name, stored);
        if answer == Answer::IsLost {
            self.lost += 1;
            return self.cut(i);
        }
        let branch = self.replicas[i].branch.as_mut().unwrap();
        branch.merged_up_to(merged);
        if may_end {
            self.go_back(i);
        }
    }

    fn go_back(&mut self, i: usize) {
        self.replicas[i].branch = None;
        self.replicas[i].read = self.trunk.len() as u64;
    }

    fn restart(&mut self, i: usize) {
        self.restarts += 1;
        let epoch = self.draw();
        let branch = self.replicas[i].branch.take().unwrap();
        let log = Log::from_parts(LogParts { ..branch.parts() }).unwrap();
        let mut branch = Branch::take_up(log, branch.saved_as(), epoch, ForkKind::Whole).unwrap();
        if self.replicas[i].is_up {
            branch.agree(&self.records);
        }
        self.replicas[i].branch = Some(branch);
    }

    /// Returns whether a replica can serve a place without a gap.
    fn knows(&self, i: usize, place: Position) -> bool {
        let on_trunk = place.epoch == TRUNK;
        match &self.replicas[i].branch {
            Some(branch) => {
                let merged = &self.replicas[i].merged;
                branch.page(&After::At(place), PageLimit::MAX, merged.iter()).gap.is_none()
            }
            // In the midst of another replica's merge, only Redis knows what follows.
            None => on_trunk || self.record_of(place).is_some_and(|record| record.is_complete),
        }
    }

    fn record_of(&self, place: Position) -> Option<&BranchRecord> {
        let known = |record: &&BranchRecord| record.place_of(place).is_some();
        self.records.values().find(known)
    }

    /// Returns what a reader is given next, and its place then; `Err` where it would be a gap.
    fn next_of(&self, i: usize) -> Option<Result<(u8, Position), &'static str>> {
        let Reader { replica, place, .. } = self.readers[i];
        let replica = &self.replicas[replica];
        if let Some(branch) = &replica.branch {
            let page = branch.page(&After::At(place), PageLimit::clamped(1), replica.merged.iter());
            if page.gap.is_some() {
                return Some(Err("a gap on the branch"));
            }
            let event = page.events.first()?;
            return Some(Ok((u8::try_from(event.id.bits()).unwrap(), event.position)));
        }
        if place.epoch == TRUNK {
            return self
                .on_trunk(place.seq.0)
                .map(|number| Ok((number, trunk_place(place.seq.next()))));
        }
        let Some(record) = self.record_of(place) else { return Some(Err("an unknown cursor")) };
        let view = View::of(record);
        let had = place.seq.count_after(record.parent);
        if had > view.len() {
            return (record.is_complete).then_some(Err("a place past the view's end"));
        }
        match view.stretch(had) {
            Some(run) => {
                let number = self.on_trunk(run.first.0 - 1)?;
                Some(Ok((number, view.position(had + 1))))
            }
            None if record.is_complete => {
                let next = view.end();
                self.on_trunk(next.0).map(|number| Ok((number, trunk_place(next.next()))))
            }
            None => None,
        }
    }

    fn on_trunk(&self, after: u64) -> Option<u8> {
        self.trunk.get(usize::try_from(after).unwrap()).copied()
    }

    fn read(&mut self, i: usize) {
        let Some(next) = self.next_of(i) else { return };
        let is_viewing = self.is_viewing(i);
        let reader = &mut self.readers[i];
        match next {
            Err(broken) => reader.broken = Some(broken),
            Ok((number, place)) => {
                if reader.got.contains(&number) {
                    reader.broken = Some("an event came twice");
                }
                if place.seq != reader.place.seq.next() {
                    reader.broken = Some("the numbers jump");
                }
                reader.got.push(number);
                reader.place = place;
                reader.has_viewed |= is_viewing;
                if is_viewing {
                    self.replicas[reader.replica].read = self.trunk.len() as u64;
                }
            }
        }
        self.note_read(i);
    }

    fn is_viewing(&self, i: usize) -> bool {
        let reader = &self.readers[i];
        self.replicas[reader.replica].branch.is_none() && reader.place.epoch != TRUNK
    }

    /// A reader on the trunk moves up what its replica would branch from.
    fn note_read(&mut self, i: usize) {
        let Reader { replica, place, .. } = self.readers[i];
        let replica = &mut self.replicas[replica];
        if replica.branch.is_none() && place.epoch == TRUNK {
            replica.read = replica.read.max(place.seq.0);
        }
    }
}

fn trunk_place(seq: Seq) -> Position {
    Position::new(TRUNK, seq)
}

fn event(number: u8) -> NewEvent {
    let id = EventId::from_bits(u128::from(number));
    NewEvent { id, name: "a".parse().unwrap(), json: "{}".into() }
}

impl World {
    /// What tells two worlds apart; what an epoch is called follows from the rest.
    fn key(&self) -> impl Hash + PartialEq {
        let replicas: Vec<_> = self
            .replicas
            .iter()
            .map(|replica| {
                let branch = replica.branch.as_ref().map(|branch| {
                    let page = branch.log().page(&After::Oldest, PageLimit::MAX);
                    let events: Vec<_> = page.events.iter().map(|e| (e.id, e.position)).collect();
                    (
                        branch.name(),
                        branch.saved_as(),
                        branch.parent(),
                        branch.pending(),
                        events,
                        format!("{:?}", branch.record()),
                    )
                });
                let merged: Vec<_> = replica.merged.iter().map(|r| format!("{r:?}")).collect();
                (replica.is_up, replica.read, branch, merged)
            })
            .collect();
        let mut records: Vec<_> = self.records.iter().map(|record| format!("{record:?}")).collect();
        records.sort_unstable();
        let counts = [self.acked, self.cuts, self.lost, self.restarts];
        (self.trunk.clone(), records, replicas, self.readers.clone(), counts)
    }
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
