//! A worker's room under schedules that a seed decides: publishing, trimming, loss, slow and dying
//! sockets, late pages, lanes that overflow, expiry, drain; WebSockets that come, speak, follow
//! and unfollow streams, and close. Every byte that a socket takes is held
//! against what the log acknowledged.
//!
//! `SIM_SEED=N` runs one seed, `SIM_SEEDS=N` that many.

mod client;
mod ends;
mod follow;
mod lives;
mod moves;
mod settle;
mod talk;
mod truth;
mod web;
mod world;

use std::panic::{self, AssertUnwindSafe};

use self::world::World;

const SEEDS: u64 = 1000;
const STEPS: usize = 260;

/// What occurred; a simulation in which something never did proves nothing about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) steps: usize,
    pub(crate) published: usize,
    pub(crate) admitted: usize,
    pub(crate) resumed: usize,
    pub(crate) delivered: usize,
    pub(crate) skipped: usize,
    pub(crate) heartbeats: usize,
    pub(crate) heartbeats_with_place: usize,
    pub(crate) gaps_lagged: usize,
    pub(crate) gaps_lost: usize,
    pub(crate) pages: usize,
    pub(crate) pages_failed: usize,
    pub(crate) lane_overflows: usize,
    pub(crate) ring_overflows: usize,
    pub(crate) restarts: usize,
    pub(crate) closed_lagging: usize,
    pub(crate) closed_by_client: usize,
    pub(crate) expired: usize,
    pub(crate) drained: usize,
    pub(crate) cut_at_farewell: usize,
    pub(crate) settled: usize,
    pub(crate) subscribed: usize,
    pub(crate) subscribed_again: usize,
    pub(crate) unsubscribed: usize,
    pub(crate) delivered_web: usize,
    pub(crate) compressed: usize,
    pub(crate) batches: usize,
    pub(crate) echoes: usize,
    pub(crate) pongs: usize,
    pub(crate) pings: usize,
    pub(crate) renewed: usize,
    pub(crate) closed_with_frame: usize,
    pub(crate) closed_garbled: usize,
    pub(crate) closed_by_session: usize,
    pub(crate) closes_answered: usize,
}

impl Totals {
    fn fields(&mut self) -> [(&'static str, &mut usize); 35] {
        [
            ("steps", &mut self.steps),
            ("published", &mut self.published),
            ("admitted", &mut self.admitted),
            ("resumed", &mut self.resumed),
            ("delivered", &mut self.delivered),
            ("skipped by filters", &mut self.skipped),
            ("heartbeats", &mut self.heartbeats),
            ("heartbeats with a place", &mut self.heartbeats_with_place),
            ("gaps for lag", &mut self.gaps_lagged),
            ("gaps for loss", &mut self.gaps_lost),
            ("pages", &mut self.pages),
            ("pages that failed", &mut self.pages_failed),
            ("lane overflows", &mut self.lane_overflows),
            ("ring overflows", &mut self.ring_overflows),
            ("restarts", &mut self.restarts),
            ("closed for lag", &mut self.closed_lagging),
            ("closed by the client", &mut self.closed_by_client),
            ("expired", &mut self.expired),
            ("drained", &mut self.drained),
            ("cut at the farewell", &mut self.cut_at_farewell),
            ("settled", &mut self.settled),
            ("subscribed", &mut self.subscribed),
            ("subscribed again", &mut self.subscribed_again),
            ("unsubscribed", &mut self.unsubscribed),
            ("delivered over WebSockets", &mut self.delivered_web),
            ("compressed messages", &mut self.compressed),
            ("batches", &mut self.batches),
            ("questions answered", &mut self.echoes),
            ("pongs", &mut self.pongs),
            ("pings", &mut self.pings),
            ("credentials renewed", &mut self.renewed),
            ("closed by the client's frame", &mut self.closed_with_frame),
            ("closed for what is no frame", &mut self.closed_garbled),
            ("closed by their session", &mut self.closed_by_session),
            ("close frames answered", &mut self.closes_answered),
        ]
    }

    fn add(&mut self, mut other: Totals) {
        for ((_, sum), (_, part)) in self.fields().into_iter().zip(other.fields()) {
            *sum += *part;
        }
    }
}

/// Runs a seed; returns what occurred and the trace's hash.
fn run(seed: u64) -> (Totals, u64) {
    let run = || {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.finish()
    };
    let ran = panic::catch_unwind(AssertUnwindSafe(run));
    ran.unwrap_or_else(|_| panic!("the schedule above failed; again: SIM_SEED={seed}"))
}

fn number(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a developer's switch of a test, no setting")]
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn every_schedule_keeps_the_promises() {
    let seeds = match (number("SIM_SEED"), number("SIM_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, seeds) => 0..seeds.unwrap_or(SEEDS),
    };
    let one = seeds.end - seeds.start == 1;
    let mut totals = Totals::default();
    for seed in seeds.clone() {
        totals.add(run(seed).0);
    }
    println!("{} seeds", seeds.end - seeds.start);
    for (what, count) in totals.fields() {
        println!("{count:>9} {what}");
        assert!(one || *count > 0, "no schedule had any: {what}");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let traces: Vec<_> = (0..25).map(run).collect();
    for (seed, first) in (0..).zip(&traces) {
        assert_eq!(*first, run(seed), "SIM_SEED={seed}");
    }
    assert_ne!(traces[0].1, traces[1].1);
}
