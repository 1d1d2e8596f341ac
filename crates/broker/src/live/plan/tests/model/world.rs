//! The model's state and what can happen to it.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    time::Duration,
};

use event::{Epoch, Event, EventId, ForkKind, MonoMs, Position, Seq};

use super::{Bounds, process::Process, reader::Reader};
use crate::{
    Append, NewEvent,
    live::plan::{Ask, Placement, Resume, Stage, Target, Work, hides_loss, placement, resume},
    memory::log::{Log, WindowLimits},
    trunk::{
        branch::Branch,
        record::{BranchRecord, Run},
    },
};

const NOW: MonoMs = MonoMs(0);
const ALL: WindowLimits = WindowLimits { events_max: usize::MAX, age_max: Duration::MAX };

/// One thing that happens; the number names the process or the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Append(usize),
    Ask(usize, Ask),
    /// The next work of a process is done; what it sends to Redis is answered, or not.
    Step(usize, Answer),
    /// A command that was given up arrives.
    Arrive(usize),
    Save(usize),
    /// A process ends and another begins over its folder, with `memory` as its setting.
    Crash(usize),
    Lose,
    Find,
    Read(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Comes,
    /// It took effect, and nobody is told.
    IsLost,
    /// It takes effect later, or never.
    IsLate,
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) processes: Vec<Process>,
    pub(super) readers: Vec<Reader>,
    redis: Option<Log>,
    records: Vec<(Epoch, BranchRecord)>,
    /// Whose switch it is.
    lease: Option<usize>,
    is_up: bool,
    /// What was acknowledged, and by which process.
    pub(super) acked: Vec<(u8, usize)>,
    pub(super) asks: usize,
    pub(super) crashes: usize,
    lost: usize,
    outages: usize,
    saves: usize,
    /// How often a stream came back without Redis.
    pub(super) alone: usize,
    epochs: u64,
}

impl World {
    pub(super) fn new(bounds: &Bounds) -> Self {
        let epoch = |i: usize| Epoch::from_bits(1 + i as u64);
        let start = |i| Reader::new(i, Position::new(epoch(i), Seq::ZERO));
        World {
            processes: (0..bounds.processes).map(|i| Process::new(epoch(i))).collect(),
            readers: (0..bounds.processes).map(start).collect(),
            redis: None,
            records: Vec::new(),
            lease: None,
            is_up: true,
            acked: Vec::new(),
            asks: 0,
            crashes: 0,
            lost: 0,
            outages: 0,
            saves: 0,
            alone: 0,
            epochs: 10,
        }
    }

    pub(super) fn possible(&self, bounds: &Bounds, acts: &mut Vec<Act>) {
        for (i, process) in self.processes.iter().enumerate() {
            if self.acked.len() < bounds.appends && (process.owner == Target::Memory || self.is_up)
            {
                acts.push(Act::Append(i));
            }
            if self.asks < bounds.asks {
                let to = process.plan.to().other();
                let asks = [Ask::Cutover(to), Ask::Undo, Ask::Finalise];
                acts.extend(asks.map(|ask| Act::Ask(i, ask)));
            }
            if self.can_step(i) {
                acts.push(Act::Step(i, Answer::Comes));
                let places =
                    process.plan.next() == Work::Move && process.plan.to() == Target::Redis;
                if places && self.lost < bounds.lost_answers {
                    acts.push(Act::Step(i, Answer::IsLost));
                    acts.push(Act::Step(i, Answer::IsLate));
                }
            }
            if process.late.is_some() && self.is_up {
                acts.push(Act::Arrive(i));
            }
            if self.saves < bounds.saves {
                acts.push(Act::Save(i));
            }
            if self.crashes < bounds.crashes {
                acts.push(Act::Crash(i));
            }
        }
        match self.is_up {
            true if self.outages < bounds.outages => acts.push(Act::Lose),
            true => {}
            false => acts.push(Act::Find),
        }
        acts.extend((0..self.readers.len()).filter(|&i| self.has_news(i)).map(Act::Read));
    }

