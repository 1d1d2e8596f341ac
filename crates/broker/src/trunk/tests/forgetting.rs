//! A branch, and a Redis that forgets: its last writes, or everything, between any two rounds.
//!
//! Generated schedules drive the real branch against a list for the trunk, which admits a round as
//! the server-side function does. Answers are lost, rounds arrive late, healing gives back a part of
//! what was lost, the process restarts or is killed. In the end every event of the branch is on the
//! trunk once, and each of its cursors goes on through a record.

mod server;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use event::{Epoch, EventId, ForkKind, Lineage, MonoMs, Position, Seq, Standing};
use proptest::prelude::*;

use self::server::{Round, Server};
use crate::{
    Append, IdempotencyKey, NewEvent,
    memory::log::{Log, LogParts, WindowLimits},
    trunk::{branch::Branch, record::BranchRecord, view::View},
};

const NOW: MonoMs = MonoMs(1_000_000);
const LIMITS: WindowLimits = WindowLimits { events_max: 6, age_max: Duration::from_secs(600) };
const TRUNK: Epoch = Epoch::from_bits(1);

/// What becomes of a round that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    /// It took effect, and its answer was lost.
    Unanswered,
    /// It is on its way until it arrives, if ever.
    Late,
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    Append {
        count: u64,
        keyed: bool,
    },
    /// Somebody else appends to the trunk.
    Other,
    /// Somebody else who has read it brings back some of what the trunk lost of the branch.
    BroughtBack(usize),
    /// One where the folder can't be written is merged all the same.
    Round {
        most: usize,
        may_end: bool,
        fate: Fate,
        is_saved: bool,
    },
    /// What was on its way arrives.
    Arrive,
    /// Redis loses its last writes; so many of the events that it lost are given back to it.
    Forget {
        writes: usize,
        given_back: usize,
    },
    Restart,
    Kill,
}

fn deed() -> impl Strategy<Value = Deed> {
    let fate =
        prop_oneof![4 => Just(Fate::Answered), 1 => Just(Fate::Unanswered), 1 => Just(Fate::Late)];
    prop_oneof![
        4 => (1..5_u64, any::<bool>()).prop_map(|(count, keyed)| Deed::Append { count, keyed }),
        1 => Just(Deed::Other),
        1 => (1..9_usize).prop_map(Deed::BroughtBack),
        6 => (1..6_usize, any::<bool>(), fate, proptest::bool::weighted(0.8)).prop_map(
            |(most, may_end, fate, is_saved)| Deed::Round { most, may_end, fate, is_saved }
        ),
        1 => Just(Deed::Arrive),
        2 => (1..9_usize, 0..9_usize)
            .prop_map(|(writes, given_back)| Deed::Forget { writes, given_back }),
        1 => Just(Deed::Restart),
        1 => Just(Deed::Kill),
    ]
}

/// What the replica has found out of the trunk, and under which epoch.
#[derive(Default)]
struct Attempt {
    epoch: Option<Epoch>,
    found: HashMap<EventId, Seq>,
    searched: usize,
}

struct Stage {
    server: Server,
    /// The server before each of its writes.
    history: Vec<Server>,
    late: Vec<Round>,
    branch: Branch,
    attempt: Attempt,
    saved: (LogParts, usize),
    appended: Vec<(EventId, Position)>,
    /// Places that closed records gave to what lies behind the branch's events, with what a reader
    /// has had there.
    viewed: Vec<(Position, HashSet<EventId>)>,
    /// What the branch began with, which it gives back where the trunk lost it.
    shared: u64,
    /// What the trunk has lost at any time.
    lost: HashSet<EventId>,
    drawn: u64,
}

fn event(number: u64) -> NewEvent {
    let json = format!("{{\"n\":{number}}}").into();
    NewEvent { id: EventId::from_bits(u128::from(number)), name: "a".parse().unwrap(), json }
}

impl Stage {
    fn new(parent: u64) -> Self {
        let mut log = Log::begin(Lineage::origin(TRUNK));
        let events: Vec<_> = (0..parent).map(|number| event(1_000 + number)).collect();
        let trunk = events.iter().map(|event| event.id).collect();
        if parent > 0 {
            log.append(Append { events, idempotency: None }, NOW, &LIMITS).unwrap();
        }
        let branch = Branch::begin(Some(log), Epoch::from_bits(2));
        Stage {
            server: Server { lineage: Lineage::origin(TRUNK), trunk, records: HashMap::new() },
            history: Vec::new(),
            late: Vec::new(),
            saved: (branch.parts(), 0),
            branch,
            attempt: Attempt::default(),
            appended: Vec::new(),
            viewed: Vec::new(),
            shared: parent,
            lost: HashSet::new(),
            drawn: 10,
        }
    }

    fn draw(&mut self) -> Epoch {
        self.drawn += 1;
        Epoch::from_bits(self.drawn)
    }

