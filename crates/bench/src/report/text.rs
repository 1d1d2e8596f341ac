//! The report as people read it.

use std::fmt::{self, Display, Formatter};

use super::{Measured, Report};
use crate::{
    args::{Rate, Transport},
    figure::{Figure, Figures},
    generator::Generator,
    plan::Work,
};

const NAME_WIDTH: usize = 26;

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.headline())?;
        let rows: Vec<_> = self.servers.iter().map(|server| (server, server.medians())).collect();
        let mut columns: Vec<Figure> =
            rows.iter().flat_map(|(_, medians)| medians.iter().map(|(figure, _)| figure)).collect();
        columns.sort_unstable();
        columns.dedup();
        heads(f, &columns)?;
        for (server, medians) in &rows {
            match server.not_offered {
                Some(why) => writeln!(f, "{:NAME_WIDTH$}  not offered: {why}", server.name)?,
                None => row(f, &server.name, medians, &columns, number)?,
            }
        }
        let ratios = self.ratios();
        if !ratios.is_empty() {
            writeln!(f)?;
        }
        for ratio in &ratios {
            let name = format!("{} : {}", ratio.of, ratio.to);
            row(f, &name, &ratio.figures, &columns, |value| format!("{value:.2}"))?;
        }
        writeln!(f)?;
        self.servers.iter().try_for_each(|server| generator(f, server))?;
        self.limits().iter().try_for_each(|limit| writeln!(f, "{limit}"))?;
        self.problems().iter().try_for_each(|problem| writeln!(f, "FAILED {problem}"))
    }
}

impl Report<'_> {
    fn headline(&self) -> String {
        let common = &self.plan.common;
        let transport = match common.transport {
            Transport::Sse => "SSE",
            Transport::Ws => "WebSocket",
        };
        let work = match &self.plan.work {
            Work::Fanout(work) => {
                let rate = match work.rate {
                    Rate::Max => "as fast as it goes".to_owned(),
                    Rate::PerSecond(rate) => format!("{rate} events/s"),
                };
                let (readers, streams) = (work.readers, work.streams);
                let of = if streams == 1 {
                    "one stream".to_owned()
                } else {
                    format!("{streams} streams")
                };
                format!("fanout: {readers} readers of {of}, {rate}, {} s", work.seconds)
            }
            Work::Idle(work) => format!("idle: {} readers, {} s", work.readers, work.seconds),
            Work::Replay(work) => {
                let (readers, events, rounds) = (work.readers, work.events, work.rounds);
                format!("replay: {readers} readers, {events} events, {rounds} times")
            }
            Work::Publish(work) => {
                let connections = work.connections();
                format!("publish: lists of {} on {connections} connections", work.list)
            }
            Work::Churn(work) => format!("churn: {} at once, {} s", work.at_once, work.seconds),
        };
        let (bytes, repeat) = (common.payload_bytes, common.repeat);
        format!("{work}, {transport}, {bytes}-byte payloads, medians of {repeat}")
    }
}

/// Writes the heads of columns, in two lines.
pub(crate) fn heads(f: &mut Formatter<'_>, columns: &[Figure]) -> fmt::Result {
    for pick in [|figure: Figure| figure.head().0, |figure: Figure| figure.head().1] {
        write!(f, "{:NAME_WIDTH$}", "")?;
        for figure in columns {
            write!(f, "  {:>width$}", pick(*figure), width = width(*figure))?;
        }
        writeln!(f)?;
    }
    Ok(())
}

/// Writes a row of figures.
pub(crate) fn row(
    f: &mut Formatter<'_>,
    name: &str,
    figures: &Figures,
    columns: &[Figure],
    show: impl Fn(f64) -> String,
) -> fmt::Result {
    write!(f, "{name:NAME_WIDTH$}")?;
    for figure in columns {
        let text = figures.get(*figure).map_or_else(|| "–".to_owned(), &show);
        write!(f, "  {text:>width$}", width = width(*figure))?;
    }
    writeln!(f)
}

fn width(figure: Figure) -> usize {
    let (upper, lower) = figure.head();
    upper.len().max(lower.len()).max(8)
}

fn generator(f: &mut Formatter<'_>, server: &Measured) -> fmt::Result {
    match server.generator() {
        Some((worst, _)) => generator_line(f, &server.name, worst),
        None => Ok(()),
    }
}

/// Writes how the generator did with a server.
pub(crate) fn generator_line(
    f: &mut Formatter<'_>,
    server: &str,
    worst: &Generator,
) -> fmt::Result {
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let late = worst.publisher_late_p99_ms.map(|ms| format!(", publisher late {ms:.1} ms (p99)"));
    writeln!(
        f,
        "generator with {}: busiest thread {}, {:.2} cores, a turn {:.1} ms (p99){}; server {:.2} \
         cores, others {:.2} cores, idle {}",
        server,
        percent(worst.busy_share_max),
        worst.cpu_share,
        worst.turn_p99_ms,
        late.unwrap_or_default(),
        worst.server_cpu_share,
        worst.others_cpu_share,
        percent(worst.machine_idle_share),
    )
}

/// Returns a number with as many digits as matter, thousands apart.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        medium if medium < 1000.0 => format!("{value:.1}"),
        _ => {
            let digits = format!("{:.0}", value.abs());
            let mut text = if value < 0.0 { "-".to_owned() } else { String::new() };
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index) % 3 == 0 {
                    text.push(',');
                }
                text.push(digit);
            }
            text
        }
    }
}
