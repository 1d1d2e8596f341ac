//! The screen: all lines with their ranks, of which as many are kept as there is room for.

use jiff::Timestamp;

use super::{
    Paint, Size,
    cell::{Line, Tone},
    guards, head, steps,
};
use crate::Live;

/// Lines in the order in which they are shown, each with its rank: the lowest are kept first.
#[derive(Debug, Default)]
pub(super) struct Rows(Vec<(usize, Line)>);

/// What is left out last and first, where there is no room for all.
pub(super) mod rank {
    /// Which run it is, and how far.
    pub(in super::super) const PHASE: usize = 0;
    /// Whether what is shown is old.
    pub(in super::super) const OLD: usize = 1;
    /// What happens, and who is waited for.
    pub(in super::super) const NOW: usize = 2;
    /// What they have to type.
    pub(in super::super) const COMMAND: usize = 3;
    /// The clocks of the way back.
    pub(in super::super) const CLOCKS: usize = 4;
    /// The step that is carried out.
    pub(in super::super) const CURRENT: usize = 5;
    /// What is wrong.
    pub(in super::super) const WRONG: usize = 6;
    /// What comes next.
    pub(in super::super) const NEXT: usize = 7;
    /// The run's name, mode and times.
    pub(in super::super) const RUN: usize = 8;
    /// Guards that are armed.
    pub(in super::super) const GUARD: usize = 9;
    /// How the traffic is shared.
    pub(in super::super) const TRAFFIC: usize = 10;
    /// Headings of the parts.
    pub(in super::super) const TITLE: usize = 11;
    /// Other steps; the farther away from the current one, the earlier they are left out.
    pub(in super::super) const STEP: usize = 12;
    /// What else may be said than what is asked for.
    pub(in super::super) const OTHER: usize = 16;
    /// Guards that are not armed, and sentences that say what marks and numbers do.
    pub(in super::super) const DETAIL: usize = 17;
}

impl Rows {
    /// Adds a line.
    pub(super) fn add(&mut self, rank: usize, line: Line) {
        self.0.push((rank, line));
    }

    /// Returns the lines that there is room for.
    fn kept(&self, rows: usize) -> impl Iterator<Item = &Line> {
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        order.sort_by_key(|at| (self.0[*at].0, *at));
        order.truncate(rows);
        order.sort_unstable();
        order.into_iter().map(|at| &self.0[at].1)
    }
}

/// Returns the lines of the screen: no more than there are rows, none wider than the columns.
pub fn screen(live: &Live, now: Timestamp, size: Size, paint: Paint) -> Vec<String> {
    let mut rows = Rows::default();
    head::head(&mut rows, live, now, size.columns);
    head::waits(&mut rows, live, size.columns);
    head::clocks(&mut rows, live, size.columns);
    rows.add(rank::TITLE, rule(size.columns, &steps::title(live)));
    steps::steps(&mut rows, live, now);
    if !live.guards.is_empty() {
        let is_armed = live.guards.iter().any(|guard| guard.is_armed);
        let rank_here = if is_armed { rank::TITLE } else { rank::DETAIL };
        rows.add(rank_here, rule(size.columns, "guards"));
        guards::guards(&mut rows, live, size.columns);
    }
    guards::traffic(&mut rows, live, size.columns);
    for trouble in &live.troubles {
        rows.add(rank::WRONG, Line::of(Tone::Warning, format_args!("! {trouble}")));
    }
    rows.kept(size.rows).map(|line| line.drawn(size.columns, paint)).collect()
}

/// Returns a line across the screen with a word in it.
fn rule(columns: usize, title: &str) -> Line {
    let rest = columns.saturating_sub(title.chars().count() + 4);
    Line::of(Tone::Faint, format_args!("── {title} {}", "─".repeat(rest)))
}
