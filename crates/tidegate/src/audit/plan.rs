//! What an audit is going to do: the arguments and what follows from them.

use std::time::Duration;

use guard::Share;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{cli::AuditArgs, client::Transport, failure::Failure};

/// How many events a server keeps where it does not say.
const WINDOW_EVENTS: u64 = 1000;

/// The longest that a reader of ours stays away or stops reading.
const AWAY_MAX: Duration = Duration::from_secs(10);

/// What an audit is going to do.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// What each reader is.
    pub(super) readers: Vec<Role>,
    /// Whether readers may change their transport.
    pub(super) mixed: bool,
    /// Events a second and publisher.
    pub(super) rate_each: f64,
    /// How many publishers there are.
    pub(super) publishers: u64,
    /// How many of them, the first, publish over a WebSocket.
    pub(super) web_publishers: usize,
    /// A payload's size.
    pub(super) payload_bytes: usize,
    /// How long to publish.
    pub(super) publish: Duration,
    /// How long to wait for the server and for the last reader.
    pub(super) settle: Duration,
    /// How long readers that are not measured let bytes gather.
    pub(super) gather: Duration,
    /// From what the random choices follow.
    pub(super) seed: u64,
    /// How long the server's window lasts at this rate.
    pub(super) window: Duration,
}

/// What a reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Role {
    /// How it behaves.
    pub(super) kind: Kind,
    /// How its first stream comes.
    pub(super) transport: Transport,
}

/// How a reader behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Reads at once, and latency is measured with it.
    Sample,
    /// Reads on and on.
    Steady,
    /// Closes at random and resumes.
    Flaky,
    /// Stops reading for a while at random.
    Slow,
}

impl Plan {
    /// Returns the plan for these arguments.
    ///
    /// # Errors
    /// Fails where more readers are flaky or slow than there are.
    pub(super) fn of(args: &AuditArgs, window_events: Option<u64>) -> Result<Self, Failure> {
        let seed = args.seed.unwrap_or_else(rand::random);
        let count = usize::try_from(args.readers).unwrap_or(usize::MAX);
        let (flaky, slow) = (args.flaky.of(count), args.slow.of(count));
        if flaky + slow > count {
            let (flaky, slow) = (args.flaky, args.slow);
            return Err(Failure::usage(format!("{flaky} flaky and {slow} slow are more than all")));
        }
        let samples = usize::try_from(args.samples).unwrap_or(usize::MAX);
        let window = window_events.unwrap_or(WINDOW_EVENTS) as f64 / args.rate as f64;
        let readers = roles(kinds(count, flaky, slow, samples), args.ws, seed);
        let over_web = args.ws.of(count);
        let publishers = usize::try_from(args.publishers).unwrap_or(usize::MAX);
        Ok(Plan {
            mixed: (1..count).contains(&over_web),
            readers,
            web_publishers: args.ws_publishers.of(publishers),
            rate_each: args.rate as f64 / args.publishers as f64,
            publishers: args.publishers,
            payload_bytes: args.payload_bytes as usize,
            publish: Duration::from_secs(args.seconds),
            settle: Duration::from_secs(args.settle_seconds),
            gather: Duration::from_millis(args.gather_ms),
            seed,
            window: Duration::from_secs_f64(window),
        })
    }

    /// Returns the longest that a reader stays away of its own will: half of the server's window,
    /// so that what it misses is still there.
    pub(super) fn away_max(&self) -> Duration {
        (self.window / 2).min(AWAY_MAX)
    }

