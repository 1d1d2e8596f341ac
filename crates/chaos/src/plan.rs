//! What a run is going to do: a timeline that follows from a seed. Pure.
//!
//! Storms and calm phases take turns. In a storm faults overlap, but never two of the same place
//! (one way to Redis, Redis itself, one replica, what owns its streams), and one replica at least is
//! always up. Every fault ends with its storm, so that in the calm that follows branches are merged.

use serde::{Deserialize, Serialize};

use crate::{
    act::Act,
    dice::Dice,
    kind::{KINDS, Kind, Place, Span, kinds},
    settings::{Mode, Settings},
};

/// The traffic goes undisturbed for so long.
const WARM_MS: u64 = 3_000;

/// A storm lasts so long, and in a run below [`SHORT_MS`].
const STORM_MS: (u64, u64) = (9_000, 22_000);
const STORM_SHORT_MS: (u64, u64) = (6_000, 10_000);

/// The calm after it.
const CALM_MS: (u64, u64) = (7_000, 12_000);
const CALM_SHORT_MS: (u64, u64) = (4_000, 5_000);

/// Below this a run has short storms.
const SHORT_MS: u64 = 90_000;

/// From one action to the next.
const PAUSE_MS: (u64, u64) = (200, 2_200);

/// How often another kind is tried where the drawn one has no place.
const DRAWS: usize = 6;

/// How many of a hundred toxics are on one way alone.
const ONE_WAY_PERCENT: u64 = 60;

/// What a run is going to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// From what everything follows.
    pub seed: u64,
    /// How long it lasts, without healing.
    pub seconds: u64,
    /// How large it is.
    pub settings: Settings,
    /// Whether replicas serve without Redis.
    pub mode: Mode,
    /// Storms and calm phases, in order.
    pub phases: Vec<Phase>,
    /// The actions, in the order in which they begin.
    pub acts: Vec<Act>,
}

/// A stretch of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// When it begins.
    pub begin_ms: u64,
    /// When it ends.
    pub end_ms: u64,
    /// Whether nothing is broken.
    pub is_calm: bool,
}

impl Plan {
    /// Returns the plan of a seed: the same for the same arguments.
    pub fn from_seed(seed: u64, seconds: u64, settings: &Settings) -> Self {
        let by_seed =
            if Dice::new(seed, "mode", 0).percent(50) { Mode::Strict } else { Mode::Loose };
        let mode = settings.mode.unwrap_or(by_seed);
        let mut dice = Dice::new(seed, "plan", 0);
        let phases = phases(&mut dice, seconds * 1000);
        let mut planner = Planner {
            kinds: kinds().filter(|kind| settings.takes(kind.name)).collect(),
            replicas: settings.replicas,
            dice,
            acts: Vec::new(),
        };
        for phase in phases.iter().filter(|phase| !phase.is_calm) {
            planner.fill(*phase);
        }
        let mut acts = planner.acts;
        acts.sort_by_key(|act| (act.begin_ms, act.id));
        Plan { seed, seconds, settings: settings.clone(), mode, phases, acts }
    }

    /// Returns its text, as it is kept.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers and texts are JSON")
    }

    /// Reads a plan that was kept.
    ///
    /// # Errors
    /// Fails where it is none, or names what this program does not know.
    pub fn parse(text: &str) -> Result<Self, String> {
        let plan: Plan = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for act in &plan.acts {
            if Kind::of(act).is_none() {
                return Err(format!("`{}` is no kind of action", act.kind));
            }
            if act.replica.is_some_and(|replica| replica >= plan.settings.replicas) {
                return Err(format!("action {} names a replica that is not there", act.id));
            }
            if act.end_ms < act.begin_ms {
                return Err(format!("action {} ends before it begins", act.id));
            }
        }
        Ok(plan)
    }
}

fn phases(dice: &mut Dice, length_ms: u64) -> Vec<Phase> {
    let is_short = length_ms < SHORT_MS;
    let (storm, calm) =
        if is_short { (STORM_SHORT_MS, CALM_SHORT_MS) } else { (STORM_MS, CALM_MS) };
    let mut phases = vec![Phase { begin_ms: 0, end_ms: WARM_MS.min(length_ms), is_calm: true }];
    loop {
        let last = phases[phases.len() - 1];
        if last.end_ms >= length_ms {
            return phases;
        }
        let lasts = dice.between(if last.is_calm { storm } else { calm });
        let end_ms = (last.end_ms + lasts).min(length_ms);
        phases.push(Phase { begin_ms: last.end_ms, end_ms, is_calm: !last.is_calm });
    }
}

struct Planner {
    kinds: Vec<&'static Kind>,
    replicas: usize,
    dice: Dice,
    acts: Vec<Act>,
}

impl Planner {
    /// Fills a storm with actions.
    fn fill(&mut self, storm: Phase) {
        let mut at = storm.begin_ms;
        while at < storm.end_ms {
            for _ in 0..DRAWS {
                let Some(act) = self.draw(at, storm.end_ms) else { continue };
                if self.has_place(&act) {
                    self.acts.push(act);
                    break;
                }
            }
            at += self.dice.between(PAUSE_MS);
        }
    }

    fn draw(&mut self, begin_ms: u64, until_ms: u64) -> Option<Act> {
        let kind = self.draw_kind()?;
        let end_ms = match kind.span {
            Span::Instant => begin_ms,
            Span::Lasts(span) => (begin_ms + self.dice.between(span)).min(until_ms),
        };
        let replica = match kind.place {
            Place::Way if !self.dice.percent(ONE_WAY_PERCENT) => None,
            Place::Way | Place::Replica | Place::Backend => Some(self.dice.below(self.replicas)),
            Place::Redis | Place::Traffic => None,
        };
        let level = self.dice.between(kind.level);
        let upstream = kind.place == Place::Way && self.dice.percent(40);
        let kind = kind.name.to_owned();
        Some(Act { id: self.acts.len(), kind, begin_ms, end_ms, replica, level, upstream })
    }

    fn draw_kind(&mut self) -> Option<&'static Kind> {
        let all: u64 = self.kinds.iter().map(|kind| kind.weight).sum();
        let mut at = self.dice.between((1, all.max(1)));
        for &kind in &self.kinds {
            if at <= kind.weight {
                return Some(kind);
            }
            at -= kind.weight;
        }
        None
    }

    fn has_place(&self, new: &Act) -> bool {
        let Some(place) = Kind::of(new).map(|kind| kind.place) else { return false };
        let beside = self.acts.iter().filter(|act| {
            let is_same = Kind::of(act).is_some_and(|kind| kind.place == place);
            is_same && act.begin_ms <= new.end_ms && new.begin_ms <= act.end_ms
        });
        let on_same = |act: &Act| {
            act.replica.is_none() || new.replica.is_none() || act.replica == new.replica
        };
        let mut beside = beside.peekable();
        match place {
            Place::Traffic => true,
            Place::Way | Place::Backend => !beside.any(on_same),
            Place::Redis => beside.peek().is_none(),
            Place::Replica => {
                let beside: Vec<_> = beside.collect();
                beside.len() + 1 < self.replicas && !beside.into_iter().any(on_same)
            }
        }
    }
}

/// Returns the names of all kinds, for a message.
pub(crate) fn names() -> Vec<&'static str> {
    KINDS.iter().flat_map(|kinds| kinds.iter()).map(|kind| kind.name).collect()
}

#[cfg(test)]
mod tests;
