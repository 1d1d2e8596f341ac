//! A server that began anew: what replicas give back to its logs before anybody goes on.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use event::{Event, Lineage, MonoMs, Seq, StreamName};
use parking_lot::Mutex;
use redis::Value;
use sha2::{Digest, Sha256};

use super::{
    RedisBroker,
    answer::{Words, text},
    appending::{hex, ulid_of},
    failure::Failure,
    library::Function,
    link::Call,
    new_epoch,
    state::State,
};
use crate::{
    lineage_text::lineage_text,
    memory::keys::{Done, Keys},
};

/// Most events that one call offers, and most bytes of their JSON.
const OFFER_EVENTS_MAX: usize = 500;
const OFFER_BYTES_MAX: usize = 1 << 20;

/// Whether logs of a server that began anew may be used before they are healed.
#[derive(Default)]
pub(super) struct Guard(Mutex<Option<Cleared>>);

/// The run of the server whose logs may be used, once there was one.
type Cleared = Option<Arc<str>>;

impl Guard {
    /// Fails where the logs of this server are not healed yet.
    pub(super) fn check(&self, run: &str) -> Result<(), Failure> {
        match &*self.0.lock() {
            Some(cleared) if cleared.as_deref() != Some(run) => Err(Failure::refused(HEALING)),
            _ => Ok(()),
        }
    }
}

/// Why a log can't be used before it is healed.
pub(crate) const HEALING: &str = "Redis began anew and is given back what it may have lost";

/// Who has offered what there was of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Every replica that was there.
    Everybody,
    /// Not all of them.
    Some,
    /// The one who had all of it.
    ItsOwner,
}

impl Who {
    fn word(self) -> &'static str {
        match self {
            Who::Everybody => "all",
            Who::Some => "some",
            Who::ItsOwner => "adopted",
        }
    }
}

/// What replicas know of a log.
pub(crate) struct Offer<'a> {
    /// The epochs that led there.
    pub(crate) lineage: &'a Lineage,
    /// The last number that is known.
    pub(crate) head: Seq,
    /// The events, in order and possibly with holes.
    pub(crate) events: Vec<Arc<Event>>,
}

impl RedisBroker {
    /// Lets no log of a server that began anew be used before [`RedisBroker::clear`].
    pub(crate) fn guard(&self) {
        *self.guard.0.lock() = Some(None);
    }

    /// Lets the logs of this server be used.
    pub(crate) fn clear(&self, run: Arc<str>) {
        *self.guard.0.lock() = Some(Some(run));
    }

    /// Returns the run id of the server, where there is a connection.
    pub(crate) fn run(&self) -> Option<Arc<str>> {
        self.fleet.run()
    }

    /// Waits until there is a connection to a server of another run.
    pub(crate) async fn until_other_run(&self, run: &str) {
        self.fleet.until_other_run(run).await;
    }

    /// Returns a log as it stands, whatever this process knew; `None` where there is none, or none
    /// that could be used.
    pub(crate) async fn stored(&self, stream: &StreamName) -> Result<Option<State>, Failure> {
        let names = self.naming.of(stream);
        let keys = [names.stream.as_str(), &names.meta];
        let answered = self.call(&names, Function::State, &keys, &|_, _| {}).await?;
        let mut words = Words::read(answered.value)?;
        match words.word() {
            "state" => words.state().map(Some),
            "absent" | "orphan" => Ok(None),
            _ => Err(words.unexpected()),
        }
    }

    /// Offers what is known of a log.
    pub(crate) async fn offer(
        &self,
        stream: &StreamName,
        offer: &Offer<'_>,
    ) -> Result<(), Failure> {
        let names = self.naming.of(stream);
        let keys = [names.stream.as_str(), &names.meta, &names.heal];
        let mut rest = offer.events.as_slice();
        loop {
            let mut bytes = 0;
            let fits = |event: &&Arc<Event>| {
                bytes += event.json.len();
                bytes <= OFFER_BYTES_MAX
            };
            let count = rest.iter().take(OFFER_EVENTS_MAX).take_while(fits).count();
            let (now, later) = rest.split_at(count.max(1).min(rest.len()));
            let arguments = |command: &mut redis::Cmd, run: &str| {
                command.arg(run).arg(offer.head.0).arg(lineage_text(offer.lineage));
                for event in now {
                    let digest: [u8; 32] = Sha256::digest(&event.json).into();
                    command.arg(event.position.seq.0).arg(event.position.epoch.to_string());
                    command.arg(&digest[..]).arg(&*event.json);
                }
            };
            let bytes = now.iter().map(|event| event.json.len()).sum();
            let call =
                Call { function: Function::Offer, keys: &keys, arguments: &arguments, bytes };
            let answered = self.fleet.call(&names, &call, self.deadline()).await?;
            let words = Words::read(answered.value)?;
            match words.word() {
                "offered" if !later.is_empty() => rest = later,
                "offered" | "state" => return Ok(()),
                _ => return Err(words.unexpected()),
            }
        }
    }

