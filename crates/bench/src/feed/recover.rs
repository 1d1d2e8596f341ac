//! `recover`: how long a server that was killed takes until everything in its log is readable again.
//!
//! The log is written once, by a replay; then the server is killed and started again as often as is
//! asked for. What readers got before is compared with what they get after the last start, byte by
//! byte. The log's pages are in the system's cache, as they are after a process died and the machine
//! did not.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use super::{
    Found, Ground,
    client::Client,
    follow,
    made::{Made, PER_BLOCK},
    refused,
    replica::Replica,
};
use crate::{
    args::RecoverArgs,
    bound::{Bound, Series},
    error::BenchError,
    report::number,
    stop::Stop,
};

/// Seconds from the start until all is readable.
const SECONDS_MOST: f64 = 5.0;

/// Blocks behind which a transaction is final, which is a record of its own.
const FINAL_DEPTH: u64 = 64;

/// Events of one answer.
const PAGE: u64 = 500;

/// What can be read of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Readable {
    latest: u64,
    held: u64,
}

/// All events, as readers get them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Read {
    events: u64,
    digest: u64,
}

/// What is looked at of a page.
#[derive(Deserialize)]
struct Page {
    events: Vec<IgnoredAny>,
    next: u64,
    has_more: bool,
    gap: Option<IgnoredAny>,
}

pub(super) fn measure(args: &RecoverArgs, ground: &mut Ground<'_>) -> Result<Found, BenchError> {
    let made = ground.make(transactions(args.records))?;
    // Every record is to be readable, so none goes.
    let held = args.records * 2 + u64::from(PER_BLOCK);
    let (state, mut replica) = ground.replay(&made, held)?;
    replica.wait(ground.stop)?;
    write(&mut replica, &made, ground)?;
    let before = Readable::of(&mut replica)?;
    ground.tick("reading", "all events before the server is killed");
    let read_before = read(&mut replica.client, ground.stop)?;
    replica.kill();
    let mut series = Series::new("seconds", "s from the start until all is readable");
    let mut cpu = Series::new("cpu_seconds", "CPU-s of the server meanwhile");
    for turn in 1..=args.feed.repeat {
        ground.tick("recover", &format!("{turn}/{}", args.feed.repeat));
        let mut replica = ground.start(&made, held, state.path())?;
        replica.wait(ground.stop)?;
        let after = Readable::of(&mut replica)?;
        replica.check(&made)?;
        series.push(replica.began.elapsed().as_secs_f64());
        cpu.push(replica.cpu.used().as_secs_f64());
        if after != before {
            return Err(refused(format!("can be read as {after:?}, before it was {before:?}")));
        }
        if turn == args.feed.repeat {
            ground.tick("reading", "all events once more");
            let read_after = read(&mut replica.client, ground.stop)?;
            if read_after != read_before {
                let what = format!("gives {read_after:?}, before it was killed {read_before:?}");
                return Err(refused(what));
            }
        }
        replica.kill();
    }
    let title = format!(
        "{} records, {} events read back equal after kill -9; medians of {}",
        number(before.latest as f64),
        number(read_before.events as f64),
        args.feed.repeat
    );
    let verdicts = vec![series.judge(Bound::AtMost(SECONDS_MOST))];
    let series = vec![series, cpu];
    Ok(Found { name: "recover", title, arguments: json!(args), series, verdicts })
}

/// Waits until the log is written.
fn write(replica: &mut Replica, made: &Made, ground: &mut Ground<'_>) -> Result<(), BenchError> {
    let stop = ground.stop;
    follow(made, made.transactions, stop, || {
        let included = replica.included()?;
        ground.tick("writing", &format!("the log  {} %", included * 100 / made.transactions));
        Ok(included)
    })?;
    replica.check(made)
}

/// Returns how many transactions cause so many records: each is seen and included, and final once
/// enough blocks lie on it.
fn transactions(records: u64) -> u64 {
    let not_final = FINAL_DEPTH * u64::from(PER_BLOCK);
    let two_each = records.div_ceil(2);
    if two_each <= not_final {
        return two_each;
    }
    // Three each, but for those that are not final yet and the last block's.
    (records + not_final + u64::from(PER_BLOCK)).div_ceil(3)
}

impl Readable {
    fn of(replica: &mut Replica) -> Result<Self, BenchError> {
        Ok(Readable { latest: replica.latest()?, held: replica.held()? })
    }
}

/// Reads all events, page by page.
fn read(client: &mut Client, stop: &Stop) -> Result<Read, BenchError> {
    let (mut after, mut digest) = (0, DefaultHasher::new());
    let mut events = 0;
    loop {
        stop.check()?;
        let path = format!("/events?limit={PAGE}&after={after}");
        let body = client.get(&path)?.unwrap_or_default();
        let page: Page = serde_json::from_slice(&body)
            .map_err(|error| refused(format!("{path} answers with no page: {error}")))?;
        if page.gap.is_some() || (page.has_more && page.next <= after) {
            return Err(refused(format!("{path} has a hole, or does not go on")));
        }
        body.hash(&mut digest);
        events += page.events.len() as u64;
        if !page.has_more {
            return Ok(Read { events, digest: digest.finish() });
        }
        after = page.next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_transactions_cause_so_many_records_and_not_many_more() {
        let per_block = u64::from(PER_BLOCK);
        // What the rules of facts come to: blocks, what was seen and included, and what is final.
        let records = |transactions: u64| {
            let blocks = transactions.div_ceil(per_block);
            2 * transactions + blocks + 1 + blocks.saturating_sub(FINAL_DEPTH + 1) * per_block
        };
        for wanted in [1, 1_000, 25_600, 25_601, 40_000, 250_000, 1_000_000, 10_000_000] {
            let caused = records(transactions(wanted));
            assert!(caused >= wanted, "{caused} for {wanted}");
            assert!(caused <= wanted * 101 / 100 + 13_200, "{caused} for {wanted}");
        }
    }
}
