//! Connections that broke on both arms, against the seconds that connections were open.

use std::collections::BTreeMap;

use conductor::{NoSight, Sighting};
use guard::{Arm, At, Counter};

use super::{
    Selector, Sight, scrape,
    selector::Matcher,
    totals::{ArmTotals, Total, grown},
};
use crate::Replica;

/// How many streams a replica has open.
const OPEN: &str = "tidegate_streams_open";

/// Causes of a stream's end that are nobody's failure: the client left, the server drained, the
/// credential was over or may no more, or the client sent too much. Every other is a break, one that is
/// not known here too.
const NO_BREAKS: [&str; 5] = ["client", "drain", "token_expired", "permission_lost", "too_large"];

/// Breaks by a family of metrics.
#[derive(Debug)]
pub(crate) struct Breaks {
    broken: Selector,
    open: Selector,
    tracks: Tracks,
    totals: ArmTotals,
}

/// Breaks by the router: answers that broke off, and attempts to reach a replica that failed.
#[derive(Debug)]
pub(crate) struct RouterBreaks {
    tracks: Tracks,
    totals: ArmTotals,
    process: Option<u64>,
}

/// How long connections were open, from looks at how many are: between two looks the mean of both. And
/// how many broke, over restarts of the replica, which begins to count anew.
#[derive(Clone, Debug, Default)]
struct Tracks(BTreeMap<String, Track>);

#[derive(Clone, Copy, Debug)]
struct Track {
    at: At,
    open: f64,
    seconds: f64,
    counted: f64,
    broken: f64,
}

impl Tracks {
    /// Takes how many are open and how many broke; returns both since the first look.
    fn take(&mut self, replica: Replica, at: At, open: f64, counted: f64) -> Total {
        let last = self.0.get(&replica.name).copied();
        let last = last.unwrap_or(Track { at, open, seconds: 0.0, counted, broken: 0.0 });
        let passed = at.since_ms(last.at) as f64 / 1000.0;
        let seconds = last.seconds + f64::midpoint(last.open, open) * passed;
        let broken = last.broken + grown(Some(last.counted), counted);
        self.0.insert(replica.name.clone(), Track { at, open, seconds, counted, broken });
        Total { replica, exposure: seconds, errors: broken }
    }
}

impl Breaks {
    /// Returns what counts the series that are meant as breaks; without any label all but those that are
    /// nobody's failure.
    pub(crate) fn new(mut broken: Selector) -> Self {
        if broken.matchers.is_empty() {
            broken.matchers.push(Matcher::none_of("cause", &NO_BREAKS));
        }
        let open = Selector::new(OPEN, Vec::new());
        let totals = ArmTotals::new(Counter::of_seconds());
        Breaks { broken, open, tracks: Tracks::default(), totals }
    }

    pub(super) async fn look(&mut self, sight: &Sight<'_>, at: At) -> Result<Sighting, NoSight> {
        let scraped = scrape::both_arms(sight, &[&self.broken.name, OPEN]).await?;
        let mut read = Vec::new();
        for scraped in &scraped {
            let (open, broken) = (scraped.sum(&self.open)?, scraped.sum(&self.broken)?);
            read.push((scraped.replica.clone(), open, broken));
        }
        let taken = read.into_iter().map(|it| self.tracks.take(it.0, at, it.1, it.2));
        self.totals.take(at, &taken.collect::<Vec<_>>())
    }
}

impl Default for RouterBreaks {
    fn default() -> Self {
        let totals = ArmTotals::new(Counter::of_seconds());
        RouterBreaks { tracks: Tracks::default(), totals, process: None }
    }
}

impl RouterBreaks {
    pub(super) async fn look(&mut self, sight: &Sight<'_>, at: At) -> Result<Sighting, NoSight> {
        let seen = sight.router()?.observe().await;
        let seen = seen.map_err(|error| NoSight(traffic::chain(&error)))?;
        if self.process.replace(seen.process) != Some(seen.process) {
            // What the one before had counted is not known any more.
            *self = RouterBreaks { process: Some(seen.process), ..RouterBreaks::default() };
        }
        let mut total = |arm: Arm| {
            let state = seen.arm(arm);
            let replica = Replica { name: format!("{arm}"), arm, url: String::new() };
            let broken = (state.response_errors + state.connect_errors) as f64;
            self.tracks.take(replica, at, state.open as f64, broken)
        };
        let totals = [total(Arm::Canary), total(Arm::Stable)];
        self.totals.take(at, &totals)
    }
}
