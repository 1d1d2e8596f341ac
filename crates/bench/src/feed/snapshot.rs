//! `snapshot`: what a dashboard shows first, read while a replay goes on.
//!
//! Four arms take turns: many events held and few, each read by one client that is timed; and many
//! held without readers and with those that poll, whose cost to the replay is compared.

mod readers;

use std::time::{Duration, Instant};

use serde_json::json;

use self::readers::{Readers, quantile_ms};
use super::{Found, Ground, Pace, follow, made::Made, refused, replica::Replica};
use crate::{
    args::SnapshotArgs,
    bound::{Bound, Series, Verdict},
    error::BenchError,
    report::number,
    stop::Stop,
};

/// The p99 with many events held may be so many times that with few.
const RATIO_MOST: f64 = 3.0;

/// Percent of the replay's rate that readers may cost.
const LOSS_MOST: f64 = 5.0;

/// A reader that is timed asks so often.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// With fewer answers than this a p99 is the slowest of them and no more.
const ANSWERS_LEAST: usize = 100;

/// What is different from one replay to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arm {
    Many,
    Few,
    Alone,
    Polled,
}

/// The figures of all arms.
struct Figures {
    p50: [Series; 2],
    p99: [Series; 2],
    held: [Series; 2],
    answers: Series,
    rates: [Series; 2],
    polls: Series,
}

pub(super) fn measure(args: &SnapshotArgs, ground: &mut Ground<'_>) -> Result<Found, BenchError> {
    if args.held_few >= args.held {
        let what = "--held-few is to be less than --held".to_owned();
        return Err(BenchError::Usage(what));
    }
    let made = ground.make(args.transactions)?;
    let mut figures = Figures::new(args);
    for turn in 1..=args.feed.repeat {
        for arm in Arm::in_turn(turn) {
            ground.tick("snapshot", &format!("{turn}/{}  {}", args.feed.repeat, arm.name()));
            match arm {
                Arm::Many => figures.time(0, args.held, &made, ground)?,
                Arm::Few => figures.time(1, args.held_few, &made, ground)?,
                Arm::Alone => figures.rate(0, args, 0, &made, ground)?,
                Arm::Polled => figures.rate(1, args, args.readers, &made, ground)?,
            }
        }
    }
    let title = format!(
        "/dashboard/snapshot while {} transactions are replayed; medians of {}",
        number(args.transactions as f64),
        args.feed.repeat
    );
    let verdicts = figures.judge();
    Ok(Found {
        name: "snapshot",
        title,
        arguments: json!(args),
        series: figures.into_series(),
        verdicts,
    })
}

impl Arm {
    /// Returns all arms; each turn begins at the other end, so that no arm always follows another.
    fn in_turn(turn: u32) -> [Arm; 4] {
        let mut arms = [Arm::Many, Arm::Few, Arm::Alone, Arm::Polled];
        if turn.is_multiple_of(2) {
            arms.reverse();
        }
        arms
    }

    const fn name(self) -> &'static str {
        match self {
            Arm::Many => "many events held",
            Arm::Few => "few events held",
            Arm::Alone => "no readers",
            Arm::Polled => "readers that poll",
        }
    }
}

impl Figures {
    fn new(args: &SnapshotArgs) -> Self {
        let (many, few) = (number(args.held as f64), number(args.held_few as f64));
        let pair = |name: &str, what: &str| {
            [("many", &many), ("few", &few)].map(|(which, held)| {
                Series::new(format!("{name}_{which}"), format!("{what}, {held} at most"))
            })
        };
        let rate = |name: &str, readers: u32| {
            Series::new(name, format!("transactions/s with {readers} readers"))
        };
        Figures {
            held: pair("held", "events held when it began"),
            p50: pair("p50_ms", "ms p50"),
            p99: pair("p99_ms", "ms p99"),
            answers: Series::new("answers", "answers timed in a replay"),
            rates: [rate("rate_alone", 0), rate("rate_polled", args.readers)],
            polls: Series::new("polls_per_second", "polls/s of the readers"),
        }
    }

