//! The report as people read it.

use std::fmt::{self, Display, Formatter};

use super::{Checked, Report, Summary};
use crate::{generator::Generator, report::number, soak::judge::Flatness};

const NAME_WIDTH: usize = 13;

/// A column's head, in two lines, and what stands in it.
type Column = (&'static str, &'static str, fn(&Summary) -> String);

const COLUMNS: &[Column] = &[
    ("", "s", |phase| format!("{:.1}", phase.seconds)),
    ("", "readers", |phase| count(phase.level.readers as u64)),
    ("deliveries", "/s", |phase| number(phase.deliveries_per_second)),
    ("publishes", "/s", |phase| number(phase.publishes_per_second)),
    ("p50", "ms", |phase| maybe(phase.p50_ms)),
    ("p99", "ms", |phase| maybe(phase.p99_ms)),
    ("CPU", "cores", |phase| format!("{:.2}", phase.cpu)),
    ("RSS", "MB", |phase| megabytes(phase.level.rss_bytes)),
    ("PSS", "MB", |phase| megabytes(phase.level.pss_bytes)),
    ("RSS", "most MB", |phase| megabytes(phase.rss_bytes_max)),
    ("windows", "MB", |phase| megabytes(phase.level.windows_bytes)),
    ("", "gaps", |phase| count(phase.gaps)),
    ("lag", "closes", |phase| count(phase.lag_closes)),
    ("", "resumed", |phase| count(phase.resumed)),
];

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.headline())?;
        for head in [|column: usize| COLUMNS[column].0, |column: usize| COLUMNS[column].1] {
            write!(f, "{:NAME_WIDTH$}", "")?;
            for column in 0..COLUMNS.len() {
                write!(f, "  {:>width$}", head(column), width = width(column))?;
            }
            writeln!(f)?;
        }
        for phase in &self.phases {
            write!(f, "{:NAME_WIDTH$}", phase.phase.as_str())?;
            for (column, (.., show)) in COLUMNS.iter().enumerate() {
                write!(f, "  {:>width$}", show(phase), width = width(column))?;
            }
            writeln!(f)?;
        }
        writeln!(f)?;
        memory(f, &self.flatness)?;
        checked(f, &self.checked)?;
        generator(f, &self.generator)?;
        self.problems().iter().try_for_each(|problem| writeln!(f, "FAILED {problem}"))
    }
}

impl Report<'_> {
    /// Returns what was done, in a line.
    pub(in crate::soak) fn headline(&self) -> String {
        let args = &self.plan.args;
        let [most, least] = self.plan.audience;
        format!(
            "soak: {} readers of {} streams ({most} to {least} each), {} over WebSocket, {} slow, \
             {} events/s with bursts of {} times that, {} s, seed {}",
            count(args.readers.into()),
            args.streams,
            args.ws,
            args.slow,
            args.rate,
            args.burst,
            args.seconds,
            self.plan.seed.0,
        )
    }
}

fn width(column: usize) -> usize {
    let (upper, lower, _) = COLUMNS[column];
    upper.len().max(lower.len()).max(6)
}

fn maybe(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), number)
}

/// Returns a count, thousands apart.
fn count(value: u64) -> String {
    if value < 1000 { value.to_string() } else { number(value as f64) }
}

fn megabytes(bytes: f64) -> String {
    format!("{:.1}", bytes / 1e6)
}

fn memory(f: &mut Formatter<'_>, flatness: &Flatness) -> fmt::Result {
    let Flatness { steady, calm, ratio, bound, .. } = flatness;
    writeln!(
        f,
        "memory: {} MB with {} readers in the calm, {} MB with {} in the steady phase: {ratio:.2} \
         times; at most {bound:.2} (windows of {} MB, then {} MB)",
        megabytes(calm.rss_bytes),
        count(calm.readers as u64),
        megabytes(steady.rss_bytes),
        count(steady.readers as u64),
        megabytes(steady.windows_bytes),
        megabytes(calm.windows_bytes),
    )
}

fn checked(f: &mut Formatter<'_>, checked: &Checked) -> fmt::Result {
    let counts = &checked.counts;
    writeln!(
        f,
        "checked: {} deliveries of {} events; {} streams opened, {} of them after a cursor; {} \
         readers left, {} stopped reading, {} were closed because of lag",
        count(checked.deliveries),
        count(checked.publishes),
        count(counts.opened),
        count(counts.resumed),
        count(counts.left),
        count(counts.stopped),
        count(checked.lag_closes),
    )?;
    let by_reason = counts.gaps.iter().map(|(reason, count)| format!("{count} {reason}"));
    let by_reason = by_reason.collect::<Vec<_>>().join(", ");
    let faults = &checked.faults;
    writeln!(
        f,
        "told: {} gaps{}{by_reason}{} with {} events; untold: {} lost, {} repeated, {} out of \
         order; {} publishes were limited and tried again",
        count(counts.gaps()),
        if by_reason.is_empty() { "" } else { " (" },
        if by_reason.is_empty() { "" } else { ")" },
        count(checked.told_missing),
        count(faults.lost),
        count(faults.repeated),
        count(faults.reordered),
        count(checked.limited),
    )
}

fn generator(f: &mut Formatter<'_>, generator: &Generator) -> fmt::Result {
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    writeln!(
        f,
        "generator: busiest thread {}, readers {:.2} cores, a turn {:.1} ms (p99), publishers late \
         {:.1} ms (p99); server {:.2} cores, others {:.2} cores, idle {}",
        percent(generator.busy_share_max),
        generator.cpu_share,
        generator.turn_p99_ms,
        generator.publisher_late_p99_ms.unwrap_or(0.0),
        generator.server_cpu_share,
        generator.others_cpu_share,
        percent(generator.machine_idle_share),
    )?;
    let mut reasons = generator.reasons.iter();
    reasons.try_for_each(|reason| writeln!(f, "the generator was the limit: {reason}"))
}