    fn perform(&mut self, deed: Deed) {
        match deed {
            Deed::Append { count, keyed } => self.append(count, keyed),
            Deed::Other => {
                self.history.push(self.server.clone());
                self.drawn += 1;
                self.server.trunk.push(event(2_000 + self.drawn).id);
            }
            Deed::BroughtBack(most) => self.bring_back(most),
            Deed::Round { most, may_end, fate, is_saved } => {
                if is_saved {
                    self.saved = (self.branch.parts(), self.appended.len());
                }
                self.round(most, may_end, fate);
            }
            Deed::Arrive => {
                for round in std::mem::take(&mut self.late) {
                    self.arrive(&round);
                }
            }
            Deed::Forget { writes, given_back } => self.forget(writes, given_back),
            Deed::Restart => {
                self.saved = (self.branch.parts(), self.appended.len());
                self.take_up(ForkKind::Whole);
            }
            Deed::Kill => self.take_up(ForkKind::Lossy),
        }
    }

    fn append(&mut self, count: u64, keyed: bool) {
        let first = self.drawn;
        self.drawn += count;
        let key = || IdempotencyKey::new(&"o".parse().unwrap(), "r", &first.to_string(), b"");
        let events = (first..first + count).map(|number| event(10_000 + number)).collect();
        let append = Append { events, idempotency: keyed.then(key) };
        let appended = self.branch.append(append, false, NOW, &LIMITS).unwrap();
        self.appended.extend(appended.receipts().iter().map(|r| (r.id, r.position)));
    }

    fn take_up(&mut self, kind: ForkKind) {
        self.appended.truncate(self.saved.1);
        let (epoch, saved_as) = (self.draw(), self.branch.saved_as());
        let log = Log::from_parts(self.saved.0.clone()).unwrap();
        self.branch = Branch::take_up(log, saved_as, epoch, kind).unwrap();
        self.attempt = Attempt::default();
    }

    fn bring_back(&mut self, most: usize) {
        let is_lost = |id: &EventId| self.lost.contains(id) && !self.server.trunk.contains(id);
        let own = self.appended.iter().map(|(id, _)| *id);
        let lost: Vec<_> = own.filter(is_lost).take(most).collect();
        self.history.push(self.server.clone());
        self.server.trunk.extend(lost);
    }

    fn arrive(&mut self, round: &Round) -> Option<u64> {
        let before = self.server.clone();
        let merged = self.server.merge(round)?;
        self.history.push(before);
        if round.is_last {
            self.read_view(&self.server.records[&round.name].clone());
        }
        Some(merged)
    }

    /// Reads a closed record's view to its end.
    fn read_view(&mut self, record: &BranchRecord) {
        let parent = usize::try_from(record.parent.0).unwrap();
        let mut had: HashSet<_> = self.server.trunk[..parent].iter().copied().collect();
        let (view, mut place) = (View::of(record), 0);
        while let Some(run) = view.stretch(place) {
            had.insert(self.server.trunk[usize::try_from(run.first.0).unwrap() - 1]);
            place += 1;
            if place >= record.merged() && place < view.len() {
                self.viewed.push((view.position(place), had.clone()));
            }
        }
    }

    fn forget(&mut self, writes: usize, given_back: usize) {
        let left = self.history.len().saturating_sub(writes);
        let Some(old) = self.history.get(left).cloned() else { return };
        self.history.truncate(left);
        let lost = std::mem::replace(&mut self.server, old);
        let known = self.server.trunk.len();
        self.server.trunk.extend(lost.trunk.iter().skip(known).take(given_back));
        let is_whole = self.server.trunk.len() == lost.trunk.len();
        let kind = if is_whole { ForkKind::Whole } else { ForkKind::Lossy };
        let head = Seq(self.server.trunk.len() as u64);
        // The epochs of what was given back are those under which it was lost.
        let forks = lost.lineage.forks().iter().copied().filter(|fork| fork.after <= head);
        self.server.lineage = Lineage::from_forks(forks.collect()).unwrap();
        let epoch = self.draw();
        self.server.lineage.fork(epoch, head, kind);
        self.late.clear();
        self.lost.extend(lost.trunk);
    }

    /// Does what the merge does before a round; returns whether all is merged and closed.
    fn look(&mut self) -> bool {
        let head = Seq(self.server.trunk.len() as u64);
        let mut closed = false;
        if self.attempt.epoch.is_none() {
            self.branch.stand_on(&self.server.lineage, head);
            closed = self.branch.agree(&self.server.records).is_some();
            let epoch = Some(self.server.lineage.current());
            self.attempt = Attempt { epoch, ..Attempt::default() };
        }
        let unsure: HashSet<_> = self.branch.unsure_ids().collect();
        if !unsure.is_empty() && self.attempt.epoch == Some(self.server.lineage.current()) {
            let epoch = self.draw();
            self.history.push(self.server.clone());
            self.server.lineage.fork(epoch, head, ForkKind::Whole);
            self.attempt.epoch = Some(epoch);
            let after = usize::try_from(self.branch.parent().0).unwrap();
            let places = self.server.trunk.iter().zip(1..).skip(after);
            let found = places.filter(|(id, _)| unsure.contains(id));
            self.attempt.found = found.map(|(id, seq)| (*id, Seq(seq))).collect();
            self.attempt.searched = self.server.trunk.len();
        }
        closed
    }

