//! Appending: one call of one function.

use std::sync::Arc;

use event::{Epoch, Event, EventId, Position, Seq, StreamName};
use redis::{Cmd, Value};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::{
    RedisBroker, TRIES_MAX,
    answer::Words,
    envelope::head_of,
    failure::Failure,
    library::Function,
    link::{Answered, Call},
    names::Names,
    restless,
    run::On,
    state::State,
    wake::EVENT_BYTES_MAX,
};
use crate::{Append, AppendError, Appended, IdempotencyKey, Receipt};

/// How many digests wait before an append folds them.
const FOLD_AT: u64 = 1024;

/// How long an id's text is without its prefix.
const ULID_CHARS: usize = 26;

/// An append as it is sent, whatever the log's state is by then.
struct Prepared<'a> {
    append: &'a Append,
    key: String,
    fingerprint: String,
    digests: Vec<[u8; 32]>,
}

/// Why an append is not acknowledged.
enum Refused {
    /// The log says so.
    ByRule(AppendError),
    /// Redis gave no answer that could be used.
    Unanswered(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Refused::Unanswered(failure)
    }
}

/// What an append came to.
struct Stored {
    first: Seq,
    head: Seq,
    /// How many digests wait.
    unfolded: u64,
}

impl Stored {
    fn read(words: &mut Words) -> Result<Self, Failure> {
        let stored = Stored { first: words.seq()?, head: words.seq()?, unfolded: words.number()? };
        let silent = words.text()?;
        if !silent.is_empty() {
            tracing::warn!(reason = %silent, "Redis stored an event and did not publish it");
        }
        Ok(stored)
    }
}

impl RedisBroker {
    /// Appends; only while the log has this epoch, where one is given.
    pub(crate) async fn append_now(
        &self,
        stream: &StreamName,
        append: &Append,
        only: Option<Epoch>,
    ) -> Result<Appended, AppendError> {
        match self.append_unless_refused(stream, append, only).await {
            Ok(appended) => {
                self.found_sound(stream);
                Ok(appended)
            }
            Err(Refused::ByRule(error)) => Err(error),
            Err(Refused::Unanswered(failure)) => {
                self.noting(stream, Err(failure)).await.map_err(AppendError::from)
            }
        }
    }

    async fn append_unless_refused(
        &self,
        stream: &StreamName,
        append: &Append,
        only: Option<Epoch>,
    ) -> Result<Appended, Refused> {
        let prepared = Prepared::new(append)?;
        let names = self.naming.of(stream);
        for _ in 0..TRIES_MAX {
            let Some(seen) = self.known(stream) else {
                self.state(stream, &names).await?;
                continue;
            };
            if only.is_some_and(|epoch| epoch != seen.lineage.current()) {
                return Err(Failure::refused("the log began another epoch").into());
            }
            let deadline = self.deadline();
            let (answered, mut words) = self.send(&seen, &prepared, &names, deadline).await?;
            match words.word() {
                "first" => {
                    let stored = Stored::read(&mut words).map_err(unsure)?;
                    // First what is known, then whether it still counts: whoever looks at another
                    // server from now on finds out what that one lacks.
                    let end = Position::new(seen.lineage.current(), stored.head);
                    let event = alone(append, end).filter(|_| answered.is_current());
                    if !self.grew(stream, end, event) || !answered.is_current() {
                        let what = "the log's owner changed before the answer came";
                        return Err(Failure::unanswered(what).into());
                    }
                    self.fleet.confirm(&names, &answered, deadline).await?;
                    if stored.unfolded >= FOLD_AT {
                        // The append stands, whatever becomes of this.
                        let _ = self.fold(stream, &names).await;
                    }
                    let place = Position::new(seen.lineage.current(), stored.first);
                    return Ok(Appended::First(receipts(place, append)));
                }
                "replayed" => {
                    let done = words.text()?;
                    if !answered.is_current() {
                        return Err(Failure::unanswered("the connection was left").into());
                    }
                    self.fleet.confirm(&names, &answered, deadline).await?;
                    let receipts = done_receipts(&done);
                    return receipts.map(Appended::Replayed).ok_or_else(|| {
                        Failure::refused("what Redis has of the key is damaged").into()
                    });
                }
                "conflict" => return Err(Refused::ByRule(AppendError::Conflict)),
                "full" => return Err(Refused::ByRule(AppendError::KeysFull)),
                "unfolded" => self.fold(stream, &names).await?,
                "state" => {
                    let state = words.state()?;
                    self.settle(stream, &names, &state, Some(&seen), &answered.run).await?;
                }
                "absent" | "orphan" => {
                    self.begin(stream, &names, Some(&seen), words, &answered.run).await?;
                    self.state(stream, &names).await?;
                }
                "foreign" => return Err(words.unexpected().into()),
                _ => return Err(unsure(words.unexpected()).into()),
            }
        }
        Err(restless().into())
    }

