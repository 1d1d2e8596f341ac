//! A server that began anew: what replicas give back to its logs before anybody goes on.

use std::{collections::HashSet, sync::Arc, time::Duration};

use event::{Event, Lineage, MonoMs, Seq, StreamName};
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
    run::{FleetRun, On, Refusal},
    state::State,
};
use crate::{
    holes::Hole,
    lineage_text::lineage_text,
    memory::keys::{Done, Keys},
};

/// Most events that one call offers, and most bytes of their JSON.
const OFFER_EVENTS_MAX: usize = 500;
const OFFER_BYTES_MAX: usize = 1 << 20;

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

/// What is said in the set of those that have offered, beside their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Nothing.
    None,
    /// Somebody was waited for in vain, who may have known more of any log.
    Missing,
    /// The server lacks something that it had answered.
    WentBack,
}

impl Mark {
    fn word(self) -> &'static str {
        match self {
            Mark::None => "",
            Mark::Missing => "*",
            Mark::WentBack => "<",
        }
    }
}

/// Who has offered to a server, and what was found out about it.
#[derive(Debug, Default)]
pub(crate) struct Offered {
    /// The names of replicas.
    pub(crate) names: Vec<String>,
    /// Whether somebody was waited for in vain.
    pub(crate) is_one_missing: bool,
    /// The runs whose logs may be taken for whole.
    pub(crate) whole: HashSet<String>,
}

/// What an announcement is answered.
pub(crate) struct Announced {
    /// When this replica said before that it is there, by the clock of Redis, as far as that knows.
    pub(crate) before_ms: u64,
    /// The time now, by the same clock.
    pub(crate) now_ms: u64,
    /// Whom healing has to wait for.
    pub(crate) awaited: Vec<String>,
    /// When the first replica came to these servers, by the same clock; 0 where nobody knows.
    pub(crate) born_ms: u64,
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

/// A log as it stands, whatever this process knew.
pub(crate) struct StoredLog {
    pub(crate) state: State,
    /// Its holes, oldest first, and before them what is lost of the window's front; of many the newest.
    pub(crate) holes: Vec<Hole>,
}

impl RedisBroker {
    /// Lets no log be used before [`RedisBroker::clear`].
    pub(crate) fn guard(&self) {
        self.guard.close();
    }

    /// Lets the logs of these servers be used; on those that were not cleared before, logs that
    /// nobody knew anything of go on whole where they are of these runs. What somebody offered and
    /// has not settled yet is settled by whoever comes first, as `who` have offered.
    pub(crate) fn clear(&self, run: &FleetRun, who: Who, whole: HashSet<String>) {
        self.guard.clear(run, who, whole);
    }

    /// Lets one log not be used for this reason.
    pub(crate) fn refuse(&self, stream: &StreamName, reason: String) {
        let refusal = Refusal { stream: stream.clone(), reason };
        self.guard.refuse(&self.naming.of(stream).stream, refusal);
    }

    /// Lets logs be used again that were refused, all but these.
    pub(crate) fn lift_all_but(&self, met: &HashSet<StreamName>) {
        self.guard.lift_all_but(met);
    }

    /// Returns the logs that are refused, and why.
    pub(crate) fn refused(&self) -> Vec<Refusal> {
        self.guard.refused()
    }

    /// Returns how the keys of a log begin, as a pattern.
    pub(crate) fn keys_of(&self, stream: &StreamName) -> String {
        let window = self.naming.of(stream).stream;
        window.strip_suffix("stream").unwrap_or(&window).to_owned() + "*"
    }

    /// Returns the run, where there is a connection to all servers.
    pub(crate) fn run(&self) -> Option<FleetRun> {
        self.fleet.run()
    }

    /// Waits until there is a connection to a server of another run.
    pub(crate) async fn until_other_run(&self, run: &FleetRun) {
        self.fleet.until_other_run(run).await;
    }

    /// Returns a log as it stands, whatever this process knew; `None` where there is none, or none
    /// that could be used.
    pub(crate) async fn stored(&self, stream: &StreamName) -> Result<Option<State>, Failure> {
        Ok(self.stored_log(stream).await?.map(|stored| stored.state))
    }

