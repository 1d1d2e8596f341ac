//! nginx with the nchan module, of Debian's packages. A stream is a channel.

use std::{fs, path::Path, process::Command};

use rustix::process::geteuid;
use tempfile::TempDir;

use super::{Begin, Dialect, Facts, Opening, Publishing, Server, Setup, ports};
use crate::{
    args::Transport,
    error::BenchError,
    payload::{Payloads, stream_name},
    process::{Daemon, find_program},
    stamp::Stamp,
    ws,
};

const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
const ADVICE: &str = "apt-get install nginx-light libnginx-mod-nchan";

pub(super) fn start(setup: &Setup, folder: TempDir) -> Result<Server, BenchError> {
    let missing = |missing: &str| BenchError::Missing {
        server: "nchan",
        missing: missing.to_owned(),
        advice: ADVICE,
    };
    let program = find_program("nginx").ok_or_else(|| missing("nginx"))?;
    if !Path::new(MODULE).is_file() {
        return Err(missing(MODULE));
    }
    let [at] = ports::free().map_err(BenchError::machine("no port is free"))?;
    let file = folder.path().join("nginx.conf");
    let text = config(setup, &at.to_string(), &folder.path().to_string_lossy());
    fs::write(&file, text).map_err(BenchError::file(&file))?;
    let mut command = Command::new(program);
    command.arg("-p").arg(folder.path()).arg("-c").arg(&file).env_clear();
    // Without it, nginx writes to the system's own log before it has read the file.
    command.arg("-e").arg(folder.path().join("error.log"));
    let daemon = Daemon::start(command, folder.path());
    let daemon = daemon.map_err(BenchError::machine("nginx can't be started"))?;
    let about = format!("nginx with nchan, {} workers, messages in memory", setup.cores);
    let dialect = Nchan { transport: setup.transport, payloads: setup.payloads.clone() };
    Ok(Facts { name: "nchan", about, at: (at, at) }.running(dialect, daemon, folder))
}

fn config(setup: &Setup, listen: &str, folder: &str) -> String {
    let cores = setup.cores;
    // A place further back than 32 events can't be named: what is kept is what comes again.
    let kept = if setup.events_back > 0 { setup.events_back } else { setup.events_kept };
    let user = if geteuid().is_root() { "user root;" } else { "" };
    let connections = setup.connections + 1000;
    format!(
        "load_module {MODULE};
{user}
daemon off;
worker_processes {cores};
worker_rlimit_nofile {connections};
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_body_buffer_size 1m;
  client_max_body_size 64m;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  nchan_shared_memory_size 1g;
  server {{
    listen {listen} backlog=4096;
    location ~ ^/publish/(\\w+)$ {{
      nchan_publisher;
      nchan_channel_id $1;
      nchan_message_buffer_length {kept};
      nchan_message_timeout 1h;
    }}
    location ~ ^/subscribe/(\\w+)$ {{
      nchan_subscriber eventsource websocket;
      nchan_channel_id $1;
      nchan_subscriber_first_message newest;
    }}
    location ~ ^/replay/(\\w+)$ {{
      nchan_subscriber eventsource websocket;
      nchan_channel_id $1;
      nchan_subscriber_first_message oldest;
    }}
  }}
}}
"
    )
}

/// How nchan is spoken to.
struct Nchan {
    transport: Transport,
    payloads: Payloads,
}

impl Dialect for Nchan {
    fn open(&self, stream: u32, begin: &Begin) -> Opening {
        let place = match begin {
            Begin::Live => "subscribe",
            Begin::Back { .. } => "replay",
        };
        let head = format!("GET /{place}/{} HTTP/1.1\r\nhost: bench\r\n", stream_name(stream));
        match self.transport {
            Transport::Sse => {
                Opening::sse(format!("{head}accept: text/event-stream\r\n\r\n"), ": hi")
            }
            Transport::Ws => Opening::ws(format!("{head}{}\r\n", ws::UPGRADE), None, ""),
        }
    }

    /// It has no lists: requests follow each other without waiting for answers.
    fn publish(&self, events: &[Stamp]) -> Publishing {
        let mut publishing = Publishing::default();
        let mut body = Vec::new();
        for stamp in events {
            body.clear();
            self.payloads.envelope(*stamp, &mut body);
            let path = format!("/publish/{}", stream_name(stamp.stream));
            publishing.post(&path, "content-type: application/json\r\n", &body);
        }
        publishing
    }
}

/// Returns the dialect for tests.
#[cfg(test)]
pub(super) fn dialect(transport: Transport, payloads: Payloads) -> impl Dialect {
    Nchan { transport, payloads }
}
