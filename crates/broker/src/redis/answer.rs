//! What our functions answer, read without trust.

use bytes::Bytes;
use event::{RollingHash, Seq};
use redis::Value;

use super::{failure::Failure, state::State};
use crate::{
    holes::{Hole, holes_from},
    lineage_text::lineage_from,
    number_text::number_from,
};

/// An answer: its first word, and what follows.
pub(super) struct Words {
    word: String,
    rest: std::vec::IntoIter<Value>,
}

/// An entry of the window, as it is stored.
pub(super) struct Entry {
    pub(super) seq: Seq,
    pub(super) envelope: Bytes,
    pub(super) epoch: String,
}

impl Words {
    pub(super) fn read(value: Value) -> Result<Self, Failure> {
        let mut rest = match value {
            Value::Array(values) => values.into_iter(),
            _ => return Err(nonsense("an answer that is no list")),
        };
        let word =
            rest.next().and_then(text).ok_or_else(|| nonsense("an answer without a word"))?;
        Ok(Words { word, rest })
    }

    pub(super) fn word(&self) -> &str {
        &self.word
    }

    pub(super) fn text(&mut self) -> Result<String, Failure> {
        self.rest.next().and_then(text).ok_or_else(|| nonsense("an answer that lacks a text"))
    }

    pub(super) fn number(&mut self) -> Result<u64, Failure> {
        let number = number_from(&self.text()?);
        number.ok_or_else(|| nonsense("a number that is none of ours"))
    }

    pub(super) fn seq(&mut self) -> Result<Seq, Failure> {
        self.number().map(Seq)
    }

    pub(super) fn list(&mut self) -> Result<Vec<Value>, Failure> {
        match self.rest.next() {
            Some(Value::Array(values)) => Ok(values),
            _ => Err(nonsense("an answer that lacks a list")),
        }
    }

    pub(super) fn hash(&mut self) -> Result<RollingHash, Failure> {
        let bytes = data_encoding::HEXLOWER.decode(self.text()?.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(RollingHash).ok_or_else(|| nonsense("an account that is damaged"))
    }

    pub(super) fn state(&mut self) -> Result<State, Failure> {
        let lineage = lineage_from(&self.text()?);
        let damaged = || Failure::of_log("Redis holds or answered a lineage that is damaged");
        let lineage = lineage.ok_or_else(damaged)?;
        let head = self.seq().map_err(|failure| Failure::of_log(failure.reason))?;
        Ok(State { lineage, head, run: self.text()? })
    }

    /// Reads the holes of a log.
    pub(super) fn holes(&mut self) -> Result<Vec<Hole>, Failure> {
        let damaged = || Failure::of_log("Redis holds or answered holes of a log that are damaged");
        holes_from(&self.text()?).ok_or_else(damaged)
    }

    /// Returns the failure of an answer that the caller does not expect.
    pub(super) fn unexpected(mut self) -> Failure {
        match self.word.as_str() {
            "foreign" => foreign(&self.text().unwrap_or_default()),
            word => nonsense(&format!("the answer `{word}` at the wrong time")),
        }
    }
}

/// Returns the failure of a key that another program, or a hand, has written.
pub(super) fn foreign(key: &str) -> Failure {
    Failure::of_log(format!(
        "the key `{key}` holds what this log did not write; move it away, or delete it"
    ))
}

fn nonsense(what: &str) -> Failure {
    Failure::refused(format!("Redis holds or answered {what}"))
}

/// Reads an entry of a stream, `None` where it has another form than ours.
pub(super) fn entry(value: Value) -> Option<Entry> {
    let Value::Array(parts) = value else { return None };
    let [id, fields]: [Value; 2] = parts.try_into().ok()?;
    let seq = number_from(text(id)?.strip_suffix("-0")?).map(Seq)?;
    let Value::Array(fields) = fields else { return None };
    let [envelope_name, envelope, epoch_name, epoch]: [Value; 4] = fields.try_into().ok()?;
    if text(envelope_name)? != "envelope" || text(epoch_name)? != "epoch" {
        return None;
    }
    let Value::BulkString(envelope) = envelope else { return None };
    Some(Entry { seq, envelope: envelope.into(), epoch: text(epoch)? })
}

/// An element of the list that the account goes on from.
pub(super) enum Element {
    /// The SHA-256 of the next event.
    Digest([u8; 32]),
    /// The log has a hole here; the next event has this number.
    HoleBefore(Seq),
}

/// Reads a digest, or the mark of a hole: `@` and a number.
pub(super) fn element(value: Value) -> Result<Element, Failure> {
    let neither = || nonsense("what is neither a digest nor a hole");
    let Value::BulkString(bytes) = value else { return Err(neither()) };
    let next = |bytes: &[u8]| number_from(std::str::from_utf8(bytes.strip_prefix(b"@")?).ok()?);
    match (<[u8; 32]>::try_from(&*bytes), next(&bytes)) {
        (Ok(digest), _) => Ok(Element::Digest(digest)),
        (_, Some(next)) => Ok(Element::HoleBefore(Seq(next))),
        _ => Err(neither()),
    }
}

pub(super) fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}