    fn can_step(&self, i: usize) -> bool {
        match self.processes[i].plan.next() {
            Work::Rest => false,
            Work::Save | Work::Record => true,
            Work::Lease if self.is_up => self.lease.is_none_or(|holder| holder == i),
            Work::Lease | Work::Copy | Work::Compare | Work::Move => {
                self.is_up || self.processes[i].goes_back()
            }
            // What Redis keeps of it goes by itself.
            Work::Drop => true,
        }
    }

    pub(super) fn perform(&mut self, act: Act) {
        match act {
            Act::Append(i) => self.append(i),
            Act::Ask(i, ask) => {
                self.asks += 1;
                let process = &mut self.processes[i];
                if process.owner == process.plan.default_owner() {
                    process.plan.settles();
                }
                // A refusal changes nothing.
                let _ = process.plan.ask(ask);
            }
            Act::Step(i, answer) => self.step(i, answer),
            Act::Arrive(i) => self.arrive(i),
            Act::Save(i) => {
                self.saves += 1;
                self.processes[i].saved = Some(self.processes[i].memory.clone());
            }
            Act::Crash(i) => self.crash(i),
            Act::Lose => (self.is_up, self.outages) = (false, self.outages + 1),
            Act::Find => self.is_up = true,
            Act::Read(i) => {
                let page = self.page_of(i);
                self.readers[i].take(&page);
            }
        }
    }

    fn draw(&mut self) -> Epoch {
        self.epochs += 1;
        Epoch::from_bits(self.epochs)
    }

    fn append(&mut self, i: usize) {
        let number = u8::try_from(self.acked.len()).unwrap();
        let log = match self.processes[i].owner {
            Target::Memory => &mut self.processes[i].memory,
            Target::Redis => self.redis.as_mut().unwrap(),
        };
        log.append(Append::one(event(number)), NOW, &ALL).unwrap();
        self.acked.push((number, i));
        self.know(i);
    }

    fn step(&mut self, i: usize, answer: Answer) {
        let work = self.processes[i].plan.next();
        match work {
            Work::Lease if self.is_up => self.lease = Some(i),
            Work::Save => self.processes[i].saved = Some(self.processes[i].memory.clone()),
            Work::Record => {
                self.processes[i].record = self.processes[i].plan.record();
                if self.processes[i].plan.stage() >= Stage::Switched && self.lease == Some(i) {
                    self.lease = None;
                }
            }
            Work::Move => {
                self.processes[i].plan.moves();
                let is_known = match self.processes[i].plan.to() {
                    Target::Redis => self.place(i, answer),
                    Target::Memory => self.bring_back(i),
                };
                if !is_known {
                    return;
                }
            }
            Work::Drop if self.lease == Some(i) => self.lease = None,
            _ => {}
        }
        let process = &mut self.processes[i];
        process.plan.done(work);
        if process.plan.stage() == Stage::Idle && self.lease == Some(i) {
            self.lease = None;
        }
    }

    /// Gives the stream to Redis; returns whether the process knows that it has it.
    fn place(&mut self, i: usize, answer: Answer) -> bool {
        if self.processes[i].owner == Target::Redis {
            return true;
        }
        if answer != Answer::Comes {
            self.lost += 1;
        }
        let mut ours = self.processes[i].memory.clone();
        let theirs = self.redis.clone();
        let history = theirs.as_ref().map(|log| (log.lineage(), log.head().seq));
        let own = (ours.lineage(), ours.head().seq);
        let placement = placement(own, history);
        let is_told = placement == Placement::Whole || answer == Answer::IsLate;
        if history.is_some_and(|theirs| !is_told && hides_loss(own.0, theirs.0)) {
            let epoch = self.draw();
            self.redis.as_mut().unwrap().fork(epoch, ForkKind::Lossy);
        }
        match placement {
            Placement::There => {}
            Placement::Whole => {
                ours.fork(self.draw(), ForkKind::Whole);
                if answer == Answer::IsLate {
                    self.processes[i].late = Some((theirs, ours));
                } else {
                    self.redis = Some(ours);
                }
            }
            Placement::Branch(_) if answer == Answer::IsLate => {}
            Placement::Branch(shared) => self.merge(&ours, shared),
        }
        if answer == Answer::Comes {
            self.processes[i].owner = Target::Redis;
            self.know(i);
        }
        answer == Answer::Comes
    }

