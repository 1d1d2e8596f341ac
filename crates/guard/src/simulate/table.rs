//! A study as people read it: two tables, with a small curve behind each row. Pure.

use std::fmt;

use super::{Row, Study};
use crate::ShortNumber;

/// Heights of a curve's columns.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Columns of a curve.
const COLUMNS: usize = 30;

impl fmt::Display for Study {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.plan;
        let traffic = &plan.traffic;
        writeln!(
            f,
            "{} requests/s, {} % errors, {} % canary of {} clients, {} s, a look every {} s; alpha {}, {} \
             runs, seed {}",
            ShortNumber(traffic.requests_per_second),
            percent(traffic.error_ratio),
            percent(traffic.share),
            traffic.clients,
            traffic.seconds,
            plan.look_s,
            ShortNumber(plan.alpha.get()),
            plan.runs,
            plan.seed
        )?;
        writeln!(f, "\nGood releases: the share aborted all the same\n")?;
        let [what, rate, guard, passed, threshold] =
            ["", "req/s", "guard", "passed", "99 % over 5 min"];
        writeln!(f, "{what:<28} {rate:>9} {guard:>9} {passed:>9} {threshold:>15}")?;
        for row in &self.fair {
            write!(f, "{:<28} {:>9}", row.scenario, ShortNumber(row.requests_per_second))?;
            write!(f, " {:>9} {:>9}", share(row.aborted), share(row.passed))?;
            writeln!(f, " {:>15}", share(row.aborted_by_threshold))?;
        }
        writeln!(f, "\nWorse releases: the share seen, and when half of those were\n")?;
        let head = ["", "req/s", "guard", "median", "passed", "over the time", "99 % over 5 min"];
        let [what, rate, guard, median, passed, time, threshold] = head;
        write!(f, "{what:<28} {rate:>9} {guard:>9} {median:>8} {passed:>9}")?;
        writeln!(f, " {time:^COLUMNS$} {threshold:>15}")?;
        for row in &self.worse {
            let median = row.median_s.map_or_else(|| "-".to_owned(), |s| format!("{s:.0} s"));
            write!(f, "{:<28} {:>9}", row.scenario, ShortNumber(row.requests_per_second))?;
            write!(f, " {:>9} {median:>8} {:>9}", share(row.aborted), share(row.passed))?;
            write!(f, " {}", curve(row))?;
            writeln!(f, " {:>15}", share(row.aborted_by_threshold))?;
        }
        let verdict = if self.holds() {
            format!("No kind of good release is aborted more often than in {} %", self.alpha())
        } else {
            format!("A kind of good release is aborted more often than in {} %", self.alpha())
        };
        write!(f, "\n{verdict} (with two standard deviations for chance).")
    }
}

impl Study {
    fn alpha(&self) -> String {
        percent(self.plan.alpha.get())
    }
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let text = format!("{percent:.4}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    // What four digits don't show is shown all the same.
    if short == "0" { ShortNumber(percent).to_string() } else { short.to_owned() }
}

fn share(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn curve(row: &Row) -> String {
    let column = |column: usize| {
        let at = (column + 1) * row.curve.len() / COLUMNS;
        let value = at.checked_sub(1).and_then(|at| row.curve.get(at)).copied().unwrap_or(0.0);
        BLOCKS[(value * 8.0).round().clamp(0.0, 8.0) as usize]
    };
    (0..COLUMNS).map(column).collect()
}
