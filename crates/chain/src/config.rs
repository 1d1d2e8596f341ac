//! Which chains are followed, and by which endpoints: a list in JSON or TOML.
//!
//! Each chain has `chain_key`, and either `http_url` with an optional `ws_url`, or `endpoints`, a list
//! of such pairs. All problems are reported together; none shows an address, which may hold a key.

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt, time::Duration};

use serde::Deserialize;

use crate::{ChainKey, EndpointAddress};

/// How deep a block is whose transactions are taken for final, where the settings don't say.
pub const FINAL_DEPTH_DEFAULT: u64 = 64;

/// For how long an endpoint may tell of nothing new, where the settings don't say.
pub const SILENT_AFTER_DEFAULT: Duration = Duration::from_secs(60);

/// How often an endpoint is asked for its head, where the settings don't say.
pub const POLL_EVERY_DEFAULT: Duration = Duration::from_secs(1);

/// Most endpoints of a chain.
const ENDPOINTS_MAX: usize = 16;

/// Most chains that are followed, or that a recorded feed has.
pub(crate) const CHAINS_MAX: usize = 64;

/// One chain and where it is heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainConfig {
    /// What it is called here.
    pub chain_key: ChainKey,
    /// Its id by EIP-155; an endpoint with another one is not used.
    pub chain_id: Option<u64>,
    /// What the source is called in rows.
    pub source_id: String,
    /// Where nodes are; the first one is preferred. Never empty.
    pub endpoints: Vec<EndpointConfig>,
    /// How many blocks lie on one whose transactions are taken for final.
    pub final_depth: u64,
    /// For how long an endpoint may tell of nothing new before another one is tried.
    pub silent_after: Duration,
    /// How often an endpoint is asked for its head, whatever it announces.
    pub poll_every: Duration,
}

/// Where a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointConfig {
    /// Where it is asked.
    pub http: EndpointAddress,
    /// Where it announces; it is polled where there is none.
    pub ws: Option<EndpointAddress>,
}

/// Everything that is wrong with a list of chains, a sentence each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The sentences, which show no address.
    pub problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("; "))
    }
}

impl std::error::Error for ConfigError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChain {
    chain_key: String,
    chain_id: Option<u64>,
    source_id: Option<String>,
    http_url: Option<String>,
    ws_url: Option<String>,
    #[serde(default)]
    endpoints: Vec<RawEndpoint>,
    final_depth: Option<u64>,
    silent_after_seconds: Option<u64>,
    poll_every_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEndpoint {
    http_url: String,
    ws_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    chains: Vec<RawChain>,
}

impl ChainConfig {
    /// Reads a list of chains in JSON.
    ///
    /// # Errors
    /// Fails with everything that is wrong.
    pub fn list_from_json(text: &str) -> Result<Vec<ChainConfig>, ConfigError> {
        let raw: Vec<serde_json::Value> = serde_json::from_str(text).map_err(|error| {
            one(format!("it is no list in JSON (line {}, column {})", error.line(), error.column()))
        })?;
        let read = raw.into_iter().enumerate().map(|(at, value)| {
            // The message of a wrong type would quote the value, which may be an address.
            serde_json::from_value(value).map_err(|error| shape(at, &error.to_string()))
        });
        gather(read)
    }

    /// Reads a file of chains: the list in JSON, or in TOML as `[[chains]]`.
    ///
    /// # Errors
    /// Fails with everything that is wrong.
    pub fn list_from_toml(text: &str) -> Result<Vec<ChainConfig>, ConfigError> {
        let raw: RawFile = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| 1 + text[..span.start].matches('\n').count());
            let what = shape(0, error.message());
            let what = what.split_once(": ").map_or(what.as_str(), |(_, what)| what);
            one(format!("line {line}: {what}"))
        })?;
        gather(raw.chains.into_iter().map(Ok))
    }

    /// Returns a chain at one node: at the address of a WebSocket, where it is asked over HTTP at the
    /// same place, or of HTTP, where it is polled. All else is as where the settings don't say.
    ///
    /// # Errors
    /// Fails where the address is none.
    pub fn from_url(chain_key: ChainKey, url: &str) -> Result<ChainConfig, ConfigError> {
        let address: EndpointAddress =
            url.parse().map_err(|error| one(format!("the node's address: {error}")))?;
        let http = address.over_http();
        let ws = address.is_web_socket().then_some(address);
        Ok(ChainConfig {
            source_id: format!("rpc-{chain_key}"),
            chain_key,
            chain_id: None,
            endpoints: vec![EndpointConfig { http, ws }],
            final_depth: FINAL_DEPTH_DEFAULT,
            silent_after: SILENT_AFTER_DEFAULT,
            poll_every: POLL_EVERY_DEFAULT,
        })
    }

    /// Returns the one chain that a pair of addresses describes.
    ///
    /// # Errors
    /// Fails where one of them is none.
    pub fn from_pair(http: &str, ws: Option<&str>) -> Result<ChainConfig, ConfigError> {
        let raw = RawChain {
            chain_key: "eth-mainnet".to_owned(),
            chain_id: None,
            source_id: None,
            http_url: Some(http.to_owned()),
            ws_url: ws.map(str::to_owned),
            endpoints: Vec::new(),
            final_depth: None,
            silent_after_seconds: None,
            poll_every_ms: None,
        };
        let mut problems = Vec::new();
        checked(0, raw, &mut problems).ok_or(ConfigError { problems })
    }
}

