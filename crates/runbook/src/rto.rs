//! How long the way back may take.

use serde::Serialize;

use crate::{
    model::{Runbook, Step},
    vocabulary::{Class, Section, Way},
};

/// The way back at its longest, from the moment that it is begun, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rto {
    /// The primary way.
    pub primary_s: u64,
    /// The way that is taken if the primary one fails.
    pub fallback_s: u64,
    /// Both, where the primary one fails with its last step.
    pub worst_s: u64,
}

/// Returns how long a step may take, in seconds; of what it repeats each once.
pub(crate) fn within_s(runbook: &Runbook, step: &Step) -> u64 {
    let own = own_s(step);
    if step.within.is_some() {
        return own;
    }
    let repeated = step.links.of.iter().filter_map(|id| runbook.step(id));
    own + repeated.map(own_s).sum::<u64>()
}

fn own_s(step: &Step) -> u64 {
    let hold = step.traffic.as_ref().map_or(0, |traffic| traffic.hold.seconds());
    step.within.map_or(step.kind.within_s() + hold, |within| within.seconds())
}

/// Returns how long the primary way back may take through steps that take themselves back, all of them.
fn own_undos_s(runbook: &Runbook) -> u64 {
    let changing = runbook.steps.iter().filter(|step| {
        let class = runbook.effective_class(step);
        matches!(class, Some(Class::Converge | Class::Once)) && runbook.is_here(step)
    });
    changing.filter_map(|step| step.undo.as_ref()).map(|undo| undo.kind().within_s()).sum()
}

/// Returns how long the way back may take.
pub(crate) fn rto(runbook: &Runbook) -> Rto {
    let way = |way| -> u64 {
        let steps = runbook.steps.iter().filter(|step| step.section == Section::Rollback);
        let steps = steps.filter(|step| step.way == way && runbook.is_here(step));
        steps.map(|step| within_s(runbook, step)).sum()
    };
    let primary_s = way(Way::Primary) + own_undos_s(runbook);
    let fallback_s = way(Way::Fallback);
    Rto { primary_s, fallback_s, worst_s: primary_s + fallback_s }
}
