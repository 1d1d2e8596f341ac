//! What replicas say of themselves: a note of each in one hash, with the time by Redis's clock.
//!
//! A note is `MS TEXT`, written again and again; one that is older than a day goes. Nothing here is
//! part of a log: losing it costs nothing.

use event::UnixMs;
use redis::{Pipeline, Value};

use super::{RedisBroker, answer, failure::Failure};
use crate::ReadError;

/// How long a note is kept that nobody renews; the log of its replica's probe goes then too.
const NOTE_AGE_MAX_MS: u64 = 24 * 3600 * 1000;

/// What one replica said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The replica.
    pub replica: String,
    /// When it said so, by Redis's clock.
    pub at: UnixMs,
    /// What it said.
    pub text: String,
}

/// What all replicas said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notices {
    /// The time by Redis's clock.
    pub now: UnixMs,
    /// The last word of each replica, without this one's.
    pub others: Vec<Notice>,
}

impl RedisBroker {
    /// Reads what other replicas say of themselves and leaves what this one says, or takes it back.
    ///
    /// # Errors
    /// Fails where Redis can't answer.
    pub async fn announce(&self, text: Option<&str>) -> Result<Notices, ReadError> {
        Ok(self.announce_now(text).await?)
    }

    async fn announce_now(&self, text: Option<&str>) -> Result<Notices, Failure> {
        let key = self.naming.notices();
        let mut read = redis::pipe();
        read.cmd("TIME").cmd("HGETALL").arg(&key);
        let [time, notes] = <[Value; 2]>::try_from(self.link.read(&read).await?)
            .map_err(|_| Failure::refused("Redis answered with another number of answers"))?;
        let now = time_in(time)?;
        let mut others = notes_in(notes)?;
        others.retain(|note| note.replica != self.options.replica);
        let (old, others): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|note| now.0.saturating_sub(note.at.0) > NOTE_AGE_MAX_MS);
        let mut write = redis::pipe();
        match text {
            Some(text) => {
                let note = format!("{} {text}", now.0);
                write.cmd("HSET").arg(&key).arg(&self.options.replica).arg(note);
            }
            None => {
                write.cmd("HDEL").arg(&key).arg(&self.options.replica);
            }
        }
        for note in old {
            write.cmd("HDEL").arg(&key).arg(note.replica);
        }
        self.keep_probe(&mut write);
        // Writing the same again is harmless, so an answer that does not come is of no matter.
        for value in self.link.read(&write).await? {
            answered(value)?;
        }
        Ok(Notices { now, others })
    }

    /// Keeps what lives as long as the log of this replica's probe a day from now on: a replica that
    /// never comes back leaves nothing.
    fn keep_probe(&self, write: &mut Pipeline) {
        let names = self.naming.of(&event::StreamName::Probe);
        for key in [names.meta, names.digests] {
            write.cmd("PEXPIRE").arg(key).arg(NOTE_AGE_MAX_MS);
        }
    }
}

fn answered(value: Value) -> Result<Value, Failure> {
    match value {
        Value::ServerError(error) => Err(Failure::from_redis(&error.into())),
        value => Ok(value),
    }
}

fn time_in(time: Value) -> Result<UnixMs, Failure> {
    let strange = || Failure::refused("Redis told no time");
    let Value::Array(parts) = answered(time)? else { return Err(strange()) };
    let mut numbers =
        parts.into_iter().map(|part| answer::text(part).and_then(|part| part.parse::<u64>().ok()));
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(seconds), Some(micros)) => Ok(UnixMs(seconds * 1000 + micros / 1000)),
        _ => Err(strange()),
    }
}

/// Reads the notes; what is none of ours is passed over.
fn notes_in(notes: Value) -> Result<Vec<Notice>, Failure> {
    let pairs = match answered(notes)? {
        Value::Map(pairs) => pairs,
        _ => return Err(Failure::refused("a key of ours holds another program's data")),
    };
    let notice = |(replica, note): (Value, Value)| {
        let (replica, note) = (answer::text(replica)?, answer::text(note)?);
        let (at, text) = note.split_once(' ')?;
        Some(Notice { replica, at: UnixMs(at.parse().ok()?), text: text.to_owned() })
    };
    Ok(pairs.into_iter().filter_map(notice).collect())
}
