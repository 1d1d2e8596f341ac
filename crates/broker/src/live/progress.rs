//! How far a switch is, as it is counted and told.

use std::{sync::Arc, time::Duration};

use event::Event;

use super::{
    Core, Moved, SwitchStatus, Transition,
    plan::{Plan, Stage},
    status::Pauses,
};

impl Core {
    /// Begins the counts of a switch, or of its undo, at nothing.
    pub(super) fn begin_count(&self) {
        self.moved.lock().clear();
        self.status.send_modify(|status| {
            (status.streams, status.copied, status.moved) = (0, 0, 0);
            (status.events, status.bytes, status.pauses) = (0, 0, Pauses::default());
        });
    }

    pub(super) fn count_copied(&self, events: &[(Duration, Arc<Event>)]) {
        self.count(events.iter().map(|(_, event)| event));
    }

    pub(super) fn count_followed(&self, events: &[Arc<Event>]) {
        self.count(events.iter());
    }

    fn count<'a>(&self, events: impl ExactSizeIterator<Item = &'a Arc<Event>>) {
        let count = events.len() as u64;
        let bytes: usize = events.map(|event| event.json.len()).sum();
        self.status.send_if_modified(|status| {
            status.events += count;
            status.bytes += bytes as u64;
            count > 0
        });
    }

    pub(super) fn count_moved(&self, moved: Moved) {
        self.status.send_modify(|status| {
            status.moved += 1;
            status.pauses.add(moved.pause);
        });
        self.moved.lock().push(moved);
    }

    /// Takes the plan's stage into the status, and tells of it where it is another one; `is_undo` is
    /// what brought it to rest, where it is.
    pub(super) fn staged_from(&self, from: Stage, is_undo: bool) {
        let plan = *self.plan.lock();
        let is_other = plan.stage() != from;
        let at = self.options.memory.clock().unix();
        self.status.send_if_modified(|status| {
            let before = status.clone();
            show(status, &plan);
            status.is_undo |= is_undo && plan.stage() == Stage::Idle;
            if is_other {
                status.since = at;
            }
            *status != before
        });
        if !is_other {
            return;
        }
        let status: SwitchStatus = self.status.borrow().clone();
        tracing::info!(
            from = from.as_str(),
            stage = status.stage.as_str(),
            to = status.to.as_str(),
            "the switch"
        );
        let moved = std::mem::take(&mut *self.moved.lock());
        let transition = Transition { from, status, token: self.token(), moved };
        self.options.observer.transition(&transition);
    }
}

/// Shows in a status how a plan stands.
pub(super) fn show(status: &mut SwitchStatus, plan: &Plan) {
    (status.stage, status.owner, status.to) = (plan.stage(), plan.default_owner(), plan.to());
    status.is_undo = plan.is_undo();
}
