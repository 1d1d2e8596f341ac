//! Moving a log between a process's memory and Redis: the copy beside the log, and the one call that
//! puts it in the log's place. Each call may be repeated; a switch that was overtaken is refused.
//! `lease` says which switch that is, and `reading` reads what goes the other way.

mod lease;
mod reading;

use std::{sync::Arc, time::Duration};

use event::{Epoch, Event, ForkKind, Ledger, Lineage, Seq, StreamName};
use redis::Cmd;
use sha1::{Digest, Sha1};
use tokio::time::timeout_at;

pub(crate) use self::{
    lease::{Lease, LeaseWord},
    reading::USED_MAX,
};
use super::{
    ForkAt, RedisBroker, TRIES_MAX,
    answer::Words,
    appending::{hex, ulid_of},
    failure::Failure,
    library::Function,
    link::Call,
    names::Names,
    restless,
    run::On,
    state::State,
};
use crate::{lineage_text::lineage_text, memory::keys::Done};

/// An idempotency key, what it did, and how long ago it was used.
pub(crate) type UsedKey = ([u8; 16], Done, Duration);

/// What is copied in one call.
pub(crate) struct Round<'a> {
    /// The token of the switch.
    pub(crate) token: u64,
    /// Whether the copy begins anew with it.
    pub(crate) is_anew: bool,
    /// The number before the first event.
    pub(crate) after: Seq,
    /// The events, with how long ago each was taken in.
    pub(crate) events: &'a [(Duration, Arc<Event>)],
    /// Idempotency keys.
    pub(crate) keys: &'a [UsedKey],
}

/// What became of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copied {
    /// It goes up to this number.
    Up(Seq),
    /// It ends elsewhere than was thought.
    Elsewhere(Seq),
    /// There is none of this switch.
    Gone,
    /// A newer switch, with this token, is under way.
    Fenced(u64),
}

/// How a copy takes the place of a log.
pub(crate) struct Placing<'a> {
    /// The token of the switch.
    pub(crate) token: u64,
    /// What stood there when it was looked at.
    pub(crate) seen: Option<&'a State>,
    /// The epochs that lead to the log, with the new one.
    pub(crate) lineage: &'a Lineage,
    /// The account: its first number, count and hash, and the last number.
    pub(crate) ledger: &'a Ledger,
    /// The number up to which events are lost that the window would have had.
    pub(crate) lost_to: Seq,
}

/// What became of placing a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It is the log now.
    There(State),
    /// The log is not as it was seen.
    Changed,
    /// The copy is gone, or another one.
    Gone,
    /// A newer switch, with this token, is under way.
    Fenced(u64),
}

/// The names of a log's copy.
struct CopyNames {
    keys: [String; 5],
}

impl CopyNames {
    fn of(names: &Names) -> Self {
        let base = names.meta.strip_suffix("meta").unwrap_or(&names.meta);
        let keys = ["stream", "ages", "keys", "keyq", "meta"];
        CopyNames { keys: keys.map(|last| format!("{base}next:{last}")) }
    }

    fn keys(&self) -> [&str; 5] {
        self.keys.each_ref().map(String::as_str)
    }
}

impl RedisBroker {
    /// Copies events and keys beside a log.
    pub(crate) async fn stage(
        &self,
        stream: &StreamName,
        round: &Round<'_>,
    ) -> Result<Copied, Failure> {
        let names = self.naming.of(stream);
        let copy = CopyNames::of(&names);
        let bytes = round.events.iter().map(|(_, event)| event.json.len() + 128).sum::<usize>()
            + round.keys.iter().map(|(_, done, _)| done.ids.len() * 32 + 256).sum::<usize>();
        let marks = self.marks_of(round.events);
        let arguments = |command: &mut Cmd, _: &str| self.add_round(command, round, &marks);
        let (function, keys, on) = (Function::Stage, copy.keys(), On::Any);
        let call = Call { function, keys: &keys, arguments: &arguments, on, bytes };
        let answered = self.fleet.call(&names, &call, self.deadline()).await?;
        let mut words = Words::read(answered.value)?;
        match words.word() {
            "staged" => Ok(Copied::Up(words.seq()?)),
            "at" => Ok(Copied::Elsewhere(words.seq()?)),
            "unstaged" => Ok(Copied::Gone),
            "fenced" => Ok(Copied::Fenced(words.number()?)),
            _ => Err(words.unexpected()),
        }
    }

