//! `ingest`: how many transactions a second come from the feed's file to readers, with the log on
//! disk before anything is shown.

use serde_json::json;

use super::{Found, Ground, follow, made::Made};
use crate::{
    args::IngestArgs,
    bound::{Bound, Series, Verdict},
    error::BenchError,
    report::number,
};

/// Transactions a second from the feed to readers.
const RATE_LEAST: f64 = 20_000.0;

/// Events that the server holds unless it is told otherwise, and those of a transaction at least.
const HELD: u64 = 250_000;
const EVENTS_A_TRANSACTION: u64 = 2;

/// Once all is held that is held, memory at the end may be so much above that halfway.
const GROWTH_MOST: f64 = 1.15;

/// Less than this is no growth, whatever it is a multiple of.
const GROWTH_NOTED_MB: f64 = 16.0;

/// What one replay took.
#[derive(Clone, Debug, PartialEq)]
struct Sample {
    seconds: f64,
    cpu_seconds: f64,
    /// Megabytes once each quarter of the feed was served.
    quarters_mb: Vec<f64>,
    records: u64,
    dropped: u64,
}

pub(super) fn measure(args: &IngestArgs, ground: &mut Ground<'_>) -> Result<Found, BenchError> {
    let made = ground.make(args.transactions)?;
    let mut samples = Vec::new();
    for turn in 1..=args.feed.repeat {
        samples.push(once(&made, turn, ground)?);
    }
    let (series, verdicts) = judge(&made, &samples);
    let title = format!(
        "{} transactions from a file to readers, the log on disk; medians of {}",
        number(args.transactions as f64),
        args.feed.repeat
    );
    Ok(Found { name: "ingest", title, arguments: json!(args), series, verdicts })
}

fn once(made: &Made, turn: u32, ground: &mut Ground<'_>) -> Result<Sample, BenchError> {
    let (_state, mut replica) = ground.replay(made, HELD)?;
    replica.wait(ground.stop)?;
    let (stop, times) = (ground.stop, ground.args.repeat);
    let mut quarters_mb = Vec::new();
    follow(made, made.transactions, stop, || {
        let included = replica.included()?;
        while quarters_mb.len() < 3
            && included * 4 >= made.transactions * (quarters_mb.len() as u64 + 1)
        {
            quarters_mb.push(replica.memory_mb());
        }
        let percent = included * 100 / made.transactions;
        ground.tick("ingest", &format!("{turn}/{times}  {percent} %"));
        Ok(included)
    })?;
    replica.check(made)?;
    // The start is in the time: the replay begins with it.
    let (took, used) = (replica.began.elapsed(), replica.cpu.used());
    quarters_mb.push(replica.memory_mb());
    Ok(Sample {
        seconds: took.as_secs_f64(),
        cpu_seconds: used.as_secs_f64(),
        quarters_mb,
        records: replica.latest()?,
        dropped: replica.dropped()?,
    })
}

fn judge(made: &Made, samples: &[Sample]) -> (Vec<Series>, Vec<Verdict>) {
    let count = made.transactions as f64;
    let of = |name: &str, what: &str, figure: &dyn Fn(&Sample) -> f64| {
        let values = samples.iter().map(figure).collect();
        Series { values, ..Series::new(name, what) }
    };
    let rate = of("transactions_per_second", "transactions/s", &|s| count / s.seconds);
    let mut verdicts = vec![rate.judge(Bound::AtLeast(RATE_LEAST))];
    let mut series = vec![
        rate,
        of("transactions_per_cpu_second", "transactions/CPU-s of the server", &|s| {
            count / s.cpu_seconds
        }),
        of("records_per_second", "records/s in the log", &|s| s.records as f64 / s.seconds),
    ];
    for (quarter, percent) in [25, 50, 75, 100].into_iter().enumerate() {
        let (name, what) = (format!("pss_mb_{percent}"), format!("MB (PSS) at {percent} %"));
        series.push(of(&name, &what, &|s| s.quarters_mb.get(quarter).copied().unwrap_or(0.0)));
    }
    // As much is held halfway as at the end, or growth says nothing.
    if made.transactions * EVENTS_A_TRANSACTION / 2 >= HELD {
        let growth = of("pss_growth", "times the memory of 50 % at the end", &growth);
        verdicts.push(growth.judge(Bound::AtMost(GROWTH_MOST)));
        series.push(growth);
    }
    let dropped = samples.iter().map(|sample| sample.dropped).sum::<u64>();
    verdicts.push(Verdict::of("records lost in all runs", dropped as f64, Bound::AtMost(0.0)));
    (series, verdicts)
}

/// Returns by what the memory at the end is a multiple of that halfway.
fn growth(sample: &Sample) -> f64 {
    let at = |quarter: usize| sample.quarters_mb.get(quarter).copied().unwrap_or(0.0);
    if at(3) - at(1) <= GROWTH_NOTED_MB { 1.0 } else { at(3) / at(1).max(1.0) }
}

#[cfg(test)]
mod tests;
