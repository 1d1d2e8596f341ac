//! Any other server, described by a TOML file; `docs/bench.md` has the format and an example.

#[cfg(test)]
mod tests;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;
use tempfile::TempDir;

use super::{Begin, Dialect, Opening, Publishing, Server, Setup};
use crate::{
    args::Transport,
    error::BenchError,
    payload::{Payloads, stream_name},
    process::Daemon,
    stamp::Stamp,
};

/// The file's form.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    /// What it is called in the report.
    #[serde(default = "name_of_none")]
    name: String,
    /// Where readers connect.
    subscribe_address: SocketAddr,
    /// Where events are published, if elsewhere.
    publish_address: Option<SocketAddr>,
    /// What starts it in the foreground, as a list of words; without it, it runs already.
    #[serde(default)]
    command: Vec<String>,
    /// The processes whose work is counted, where `command` does not start them.
    #[serde(default)]
    pids: Vec<u32>,
    /// A file with such a number.
    pid_file: Option<PathBuf>,
    /// The request that opens a stream.
    subscribe_request: String,
    /// The request that opens it so many events back.
    replay_request: Option<String>,
    /// What is received, behind the head, once a stream is open.
    #[serde(default)]
    ready: String,
    /// The request that publishes an event.
    publish_request: String,
}

fn name_of_none() -> String {
    "custom".to_owned()
}

pub(super) fn start(
    setup: &Setup,
    folder: TempDir,
    file: Option<&Path>,
) -> Result<Server, BenchError> {
    let file = file.ok_or_else(|| BenchError::Usage("custom needs --custom FILE".to_owned()))?;
    let text = fs::read_to_string(file);
    let refused = |why: String| BenchError::Usage(format!("{}: {why}", file.display()));
    let text = text.map_err(|error| refused(error.to_string()))?;
    let description = Description::parse(&text).map_err(&refused)?;
    let daemon = description.start(&folder)?;
    let pids = description.pids(daemon.as_ref()).map_err(refused)?;
    let subscribe_at = description.subscribe_address;
    Ok(Server {
        name: description.name.clone(),
        about: format!("described by {}", file.display()),
        subscribe_at,
        also_at: None,
        publish_at: description.publish_address.unwrap_or(subscribe_at),
        at_once_max: u32::MAX,
        pids,
        function: None,
        shared: None,
        daemon,
        dialect: Box::new(Custom {
            transport: setup.transport,
            payloads: setup.payloads.clone(),
            description,
        }),
        kept: vec![Box::new(folder)],
    })
}

impl Description {
    /// Reads the file's text, and checks what does not depend on the machine.
    fn parse(text: &str) -> Result<Self, String> {
        let description: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let Description { command, pids, pid_file, .. } = &description;
        let ways = [!command.is_empty(), !pids.is_empty(), pid_file.is_some()];
        if ways.into_iter().filter(|way| *way).count() != 1 {
            return Err("it needs one of command, pids and pid_file".to_owned());
        }
        let check = |name: &str, template: &str, known: &[&str]| match unknown(template, known) {
            Some(other) => Err(format!("{name} has an unknown {{{other}}}, it may have {known:?}")),
            None => Ok(()),
        };
        check("subscribe_request", &description.subscribe_request, &["stream"])?;
        let replay = description.replay_request.as_deref().unwrap_or_default();
        check("replay_request", replay, &["stream", "events_back"])?;
        let known = ["stream", "n", "event_json", "payload_json", "length"];
        check("publish_request", &description.publish_request, &known)?;
        Ok(description)
    }

    fn start(&self, folder: &TempDir) -> Result<Option<Daemon>, BenchError> {
        let Some((program, words)) = self.command.split_first() else { return Ok(None) };
        let mut command = Command::new(program);
        command.args(words);
        let daemon = Daemon::start(command, folder.path());
        daemon.map(Some).map_err(BenchError::machine(format!("{program} can't be started")))
    }

    fn pids(&self, daemon: Option<&Daemon>) -> Result<Vec<u32>, String> {
        if let Some(daemon) = daemon {
            return Ok(vec![daemon.pid()]);
        }
        let Some(file) = &self.pid_file else { return Ok(self.pids.clone()) };
        let text = fs::read_to_string(file);
        let text = text.map_err(|error| format!("{}: {error}", file.display()))?;
        let pid = text.trim().parse();
        Ok(vec![pid.map_err(|_| format!("{} holds no number", file.display()))?])
    }
}

/// Returns the first placeholder that is not known. A brace before anything but a small letter is
/// JSON's.
fn unknown(template: &str, known: &[&str]) -> Option<String> {
    let names = template.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    let is_name =
        |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    names.filter(is_name).find(|name| !known.contains(name)).map(ToOwned::to_owned)
}

/// How a described server is spoken to.
struct Custom {
    transport: Transport,
    payloads: Payloads,
    description: Description,
}

impl Dialect for Custom {
    fn open(&self, stream: u32, begin: &Begin) -> Opening {
        let Description { subscribe_request, replay_request, ready, .. } = &self.description;
        let template = match (begin, replay_request) {
            (Begin::Back { events, .. }, Some(replay)) => {
                replay.replace("{events_back}", &events.to_string())
            }
            _ => subscribe_request.clone(),
        };
        let request = request(&template.replace("{stream}", &stream_name(stream)));
        match self.transport {
            Transport::Sse => Opening::sse(request, ready),
            Transport::Ws => Opening::ws(request, None, ready),
        }
    }

    fn publish(&self, events: &[Stamp]) -> Publishing {
        let mut publishing = Publishing::default();
        for stamp in events {
            let json = |write: fn(&Payloads, Stamp, &mut Vec<u8>)| {
                let mut out = Vec::new();
                write(&self.payloads, *stamp, &mut out);
                String::from_utf8_lossy(&out).into_owned()
            };
            let text = self
                .description
                .publish_request
                .replace("{stream}", &stream_name(stamp.stream))
                .replace("{n}", &stamp.number.to_string())
                .replace("{payload_json}", &json(Payloads::payload))
                .replace("{event_json}", &json(Payloads::envelope));
            let text = request(&text);
            let body = text.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
            let text = text.replacen("{length}", &body.to_string(), 1);
            publishing.bytes.extend_from_slice(text.as_bytes());
            publishing.answers += 1;
        }
        publishing
    }
}

/// Gives the head of a request the line ends of HTTP, and its end; the body stays as it is.
fn request(text: &str) -> String {
    let text = text.trim_start();
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
    format!("{}\r\n\r\n{body}", head.lines().collect::<Vec<_>>().join("\r\n"))
}