    /// Returns a log as it stands with its holes; `None` as for [`RedisBroker::stored`].
    pub(crate) async fn stored_log(
        &self,
        stream: &StreamName,
    ) -> Result<Option<StoredLog>, Failure> {
        let names = self.naming.of(stream);
        let keys = [names.stream.as_str(), &names.meta];
        let answered = self.call(&names, Function::State, &keys, &|_, _| {}).await?;
        let mut words = Words::read(answered.value)?;
        match words.word() {
            "state" => {
                let (state, mut holes) = (words.state()?, words.holes()?);
                // What lies before all that was given back, as far as a window would reach.
                let window = self.options.window.events_max as u64;
                let first = Seq(state.head.0.saturating_sub(window) + 1);
                let front = Hole { first, last: words.seq()? };
                if front.first <= front.last {
                    holes.insert(0, front);
                }
                Ok(Some(StoredLog { state, holes }))
            }
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
            let (function, on) = (Function::Offer, On::Any);
            let call = Call { function, keys: &keys, arguments: &arguments, on, bytes };
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
    /// may know of it have offered to these servers.
    pub(crate) async fn settle_log(
        &self,
        run: &FleetRun,
        stream: &StreamName,
        who: Who,
    ) -> Result<(), Failure> {
        let names = self.naming.of(stream);
        let keys = [names.stream.as_str(), &names.meta, &names.ages, &names.digests, &names.heal];
        let epoch = new_epoch().to_string();
        let arguments = |command: &mut redis::Cmd, run: &str| {
            command.arg(run).arg(&epoch).arg(who.word());
            command.arg(self.age_max_ms()).arg(self.clock_ahead_ms());
            command.arg(&names.wake).arg(names.publish);
        };
        let on = On::Fleet(run);
        let answered = self.call_on(on, &names, Function::Settle, &keys, &arguments).await?;
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
        run: &FleetRun,
        stream: &StreamName,
        keys: &Keys,
        age: impl Fn(MonoMs) -> Duration,
    ) -> Result<(), Failure> {
        let names = self.naming.of(stream);
        // Ages travel, and not times: the clocks of replicas differ.
        let values: Vec<[String; 4]> = keys
            .buckets()
            .flat_map(|bucket| {
                let age = age(bucket.ended).as_millis().to_string();
                bucket.done.iter().map(move |(key, done)| {
                    [hex(key), age.clone(), hex(&done.fingerprint), done_text(done)]
                })
            })
            .collect();
        let keys = [names.stream.as_str(), &names.meta, &names.done, &names.queue];
        for values in values.chunks(OFFER_EVENTS_MAX) {
            let arguments = |command: &mut redis::Cmd, _: &str| {
                command.arg(self.clock_ahead_ms());
                for value in values {
                    command.arg(value);
                }
            };
            let on = On::Fleet(run);
            let answered = self.call_on(on, &names, Function::Keys, &keys, &arguments).await?;
            let words = Words::read(answered.value)?;
            match words.word() {
                "kept" => {}
                "absent" | "orphan" => {
                    return Err(Failure::refused("the log is gone before its keys are known"));
                }
                _ => return Err(words.unexpected()),
            }
        }
        Ok(())
    }

    /// Says that this replica is there, on servers of this run, or that it ended.
    pub(crate) async fn announce(
        &self,
        here: &str,
        ended: &str,
        run: &FleetRun,
        alive: Duration,
    ) -> Result<Announced, Failure> {
        let key = self.naming.replicas();
        let alive_ms = u64::try_from(alive.as_millis()).unwrap_or(u64::MAX);
        let arguments = |command: &mut redis::Cmd, _: &str| {
            command.arg(here).arg(ended).arg(run.name()).arg(alive_ms);
        };
        let ops = self.naming.of(&StreamName::Ops);
        let on = On::Fleet(run);
        let answered = self.call_on(on, &ops, Function::Announce, &[&key], &arguments).await?;
        let mut words = Words::read(answered.value)?;
        let (before_ms, now_ms) = (words.number()?, words.number()?);
        let awaited = texts(&mut words)?;
        Ok(Announced { before_ms, now_ms, awaited, born_ms: words.number()? })
    }

    /// Says that this replica has offered all that it knows to the servers of this run, with what it
    /// found out; those who did not come are not waited for again.
    pub(crate) async fn healed(
        &self,
        run: &FleetRun,
        here: &str,
        mark: Mark,
        missing: &[String],
    ) -> Result<Offered, Failure> {
        let naming = &self.naming;
        let keys = [naming.healed(run.name()), naming.replicas(), naming.runs()];
        let keys = keys.each_ref().map(String::as_str);
        let arguments = |command: &mut redis::Cmd, _: &str| {
            command.arg(here).arg(mark.word()).arg(run.servers().len());
            command.arg(run.servers().collect::<Vec<_>>()).arg(missing);
        };
        let ops = naming.of(&StreamName::Ops);
        let on = On::Fleet(run);
        let answered = self.call_on(on, &ops, Function::Healed, &keys, &arguments).await?;
        let mut words = Words::read(answered.value)?;
        let names = texts(&mut words)?;
        let whole = texts(&mut words)?.into_iter().collect();
        let mut offered = Offered { whole, ..Offered::default() };
        for word in names {
            match word.as_str() {
                "*" => offered.is_one_missing = true,
                "<" => {}
                _ => offered.names.push(word),
            }
        }
        Ok(offered)
    }
}

/// Writes what a key did, as an append does, behind fingerprint and time.
fn done_text(done: &Done) -> String {
    let ids: String = done.ids.iter().map(|id| ulid_of(*id)).collect();
    let (first, count) = (done.first, done.ids.len());
    format!("{} {} {count} {ids}", first.epoch, first.seq)
}

fn texts(words: &mut Words) -> Result<Vec<String>, Failure> {
    let values: Vec<Value> = words.list()?;
    Ok(values.into_iter().filter_map(text).collect())
}

#[cfg(test)]
mod tests;
