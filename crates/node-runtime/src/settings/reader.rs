//! tidy: table
//! Each setting once: its name, its default, what it allows. Problems are gathered, not thrown.

mod ingest;
#[cfg(feature = "inject")]
pub(super) mod inject;

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    ops::RangeInclusive,
    path::PathBuf,
    time::Duration,
};

use broker::RedisIdentity;

use super::{
    ApiKey, Backend, ChatTransport, ConsoleSettings, DataBackend, DataSettings, Given, JwtVerifier,
    LimitSettings, LogFormat, LogSettings, Problem, RealtimeSettings, Secret, Settings,
    SettingsError, Source, Values,
    data::{endpoint_fault, is_place},
};

/// Every setting that there is; another one is reported.
const KNOWN: [&str; 53] = [
    "CHAT_REALTIME_CHANNEL_PREFIX",
    "CHAT_REALTIME_TRANSPORT",
    "DATA_BACKEND",
    "REALTIME_BACKEND",
    "REALTIME_ENFORCE_REDIS",
    "REALTIME_REPLAY_MAX_EVENTS",
    "REALTIME_REPLAY_WINDOW_SECONDS",
    "REALTIME_STATE_DIR",
    "REDIS_URL",
    "SURREAL_DB",
    "SURREAL_ENDPOINT",
    "SURREAL_NS",
    "SURREAL_PASS",
    "SURREAL_USER",
    "TIDEGATE_BATCH_EVENTS_MAX",
    "TIDEGATE_BODY_BYTES_MAX",
    "TIDEGATE_CONSOLE",
    "TIDEGATE_CORS_ORIGINS",
    "TIDEGATE_DRAIN_SECONDS",
    "TIDEGATE_EVIDENCE_DIR",
    "TIDEGATE_EVIDENCE_KEY",
    "TIDEGATE_JWT_HS256_SECRET",
    "TIDEGATE_JWT_JWKS",
    "TIDEGATE_KEY",
    "TIDEGATE_KEYS",
    "TIDEGATE_LAG_BYTES_MAX",
    "TIDEGATE_LAG_SECONDS_MAX",
    "TIDEGATE_LOG",
    "TIDEGATE_LOG_FORMAT",
    "TIDEGATE_ORG_EVENTS_PER_SECOND",
    "TIDEGATE_ORG_STREAMS_MAX",
    "TIDEGATE_PAYLOAD_BYTES_MAX",
    "TIDEGATE_REDIS_CA_FILE",
    "TIDEGATE_REDIS_CERT_FILE",
    "TIDEGATE_REDIS_KEY_FILE",
    "TIDEGATE_REDIS_REPLICAS_MIN",
    "TIDEGATE_RUNS_DIR",
    "TIDEGATE_URL",
    "TIDEGATE_WEBSOCKET_DEFLATE",
    "VIZ_API_ANALYSIS",
    "VIZ_API_BIND",
    "VIZ_API_CHAINS",
    "VIZ_API_CHAIN_CONFIG_PATH",
    "VIZ_API_CLICKHOUSE_URL",
    "VIZ_API_ETH_HTTP_URL",
    "VIZ_API_ETH_WS_URL",
    "VIZ_API_EVENTS_HELD_MAX",
    "VIZ_API_INGEST_MODE",
    "VIZ_API_JOURNAL_BYTES_MAX",
    "VIZ_API_JOURNAL_QUEUE_MAX",
    "VIZ_API_REGISTRY_PATH",
    "VIZ_API_REPLAY_FILE",
    "VIZ_API_REPLAY_SPEED",
];

/// Settings of clients of a server, which a server may be started with.
const OF_CLIENTS: [&str; 2] = ["TIDEGATE_KEY", "TIDEGATE_URL"];

