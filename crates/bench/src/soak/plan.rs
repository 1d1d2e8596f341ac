//! What a soak does, from its arguments: checked, and with every default filled in. Pure.

use std::{net::SocketAddr, time::Duration};

use serde::Serialize;

use super::{
    PUBLISHERS, audience,
    board::Board,
    crew,
    limits::Limits,
    phase::Phases,
    schedule::{Op, Scheduling},
    seed::Seed,
    windows::Windows,
};
use crate::{
    args::{ServerName, SoakArgs, Transport},
    clock::Clock,
    error::BenchError,
    payload::Payloads,
    server::{self, Dialect, Setup},
    stamp::Mark,
};

/// Open files of this process beside its readers.
const FILES_BESIDE: u64 = 200;

/// What a soak does.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SoakPlan {
    #[serde(flatten)]
    pub(super) args: SoakArgs,
    /// The seed that was given, or drawn.
    pub(super) seed: Seed,
    pub(super) limits: Limits,
    /// How many readers the biggest and the smallest stream have.
    pub(super) audience: [u32; 2],
    #[serde(skip)]
    pub(super) phases: Phases,
    #[serde(skip)]
    pub(super) cores: usize,
}

impl SoakPlan {
    /// Reads the arguments; `cores` is how many the machine has.
    ///
    /// # Errors
    /// Fails where they make no sense together.
    pub(super) fn of(args: SoakArgs, cores: usize) -> Result<Self, BenchError> {
        let refused = |what: &str| Err(BenchError::Usage(what.to_owned()));
        if args.server != ServerName::Tidegate {
            return refused("soak knows only Tidegate's cursors: --server tidegate");
        }
        if args.readers < args.streams {
            return refused("each stream needs a reader: --readers is less than --streams");
        }
        let sizes = audience::sizes(args.readers, args.streams);
        Ok(SoakPlan {
            seed: Seed(args.seed.unwrap_or_else(|| rand::random::<u32>().into())),
            limits: Limits::of(args.seconds),
            audience: [sizes[0], sizes[sizes.len() - 1]],
            phases: Phases::of(Duration::from_secs(args.seconds.into())),
            cores,
            args,
        })
    }

    /// Returns how long it takes.
    pub(super) fn time(&self) -> Duration {
        Duration::from_secs(self.args.seconds.into())
    }

    /// Returns how many open files the generator needs.
    pub(super) fn files(&self) -> u64 {
        u64::from(self.args.readers) + FILES_BESIDE
    }

    /// Returns what is published, and when.
    pub(super) fn ops(&self) -> Vec<Op> {
        let SoakArgs { streams, rate, burst, .. } = self.args;
        let scheduling = Scheduling { phases: &self.phases, streams, rate, burst };
        scheduling.ops(&mut self.seed.rng("schedule", 0))
    }

    /// Returns a board on which nothing stands yet.
    pub(super) fn board(&self) -> Board {
        let streams = self.args.streams;
        let windows = Windows::new(streams, self.limits.window_events, self.limits.window());
        Board::new(self.threads(), windows, streams)
    }

    /// Returns what readers do.
    pub(super) fn crew(
        &self,
        dialects: [Box<dyn Dialect>; 2],
        (address, clock, mark): (SocketAddr, Clock, Mark),
    ) -> crew::Plan {
        let sizes = audience::sizes(self.args.readers, self.args.streams);
        let slow = self.args.slow.of(self.args.readers as usize);
        crew::Plan {
            address,
            dialects,
            ws_part: self.args.ws.of_one(),
            parts: audience::parts(&sizes, slow, &mut self.seed.rng("audience", 0)),
            phases: self.phases.clone(),
            lag: self.limits.lag(),
            seed: self.seed,
            mark,
            clock,
            threads: self.threads(),
            per_address: self.args.connections_per_address as usize,
        }
    }

    /// Returns what the server is configured for.
    pub(super) fn setup(&self, payloads: Payloads) -> Setup {
        Setup {
            transport: Transport::Sse,
            payloads,
            streams: self.args.streams,
            connections: self.args.readers + PUBLISHERS,
            events_kept: self.limits.window_events.into(),
            events_back: 0,
            list_max: self.limits.batch_events_max as usize,
            cores: self.cores,
            limits: Some(server::Limits {
                events_per_second: self.limits.org_events_per_second,
                window_seconds: self.limits.window_seconds,
                lag_seconds: self.limits.lag_seconds_max,
            }),
        }
    }

    fn threads(&self) -> usize {
        self.args.threads.map_or(self.cores, usize::from).min(self.args.readers as usize)
    }
}