    /// Gives a log what was offered, where it is not settled yet; `who` says whether all that
    /// may know of it have offered.
    pub(crate) async fn settle_log(&self, stream: &StreamName, who: Who) -> Result<(), Failure> {
        let names = self.naming.of(stream);
        let keys = [names.stream.as_str(), &names.meta, &names.ages, &names.digests, &names.heal];
        let epoch = new_epoch().to_string();
        let arguments = |command: &mut redis::Cmd, run: &str| {
            command.arg(run).arg(&epoch).arg(who.word());
            command.arg(self.age_max_ms()).arg(self.clock_ahead_ms());
            command.arg(&names.wake).arg(names.publish);
        };
        let answered = self.call(&names, Function::Settle, &keys, &arguments).await?;
        let mut words = Words::read(answered.value)?;
        match words.word() {
            "settled" => {
                let state = words.state()?;
                tracing::info!(%stream, place = %state.place(), ?who, "the log is healed");
                let seen = self.known(stream);
                self.learn(stream, state, seen.as_ref());
                Ok(())
            }
            "state" | "unknown" => Ok(()),
            _ => Err(words.unexpected()),
        }
    }

    /// Remembers what idempotency keys did in another backend, or on a server that lost them.
    pub(crate) async fn remember_keys(
        &self,
        stream: &StreamName,
        keys: &Keys,
        age: impl Fn(MonoMs) -> Duration,
    ) -> Result<(), Failure> {
        let names = self.naming.of(stream);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let values: Vec<(String, String)> = keys
            .buckets()
            .flat_map(|bucket| {
                let at = now.saturating_sub(age(bucket.ended)).as_millis();
                bucket.done.iter().map(move |(key, done)| (hex(key), done_text(done, at)))
            })
            .collect();
        let keys = [names.meta.as_str(), &names.done, &names.queue];
        for values in values.chunks(OFFER_EVENTS_MAX) {
            let arguments = |command: &mut redis::Cmd, _: &str| {
                for (key, value) in values {
                    command.arg(key).arg(value);
                }
            };
            let answered = self.call(&names, Function::Keys, &keys, &arguments).await?;
            Words::read(answered.value)?;
        }
        Ok(())
    }

    /// Says that this replica is there, or that it ended; returns the replicas with how long ago
    /// they said so.
    pub(crate) async fn announce(
        &self,
        here: &str,
        ended: &str,
    ) -> Result<HashMap<String, Duration>, Failure> {
        let key = self.naming.replicas();
        let arguments = |command: &mut redis::Cmd, _: &str| {
            command.arg(here).arg(ended);
        };
        let ops = self.naming.of(&StreamName::Ops);
        let answered = self.call(&ops, Function::Announce, &[&key], &arguments).await?;
        let listed = texts(&mut Words::read(answered.value)?)?;
        let pair =
            |pair: &[String]| Some((pair[0].clone(), Duration::from_millis(pair[1].parse().ok()?)));
        Ok(listed.chunks_exact(2).filter_map(pair).collect())
    }

    /// Says that this replica has offered all that it knows to the server of this run; returns
    /// those that have.
    pub(crate) async fn healed(&self, run: &str, here: &str) -> Result<Vec<String>, Failure> {
        let key = self.naming.healed(run);
        let arguments = |command: &mut redis::Cmd, _: &str| {
            command.arg(here);
        };
        let ops = self.naming.of(&StreamName::Ops);
        let answered = self.call(&ops, Function::Healed, &[&key], &arguments).await?;
        texts(&mut Words::read(answered.value)?)
    }
}

/// Writes what a key did, as an append does.
fn done_text(done: &Done, at_ms: u128) -> String {
    let ids: String = done.ids.iter().map(|id| ulid_of(*id)).collect();
    let Done { fingerprint, first, .. } = done;
    let count = done.ids.len();
    format!("{} {at_ms} {} {} {count} {ids}", hex(fingerprint), first.epoch, first.seq)
}

fn texts(words: &mut Words) -> Result<Vec<String>, Failure> {
    let values: Vec<Value> = words.list()?;
    Ok(values.into_iter().filter_map(text).collect())
}
