//! Where chains are heard of, and how much of them is kept.

use std::{path::PathBuf, sync::Arc};

use chain::ChainConfig;
use feature::Registry;

use super::Reader;
use crate::settings::{
    Secret,
    ingest::{AnalysisSettings, IngestMode, IngestSettings, ReplaySettings, ReplaySpeed},
};

const MODE: &str = "VIZ_API_INGEST_MODE";
const CHAINS: &str = "VIZ_API_CHAINS";
const FILE: &str = "VIZ_API_CHAIN_CONFIG_PATH";
const HTTP: &str = "VIZ_API_ETH_HTTP_URL";
const WS: &str = "VIZ_API_ETH_WS_URL";
const ANALYSIS: &str = "VIZ_API_ANALYSIS";
const REGISTRY: &str = "VIZ_API_REGISTRY_PATH";

impl Reader<'_> {
    /// Reads where chains are heard of, and how much of them is kept.
    pub(in crate::settings) fn ingest(&mut self) -> IngestSettings {
        let (chains, replay) = (self.chains(), self.replay());
        let mode = match self.text(MODE) {
            None | Some("off") => IngestMode::Off,
            Some("rpc") => match chains {
                Some(chains) => IngestMode::Rpc(chains),
                None => {
                    self.without_chains();
                    IngestMode::Off
                }
            },
            Some("replay") => IngestMode::Replay(replay),
            Some("p2p" | "hybrid") => {
                self.problem(
                    MODE,
                    "p2p and hybrid are not supported: allowed are off, rpc, replay",
                );
                IngestMode::Off
            }
            Some(_) => {
                self.problem(MODE, "allowed are off, rpc and replay");
                IngestMode::Off
            }
        };
        IngestSettings {
            mode,
            events_held_max: self.number("VIZ_API_EVENTS_HELD_MAX", 250_000, 1_000..=10_000_000)
                as usize,
            journal_bytes_max: self.number(
                "VIZ_API_JOURNAL_BYTES_MAX",
                4 << 30,
                64 << 20..=1 << 44,
            ),
            journal_queue_max: self.number("VIZ_API_JOURNAL_QUEUE_MAX", 65_536, 16..=10_000_000)
                as usize,
            clickhouse_url: self.clickhouse(),
            analysis: self.analysis(),
        }
    }

    /// Reads what is computed: what is named, or all of it.
    fn analysis(&mut self) -> AnalysisSettings {
        const ALL: [&str; 3] = ["features", "opportunities", "simulations"];
        let named: Vec<&str> = match self.text(ANALYSIS) {
            None => ALL.to_vec(),
            Some("off") => Vec::new(),
            Some(text) => text.split(',').map(str::trim).collect(),
        };
        if !named.iter().all(|part| ALL.contains(part)) {
            let allowed =
                "allowed are off, and features, opportunities and simulations, with commas";
            self.problem(ANALYSIS, allowed);
        }
        let is_named = |part| named.contains(&part);
        AnalysisSettings {
            features: is_named("features"),
            opportunities: is_named("opportunities"),
            simulations: is_named("simulations"),
            registry: self.registry(),
        }
    }

    /// Reads which contract is what: the program's own, with the chains of a file in their place.
    fn registry(&mut self) -> Arc<Registry> {
        let built_in = Registry::built_in();
        let Some(path) = self.text(REGISTRY) else { return Arc::new(built_in) };
        let read = std::fs::read_to_string(path)
            .map_err(|error| format!("the file can't be read: {error}"))
            .and_then(|text| Registry::parse(&text).map_err(|error| error.to_string()));
        Arc::new(match read {
            Ok(own) => built_in.with(own),
            Err(what) => {
                self.problem(REGISTRY, &what);
                built_in
            }
        })
    }

    /// Says that chains are missing, where nothing else is wrong with them.
    fn without_chains(&mut self) {
        let named =
            |problem: &super::Problem| [CHAINS, FILE, HTTP, WS].contains(&&*problem.setting);
        if !self.problems.iter().any(named) {
            let allowed = "VIZ_API_INGEST_MODE=rpc needs chains: VIZ_API_CHAINS, \
                           VIZ_API_CHAIN_CONFIG_PATH, or VIZ_API_ETH_HTTP_URL";
            self.problem(MODE, allowed);
        }
    }

    /// Reads the chains from the one place that has them.
    fn chains(&mut self) -> Option<Vec<ChainConfig>> {
        let (list, file) = (self.text(CHAINS), self.text(FILE));
        let (http, ws) = (self.text(HTTP), self.text(WS));
        let given = [(CHAINS, list.is_some()), (FILE, file.is_some()), (HTTP, http.is_some())];
        let mut given = given.iter().filter(|(_, is_given)| *is_given).map(|(name, _)| *name);
        if let (Some(first), Some(second)) = (given.next(), given.next()) {
            self.problem(second, &format!("chains are in {first} already: give one of them"));
            return None;
        }
        let (setting, read) = match (list, file, http) {
            (Some(text), _, _) => (CHAINS, ChainConfig::list_from_json(text)),
            (_, Some(path), _) => (FILE, self.chains_of_file(path)?),
            (_, _, Some(http)) => (HTTP, ChainConfig::from_pair(http, ws).map(|one| vec![one])),
            _ => {
                if ws.is_some() {
                    self.problem(HTTP, "VIZ_API_ETH_WS_URL needs it: blocks are asked for there");
                }
                return None;
            }
        };
        match read {
            Ok(chains) => Some(chains),
            Err(error) => {
                error.problems.iter().for_each(|problem| self.problem(setting, problem));
                None
            }
        }
    }

    fn chains_of_file(
        &mut self,
        path: &str,
    ) -> Option<Result<Vec<ChainConfig>, chain::ConfigError>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                self.problem(FILE, &format!("the file can't be read: {error}"));
                return None;
            }
        };
        let is_toml = path.ends_with(".toml");
        Some(if is_toml {
            ChainConfig::list_from_toml(&text)
        } else {
            ChainConfig::list_from_json(&text)
        })
    }

    fn replay(&mut self) -> ReplaySettings {
        let allowed = "allowed are max and a number from 0.01 to 100000: 1 is as it was recorded";
        let speed = self.parsed("VIZ_API_REPLAY_SPEED", ReplaySpeed::RECORDED, allowed, |text| {
            if text == "max" {
                return Some(ReplaySpeed::Max);
            }
            let times = text.parse().ok().filter(|times| (0.01..=100_000.0).contains(times));
            times.map(ReplaySpeed::Times)
        });
        ReplaySettings { file: self.text("VIZ_API_REPLAY_FILE").map(PathBuf::from), speed }
    }

    fn clickhouse(&mut self) -> Option<Secret> {
        let url = self.text("VIZ_API_CLICKHOUSE_URL")?;
        let is_http = url.starts_with("http://") || url.starts_with("https://");
        if !is_http || url.parse::<chain::EndpointAddress>().is_err() {
            self.problem(
                "VIZ_API_CLICKHOUSE_URL",
                "allowed is http(s)://[USER:PASSWORD@]HOST[:PORT]/DATABASE",
            );
        }
        Some(Secret(url.to_owned()))
    }
}