    fn add_round(&self, command: &mut Cmd, round: &Round<'_>, marks: &[Mark]) {
        command.arg(round.token).arg(if round.is_anew { "anew" } else { "more" });
        command.arg(round.after.0).arg(self.clock_ahead_ms()).arg(round.events.len());
        for (_, event) in round.events {
            command.arg(event.position.seq.0).arg(event.position.epoch.to_string());
            command.arg(&*event.json);
        }
        command.arg(marks.len());
        for mark in marks {
            command.arg(ms(mark.began)).arg(ms(mark.ended)).arg(mark.seq.0);
        }
        for (key, done, age) in round.keys {
            let ids: String = done.ids.iter().map(|id| ulid_of(*id)).collect();
            let Done { fingerprint, first, .. } = done;
            let count = done.ids.len();
            command.arg(hex(key)).arg(hex(fingerprint)).arg(ms(*age)).arg(count);
            command.arg(format!("{} {} {count} {ids}", first.epoch, first.seq));
        }
    }

    /// Returns the marks that appends would have left.
    fn marks_of(&self, events: &[(Duration, Arc<Event>)]) -> Vec<Mark> {
        let span = Duration::from_secs(1).max(self.options.window.age_max / 256);
        let mut marks: Vec<Mark> = Vec::new();
        for (age, event) in events {
            let seq = event.position.seq;
            match marks.last_mut() {
                Some(mark) if mark.began.saturating_sub(*age) < span => {
                    (mark.ended, mark.seq) = (*age, seq);
                }
                _ => marks.push(Mark { began: *age, ended: *age, seq }),
            }
        }
        marks
    }

    /// Digests a stretch of a log's copy, as [`digest_of`] does.
    pub(crate) async fn copy_digest(
        &self,
        stream: &StreamName,
        from: Seq,
        to: Seq,
    ) -> Result<(u64, String), Failure> {
        let names = self.naming.of(stream);
        let copy = CopyNames::of(&names);
        let arguments = |command: &mut Cmd, _: &str| {
            command.arg(from.0).arg(to.0);
        };
        let answered = self.call(&names, Function::Digest, &[copy.keys()[0]], &arguments).await?;
        let mut words = Words::read(answered.value)?;
        match words.word() {
            "digest" => Ok((words.number()?, words.text()?)),
            _ => Err(words.unexpected()),
        }
    }

    /// Returns a log as it stands, once it may be used; `None` where there is none. What somebody has
    /// offered of it is settled first, and a loss that it may have had is told.
    pub(crate) async fn settled(&self, stream: &StreamName) -> Result<Option<State>, Failure> {
        match self.stored(stream).await? {
            None => Ok(None),
            Some(_) => self.state_now(stream).await.map(Some),
        }
    }