    /// Returns random choices of one reader or publisher, the same for the same seed.
    pub(super) fn rng(&self, of: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed ^ (of + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Returns how many readers are of a kind.
    pub(super) fn count(&self, kind: Kind) -> usize {
        self.readers.iter().filter(|role| role.kind == kind).count()
    }

    /// Returns how many readers begin over a transport.
    pub(super) fn over(&self, transport: Transport) -> usize {
        self.readers.iter().filter(|role| role.transport == transport).count()
    }
}

fn kinds(count: usize, flaky: usize, slow: usize, samples: usize) -> Vec<Kind> {
    let mut kinds = vec![Kind::Steady; count];
    kinds[..flaky].fill(Kind::Flaky);
    kinds[flaky..flaky + slow].fill(Kind::Slow);
    let steady = &mut kinds[flaky + slow..];
    let samples = samples.min(steady.len());
    steady[..samples].fill(Kind::Sample);
    kinds
}

/// Gives each kind its share of WebSockets, and mixes them all.
fn roles(kinds: Vec<Kind>, over_web: Share, seed: u64) -> Vec<Role> {
    let role = |(index, kind)| {
        // Of every so many neighbours one, and neighbours are of one kind.
        let is_web = over_web.of(index + 1) > over_web.of(index);
        let transport = if is_web { Transport::WebSocket } else { Transport::Sse };
        Role { kind, transport }
    };
    let mut roles: Vec<_> = kinds.into_iter().enumerate().map(role).collect();
    shuffle(&mut roles, &mut StdRng::seed_from_u64(seed));
    roles
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T], rng: &mut StdRng) {
    for at in (1..items.len()).rev() {
        items.swap(at, rng.random_range(0..=at));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn plan(line: &str, window: Option<u64>) -> Result<Plan, Failure> {
        let words = ["tidegate", "audit"].into_iter().chain(line.split_whitespace());
        match Cli::try_parse_from(words).expect("valid arguments").command {
            Command::Audit(args) => Plan::of(&args, window),
            other => panic!("`audit` parsed as {other:?}"),
        }
    }

    #[test]
    fn shares_become_readers() {
        let check = |line: &str, expected: [usize; 4]| {
            let plan = plan(line, None).unwrap();
            let kinds = [Kind::Sample, Kind::Steady, Kind::Flaky, Kind::Slow];
            assert_eq!(kinds.map(|kind| plan.count(kind)), expected, "{line}");
        };
        check("--readers 100", [32, 43, 20, 5]);
        check("--readers 1", [1, 0, 0, 0]);
        check("--readers 10 --flaky 50% --slow 50%", [0, 0, 5, 5]);
        check("--readers 10 --flaky 0 --slow 0 --samples 3", [3, 7, 0, 0]);
        assert!(plan("--readers 10 --flaky 60% --slow 50%", None).is_err());
    }

    #[test]
    fn each_kind_has_its_share_of_websockets() {
        let check = |line: &str, expected: [usize; 4], mixed: bool| {
            let plan = plan(line, None).unwrap();
            let count = |kind| {
                let is_it =
                    |role: &&Role| role.kind == kind && role.transport == Transport::WebSocket;
                plan.readers.iter().filter(is_it).count()
            };
            let kinds = [Kind::Sample, Kind::Steady, Kind::Flaky, Kind::Slow];
            assert_eq!((kinds.map(count), plan.mixed), (expected, mixed), "{line}");
            assert_eq!(plan.over(Transport::WebSocket), expected.iter().sum::<usize>(), "{line}");
        };
        check("--readers 100", [16, 21, 10, 3], true);
        check("--readers 100 --ws 0", [0, 0, 0, 0], false);
        check("--readers 100 --ws 100%", [32, 43, 20, 5], false);
        check("--readers 100 --ws 20%", [6, 9, 4, 1], true);
        check("--readers 1", [1, 0, 0, 0], false);
    }

    #[test]
    fn the_first_publishers_use_websockets() {
        let check = |line: &str, expected: usize| {
            assert_eq!(plan(line, None).unwrap().web_publishers, expected, "{line}");
        };
        check("", 0);
        check("--ws-publishers 50%", 2);
        check("--publishers 3 --ws-publishers 100", 3);
    }

    #[test]
    fn the_same_seed_makes_the_same_choices() {
        let (a, b) = (plan("--seed 7", None).unwrap(), plan("--seed 7", None).unwrap());
        assert_eq!(a.readers, b.readers);
        assert_eq!(a.rng(3).random::<u64>(), b.rng(3).random::<u64>());
        assert_ne!(a.rng(3).random::<u64>(), a.rng(4).random::<u64>());
    }

    #[test]
    fn nobody_stays_away_longer_than_the_server_remembers() {
        let away = |line, window| plan(line, window).unwrap().away_max().as_millis();
        assert_eq!(away("--rate 200", None), 2500);
        assert_eq!(away("--rate 200", Some(100)), 250);
        assert_eq!(away("--rate 1", Some(1000)), 10_000);
    }
}
