//! What was sent and acknowledged, and under which identity, for as long as somebody may still compare.
//! Pure.

use std::collections::{BTreeSet, VecDeque};

use guard::Arm;

use super::stamp::{Identity, Stamp};

/// Of how many of a lane's last events identities are kept.
const IDENTITIES_MAX: usize = 4096;

/// How many events with two effects are remembered, so that each counts once.
const DOUBLES_KEPT: usize = 1000;

/// What was sent.
#[derive(Debug, Default)]
pub(super) struct Facts {
    lanes: Vec<Lane>,
    doubles: BTreeSet<Stamp>,
    pub(super) double_effects: u64,
}

/// Where an event comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was sent, and this is what came of it.
    Sent,
    /// It was sent, and something else came of it before: two identities under one key.
    SecondEffect,
    /// Nobody sent it.
    Nobody,
}

/// What one publisher sent, or one member to one thread: one after the other.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// To which stream it goes.
    pub(super) stream: usize,
    /// How many were begun, and how many were acknowledged. One at most is under way.
    pub(super) begun: u64,
    pub(super) acknowledged: u64,
    /// Identities of the last ones, and the number of the first of them.
    identities: VecDeque<Option<Identity>>,
    first: u64,
    /// Which ones the canary had an attempt of, from … up to …; one after the other.
    on_canary: Vec<(u64, u64)>,
    /// Whether the canary gave the last answer.
    is_on_canary: bool,
}

impl Facts {
    /// Returns facts of lanes, given to which stream each goes.
    pub(super) fn new(streams: impl IntoIterator<Item = usize>) -> Self {
        let lane = |stream| Lane { stream, ..Lane::default() };
        Facts { lanes: streams.into_iter().map(lane).collect(), ..Facts::default() }
    }

    /// Begins the next event of a lane.
    pub(super) fn begin(&mut self, lane: u32) -> Stamp {
        let known = &mut self.lanes[lane as usize];
        let stamp = Stamp { lane, n: known.begun };
        known.begun += 1;
        known.identities.push_back(None);
        if known.identities.len() > IDENTITIES_MAX {
            known.identities.pop_front();
            known.first += 1;
        }
        stamp
    }

    /// Notes which arm answered an attempt; where nobody did, it may be the one that did before.
    pub(super) fn attempted(&mut self, stamp: Stamp, arm: Option<Arm>) {
        let lane = &mut self.lanes[stamp.lane as usize];
        lane.is_on_canary = arm.map_or(lane.is_on_canary, |arm| arm == Arm::Canary);
        if !lane.is_on_canary {
            return;
        }
        match lane.on_canary.last_mut() {
            Some((_, to)) if *to >= stamp.n => *to = stamp.n + 1,
            _ => lane.on_canary.push((stamp.n, stamp.n + 1)),
        }
    }

    /// Returns how many events with two effects the canary had an attempt of, of those that are
    /// remembered.
    pub(super) fn double_effects_on_canary(&self) -> u64 {
        let had = |stamp: &&Stamp| {
            let ranges = &self.lanes[stamp.lane as usize].on_canary;
            ranges.iter().any(|(from, to)| (*from..*to).contains(&stamp.n))
        };
        self.doubles.iter().filter(had).count() as u64
    }

    /// Notes that an event was acknowledged under an identity.
    pub(super) fn acknowledge(&mut self, stamp: Stamp, id: Identity) {
        self.see(stamp, id);
        let lane = &mut self.lanes[stamp.lane as usize];
        lane.acknowledged = lane.acknowledged.max(stamp.n + 1);
    }

    /// Notes under which identity an event was seen, and says what that makes it.
    pub(super) fn see(&mut self, stamp: Stamp, id: Identity) -> Origin {
        let Some(lane) = self.lanes.get_mut(stamp.lane as usize) else { return Origin::Nobody };
        if stamp.n >= lane.begun {
            return Origin::Nobody;
        }
        let index = stamp.n.checked_sub(lane.first).and_then(|index| usize::try_from(index).ok());
        let Some(known) = index.and_then(|index| lane.identities.get_mut(index)) else {
            return Origin::Sent;
        };
        if *known.get_or_insert(id) != id {
            self.double(stamp);
            return Origin::SecondEffect;
        }
        Origin::Sent
    }