    /// Returns whether all is merged and closed.
    fn round(&mut self, most: usize, may_end: bool, fate: Fate) -> bool {
        if self.look() {
            return true;
        }
        let units = self.branch.round(most, usize::MAX);
        let is_last = may_end && units.is_last;
        let mut record = self.branch.record();
        self.branch.sending(&units);
        if is_last {
            record.close(self.branch.len(), self.draw());
            let epoch = self.draw();
            self.branch.begin_epoch(epoch);
        }
        let round = Round {
            epoch: self.attempt.epoch.unwrap(),
            name: self.branch.name(),
            record,
            units,
            found: self.attempt.found.clone(),
            searched: self.attempt.searched,
            is_last,
        };
        match fate {
            Fate::Answered => match self.arrive(&round) {
                Some(merged) if !is_last => self.branch.merged_up_to(merged),
                _ => self.attempt = Attempt::default(),
            },
            Fate::Unanswered => {
                self.arrive(&round);
                self.attempt = Attempt::default();
            }
            Fate::Late => {
                self.late.push(round);
                self.attempt = Attempt::default();
            }
        }
        false
    }

    fn finish(&mut self) {
        let within = (0..1_000).any(|_| self.round(3, true, Fate::Answered));
        assert!(within, "the merge does not end: {:?}", self.branch);
    }

    fn assert_on_trunk_once(&self) {
        let shared = (0..self.shared).map(|number| event(1_000 + number).id);
        for id in self.appended.iter().map(|(id, _)| *id).chain(shared) {
            let count = self.server.trunk.iter().filter(|other| **other == id).count();
            // Of what it shares with the trunk the branch knows what is in its window.
            let is_own = self.appended.iter().any(|(own, _)| *own == id);
            assert!(count == 1 || (count == 0 && !is_own), "{id} is on the trunk {count} times");
        }
    }

    /// Returns what a reader is given after a place of a view.
    fn rest(&self, record: &BranchRecord, at: Position) -> Vec<EventId> {
        let (view, mut had, mut rest) =
            (View::of(record), at.seq.count_after(record.parent), Vec::new());
        while let Some(run) = view.stretch(had) {
            let first = usize::try_from(run.first.0).unwrap() - 1;
            let count = usize::try_from(run.count).unwrap();
            rest.extend_from_slice(&self.server.trunk[first..first + count]);
            had += run.count;
        }
        rest.extend_from_slice(&self.server.trunk[usize::try_from(view.end().0).unwrap()..]);
        rest
    }

    /// A reader that had gone on behind the branch's events misses nothing and has nothing twice, or
    /// is told.
    fn assert_viewed(&self) {
        for (place, had) in &self.viewed {
            for record in self.server.records.values().filter(|record| record.is_complete) {
                let end = Seq(record.parent.0 + View::of(record).len());
                let Some(Ok(at)) = record.place_of(*place) else { continue };
                if record.lineage.standing(at, end) != Standing::Good {
                    continue;
                }
                let rest = self.rest(record, at);
                let parent = usize::try_from(record.parent.0).unwrap();
                let new = self.server.trunk[parent..].iter().filter(|id| !had.contains(id));
                let (new, rest): (HashSet<_>, HashSet<_>) = (new.collect(), rest.iter().collect());
                assert_eq!(rest, new, "after {place} by {record:?}, with {had:?}");
            }
        }
    }

    /// Every cursor of the branch goes on through a record, and gives what follows once.
    fn assert_cursors(&self) {
        for (index, (id, place)) in self.appended.iter().enumerate() {
            let known = self.server.records.values().filter(|record| record.is_complete);
            let mut known =
                known.filter_map(|record| Some((record, record.place_of(*place)?.ok()?)));
            let (record, at) = known.next().unwrap_or_else(|| panic!("nothing knows {id}"));
            let rest = self.rest(record, at);
            let (had, left) = self.appended.split_at(index + 1);
            assert!(had.iter().all(|(id, _)| !rest.contains(id)), "something comes twice");
            let order: Vec<_> = left.iter().map(|(id, _)| *id).collect();
            let got: Vec<_> = rest.iter().copied().filter(|id| order.contains(id)).collect();
            assert_eq!(got, order, "what follows {id}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn a_branch_is_whole_whatever_redis_forgets(
        parent in 0..5_u64,
        deeds in proptest::collection::vec(deed(), 1..25),
    ) {
        let mut stage = Stage::new(parent);
        for deed in deeds {
            stage.perform(deed);
            prop_assert!(stage.branch.pending() <= stage.appended.len() + 5);
        }
        stage.finish();
        stage.assert_on_trunk_once();
        stage.assert_cursors();
        stage.assert_viewed();
    }
}
