//! Tidegate: this very executable. A stream is an organisation with a key of its own.

use std::{
    fmt::{Display, Write},
    fs,
    net::SocketAddr,
    path::Path,
    process::Command,
};

use memchr::memmem;
use tempfile::TempDir;

use super::{Begin, Dialect, Facts, Opening, Publishing, Server, Setup, ports};
use crate::{
    args::Transport,
    error::BenchError,
    payload::{EVENT_NAME, Payloads, stream_name},
    process::Daemon,
    stamp::Stamp,
    ws,
};

/// More than any work publishes in a second: what is measured is not the limit.
pub(super) const EVENTS_PER_SECOND: u32 = 10_000_000;

pub(super) fn start(setup: &Setup, folder: TempDir) -> Result<Server, BenchError> {
    let (at, daemon) = serve(folder.path(), config(setup, None))?;
    let about = format!("{} serve, the memory backend", env!("CARGO_PKG_VERSION"));
    let dialect = dialect(setup.transport, setup.payloads.clone());
    Ok(Facts { name: "tidegate", about, at: (at, at) }.running(dialect, daemon, folder))
}

/// The settings that differ from the defaults, as a file has them.
#[derive(Clone, Debug, Default)]
pub(super) struct Config(String);

impl Config {
    /// Returns what every measured process has.
    pub(super) fn quiet(streams_max: u32, events_per_second: u32) -> Self {
        let mut config = Config::default();
        config.text("tidegate_log", "warn");
        config.number("tidegate_org_streams_max", streams_max);
        config.number("tidegate_org_events_per_second", events_per_second);
        config
    }

    /// Sets a text; none of ours needs to be escaped.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.number(name, format_args!("\"{value}\""));
    }

    /// Sets a number.
    pub(super) fn number(&mut self, name: &str, value: impl Display) {
        let _to_a_string = writeln!(self.0, "{name} = {value}");
    }
}

/// Starts a process in a folder.
pub(super) fn serve(folder: &Path, mut config: Config) -> Result<(SocketAddr, Daemon), BenchError> {
    let [at] = ports::free().map_err(BenchError::machine("no port is free"))?;
    let file = folder.join("tidegate.toml");
    config.text("viz_api_bind", &at.to_string());
    config.text("realtime_state_dir", &folder.join("state").to_string_lossy());
    fs::write(&file, config.0).map_err(BenchError::file(&file))?;
    let program = std::env::current_exe();
    let program = program.map_err(BenchError::machine("this program can't be found"))?;
    let mut command = Command::new(program);
    command.arg("serve").arg("--config").arg(&file).env_clear().current_dir(folder);
    let daemon = Daemon::start(command, folder);
    Ok((at, daemon.map_err(BenchError::machine("tidegate can't be started"))?))
}

/// Returns the settings of a process that takes events, on a Redis where there is one.
pub(super) fn config(setup: &Setup, redis: Option<&str>) -> Config {
    let keys: Vec<_> =
        (0..setup.streams).map(|s| format!("{}={}", stream_name(s), key(s))).collect();
    let events_per_second = setup.limits.map_or(EVENTS_PER_SECOND, |l| l.events_per_second);
    let mut config = Config::quiet((setup.connections + 100).max(10_000), events_per_second);
    if let Some(limits) = setup.limits {
        config.number("realtime_replay_window_seconds", limits.window_seconds);
        config.number("tidegate_lag_seconds_max", limits.lag_seconds);
    }
    config.number("tidegate_batch_events_max", setup.list_max.clamp(500, 10_000));
    config.number("realtime_replay_max_events", events_max(setup));
    config.text("tidegate_keys", &keys.join(","));
    if let Some(url) = redis {
        config.text("realtime_backend", "redis");
        config.text("redis_url", url);
    }
    config
}

/// Returns how many events of a stream it keeps.
pub(super) fn events_max(setup: &Setup) -> u64 {
    setup.events_kept.clamp(1000, 1_000_000)
}

fn key(stream: u32) -> String {
    format!("bench-key-{stream:08}")
}

/// How Tidegate is spoken to.
struct Tidegate {
    transport: Transport,
    payloads: Payloads,
}

impl Dialect for Tidegate {
    fn open(&self, stream: u32, begin: &Begin) -> Opening {
        let key = key(stream);
        let cursor = match begin {
            Begin::Back { cursor: Some(cursor), .. } => Some(cursor),
            _ => None,
        };
        match self.transport {
            Transport::Sse => {
                let after = cursor.map(|c| format!("last-event-id: {c}\r\n")).unwrap_or_default();
                let request = format!(
                    "GET /api/stream HTTP/1.1\r\nhost: bench\r\nx-api-key: {key}\r\n{after}\r\n"
                );
                Opening::sse(request, "event: connected")
            }
            Transport::Ws => {
                let upgrade = ws::UPGRADE;
                let request = format!(
                    "GET /api/ws HTTP/1.1\r\nhost: bench\r\nx-api-key: {key}\r\n{upgrade}\r\n"
                );
                let after = cursor.map(|c| format!(r#","after":"{c}""#)).unwrap_or_default();
                let subscribe = ws::masked_text(&format!(r#"{{"type":"subscribe"{after}}}"#));
                Opening::ws(request, Some(subscribe), r#""type":"subscribed""#)
            }
        }
    }

    fn publish(&self, events: &[Stamp]) -> Publishing {
        let mut publishing = Publishing::default();
        for list in events.chunk_by(|a, b| a.stream == b.stream) {
            let mut body = Vec::new();
            for (index, stamp) in list.iter().enumerate() {
                body.push(if index == 0 { b'[' } else { b',' });
                let head = format!(r#"{{"event":"{EVENT_NAME}","payload":"#);
                body.extend_from_slice(head.as_bytes());
                self.payloads.payload(*stamp, &mut body);
                body.push(b'}');
            }
            body.push(b']');
            let single = list.len() == 1;
            let body = if single { &body[1..body.len() - 1] } else { &body[..] };
            let key = key(list[0].stream);
            let headers = format!("x-api-key: {key}\r\ncontent-type: application/json\r\n");
            publishing.post("/api/events", &headers, body);
        }
        publishing
    }

    fn cursor(&self, answer: &[u8]) -> Option<String> {
        const NAME: &[u8] = br#""cursor":""#;
        let rest = &answer[memmem::rfind(answer, NAME)? + NAME.len()..];
        let end = memchr::memchr(b'"', rest)?;
        String::from_utf8(rest[..end].to_vec()).ok()
    }
}

/// Returns how it is spoken to.
pub(super) fn dialect(transport: Transport, payloads: Payloads) -> impl Dialect {
    Tidegate { transport, payloads }
}