    /// Puts the copy in the place of the log; to be repeated as it is where no answer came.
    pub(crate) async fn place(
        &self,
        stream: &StreamName,
        placing: &Placing<'_>,
    ) -> Result<Placed, Failure> {
        let names = self.naming.of(stream);
        let _ = timeout_at(self.deadline(), self.fleet.until_connected(true)).await;
        let run = self.fleet.run().ok_or_else(|| Failure::refused("the connection broke"))?;
        self.guard.check_all(&run)?;
        let copy = CopyNames::of(&names);
        let Names { stream: log, meta, ages, digests, done, queue, heal, .. } = &names;
        let [next, next_ages, next_done, next_queue, next_meta] = copy.keys();
        let keys = [
            log.as_str(),
            meta,
            ages,
            digests,
            done,
            queue,
            next,
            next_ages,
            next_done,
            next_queue,
            next_meta,
            heal,
        ];
        let arguments =
            |command: &mut Cmd, run: &str| self.add_placing(command, run, &names, placing);
        let before = self.known(stream);
        let on = On::Fleet(&run);
        let answered = self.call_on(on, &names, Function::Place, &keys, &arguments).await?;
        let mut words = Words::read(answered.value)?;
        match words.word() {
            "placed" => {
                let state = words.state()?;
                tracing::debug!(%stream, place = %state.place(), "the log is in Redis");
                self.learn(stream, state.clone(), before.as_ref());
                Ok(Placed::There(state))
            }
            "state" | "absent" | "orphan" => Ok(Placed::Changed),
            "offered" => self.settle_offered(stream).await.map(|()| Placed::Changed),
            "unstaged" => Ok(Placed::Gone),
            "fenced" => Ok(Placed::Fenced(words.number()?)),
            _ => Err(words.unexpected()),
        }
    }

    fn add_placing(&self, command: &mut Cmd, run: &str, names: &Names, placing: &Placing<'_>) {
        let Placing { token, seen, lineage, ledger, lost_to } = placing;
        command.arg(token).arg(ledger.last.seq.0);
        match seen {
            Some(seen) => {
                command.arg(seen.lineage.current().to_string()).arg(seen.head.0).arg(&seen.run)
            }
            None => command.arg("absent").arg(0).arg(""),
        };
        command.arg(lineage_text(lineage)).arg(lineage.current().to_string()).arg(run);
        command.arg(ledger.first.0).arg(ledger.count).arg(ledger.hash.to_string());
        command.arg(self.options.window.events_max).arg(self.age_max_ms());
        command.arg(self.clock_ahead_ms()).arg(&names.wake).arg(names.publish).arg(lost_to.0);
    }

    /// Drops a log's copy.
    pub(crate) async fn unstage(&self, stream: &StreamName, token: u64) -> Result<(), Failure> {
        let names = self.naming.of(stream);
        let copy = CopyNames::of(&names);
        let arguments = |command: &mut Cmd, _: &str| {
            command.arg(token);
        };
        let answered = self.call(&names, Function::Unstage, &copy.keys(), &arguments).await?;
        Words::read(answered.value).map(|_| ())
    }

    /// Begins a new epoch of a log, so that what was sent and not answered can't take effect.
    pub(crate) async fn fence_off(&self, stream: &StreamName) -> Result<(), Failure> {
        let names = self.naming.of(stream);
        for _ in 0..TRIES_MAX {
            let state = self.state(stream, &names).await?;
            if self.fork_on(stream, &names, &state, ForkKind::Whole).await? {
                return Ok(());
            }
        }
        Err(restless())
    }

    /// Begins a lossy epoch of a log that still is as it was seen; returns whether it was.
    pub(crate) async fn tell_loss(
        &self,
        stream: &StreamName,
        seen: &State,
        epoch: Epoch,
    ) -> Result<bool, Failure> {
        let names = self.naming.of(stream);
        let mut lineage = seen.lineage.clone();
        lineage.fork(epoch, seen.head, ForkKind::Lossy);
        let on = On::Server(&seen.run);
        Ok(self.fork_to(on, stream, &names, seen, &lineage, ForkAt::Seen).await?.is_some())
    }
}

/// Up to a number, events that were taken in between two instants.
struct Mark {
    began: Duration,
    ended: Duration,
    seq: Seq,
}

/// Digests events as `digest` in switch.lua does what stands in Redis.
pub(crate) fn digest_of<'a>(events: impl Iterator<Item = &'a Event>) -> String {
    let line = |event: &Event| {
        let Event { position, json, .. } = event;
        format!("{} {} {}", position.seq, position.epoch, hex(&Sha1::digest(json)))
    };
    hex(&Sha1::digest(events.map(line).collect::<Vec<_>>().join("\n")))
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX >> 12)
}

#[cfg(test)]
mod tests;