    /// Times the answers of one reader, once as much is held as will be.
    fn time(
        &mut self,
        at: usize,
        held: u64,
        made: &Made,
        ground: &Ground<'_>,
    ) -> Result<(), BenchError> {
        let (_state, mut replica) = ground.replay(made, held)?;
        replica.wait(ground.stop)?;
        // In both arms from the same place on, or the one would be measured with less behind it.
        follow(made, made.transactions / 2, ground.stop, || replica.included())?;
        self.held[at].push(replica.held()? as f64);
        let mut times = answer_times(&mut replica, made, ground.stop)?;
        replica.check(made)?;
        self.answers.push(times.len() as f64);
        self.p50[at].push(quantile_ms(&mut times, 0.5));
        self.p99[at].push(quantile_ms(&mut times, 0.99));
        Ok(())
    }

    /// Measures a replay that so many readers look at.
    fn rate(
        &mut self,
        at: usize,
        args: &SnapshotArgs,
        readers: u32,
        made: &Made,
        ground: &Ground<'_>,
    ) -> Result<(), BenchError> {
        let (_state, mut replica) = ground.replay(made, args.held)?;
        replica.wait(ground.stop)?;
        let every = Duration::from_millis(u64::from(args.poll_every_ms));
        let readers = Readers::start(replica.at(), readers, every);
        let rate = replayed(&mut replica, made, ground);
        let polls = readers.end()?;
        let seconds = rate?;
        self.rates[at].push(made.transactions as f64 / seconds);
        if at == 1 {
            self.polls.push(polls as f64 / seconds);
        }
        Ok(())
    }

    fn judge(&self) -> Vec<Verdict> {
        let ratio = |over: &[Series; 2]| {
            let [many, few] = over.each_ref().map(|series| series.median().unwrap_or(f64::NAN));
            many / few
        };
        let loss = 100.0 * (1.0 - 1.0 / ratio(&self.rates));
        let mut verdicts = vec![
            Verdict::of("times the p99 with few", ratio(&self.p99), Bound::AtMost(RATIO_MOST)),
            Verdict::of("% of the rate lost to readers", loss, Bound::AtMost(LOSS_MOST)),
        ];
        let least = self.answers.values.iter().copied().fold(f64::INFINITY, f64::min);
        if least < ANSWERS_LEAST as f64 {
            let what = "answers in the shortest replay (--transactions makes it longer)";
            verdicts.push(Verdict::of(what, least, Bound::AtLeast(ANSWERS_LEAST as f64)));
        }
        verdicts
    }

    fn into_series(self) -> Vec<Series> {
        let [held_many, held_few] = self.held;
        let ([p50_many, p50_few], [p99_many, p99_few]) = (self.p50, self.p99);
        let [alone, polled] = self.rates;
        vec![
            held_many,
            held_few,
            p50_many,
            p50_few,
            p99_many,
            p99_few,
            self.answers,
            alone,
            polled,
            self.polls,
        ]
    }
}

/// Asks at even times until all of a feed is served; returns how long the answers before took.
fn answer_times(
    replica: &mut Replica,
    made: &Made,
    stop: &Stop,
) -> Result<Vec<Duration>, BenchError> {
    let mut times = Vec::new();
    let mut due = Instant::now();
    let mut pace = Pace::new(made, due);
    loop {
        let asked = Instant::now();
        let body = replica.client.get("/dashboard/snapshot")?.unwrap_or_default();
        let answered = asked.elapsed();
        let included = included(&body)?;
        if included >= made.transactions {
            return Ok(times);
        }
        times.push(answered);
        pace.note(included, Instant::now())?;
        stop.check()?;
        due += ASK_EVERY;
        let now = Instant::now();
        match due.checked_duration_since(now) {
            Some(time) => stop.wait(time),
            None => due = now,
        }
    }
}

/// Waits until all of a feed is served; returns the seconds since the start.
fn replayed(replica: &mut Replica, made: &Made, ground: &Ground<'_>) -> Result<f64, BenchError> {
    follow(made, made.transactions, ground.stop, || replica.included())?;
    replica.check(made)?;
    Ok(replica.began.elapsed().as_secs_f64())
}

/// Returns how many transactions a snapshot says were included.
fn included(body: &[u8]) -> Result<u64, BenchError> {
    let snapshot: serde_json::Value = serde_json::from_slice(body)
        .map_err(|error| refused(format!("the snapshot is no JSON: {error}")))?;
    let included = snapshot["market_stats"]["included"].as_u64();
    included.ok_or_else(|| refused("the snapshot has no `market_stats.included`"))
}

#[cfg(test)]
mod tests;
