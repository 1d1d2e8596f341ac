//! Evidence of the live switch: a record of each transition, as a file and as an event for operators.
//!
//! Owns what a record says and what its file is called; `shelf` writes and signs, `keeper` tells. The
//! broker, which must not wait, leaves its transitions here.

pub(crate) mod keeper;
mod shelf;
mod statement;

use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock},
};

use ::evidence::{Predicate, Signer};
use broker::live::{Moved, Resumed, Stage, SwitchObserver, SwitchStatus, Target, Transition};
use data_encoding::HEXLOWER;
use event::{Ledger, UnixMs, timestamp_text};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

pub use self::shelf::KeyFileError;
pub(crate) use self::shelf::read_key;
use crate::ops::OpsEvent;

/// What the format is called in each record; another one gets another number.
pub(crate) const FORMAT: &str = "tidegate.cutover/1";

/// Most records that wait for the disk or the log; beyond, the oldest is given up.
const WAITING_MAX: usize = 256;

/// What has happened and is not put down yet.
#[derive(Default)]
pub(crate) struct Evidence {
    waiting: Mutex<VecDeque<Happened>>,
    woken: Notify,
    /// Who signs records, where somebody does.
    signer: OnceLock<Arc<Signer>>,
}

/// What a record is of.
enum Happened {
    Transition(Transition),
    /// A start brought what another process left to one owner.
    Resumed(UnixMs, Resumed),
}

impl Happened {
    /// Returns whether a switch is under way since.
    fn is_begun(&self) -> bool {
        matches!(self, Happened::Transition(Transition { status, .. }) if status.stage != Stage::Idle)
    }
}

/// A record, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// The name of its file; names sort by time.
    pub(crate) name: String,
    /// The file, byte by byte.
    pub(crate) bytes: Vec<u8>,
    /// When it happened.
    pub(crate) at: UnixMs,
    /// What is signed of it, where there is a key.
    pub(crate) statement: Predicate,
    /// What operators are told.
    pub(crate) said: Value,
    pub(crate) is_written: bool,
    /// The event, once it was made, and whether the log has it.
    pub(crate) event: Option<OpsEvent>,
    pub(crate) is_told: bool,
}

/// What a record says before it has what all have.
struct Written {
    /// The file.
    said: Value,
    /// What operators are told.
    event: Value,
    at: UnixMs,
    /// The end of its name.
    what: String,
}

/// Whose records they are.
pub(crate) struct Author<'a> {
    pub(crate) replica: Option<&'a str>,
    /// Who owns the streams by the settings.
    pub(crate) by_settings: Target,
}

impl Evidence {
    /// Takes in that a start brought a switch to its end.
    pub(crate) fn resumed(&self, at: UnixMs, resumed: Resumed) {
        self.push(Happened::Resumed(at, resumed));
    }

    /// Has records signed from now on.
    pub(crate) fn sign_with(&self, signer: Signer) {
        self.signer.get_or_init(|| Arc::new(signer));
    }

    fn push(&self, happened: Happened) {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= WAITING_MAX {
            tracing::error!("too many transitions wait to be put down; the oldest is given up");
            waiting.pop_front();
        }
        waiting.push_back(happened);
        drop(waiting);
        self.woken.notify_one();
    }

    fn take(&self) -> Option<Happened> {
        self.waiting.lock().pop_front()
    }
}

impl SwitchObserver for Evidence {
    fn transition(&self, transition: &Transition) {
        self.push(Happened::Transition(transition.clone()));
    }
}

