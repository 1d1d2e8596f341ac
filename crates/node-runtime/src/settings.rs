//! Every setting, parsed once into types before any port is bound.
//!
//! All problems are reported together. An unknown value is never replaced by a default in silence.

mod data;
mod ingest;
mod keys;
mod problem;
mod reader;
mod source;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use self::reader::Reader;
#[cfg(feature = "inject")]
pub use self::reader::inject::InjectSettings;
pub use self::{
    data::{ChatTransport, DataBackend, DataSettings},
    ingest::{AnalysisSettings, IngestMode, IngestSettings, ReplaySettings, ReplaySpeed},
    keys::{ApiKey, KeyError, Scope, Scopes},
    problem::{Problem, SettingsError},
    source::{Given, Source, Values},
};

/// The settings of a server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Listen address; loopback only where no credential can be checked.
    pub bind: SocketAddr,
    /// API keys, as digests.
    pub keys: Vec<ApiKey>,
    /// What tokens are checked with.
    pub jwt: Vec<JwtVerifier>,
    /// The realtime backend and its windows.
    pub realtime: RealtimeSettings,
    /// Where chat's rows are kept.
    pub data: DataSettings,
    /// Where chains are heard of.
    pub ingest: IngestSettings,
    /// How long a shutdown may take.
    pub drain: Duration,
    /// Browser origins that may read answers.
    pub cors_origins: Vec<String>,
    /// Whether WebSocket messages are compressed for clients that can.
    pub websocket_deflate: bool,
    /// The page that the server has of itself.
    pub console: ConsoleSettings,
    /// What a request or a tenant may ask for.
    pub limits: LimitSettings,
    /// What is logged, and how.
    pub log: LogSettings,
    /// What a test build does wrong.
    #[cfg(feature = "inject")]
    pub inject: InjectSettings,
}

/// The realtime backend and its windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealtimeSettings {
    /// The backend that was asked for.
    pub backend: Backend,
    /// Where Redis is; it may hold a password.
    pub redis_url: Option<Secret>,
    /// The authority that signed the certificates of Redis, in PEM; the system's where there is none.
    pub redis_ca_file: Option<PathBuf>,
    /// The certificate and key by which Redis knows us, where it asks for one.
    pub redis_identity: Option<broker::RedisIdentity>,
    /// How many of Redis's own replicas have an event before it is acknowledged.
    pub redis_replicas_min: u32,
    /// Strict mode: realtime is refused rather than served by memory.
    pub enforce_redis: bool,
    /// Greatest age of a replayed event.
    pub replay_window: Duration,
    /// Most replayed events of a stream.
    pub replay_events_max: usize,
    /// Where windows and keys outlive the process.
    pub state_dir: PathBuf,
    /// Where records of a live switch go, where it is not in the state folder.
    pub evidence_dir: Option<PathBuf>,
    /// The file of the private key that signs records, where they are signed.
    pub evidence_key: Option<PathBuf>,
    /// How chat's replicas meet.
    pub chat_transport: ChatTransport,
    /// What chat's keys and channels in Redis begin with; the same on all replicas.
    pub chat_channel_prefix: String,
}

impl RealtimeSettings {
    /// Returns the folder where records of a live switch go.
    pub fn evidence_dir(&self) -> PathBuf {
        self.evidence_dir.clone().unwrap_or_else(|| self.state_dir.join("evidence"))
    }
}

/// Where the log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// In this process.
    Memory,
    /// In Redis, the same for all replicas.
    Redis,
}

impl Backend {
    /// Returns the word that settings and health use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Backend::Memory => "memory",
            Backend::Redis => "redis",
        }
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns the text, to be used and not shown.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What tokens are checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwtVerifier {
    /// A shared secret, HMAC with SHA-256.
    Hs256(Secret),
    /// A key set in a file, read again when it changes.
    JwksFile(PathBuf),
    /// A key set behind a URL, which may hold a password; fetched again when it may have changed.
    JwksUrl(Secret),
}

/// What a request or a tenant may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Most bytes of one event's payload, as sent.
    pub payload_bytes_max: usize,
    /// Most bytes of a request's body.
    pub body_bytes_max: usize,
    /// Most events in a list.
    pub batch_events_max: usize,
    /// Most open streams of an organisation.
    pub org_streams_max: usize,
    /// Most events that an organisation publishes in a second, and its burst.
    pub org_events_per_second: u32,
    /// How many bytes a reader may be behind.
    pub lag_bytes_max: u64,
    /// How long a reader may be behind.
    pub lag_max: Duration,
}

/// The page that the server has of itself, and what only that page needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleSettings {
    /// Whether it is served.
    pub is_on: bool,
    /// Where the folders of runs are; one that is not there has none.
    pub runs_dir: PathBuf,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// A filter such as `info` or `viz_api=debug`.
    pub filter: String,
    /// For people or for machines.
    pub format: LogFormat,
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

impl Default for Settings {
    /// Returns the settings of a server that was given none.
    fn default() -> Self {
        Settings::parse(&Values::default()).expect("the defaults are allowed values")
    }
}

impl Settings {
    /// Parses all settings.
    ///
    /// # Errors
    /// Fails with every problem there is, each naming its setting.
    pub fn parse(values: &Values) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(values);
        let keys = reader.keys();
        let jwt = reader.jwt();
        let bind = reader.bind(!keys.is_empty() || !jwt.is_empty());
        let settings = Settings {
            bind,
            keys,
            jwt,
            realtime: reader.realtime(),
            data: reader.data(),
            ingest: reader.ingest(),
            drain: reader.seconds("TIDEGATE_DRAIN_SECONDS", 20, 1..=3600),
            cors_origins: reader.cors_origins(),
            websocket_deflate: reader.truth("TIDEGATE_WEBSOCKET_DEFLATE", false),
            console: reader.console(),
            limits: reader.limits(),
            log: reader.log(),
            #[cfg(feature = "inject")]
            inject: reader.inject(),
        };
        reader.of_clients();
        reader.finish(settings)
    }

    /// Returns whether any credential can be checked.
    pub fn has_auth(&self) -> bool {
        !self.keys.is_empty() || !self.jwt.is_empty()
    }
}