    /// Lets a process know Redis's log as it stands.
    fn know(&mut self, i: usize) {
        if self.processes[i].owner == Target::Redis {
            self.processes[i].known = self.redis.clone();
        }
    }

    fn arrive(&mut self, i: usize) {
        let Some((seen, placed)) = self.processes[i].late.take() else { return };
        let of = |log: &Option<Log>| log.as_ref().map(|log| (log.lineage().clone(), log.head()));
        if of(&seen) == of(&self.redis) {
            self.redis = Some(placed);
        }
    }

    fn merge(&mut self, ours: &Log, shared: Seq) {
        let (epoch, behind) = (self.draw(), self.draw());
        let mut branch = Branch::of_log(ours.clone(), shared, epoch);
        let redis = self.redis.as_mut().unwrap();
        branch.stand_on(redis.lineage(), redis.head().seq);
        let (name, mut record) = (branch.name(), branch.record());
        record.close(branch.len(), behind);
        let round = branch.round(usize::MAX, usize::MAX);
        let found: HashMap<EventId, Seq> = redis
            .kept_after(Seq::ZERO)
            .map(|kept| (kept.event.id, kept.event.position.seq))
            .collect();
        let mut runs = Vec::new();
        for event in round.units.iter().flat_map(|(_, events)| events) {
            let first = found.get(&event.id).copied().unwrap_or_else(|| {
                let new = self::event(id_of(event));
                redis.append(Append::one(new), NOW, &ALL).unwrap().receipts()[0].position.seq
            });
            runs.push(Run { first, count: 1 });
        }
        branch.merged_up_to(runs.len() as u64);
        self.records.push((name, BranchRecord { runs, is_complete: true, ..record }));
    }

    /// Takes the stream back from Redis, which is kept from taking what is still on its way; where it
    /// is lost, what is known of it.
    fn bring_back(&mut self, i: usize) -> bool {
        if self.processes[i].owner == Target::Redis {
            let (fence, epoch) = (self.draw(), self.draw());
            let mut kind = ForkKind::Whole;
            let mut log = if self.is_up {
                let redis = self.redis.as_mut().unwrap();
                redis.fork(fence, ForkKind::Whole);
                redis.clone()
            } else {
                self.alone += 1;
                if self.processes.len() > 1 {
                    kind = ForkKind::Lossy;
                }
                self.processes[i].known.clone().unwrap()
            };
            log.fork(epoch, kind);
            let process = &mut self.processes[i];
            process.memory = log;
            process.merged = self.records.iter().map(|(_, record)| record.clone()).collect();
            process.owner = Target::Memory;
        }
        true
    }

    /// What a start makes of the folder, and of Redis where it answers in time.
    fn crash(&mut self, i: usize) {
        self.crashes += 1;
        let saved = self.processes[i].saved.clone();
        let (record, epoch, own) = (self.processes[i].record, self.draw(), self.draw());
        self.processes[i].crash(epoch);
        if self.lease == Some(i) {
            self.lease = None;
        }
        let theirs = self.redis.clone().filter(|_| self.is_up);
        let is_merged = saved.as_ref().is_some_and(|log| {
            let head = log.lineage().position_at(log.head().seq);
            self.records.iter().any(|(_, record)| record.place_of(head).is_some())
        });
        let history = |log: &Option<Log>| log.as_ref().map(|l| (l.lineage().clone(), l.head().seq));
        let (ours, redis) = (history(&saved), history(&theirs));
        let resumed = resume(
            record,
            ours.as_ref().map(|(lineage, head)| (lineage, *head)),
            redis.as_ref().map(|(lineage, head)| (lineage, *head)),
            is_merged,
        );
        let process = &mut self.processes[i];
        if let (Resume::Take(kind), Some(mut log)) = (resumed, theirs) {
            log.fork(own, kind);
            process.memory = log;
            process.merged = self.records.iter().map(|(_, record)| record.clone()).collect();
        }
        // The windows are saved before the record says that Redis owns nothing.
        process.saved = Some(process.memory.clone());
        process.record = process.plan.record();
    }