/// Settings whose value is never shown.
const SECRETS: [&str; 11] = [
    "REDIS_URL",
    "SURREAL_PASS",
    "TIDEGATE_JWT_HS256_SECRET",
    "TIDEGATE_JWT_JWKS",
    "TIDEGATE_KEY",
    "TIDEGATE_KEYS",
    "TIDEGATE_URL",
    "VIZ_API_CHAINS",
    "VIZ_API_CLICKHOUSE_URL",
    "VIZ_API_ETH_HTTP_URL",
    "VIZ_API_ETH_WS_URL",
];

const HS256_SECRET_BYTES_MIN: usize = 32;

pub(super) fn is_secret(setting: &str) -> bool {
    SECRETS.contains(&setting)
}

pub(super) fn is_known(setting: &str) -> bool {
    #[cfg(feature = "inject")]
    if setting == inject::SETTING {
        return true;
    }
    KNOWN.contains(&setting)
}

/// Reads settings one by one and gathers what is wrong with them.
pub(super) struct Reader<'a> {
    values: &'a Values,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(values: &'a Values) -> Self {
        let mut reader = Reader { values, problems: values.problems.clone() };
        for setting in values.map.keys().filter(|setting| !is_known(setting)) {
            reader.problems.push(Problem {
                setting: setting.clone(),
                given: None,
                allowed: format!("there is no such setting{}", closest(setting)),
            });
        }
        reader
    }

    pub(super) fn finish(self, settings: Settings) -> Result<Settings, SettingsError> {
        let Reader { problems, .. } = self;
        if problems.is_empty() { Ok(settings) } else { Err(SettingsError { problems }) }
    }

    pub(super) fn bind(&mut self, has_auth: bool) -> SocketAddr {
        let ip = if has_auth { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        let default = SocketAddr::V4(SocketAddrV4::new(ip, 3000));
        let bind = self.parsed(
            "VIZ_API_BIND",
            default,
            "allowed is an address and a port, such as 127.0.0.1:3000",
            |text| text.parse::<SocketAddr>().ok(),
        );
        if !has_auth && !bind.ip().is_loopback() {
            self.problem(
                "VIZ_API_BIND",
                "an address that others can reach needs TIDEGATE_KEYS, TIDEGATE_JWT_JWKS or \
                 TIDEGATE_JWT_HS256_SECRET",
            );
        }
        bind
    }

    pub(super) fn keys(&mut self) -> Vec<ApiKey> {
        let Some(text) = self.text("TIDEGATE_KEYS") else { return Vec::new() };
        let mut keys: Vec<ApiKey> = Vec::new();
        for (at, entry) in text.split(',').enumerate() {
            match entry.trim().parse::<ApiKey>() {
                Ok(key) if keys.iter().any(|known| known.digest == key.digest) => {
                    self.problem("TIDEGATE_KEYS", &format!("entry {} repeats a key", at + 1));
                }
                Ok(key) => keys.push(key),
                Err(error) => {
                    self.problem("TIDEGATE_KEYS", &format!("entry {} {error}", at + 1));
                }
            }
        }
        keys
    }

    pub(super) fn jwt(&mut self) -> Vec<JwtVerifier> {
        let mut verifiers = Vec::new();
        if let Some(secret) = self.text("TIDEGATE_JWT_HS256_SECRET") {
            if secret.len() < HS256_SECRET_BYTES_MIN {
                self.problem("TIDEGATE_JWT_HS256_SECRET", "a secret has at least 32 bytes");
            }
            verifiers.push(JwtVerifier::Hs256(Secret(secret.to_owned())));
        }
        if let Some(place) = self.text("TIDEGATE_JWT_JWKS") {
            verifiers.push(match place.split_once("://") {
                Some(("http" | "https", _)) => JwtVerifier::JwksUrl(Secret(place.to_owned())),
                _ => JwtVerifier::JwksFile(place.into()),
            });
        }
        verifiers
    }

    pub(super) fn console(&mut self) -> ConsoleSettings {
        ConsoleSettings {
            is_on: self.truth("TIDEGATE_CONSOLE", true),
            runs_dir: self
                .text("TIDEGATE_RUNS_DIR")
                .map_or_else(|| PathBuf::from("tidegate-runs"), PathBuf::from),
        }
    }

    pub(super) fn realtime(&mut self) -> RealtimeSettings {
        let redis_url = self.redis_url();
        let chat_transport = self.chat_transport(redis_url.is_some());
        RealtimeSettings {
            backend: self.backend(redis_url.is_some()),
            redis_url,
            redis_ca_file: self.text("TIDEGATE_REDIS_CA_FILE").map(PathBuf::from),
            redis_identity: self.redis_identity(),
            redis_replicas_min: self.number("TIDEGATE_REDIS_REPLICAS_MIN", 0, 0..=16) as u32,
            enforce_redis: self.truth("REALTIME_ENFORCE_REDIS", false),
            replay_window: self.seconds("REALTIME_REPLAY_WINDOW_SECONDS", 600, 60..=86_400),
            replay_events_max: self.number("REALTIME_REPLAY_MAX_EVENTS", 1000, 200..=1_000_000)
                as usize,
            state_dir: self
                .text("REALTIME_STATE_DIR")
                .map_or_else(|| PathBuf::from("./tidegate-data"), PathBuf::from),
            evidence_dir: self.text("TIDEGATE_EVIDENCE_DIR").map(PathBuf::from),
            evidence_key: self.text("TIDEGATE_EVIDENCE_KEY").map(PathBuf::from),
            chat_transport,
            chat_channel_prefix: self.channel_prefix(),
        }
    }

    fn chat_transport(&mut self, has_redis: bool) -> ChatTransport {
        match self.text("CHAT_REALTIME_TRANSPORT") {
            None | Some("local") => ChatTransport::Local,
            Some("redis") => {
                if !has_redis {
                    self.problem("REDIS_URL", "CHAT_REALTIME_TRANSPORT=redis needs it");
                }
                ChatTransport::Redis
            }
            Some(_) => {
                self.problem("CHAT_REALTIME_TRANSPORT", "allowed are local and redis");
                ChatTransport::Local
            }
        }
    }

    fn channel_prefix(&mut self) -> String {
        let prefix = self.text("CHAT_REALTIME_CHANNEL_PREFIX").unwrap_or("gotong:chat:realtime");
        // Braces would put the keys of all threads into one slot of a cluster.
        let is_good = |b: u8| b.is_ascii_graphic() && !b"{}*?[]\\\"".contains(&b);
        if !(1..=64).contains(&prefix.len()) || !prefix.bytes().all(is_good) {
            let allowed = "allowed are 1 to 64 visible ASCII characters without { } * ? [ ] \\ \"";
            self.problem("CHAT_REALTIME_CHANNEL_PREFIX", allowed);
        }
        prefix.to_owned()
    }

    pub(super) fn data(&mut self) -> DataSettings {
        let allowed = "allowed are memory, embedded and surreal";
        let backend =
            self.parsed("DATA_BACKEND", DataBackend::Embedded, allowed, DataBackend::read);
        let endpoint = self.text("SURREAL_ENDPOINT").unwrap_or("ws://127.0.0.1:8000").to_owned();
        if let Some(fault) = endpoint_fault(&endpoint) {
            self.problem("SURREAL_ENDPOINT", fault);
        }
        let user = self.text("SURREAL_USER").map(str::to_owned);
        let password = self.text("SURREAL_PASS").map(|text| Secret(text.to_owned()));
        match (&user, &password) {
            (Some(_), None) => self.problem("SURREAL_PASS", "SURREAL_USER needs its password"),
            (None, Some(_)) => self.problem("SURREAL_USER", "SURREAL_PASS needs its user"),
            _ => {}
        }
        DataSettings {
            backend,
            endpoint,
            namespace: self.place("SURREAL_NS", "gotong"),
            database: self.place("SURREAL_DB", "chat"),
            user,
            password,
        }
    }

    fn place(&mut self, setting: &str, default: &str) -> String {
        let name = self.text(setting).unwrap_or(default);
        if !is_place(name) {
            self.problem(setting, "allowed are 1 to 64 of a-z, A-Z, 0-9, `_` and `-`");
        }
        name.to_owned()
    }

    /// Reads what Redis knows us by: a certificate and its key, or neither.
    fn redis_identity(&mut self) -> Option<RedisIdentity> {
        const CERT: &str = "TIDEGATE_REDIS_CERT_FILE";
        const KEY: &str = "TIDEGATE_REDIS_KEY_FILE";
        let file = |text: Option<&str>| text.map(PathBuf::from);
        match (file(self.text(CERT)), file(self.text(KEY))) {
            (Some(cert_file), Some(key_file)) => Some(RedisIdentity { cert_file, key_file }),
            (Some(_), None) => {
                self.problem(KEY, "TIDEGATE_REDIS_CERT_FILE needs its private key");
                None
            }
            (None, Some(_)) => {
                self.problem(CERT, "TIDEGATE_REDIS_KEY_FILE needs its certificate");
                None
            }
            (None, None) => None,
        }
    }

    /// Reads where Redis is. What stands behind the scheme is for the client to understand, and is
    /// never shown.
    fn redis_url(&mut self) -> Option<Secret> {
        let url = self.text("REDIS_URL")?;
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        let is_redis = |scheme: &str| {
            ["redis", "rediss"].contains(&scheme.split('+').next().unwrap_or_default())
        };
        if !scheme.is_some_and(is_redis) {
            self.problem(
                "REDIS_URL",
                "allowed is an address that begins with redis://, rediss://, redis+sentinel:// or \
                 redis+cluster://",
            );
        }
        Some(Secret(url.to_owned()))
    }

    fn backend(&mut self, has_redis: bool) -> Backend {
        match self.text("REALTIME_BACKEND") {
            None | Some("memory") => Backend::Memory,
            Some("redis") => {
                if !has_redis {
                    self.problem("REDIS_URL", "REALTIME_BACKEND=redis needs it");
                }
                Backend::Redis
            }
            Some(_) => {
                self.problem("REALTIME_BACKEND", "allowed are memory and redis");
                Backend::Memory
            }
        }
    }

    pub(super) fn cors_origins(&mut self) -> Vec<String> {
        let Some(text) = self.text("TIDEGATE_CORS_ORIGINS") else { return Vec::new() };
        let origins: Vec<_> = text.split(',').map(|origin| origin.trim().to_owned()).collect();
        if !origins.iter().all(|origin| is_origin(origin)) {
            self.problem(
                "TIDEGATE_CORS_ORIGINS",
                "allowed is a comma list of origins such as https://app.example.com, without a \
                 path",
            );
        }
        origins
    }

    pub(super) fn limits(&mut self) -> LimitSettings {
        let mut bytes = |setting, default, least| self.number(setting, default, least..=1 << 30);
        let body_bytes_max = bytes("TIDEGATE_BODY_BYTES_MAX", 8 << 20, 1024);
        let payload_default = body_bytes_max.min(256 << 10);
        let payload_bytes_max = bytes("TIDEGATE_PAYLOAD_BYTES_MAX", payload_default, 2);
        let lag_bytes_max = bytes("TIDEGATE_LAG_BYTES_MAX", 8 << 20, 64 << 10);
        if payload_bytes_max > body_bytes_max {
            // No payload of that size could ever arrive.
            let allowed = format!(
                "allowed is at most TIDEGATE_BODY_BYTES_MAX, {body_bytes_max}: a payload is part \
                 of a body"
            );
            self.problem("TIDEGATE_PAYLOAD_BYTES_MAX", &allowed);
        }
        LimitSettings {
            payload_bytes_max: payload_bytes_max as usize,
            body_bytes_max: body_bytes_max as usize,
            batch_events_max: self.number("TIDEGATE_BATCH_EVENTS_MAX", 500, 1..=10_000) as usize,
            org_streams_max: self.number("TIDEGATE_ORG_STREAMS_MAX", 10_000, 1..=10_000_000)
                as usize,
            org_events_per_second: self.number(
                "TIDEGATE_ORG_EVENTS_PER_SECOND",
                1000,
                1..=10_000_000,
            ) as u32,
            lag_bytes_max,
            lag_max: self.seconds("TIDEGATE_LAG_SECONDS_MAX", 30, 1..=3600),
        }
    }

    pub(super) fn log(&mut self) -> LogSettings {
        let filter = self.text("TIDEGATE_LOG").unwrap_or("info").to_owned();
        if crate::logging::parse_filter(&filter).is_err() {
            self.problem("TIDEGATE_LOG", "allowed is a filter such as `info` or `viz_api=debug`");
        }
        let format = self.parsed(
            "TIDEGATE_LOG_FORMAT",
            LogFormat::Human,
            "allowed are human and json",
            |text| match text {
                "human" => Some(LogFormat::Human),
                "json" => Some(LogFormat::Json),
                _ => None,
            },
        );
        LogSettings { filter, format }
    }

    /// Looks at what only clients of a server read.
    pub(super) fn of_clients(&mut self) {
        for setting in OF_CLIENTS {
            self.text(setting);
        }
    }

    pub(super) fn seconds(
        &mut self,
        setting: &str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Duration {
        Duration::from_secs(self.number(setting, default, range))
    }

    fn number(&mut self, setting: &str, default: u64, range: RangeInclusive<u64>) -> u64 {
        let Some(given) = self.given(setting, Source::FileNumber, "a whole number") else {
            return default;
        };
        let number = given.text.parse().ok().filter(|number| range.contains(number));
        number.unwrap_or_else(|| {
            let (least, most) = (range.start(), range.end());
            self.problem(setting, &format!("allowed is a whole number from {least} to {most}"));
            default
        })
    }

    pub(super) fn truth(&mut self, setting: &str, default: bool) -> bool {
        let Some(given) = self.given(setting, Source::FileBool, "true or false") else {
            return default;
        };
        match given.text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => true,
            "0" | "false" | "no" | "off" => false,
            _ => {
                self.problem(setting, "allowed are 1/true/yes/on and 0/false/no/off");
                default
            }
        }
    }

    fn parsed<T>(
        &mut self,
        setting: &str,
        default: T,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> T {
        let Some(text) = self.text(setting) else { return default };
        parse(text).unwrap_or_else(|| {
            self.problem(setting, allowed);
            default
        })
    }

    fn text(&mut self, setting: &str) -> Option<&'a str> {
        self.given(setting, Source::FileText, "a string").map(|given| given.text.as_str())
    }

    /// Returns what was given; an empty variable counts as absent, as shells write it.
    fn given(&mut self, setting: &str, in_file: Source, kind: &str) -> Option<&'a Given> {
        debug_assert!(is_known(setting), "{setting} is read but not in the table");
        let given = self.values.map.get(setting).filter(|given| !given.text.is_empty())?;
        match given.source {
            Source::Environment => return Some(given),
            source if source == in_file => return Some(given),
            Source::EnvironmentBytes => self.problem(setting, "its value must be UTF-8"),
            _ => self.problem(setting, &format!("in the file it must be {kind}")),
        }
        None
    }

    fn problem(&mut self, setting: &str, allowed: &str) {
        let shown = !is_secret(setting);
        let given = self.values.map.get(setting).filter(|_| shown);
        self.problems.push(Problem {
            setting: setting.to_owned(),
            given: given.map(|given| given.text.clone()),
            allowed: allowed.to_owned(),
        });
    }
}

fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
    })
}

/// Names the setting that was probably meant.
fn closest(setting: &str) -> String {
    let near = KNOWN.iter().map(|known| (distance(known, setting), known)).min();
    match near {
        Some((0..=3, known)) => format!("; is `{known}` meant?"),
        _ => String::new(),
    }
}

/// Counts the edits between two texts (Levenshtein, by the dynamic programme over one row).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let cost = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