fn one(problem: String) -> ConfigError {
    ConfigError { problems: vec![problem] }
}

/// Says what is wrong with a chain's form without the values that are in it.
fn shape(at: usize, message: &str) -> String {
    let named = ["unknown field", "missing field"].iter().find(|what| message.starts_with(**what));
    let field = message.split('`').nth(1).filter(|_| named.is_some());
    match (named, field) {
        (Some(what), Some(field)) => format!("chain {}: {what} `{field}`", at + 1),
        _ => format!("chain {}: a field has another type than it should", at + 1),
    }
}

fn gather(
    raw: impl Iterator<Item = Result<RawChain, String>>,
) -> Result<Vec<ChainConfig>, ConfigError> {
    let (mut problems, mut chains) = (Vec::new(), Vec::new());
    for (at, raw) in raw.enumerate() {
        match raw {
            Ok(raw) => chains.extend(checked(at, raw, &mut problems)),
            Err(problem) => problems.push(problem),
        }
    }
    let mut keys = BTreeSet::new();
    let repeated = chains.iter().filter(|chain| !keys.insert(chain.chain_key.clone()));
    problems.extend(repeated.map(|chain| format!("`{}` stands more than once", chain.chain_key)));
    if chains.is_empty() && problems.is_empty() {
        problems.push("there is no chain in it".to_owned());
    }
    if chains.len() > CHAINS_MAX {
        problems.push(format!("there are more than {CHAINS_MAX} chains"));
    }
    if problems.is_empty() { Ok(chains) } else { Err(ConfigError { problems }) }
}

/// Checks a chain; what is wrong is added to the problems.
fn checked(at: usize, raw: RawChain, problems: &mut Vec<String>) -> Option<ChainConfig> {
    let before = problems.len();
    let name = format!("chain {} (`{}`)", at + 1, raw.chain_key.escape_debug());
    let mut wrong = |what: String| problems.push(format!("{name}: {what}"));
    let key = raw.chain_key.parse::<ChainKey>();
    if let Err(error) = key {
        wrong(format!("`chain_key`: {error}"));
    }
    let mut raw_endpoints = raw.endpoints;
    match (raw.http_url, raw.ws_url) {
        (Some(http_url), ws_url) if raw_endpoints.is_empty() => {
            raw_endpoints.push(RawEndpoint { http_url, ws_url });
        }
        (None, None) if !raw_endpoints.is_empty() => {}
        (None, None) => wrong("it has neither `http_url` nor `endpoints`".to_owned()),
        (None, Some(_)) => {
            wrong("`ws_url` needs `http_url`: blocks are asked for there".to_owned())
        }
        (Some(_), _) => wrong("it has `endpoints` and `http_url`; one of them is meant".to_owned()),
    }
    if raw_endpoints.len() > ENDPOINTS_MAX {
        wrong(format!("it has more than {ENDPOINTS_MAX} endpoints"));
    }
    let mut endpoints = Vec::new();
    for raw in raw_endpoints {
        match endpoint(&raw) {
            Ok(endpoint) => endpoints.push(endpoint),
            Err(what) => wrong(what),
        }
    }
    let source_id = raw.source_id.unwrap_or_else(|| format!("rpc-{}", raw.chain_key));
    if !(1..=128).contains(&source_id.len()) || !source_id.bytes().all(|b| b.is_ascii_graphic()) {
        wrong("`source_id` is 1 to 128 visible ASCII characters".to_owned());
    }
    let mut within = |what: &str, value: Option<u64>, default: u64, least: u64, most: u64| {
        let value = value.unwrap_or(default);
        if !(least..=most).contains(&value) {
            wrong(format!("`{what}` is {least} to {most}"));
        }
        value
    };
    let silent = SILENT_AFTER_DEFAULT.as_secs();
    let poll = POLL_EVERY_DEFAULT.as_millis() as u64;
    let final_depth = within("final_depth", raw.final_depth, FINAL_DEPTH_DEFAULT, 1, 200);
    let silent = within("silent_after_seconds", raw.silent_after_seconds, silent, 1, 86_400);
    let poll = within("poll_every_ms", raw.poll_every_ms, poll, 50, 600_000);
    (problems.len() == before).then_some(())?;
    Some(ChainConfig {
        chain_key: key.ok()?,
        chain_id: raw.chain_id,
        source_id,
        endpoints,
        final_depth,
        silent_after: Duration::from_secs(silent),
        poll_every: Duration::from_millis(poll),
    })
}

fn endpoint(raw: &RawEndpoint) -> Result<EndpointConfig, String> {
    let address = |name: &str, text: &str, is_web_socket: bool| {
        let address: EndpointAddress =
            text.parse().map_err(|error| format!("`{name}`: {error}"))?;
        if address.is_web_socket() != is_web_socket {
            let schemes = if is_web_socket { "ws and wss" } else { "http and https" };
            return Err(format!("`{name}`: allowed schemes are {schemes}"));
        }
        Ok(address)
    };
    let http = address("http_url", &raw.http_url, false)?;
    let ws = raw.ws_url.as_deref().map(|text| address("ws_url", text, true)).transpose()?;
    Ok(EndpointConfig { http, ws })
}
