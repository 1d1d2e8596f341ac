//! The command line.

use std::path::PathBuf;

use clap::{ArgGroup, Parser};

use crate::{
    plan::{Plan, names},
    settings::{Mode, Settings},
};

/// Breaks Redis, replicas, publishers and readers for a set time, then heals everything and checks
/// what every reader saw. The same seed gives the same plan.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "chaos",
    after_help = "Example: chaos --server target/debug/viz-api --seed 7 --seconds 60 --out chaos-7\n\
                  Again:   chaos --server target/debug/viz-api --replay chaos-7\n\n\
                  Exit codes: 0 all holds, 1 something does not, 64 bad arguments, \
                  69 something needed is missing."
)]
#[command(group(ArgGroup::new("mode").args(["strict", "loose"])))]
pub struct Args {
    /// The server: `viz-api`, or `tidegate`, which is run as `tidegate serve`.
    #[arg(long, value_name = "PATH")]
    pub(crate) server: PathBuf,
    /// From what the plan follows; a random one where it is not given.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// How long things are broken; healing and checking come on top.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(10..=86_400))]
    pub(crate) seconds: u64,
    /// How many replicas of the server there are.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=16))]
    pub(crate) replicas: u64,
    /// How many readers there are, half of them over WebSocket.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) readers: u64,
    /// How many publishers there are.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub(crate) publishers: u64,
    /// Events a second, of all publishers together.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) rate: u64,
    /// Replicas refuse what is not in Redis; by default the seed decides.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Replicas go on from their own memory without Redis.
    #[arg(long)]
    pub(crate) loose: bool,
    /// Leaves out the kinds of action whose names begin so, as `redis.empty` or `way.`.
    #[arg(long, value_name = "KIND")]
    pub(crate) without: Vec<String>,
    /// Takes only the kinds of action whose names begin so.
    #[arg(long, value_name = "KIND")]
    pub(crate) only: Vec<String>,
    /// Keeps plan, timeline, report and logs in this new folder; otherwise they are kept where
    /// something failed, in a temporary one.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Runs the plan of an artefact again, with all that belongs to it.
    #[arg(long, value_name = "DIR", conflicts_with_all = [
        "seed", "seconds", "replicas", "readers", "publishers", "rate", "mode", "without", "only",
    ])]
    pub(crate) replay: Option<PathBuf>,
    /// Prints the plan, and runs nothing.
    #[arg(long)]
    pub(crate) print_plan: bool,
    /// Prints the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    /// Returns the plan that is asked for.
    ///
    /// # Errors
    /// Fails where there is none in the artefact, or a kind has a name that none has.
    pub(crate) fn plan(&self) -> Result<Plan, String> {
        if let Some(folder) = &self.replay {
            let path = folder.join("plan.json");
            let shown = path.display();
            let text =
                std::fs::read_to_string(&path).map_err(|error| format!("{shown}: {error}"))?;
            return Plan::parse(&text).map_err(|error| format!("{shown}: {error}"));
        }
        for name in self.without.iter().chain(&self.only) {
            if !names().iter().any(|known| known.starts_with(name.as_str())) {
                return Err(format!(
                    "no kind is called `{name}`; there are {}",
                    names().join(", ")
                ));
            }
        }
        let seed = self.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
        Ok(Plan::from_seed(seed, self.seconds, &self.settings()))
    }

    fn settings(&self) -> Settings {
        let mode = match (self.strict, self.loose) {
            (true, _) => Some(Mode::Strict),
            (_, true) => Some(Mode::Loose),
            _ => None,
        };
        let count = |count| usize::try_from(count).unwrap_or(usize::MAX);
        Settings {
            replicas: count(self.replicas),
            readers: count(self.readers),
            publishers: count(self.publishers),
            rate: self.rate,
            mode,
            without: self.without.clone(),
            only: self.only.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(line: &str) -> Result<Plan, String> {
        let words = ["chaos", "--server", "x"].into_iter().chain(line.split_whitespace());
        Args::try_parse_from(words).map_err(|error| error.to_string())?.plan()
    }

    #[test]
    fn arguments_become_a_plan() {
        let plan = plan("--seed 4 --seconds 100 --replicas 2 --strict").expect("they are right");
        assert_eq!((plan.seed, plan.seconds, plan.settings.replicas), (4, 100, 2));
        assert_eq!(plan.mode, Mode::Strict);
    }

    #[test]
    fn bad_arguments_are_refused() {
        for line in [
            "--seconds 1",
            "--strict --loose",
            "--replicas 0",
            "--only redis.burn",
            "--replay nowhere",
            "--replay nowhere --seed 1",
        ] {
            assert!(plan(line).is_err(), "{line}");
        }
    }
}