impl Author<'_> {
    /// Writes the record of a transition; `number` tells apart those of one millisecond.
    fn record(&self, happened: &Happened, number: u64) -> Record {
        let written = match happened {
            Happened::Transition(transition) => Self::of_transition(transition),
            Happened::Resumed(at, resumed) => self.of_start(*at, resumed),
        };
        let name = format!(
            "{}-{number:06}-{}.json",
            timestamp_text(written.at).replace([':', '-'], ""),
            written.what
        );
        let statement = match happened {
            Happened::Transition(transition) => statement::of_transition(transition, &name),
            Happened::Resumed(_, resumed) => statement::of_start(self.by_settings, resumed, &name),
        };
        self.finish(written, name, statement)
    }

    fn of_transition(transition: &Transition) -> Written {
        let Transition { from, status, token, moved } = transition;
        let mut said = json!({
            "from": from.as_str(),
            "stage": status.stage.as_str(),
            "to": status.to.as_str(),
            "owner": status.owner.as_str(),
            "is_undo": status.is_undo,
            "actor": status.by,
            "token": token,
            "counts": counts(status),
            "pause_ms": pauses(status),
        });
        let mut event = said.clone();
        flatten(&mut event);
        let streams: Vec<_> = moved.iter().map(moved_json).collect();
        said["streams"] = streams.into();
        let what = format!("{}-{}", from.as_str(), status.stage.as_str());
        Written { said, event, at: status.since, what }
    }

    fn of_start(&self, at: UnixMs, resumed: &Resumed) -> Written {
        let Resumed { taken, kept, lossy, unreached } = resumed;
        let idle = Stage::Idle.as_str();
        let said = json!({
            "from": "restart",
            "stage": idle,
            "to": self.by_settings.as_str(),
            "owner": self.by_settings.as_str(),
            "is_undo": false,
            "actor": "",
            "token": 0,
            "streams_taken": taken,
            "streams_kept": kept,
            "streams_lossy": lossy,
            "unreached": unreached,
        });
        Written { event: said.clone(), said, at, what: format!("restart-{idle}") }
    }

    /// Adds what all records have.
    fn finish(&self, written: Written, name: String, statement: Predicate) -> Record {
        let Written { mut said, mut event, at, .. } = written;
        let time = timestamp_text(at);
        for value in [&mut said, &mut event] {
            value["time"] = time.as_str().into();
            value["settings"] = self.by_settings.as_str().into();
        }
        said["format"] = FORMAT.into();
        said["replica"] = self.replica.into();
        said["version"] = crate::VERSION.into();
        let mut bytes = serde_json::to_vec_pretty(&said).expect("numbers and texts are JSON");
        bytes.push(b'\n');
        event["record"] = name.as_str().into();
        event["sha256"] = HEXLOWER.encode(&Sha256::digest(&bytes)).into();
        let (said, event) = (event, None);
        Record { name, bytes, at, statement, said, event, is_written: false, is_told: false }
    }
}

fn counts(status: &SwitchStatus) -> Value {
    json!({
        "streams": status.streams,
        "copied": status.copied,
        "moved": status.moved,
        "events": status.events,
        "bytes": status.bytes,
    })
}

fn pauses(status: &SwitchStatus) -> Value {
    let pauses = &status.pauses;
    json!({
        "p50": of_micros(pauses.permille_micros(500)),
        "p99": of_micros(pauses.permille_micros(990)),
        "max": of_micros(pauses.max_micros()),
    })
}

/// Returns milliseconds, to the microsecond.
fn of_micros(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

fn moved_json(moved: &Moved) -> Value {
    json!({
        "stream": moved.stream.to_string(),
        "before": ledger(&moved.before),
        "after": ledger(&moved.after),
        "pause_ms": of_micros(u64::try_from(moved.pause.as_micros()).unwrap_or(u64::MAX)),
    })
}

fn ledger(ledger: &Ledger) -> Value {
    json!({
        "first": ledger.first.0,
        "last": ledger.last.to_string(),
        "count": ledger.count,
        "hash": ledger.hash.to_string(),
    })
}

/// Takes the members of inner objects one level up, since events are flat: counts under their own
/// names, pauses under both, as `pause_ms_max`.
fn flatten(value: &mut Value) {
    let Some(members) = value.as_object_mut() else { return };
    for name in ["counts", "pause_ms"] {
        let Some(Value::Object(inner)) = members.remove(name) else { continue };
        for (key, value) in inner {
            let key = if name == "counts" { key } else { format!("{name}_{key}") };
            members.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests;