    /// Counts an event with two effects once, as long as it is remembered.
    fn double(&mut self, stamp: Stamp) {
        if !self.doubles.contains(&stamp) {
            self.double_effects += 1;
            if self.doubles.len() < DOUBLES_KEPT {
                self.doubles.insert(stamp);
            }
        }
    }

    /// Returns the lanes of a stream, with their numbers.
    pub(super) fn lanes_of(&self, stream: usize) -> impl Iterator<Item = (u32, &Lane)> {
        (0..).zip(&self.lanes).filter(move |(_, lane)| lane.stream == stream)
    }

    /// Returns how many were begun until now of each lane of a stream.
    pub(super) fn begun_on(&self, stream: usize) -> Vec<(u32, u64)> {
        self.lanes_of(stream).map(|(number, lane)| (number, lane.begun)).collect()
    }

    /// Returns how many were acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.acknowledged).sum()
    }

    /// Returns how many are under way.
    pub(super) fn under_way(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.begun - lane.acknowledged).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_effects_are_counted_once_for_each_key() {
        let mut facts = Facts::new([0, 0]);
        let (a, b) = (Identity::of("a"), Identity::of("b"));
        let stamp = facts.begin(1);
        facts.acknowledge(stamp, a);
        assert_eq!(facts.see(stamp, a), Origin::Sent);
        assert_eq!((facts.double_effects, facts.acknowledged()), (0, 1));
        for _ in 0..3 {
            assert_eq!(facts.see(stamp, b), Origin::SecondEffect);
        }
        assert_eq!(facts.double_effects, 1);
        let second = facts.begin(1);
        assert_eq!((second.n, facts.under_way()), (1, 1));
        assert_eq!(facts.see(second, a), Origin::Sent);
        facts.acknowledge(second, b);
        assert_eq!((facts.double_effects, facts.under_way()), (2, 0));
    }

    #[test]
    fn two_effects_are_the_canarys_where_it_had_an_attempt() {
        let mut facts = Facts::new([0]);
        let arms = [Arm::Stable, Arm::Canary, Arm::Canary, Arm::Stable, Arm::Canary];
        for arm in arms {
            let stamp = facts.begin(0);
            facts.attempted(stamp, Some(arm));
            facts.acknowledge(stamp, Identity::of("a"));
            // Nobody answers the second attempt, which goes where the first one went.
            facts.attempted(stamp, None);
            facts.see(stamp, Identity::of("b"));
        }
        assert_eq!((facts.double_effects, facts.double_effects_on_canary()), (5, 3));
        assert_eq!(facts.lanes[0].on_canary, [(1, 3), (4, 5)]);
    }

    #[test]
    fn what_nobody_sent_is_known() {
        let mut facts = Facts::new([0]);
        let id = Identity::of("a");
        assert_eq!(facts.see(Stamp { lane: 0, n: 0 }, id), Origin::Nobody);
        assert_eq!(facts.see(Stamp { lane: 9, n: 0 }, id), Origin::Nobody);
        facts.begin(0);
        assert_eq!(facts.see(Stamp { lane: 0, n: 0 }, id), Origin::Sent);
    }

    #[test]
    fn identities_are_bounded() {
        let mut facts = Facts::new([0]);
        for _ in 0..IDENTITIES_MAX + 10 {
            let stamp = facts.begin(0);
            facts.acknowledge(stamp, Identity::of(&stamp.n.to_string()));
        }
        assert_eq!(facts.lanes[0].identities.len(), IDENTITIES_MAX);
        // Too old to be compared, and sent all the same.
        assert_eq!(facts.see(Stamp { lane: 0, n: 3 }, Identity::of("other")), Origin::Sent);
        assert_eq!(facts.see(Stamp { lane: 0, n: 10 }, Identity::of("10")), Origin::Sent);
        assert_eq!(facts.double_effects, 0);
        let other = facts.see(Stamp { lane: 0, n: 10 }, Identity::of("other"));
        assert_eq!(other, Origin::SecondEffect);
        assert_eq!(facts.double_effects, 1);
    }
}
