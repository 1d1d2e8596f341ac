//! The physical limit: a process of this executable that writes ready bytes and does nothing else.

use std::process::Command;

use tempfile::TempDir;

use super::{Begin, Dialect, Facts, Opening, Publishing, Server, Setup, ports};
use crate::{
    args::Transport, error::BenchError, payload::Payloads, process::Daemon, stamp::Stamp, ws,
};

pub(super) use crate::floor::Writes;

/// Beside what readers come back for: room for a reader that is just being opened.
const KEPT_BYTES_MIN: u64 = 64 << 10;

pub(super) fn start(setup: &Setup, folder: TempDir, writes: Writes) -> Result<Server, BenchError> {
    let [at] = ports::free().map_err(BenchError::machine("no port is free"))?;
    let program = std::env::current_exe();
    let program = program.map_err(BenchError::machine("this program can't be found"))?;
    let dialect = Floor { transport: setup.transport, payloads: setup.payloads.clone() };
    let kept = KEPT_BYTES_MIN + setup.events_back * dialect.frame_bytes();
    let mut command = Command::new(program);
    command.args(["bench", "floor-server", "--address", &at.to_string()]);
    command.args(["--writes", writes.as_str(), "--kept-bytes", &kept.to_string()]);
    command.env_clear();
    let daemon = Daemon::start(command, folder.path());
    let daemon = daemon.map_err(BenchError::machine("the floor can't be started"))?;
    let (name, about) = match writes {
        Writes::One => ("floor", "ready bytes, one write for each event and reader, one thread"),
        Writes::All => {
            ("floor-coalesce", "ready bytes, all that is there in one write, one thread")
        }
    };
    let facts = Facts { name, about: about.to_owned(), at: (at, at) };
    Ok(facts.running(dialect, daemon, folder))
}

/// How the floor is spoken to.
struct Floor {
    transport: Transport,
    payloads: Payloads,
}

impl Floor {
    fn frame(&self, stamp: Stamp, out: &mut Vec<u8>) {
        match self.transport {
            Transport::Sse => self.payloads.sse_frame(stamp, out),
            Transport::Ws => {
                let mut text = Vec::new();
                self.payloads.ws_text(stamp, &mut text);
                ws::text_head(text.len(), out);
                out.extend_from_slice(&text);
            }
        }
    }

    fn frame_bytes(&self) -> u64 {
        let mut frame = Vec::new();
        self.frame(Stamp { stream: 0, number: 1, sent_us: 0 }, &mut frame);
        frame.len() as u64
    }
}

impl Dialect for Floor {
    fn open(&self, stream: u32, begin: &Begin) -> Opening {
        let back = match begin {
            Begin::Live => 0,
            Begin::Back { events, .. } => *events,
        };
        let head = format!("GET /{stream} HTTP/1.1\r\nhost: bench\r\nback: {back}\r\n");
        match self.transport {
            Transport::Sse => Opening::sse(format!("{head}\r\n"), "event: connected"),
            Transport::Ws => {
                let request = format!("{head}{}\r\n", ws::UPGRADE);
                Opening::ws(request, None, r#""type":"subscribed""#)
            }
        }
    }

    fn publish(&self, events: &[Stamp]) -> Publishing {
        let mut publishing = Publishing::default();
        for list in events.chunk_by(|a, b| a.stream == b.stream) {
            let mut body = Vec::new();
            list.iter().for_each(|stamp| self.frame(*stamp, &mut body));
            let headers = format!("events: {}\r\n", list.len());
            publishing.post(&format!("/{}", list[0].stream), &headers, &body);
        }
        publishing
    }
}

/// Returns the dialect for tests.
#[cfg(test)]
pub(super) fn dialect(transport: Transport, payloads: Payloads) -> impl Dialect {
    Floor { transport, payloads }
}
