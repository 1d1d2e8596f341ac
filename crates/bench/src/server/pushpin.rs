//! Pushpin, of Debian's package, with a backend of ours that lets every stream be held open. A
//! stream is a channel.

use std::{fs, net::SocketAddr, process::Command};

use tempfile::TempDir;

use super::{Begin, Dialect, Facts, Opening, Publishing, Server, Setup, ports};
use crate::{
    error::BenchError,
    grip::Backend,
    payload::{Payloads, stream_name},
    process::{Daemon, find_program},
    stamp::Stamp,
};

const ADVICE: &str = "apt-get install pushpin";
const LIBRARY: &str = "/usr/lib/pushpin";

/// With more streams being opened at one time, its proxy answers some with 502.
const AT_ONCE_MAX: u32 = 32;

/// The most that one publish may carry.
const BODY_BYTES_MAX: usize = 64 << 20;

pub(super) fn start(setup: &Setup, folder: TempDir) -> Result<Server, BenchError> {
    let missing = |program: &str| BenchError::Missing {
        server: "pushpin",
        missing: program.to_owned(),
        advice: ADVICE,
    };
    let program = find_program("pushpin").ok_or_else(|| missing("pushpin"))?;
    for helper in ["condure", "zurl"] {
        find_program(helper).ok_or_else(|| missing(helper))?;
    }
    let ports = ports::free::<5>().map_err(BenchError::machine("no port is free"))?;
    let backend = Backend::start().map_err(BenchError::machine("pushpin's backend"))?;
    let write = |name: &str, text: String| {
        let file = folder.path().join(name);
        fs::write(&file, text).map_err(BenchError::file(&file))
    };
    write("pushpin.conf", config(setup, ports, &folder.path().to_string_lossy()))?;
    write("routes", format!("* {}\n", backend.address()))?;
    let mut command = Command::new(program);
    command.arg("-m").arg("--config").arg(folder.path().join("pushpin.conf"));
    command.env_clear().env("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/bin");
    let daemon = Daemon::start(command, folder.path());
    let daemon = daemon.map_err(BenchError::machine("pushpin can't be started"))?;
    let about = "condure, proxy, handler and zurl; published over HTTP".to_owned();
    let dialect = Pushpin { payloads: setup.payloads.clone() };
    let facts = Facts { name: "pushpin", about, at: (ports[0], ports[1]) };
    let server = facts.running(dialect, daemon, folder).keeping(backend);
    Ok(Server { at_once_max: AT_ONCE_MAX, ..server })
}

fn config(setup: &Setup, ports: [SocketAddr; 5], folder: &str) -> String {
    let [http, publish, push_in, sub, command] = ports.map(|address| address.port());
    let connections = setup.connections + 1000;
    format!(
        "[global]
include={LIBRARY}/internal.conf
rundir={folder}
ipc_prefix=p-
port_offset=0
[runner]
services=condure,zurl,pushpin-proxy,pushpin-handler
http_port=127.0.0.1:{http}
logdir={folder}
log_level=1
client_maxconn={connections}
[proxy]
routesfile={folder}/routes
updates_check=off
zurl_out_specs=ipc://{folder}/p-zurl-in
zurl_out_stream_specs=ipc://{folder}/p-zurl-in-stream
zurl_in_specs=ipc://{folder}/p-zurl-out
[handler]
push_in_spec=tcp://127.0.0.1:{push_in}
push_in_sub_specs=tcp://127.0.0.1:{sub}
push_in_http_addr=127.0.0.1
push_in_http_port={publish}
push_in_http_max_headers_size=10000
push_in_http_max_body_size={BODY_BYTES_MAX}
command_spec=tcp://127.0.0.1:{command}
message_rate=100000000
message_hwm=100000000
"
    )
}

/// How Pushpin is spoken to.
struct Pushpin {
    payloads: Payloads,
}

impl Dialect for Pushpin {
    fn open(&self, stream: u32, _begin: &Begin) -> Opening {
        let name = stream_name(stream);
        // HTTP/1.0: no chunk's head can then stand within a stamp.
        Opening::sse(format!("GET /{name} HTTP/1.0\r\nhost: bench\r\n\r\n"), "event: connected")
    }

    fn publish(&self, events: &[Stamp]) -> Publishing {
        let mut body = br#"{"items":["#.to_vec();
        let mut frame = Vec::new();
        for (index, stamp) in events.iter().enumerate() {
            frame.clear();
            self.payloads.sse_frame(*stamp, &mut frame);
            let comma = if index == 0 { "" } else { "," };
            let channel = stream_name(stamp.stream);
            let content = serde_json::Value::from(String::from_utf8_lossy(&frame));
            let item = format!(
                r#"{comma}{{"channel":"{channel}","formats":{{"http-stream":{{"content":{content}}}}}}}"#
            );
            body.extend_from_slice(item.as_bytes());
        }
        body.extend_from_slice(b"]}");
        let mut publishing = Publishing::default();
        publishing.post("/publish/", "content-type: application/json\r\n", &body);
        publishing
    }
}

/// Returns the dialect for tests.
#[cfg(test)]
pub(super) fn dialect(payloads: Payloads) -> impl Dialect {
    Pushpin { payloads }
}
