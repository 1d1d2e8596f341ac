//! Tidegate: this very executable. A stream is an organisation with a key of its own.

use std::{fmt::Write, fs, net::SocketAddr, path::Path, process::Command};

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
const EVENTS_PER_SECOND: u32 = 10_000_000;

pub(super) fn start(setup: &Setup, folder: TempDir) -> Result<Server, BenchError> {
    let (at, daemon) = serve(setup, folder.path(), None)?;
    let about = format!("{} serve, the memory backend", env!("CARGO_PKG_VERSION"));
    let dialect = dialect(setup.transport, setup.payloads.clone());
    Ok(Facts { name: "tidegate", about, at: (at, at) }.running(dialect, daemon, folder))
}

/// Starts a process in a folder, on a Redis where there is one.
pub(super) fn serve(
    setup: &Setup,
    folder: &Path,
    redis: Option<&str>,
) -> Result<(SocketAddr, Daemon), BenchError> {
    let [at] = ports::free().map_err(BenchError::machine("no port is free"))?;
    let file = folder.join("tidegate.toml");
    let mut config = config(setup, &at.to_string(), &folder.join("state").to_string_lossy());
    if let Some(url) = redis {
        let _to_a_string = writeln!(config, "realtime_backend = \"redis\"\nredis_url = \"{url}\"");
    }
    fs::write(&file, config).map_err(BenchError::file(&file))?;
    let program = std::env::current_exe();
    let program = program.map_err(BenchError::machine("this program can't be found"))?;
    let mut command = Command::new(program);
    command.arg("serve").arg("--config").arg(&file).env_clear().current_dir(folder);
    let daemon = Daemon::start(command, folder);
    Ok((at, daemon.map_err(BenchError::machine("tidegate can't be started"))?))
}

/// Writes the settings that differ from the defaults.
fn config(setup: &Setup, bind: &str, state: &str) -> String {
    let keys: Vec<_> =
        (0..setup.streams).map(|s| format!("{}={}", stream_name(s), key(s))).collect();
    let streams = (setup.connections + 100).max(10_000);
    let mut text = String::new();
    let mut set = |name: &str, value: &dyn std::fmt::Display| {
        let _to_a_string = writeln!(text, "{name} = {value}");
    };
    set("viz_api_bind", &format!("\"{bind}\""));
    set("realtime_state_dir", &format!("\"{state}\""));
    set("tidegate_log", &"\"warn\"");
    set("tidegate_org_streams_max", &streams);
    let events_per_second = setup.limits.map_or(EVENTS_PER_SECOND, |l| l.events_per_second);
    set("tidegate_org_events_per_second", &events_per_second);
    if let Some(limits) = setup.limits {
        set("realtime_replay_window_seconds", &limits.window_seconds);
        set("tidegate_lag_seconds_max", &limits.lag_seconds);
    }
    set("tidegate_batch_events_max", &setup.list_max.clamp(500, 10_000));
    set("realtime_replay_max_events", &events_max(setup));
    set("tidegate_keys", &format!("\"{}\"", keys.join(",")));
    text
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
