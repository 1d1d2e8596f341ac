//! What replicas say of themselves: a note of each in one hash, with the time by Redis's clock.
//!
//! A note is `MS TEXT`, written again and again; one that is older than a day goes. Nothing here is
//! part of a log: losing it costs nothing.

use event::{StreamName, UnixMs};
use redis::{Cmd, Value};

use super::{RedisBroker, answer, answer::Words, failure::Failure, library::Function};
use crate::ReadError;

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
    pub async fn leave_note(&self, text: Option<&str>) -> Result<Notices, ReadError> {
        Ok(self.leave_note_now(text).await?)
    }

    async fn leave_note_now(&self, text: Option<&str>) -> Result<Notices, Failure> {
        let key = self.naming.notices();
        let arguments = |command: &mut Cmd, _: &str| {
            command.arg(&self.options.replica).arg(text.unwrap_or_default());
        };
        let ops = self.naming.of(&StreamName::Ops);
        let answered = self.call(&ops, Function::Note, &[&key], &arguments).await?;
        let notices = notices_in(Words::read(answered.value)?)?;
        // A replica that never comes back is to leave nothing: the log of its probe goes as well.
        let names = self.naming.of(&StreamName::Probe);
        let keys = [names.meta.as_str(), &names.digests];
        self.call(&names, Function::Keep, &keys, &|_, _| {}).await?;
        Ok(notices)
    }
}

fn notices_in(mut words: Words) -> Result<Notices, Failure> {
    if words.word() != "notes" {
        return Err(words.unexpected());
    }
    let now = UnixMs(words.number()?);
    let others = words.list()?.into_iter().filter_map(notice).collect();
    Ok(Notices { now, others })
}

fn notice(note: Value) -> Option<Notice> {
    let Value::Array(parts) = note else { return None };
    let [replica, at, text] = <[Value; 3]>::try_from(parts).ok()?;
    let at = UnixMs(answer::text(at)?.parse().ok()?);
    Some(Notice { replica: answer::text(replica)?, at, text: answer::text(text)? })
}
