//! The guards of a run: armed from their step on until the run ends, in every phase; what they say is
//! written down when it changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use guard::{At, Judgement, Verdict};
use runbook::{Plan, PlannedGuard};
use tokio::time::Instant;

use super::{Conductor, DriveError, Input};
use crate::{Event, NoSight, Pace, Sample, Sighting, State, Watch, WatchError, world::guards_of};

/// How long a look may take.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// After how long people are told that guards are waited for at the end, and after how long the run stands
/// still for that.
const TOLD_AFTER: Duration = Duration::from_secs(60);
const HELD_AFTER: Duration = Duration::from_secs(600);

/// The guards of a run.
pub(super) struct Watches {
    watches: BTreeMap<String, Watch>,
    armed: BTreeSet<String>,
    /// Guards that are being looked for.
    asked: BTreeSet<String>,
    looked_at: BTreeMap<String, Instant>,
    /// What each said last.
    said: BTreeMap<String, Judgement>,
    /// Whose verdict is written down once more, though it did not change.
    untold: BTreeSet<String>,
}

impl Watches {
    pub(super) fn new(plan: &Plan, pace: Pace) -> Result<Self, WatchError> {
        let watch = |guard: &PlannedGuard| {
            let watch = Watch::new(guard, plan.alpha, pace)?;
            Ok((watch.id().to_owned(), watch))
        };
        Ok(Watches {
            watches: plan.guards.iter().map(watch).collect::<Result<_, WatchError>>()?,
            armed: BTreeSet::new(),
            asked: BTreeSet::new(),
            looked_at: BTreeMap::new(),
            said: BTreeMap::new(),
            untold: BTreeSet::new(),
        })
    }

    /// Arms the guards whose step was begun.
    pub(super) fn begun(&mut self, plan: &Plan, state: &State) {
        for guard in &plan.guards {
            let is_due = guard.armed_from.as_ref().is_none_or(|step| state.was_begun(step));
            if is_due && self.armed.insert(guard.spec.id.clone()) {
                self.untold.insert(guard.spec.id.clone());
            }
        }
    }

    /// Returns the guards that are armed.
    pub(super) fn armed(&self) -> Vec<String> {
        self.armed.iter().cloned().collect()
    }

    /// Takes in that a guard had failed when the process before this one was gone.
    pub(super) fn has_failed(&mut self, judged: &Judgement) {
        if let Some(watch) = self.watches.get_mut(&judged.guard) {
            watch.has_failed(judged.clone());
            self.said.insert(judged.guard.clone(), judged.clone());
        }
    }

    /// What every guard says next is written down, though it may be the same.
    pub(super) fn tell_again(&mut self) {
        self.untold = self.armed.clone();
    }

    /// Returns those of these guards that have not said PASS, with what they say.
    pub(super) fn not_passed(&self, plan: &Plan, guards: &[String]) -> Vec<String> {
        let wanted =
            plan.guards.iter().map(|guard| &guard.spec.id).filter(|id| guards.contains(id));
        let open = wanted.filter_map(|id| match self.said.get(id) {
            Some(judged) if judged.verdict.is_pass() => None,
            Some(judged) => Some(format!("{id} ({})", judged.sentence.trim_end_matches('.'))),
            None => Some(format!("{id} (nothing was seen yet)")),
        });
        open.collect()
    }

    pub(super) fn is_armed(&self, guard: &str) -> bool {
        self.armed.contains(guard)
    }

    pub(super) fn said(&self, guard: &str) -> Option<&Judgement> {
        self.said.get(guard)
    }

    /// Returns the guards that are to be looked for now.
    fn due(&mut self, plan: &Plan) -> Vec<PlannedGuard> {
        let guards = guards_of(plan);
        let is_due = |id: &&String| {
            let look = guards.get(id.as_str()).map_or(0, |guard| guard.spec.look.seconds());
            let age = self.looked_at.get(*id).map(|at| at.elapsed().as_secs_f64());
            !self.asked.contains(*id) && age.is_none_or(|age| age + 0.05 >= look as f64)
        };
        let due: Vec<String> = self.armed.iter().filter(is_due).cloned().collect();
        for id in &due {
            self.asked.insert(id.clone());
            self.looked_at.insert(id.clone(), Instant::now());
        }
        let planned = due.iter().filter_map(|id| guards.get(id.as_str()));
        planned.map(|guard| (*guard).clone()).collect()
    }
}