    fn page_of(&self, i: usize) -> crate::Page {
        let reader = &self.readers[i];
        let process = &self.processes[reader.process];
        let records: Vec<_> = self.records.iter().map(|(_, record)| record.clone()).collect();
        match process.owner {
            Target::Memory => reader.page(&process.memory, &process.merged),
            Target::Redis => reader.page(self.redis.as_ref().unwrap(), &records),
        }
    }

    fn has_news(&self, i: usize) -> bool {
        let owner = self.processes[self.readers[i].process].owner;
        (owner == Target::Memory || self.is_up) && Reader::has_news(&self.page_of(i))
    }

    /// Returns whether every reader has read all that there is.
    pub(super) fn is_read(&self) -> bool {
        self.is_up && (0..self.readers.len()).all(|i| !self.has_news(i))
    }

    /// Returns whether a reader has had all that was acknowledged where it reads, or a gap.
    pub(super) fn has_had_all(&self, reader: &Reader) -> bool {
        let at_redis = |i: usize| self.processes[i].owner == Target::Redis;
        let concerns =
            |by: usize| by == reader.process || (at_redis(by) && at_redis(reader.process));
        let missing = |&(number, by): &(u8, usize)| concerns(by) && !reader.got.contains(&number);
        // What another process lost in a crash is told to its own readers.
        let may_lack = reader.had_gap || (self.processes.len() > 1 && self.crashes > 0);
        may_lack || !self.acked.iter().any(missing)
    }

    /// Returns whether the owner of each stream has what was acknowledged, where nothing crashed.
    pub(super) fn owners_are_whole(&self) -> bool {
        let has = |log: &Log, number: u8| ids(log).contains(&number);
        self.crashes > 0
            || self.acked.iter().all(|&(number, by)| match self.processes[by].owner {
                Target::Memory => has(&self.processes[by].memory, number),
                Target::Redis => has(self.redis.as_ref().unwrap(), number),
            })
    }

    pub(super) fn logs(&self) -> impl Iterator<Item = &Log> {
        self.processes.iter().map(|process| &process.memory).chain(&self.redis)
    }

    /// What tells two worlds apart.
    fn key(&self) -> impl Hash + PartialEq {
        let log = |log: &Log| format!("{:?} {:?}", log.lineage(), ids(log));
        let process = |process: &Process| {
            let late =
                process.late.as_ref().map(|(seen, placed)| (seen.as_ref().map(log), log(placed)));
            (
                process.plan,
                process.owner,
                log(&process.memory),
                process.saved.as_ref().map(log),
                process.record,
                format!("{:?}", process.merged),
                process.known.as_ref().map(log),
                late,
            )
        };
        let processes: Vec<_> = self.processes.iter().map(process).collect();
        let counts = [self.asks, self.crashes, self.lost, self.outages, self.saves, self.alone];
        (
            processes,
            self.readers.clone(),
            self.redis.as_ref().map(log),
            format!("{:?}", self.records),
            (self.lease, self.is_up, self.acked.clone(), counts),
        )
    }
}

/// Returns the events of a log, in their order.
pub(super) fn ids(log: &Log) -> Vec<u8> {
    let mut ids: Vec<_> = log.kept_after(Seq::ZERO).map(|kept| id_of(&kept.event)).collect();
    ids.sort_unstable();
    ids
}

pub(super) fn id_of(event: &Event) -> u8 {
    u8::try_from(event.id.bits()).unwrap()
}

fn event(number: u8) -> NewEvent {
    let id = EventId::from_bits(u128::from(number));
    NewEvent { id, name: "a".parse().unwrap(), json: "{}".into() }
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