    async fn send(
        &self,
        seen: &State,
        prepared: &Prepared<'_>,
        names: &Names,
        deadline: Instant,
    ) -> Result<(Answered, Words), Failure> {
        let Names { stream, meta, ages, digests, done, queue, .. } = names;
        let keys = [stream.as_str(), meta, ages, digests, done, queue];
        let arguments = |command: &mut Cmd, run: &str| {
            self.add_arguments(command, seen, run, prepared, names);
        };
        let (function, bytes) = (Function::Append, prepared.bytes());
        let call = Call { function, keys: &keys, arguments: &arguments, on: On::Any, bytes };
        let mut answered = self.fleet.call(names, &call, deadline).await?;
        let value = std::mem::replace(&mut answered.value, Value::Nil);
        Ok((answered, Words::read(value).map_err(unsure)?))
    }

    /// Takes in how far a log grew; `false` where it has an owner by now that never had this.
    /// Readers are given the event at that place where it is named, and read the log else.
    pub(super) fn grew(
        &self,
        stream: &StreamName,
        place: Position,
        event: Option<Arc<Event>>,
    ) -> bool {
        let is_ours = self.known.grew(stream, place);
        if is_ours {
            self.registry.raise(stream, place, event);
        }
        is_ours
    }

    fn add_arguments(
        &self,
        command: &mut Cmd,
        seen: &State,
        run: &str,
        prepared: &Prepared<'_>,
        names: &Names,
    ) {
        let Prepared { append, key, fingerprint, digests } = prepared;
        command.arg(seen.lineage.current().to_string()).arg(seen.head.0).arg(run);
        command.arg(self.options.window.events_max).arg(self.age_max_ms());
        command.arg(self.clock_ahead_ms()).arg(key).arg(fingerprint);
        command.arg(&names.events).arg(&names.wake).arg(names.publish).arg(append.events.len());
        for (event, digest) in append.events.iter().zip(digests) {
            command.arg(&*event.json).arg(&digest[..]).arg(ulid_of(event.id));
        }
    }
}

/// Of an answer that can't be understood nobody knows what it stands for.
fn unsure(failure: Failure) -> Failure {
    Failure { maybe: true, ..failure }
}

/// Fails where an event's JSON is not its envelope, from which it is read again.
pub(crate) fn check(append: &Append) -> Result<(), Failure> {
    for event in &append.events {
        if head_of(&event.json).is_none_or(|(id, name)| id != event.id || name != event.name) {
            return Err(Failure::refused("an event's JSON is not its envelope"));
        }
    }
    Ok(())
}

impl<'a> Prepared<'a> {
    fn new(append: &'a Append) -> Result<Self, Failure> {
        check(append)?;
        let key = |key: &IdempotencyKey| (hex(&key.key), hex(&key.fingerprint));
        let (key, fingerprint) = append.idempotency.as_ref().map(key).unwrap_or_default();
        let digests = append.events.iter().map(|event| Sha256::digest(&event.json).into());
        Ok(Prepared { append, key, fingerprint, digests: digests.collect() })
    }

    /// Returns how many bytes it has as it is sent, about.
    fn bytes(&self) -> usize {
        /// Digest, id, and how RESP frames the three.
        const EACH: usize = 128;
        self.append.events.iter().map(|event| event.json.len() + EACH).sum()
    }
}

/// Returns an id's text without its prefix.
pub(super) fn ulid_of(id: EventId) -> String {
    let text = id.to_string();
    text[text.len() - ULID_CHARS..].to_owned()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Returns the event of an append of one that is small, as its wake-up has it.
fn alone(append: &Append, place: Position) -> Option<Arc<Event>> {
    let [event] = append.events.as_slice() else { return None };
    let (name, json) = (event.name.clone(), event.json.clone());
    let is_small = json.len() <= EVENT_BYTES_MAX;
    is_small.then(|| Arc::new(Event::new(place, event.id, name, json)))
}

fn receipts(first: Position, append: &Append) -> Vec<Receipt> {
    let numbered = append.events.iter().zip(first.seq.0..);
    numbered
        .map(|(event, seq)| Receipt {
            id: event.id,
            position: Position::new(first.epoch, Seq(seq)),
        })
        .collect()
}

/// Reads what a key did: `FINGERPRINT TIME EPOCH FIRST COUNT IDS`.
pub(super) fn done_receipts(done: &str) -> Option<Vec<Receipt>> {
    let mut words = done.split(' ').skip(2);
    let (epoch, first) = (words.next()?.parse().ok()?, words.next()?.parse::<u64>().ok()?);
    let count: usize = words.next()?.parse().ok()?;
    let ids = words.next()?.as_bytes().chunks(ULID_CHARS);
    let receipt = |(id, seq): (&[u8], u64)| {
        let id = format!("evt_{}", std::str::from_utf8(id).ok()?).parse().ok()?;
        Some(Receipt { id, position: Position::new(epoch, Seq(seq)) })
    };
    let receipts: Vec<_> = ids.zip(first..).map(receipt).collect::<Option<_>>()?;
    (receipts.len() == count).then_some(receipts)
}