impl Conductor {
    /// Begins to look for the guards whose time has come.
    pub(super) fn look_for_guards(&mut self) {
        self.watches.begun(&self.plan, self.journal.state());
        for guard in self.watches.due(&self.plan) {
            let world = Arc::clone(&self.world);
            let at = self.clock.steady();
            self.asked.push(Box::pin(async move {
                let seen = tokio::time::timeout(LOOK_MAX, world.look(&guard, at)).await;
                let seen = seen.unwrap_or_else(|_| {
                    let seconds = LOOK_MAX.as_secs();
                    Err(NoSight(format!("{} did not answer within {seconds} s", guard.spec.source)))
                });
                Input::Looked(guard.spec.id, at, seen)
            }));
        }
    }

    /// Waits for guards that have to pass at the end: people are told after some time, and then the run
    /// stands still. Returns whether something changed.
    pub(super) fn wait_for_guards(&mut self, guards: &[String]) -> Result<bool, DriveError> {
        let (since, is_told) = *self.silent_since.get_or_insert_with(|| (Instant::now(), false));
        let (told_s, held_s) = (TOLD_AFTER.as_secs(), HELD_AFTER.as_secs());
        let open = self.watches.not_passed(&self.plan, guards).join(", ");
        if since.elapsed() >= HELD_AFTER {
            self.silent_since = None;
            let text = format!(
                "In {held_s} seconds at the end these guards did not pass: {open}. Say GO to wait once more, \
                 waive what is known and does no harm, or go back."
            );
            return self.append_or_hold(Event::Trouble { what: "guards".into(), text });
        }
        if since.elapsed() >= TOLD_AFTER && !is_told {
            self.silent_since = Some((since, true));
            let text = format!(
                "For {told_s} seconds the end waits for guards: {open}. After {held_s} seconds the run stands \
                 still. Look at their sources; waive what is known and does no harm, or go back."
            );
            self.trouble(&text);
            self.tell("waiting", &text, super::show::deciders(&self.plan));
        }
        Ok(false)
    }

    /// Says from when on guards see what they judge, where another process watched before.
    pub(super) fn watch_anew(&mut self) -> Result<(), DriveError> {
        self.watches.begun(&self.plan, self.journal.state());
        let guards = self.watches.armed();
        if guards.is_empty() {
            return Ok(());
        }
        let names = guards.join(", ");
        let since = crate::shown::second(self.clock.now());
        let failed = guards.iter().filter(|guard| {
            self.watches.said(guard).is_some_and(|said| said.verdict == Verdict::Fail)
        });
        let failed: Vec<_> = failed.map(|guard| format!(" {guard} had failed, and has.")).collect();
        let text = format!(
            "Another process goes on with the run. What guards judge counts from {since} on: {names}.{}",
            failed.concat()
        );
        self.tell("resumed", &text, Vec::new());
        self.append_or_hold(Event::GuardsAnew { guards }).map(|_| ())
    }

    /// Takes in what was seen for a guard.
    pub(super) fn looked(
        &mut self,
        guard: &str,
        looked_at: At,
        seen: Result<Sighting, NoSight>,
    ) -> Result<(), DriveError> {
        self.watches.asked.remove(guard);
        let Some(watch) = self.watches.watches.get_mut(guard) else { return Ok(()) };
        // People went on from what it said to a process before this one.
        if !self.journal.state().has_failed(guard) {
            watch.forget_failure();
        }
        watch.take(looked_at, seen);
        let judged = watch.judge(self.clock.steady());
        self.samples.push(Sample::of_guard(self.clock.now(), &judged));
        let before = self.watches.said.insert(guard.to_owned(), judged.clone());
        let has_changed = before.is_none_or(|before| before.verdict != judged.verdict);
        let is_untold = self.watches.untold.remove(guard);
        if (has_changed || is_untold) && !self.append_or_hold(Event::Judged(sound(judged)))? {
            // Once there is room.
            self.watches.untold.insert(guard.to_owned());
        }
        self.wait_on()
    }
}

/// Takes numbers out that JSON has no form for.
fn sound(mut judged: Judgement) -> Judgement {
    for number in [&mut judged.value, &mut judged.baseline, &mut judged.bound] {
        *number = number.filter(|number| number.is_finite());
    }
    if !judged.n.is_finite() {
        (judged.n, judged.verdict) = (0.0, Verdict::Error);
    }
    judged
}
