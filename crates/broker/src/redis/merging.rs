//! Merging a branch into the trunk: rounds of one function, each of which the record admits once.

use std::collections::HashMap;

use event::{After, Epoch, EventId, ForkKind, Position, Seq, StreamName};
use redis::Cmd;
use sha2::{Digest, Sha256};

use super::{
    ForkAt, RedisBroker, TRIES_MAX,
    answer::{Words, text},
    appending::{hex, ulid_of},
    failure::Failure,
    library::Function,
    link::{Answered, Call},
    names::Names,
    new_epoch, restless,
    run::On,
    state::State,
};
use crate::{
    Page, PageLimit,
    trunk::{
        branch::Round,
        record::{BranchRecord, runs_text},
    },
};

/// Most records of one log; beyond, the oldest finished one is forgotten, and a cursor of its
/// branch is unknown.
const RECORDS_MAX: usize = 64;

/// How many digests wait before a merge folds them.
const FOLD_AT: u64 = 16_384;

/// What of a branch is merged in one call.
pub(crate) struct Merging<'a> {
    /// The epoch under which the records were read, and the trunk was searched.
    pub(crate) epoch: Epoch,
    /// The branch's name.
    pub(crate) name: Epoch,
    /// The branch, as its record begins; its runs are those of an earlier record that it goes on from.
    pub(crate) record: &'a BranchRecord,
    /// The events.
    pub(crate) round: &'a Round,
    /// Those of them that are on the trunk already.
    pub(crate) found: &'a HashMap<EventId, Seq>,
    /// Whether the branch ends with them.
    pub(crate) is_last: bool,
}

/// What a search of the trunk came to.
pub(crate) struct Search {
    /// Where events stand that were looked for.
    pub(crate) found: HashMap<EventId, Seq>,
    /// Whether nothing was gone of what was searched.
    pub(crate) is_whole: bool,
}

/// What became of a round.
pub(crate) enum Merged {
    /// It is on the trunk, with so many events of the branch in all.
    Round(u64),
    /// The log has another owner, or the branch's record had come to another place.
    Elsewhere,
}

impl RedisBroker {
    /// Merges a round, and waits for as many replicas of Redis as an append does; not where the log
    /// has another owner by now, or the record has not come just so far, as after an attempt whose
    /// answer was lost.
    pub(crate) async fn merge(
        &self,
        stream: &StreamName,
        merging: &Merging<'_>,
    ) -> Result<Merged, Failure> {
        let names = self.naming.of(stream);
        let digests: Vec<[u8; 32]> = merging
            .round
            .units
            .iter()
            .flat_map(|(_, events)| events.iter().map(|event| Sha256::digest(&event.json).into()))
            .collect();
        let units = merging.round.units.iter();
        let bytes = units.flat_map(|(_, events)| events.iter().map(|event| event.json.len())).sum();
        for _ in 0..TRIES_MAX {
            let seen = self.state(stream, &names).await?;
            if seen.lineage.current() != merging.epoch {
                return Ok(Merged::Elsewhere);
            }
            let deadline = self.deadline();
            let keys = [
                names.stream.as_str(),
                &names.meta,
                &names.ages,
                &names.digests,
                &names.done,
                &names.queue,
                &names.branches,
            ];
            let arguments = |command: &mut Cmd, run: &str| {
                self.add_merging(command, &seen, run, &names, merging, &digests);
            };
            let (function, on) = (Function::Merge, On::Any);
            let call = Call { function, keys: &keys, arguments: &arguments, on, bytes };
            let mut answered = self.fleet.call(&names, &call, deadline).await?;
            let value = std::mem::replace(&mut answered.value, redis::Value::Nil);
            let mut words = Words::read(value)?;
            match words.word() {
                "merged" => {
                    let (merged, head, unfolded) = (words.number()?, words.seq()?, words.number()?);
                    let end = Position::new(seen.lineage.current(), head);
                    if !self.grew(stream, end, None) || !answered.is_current() {
                        // The log has another owner by now, whose record says what it has.
                        return Ok(Merged::Elsewhere);
                    }
                    self.fleet.confirm(&names, &answered, deadline).await?;
                    if unfolded >= FOLD_AT {
                        // The events are merged, whatever becomes of this.
                        let _ = self.fold(stream, &names).await;
                    }
                    return Ok(Merged::Round(merged));
                }
                "record" => {
                    let record = words.text()?;
                    if !record.is_empty() && BranchRecord::from_text(&record).is_none() {
                        return Err(Failure::of_log("a branch's record is damaged"));
                    }
                    return Ok(Merged::Elsewhere);
                }
                "unfolded" => self.fold(stream, &names).await?,
                "state" | "absent" | "orphan" => {}
                _ => return Err(words.unexpected()),
            }
        }
        Err(restless())
    }

    fn add_merging(
        &self,
        command: &mut Cmd,
        seen: &State,
        run: &str,
        names: &Names,
        merging: &Merging<'_>,
        digests: &[[u8; 32]],
    ) {
        let Merging { name, record, round, found, is_last, .. } = merging;
        let runs = &record.runs;
        command.arg(seen.lineage.current().to_string()).arg(seen.head.0).arg(run);
        command.arg(self.options.window.events_max).arg(self.age_max_ms());
        command.arg(self.clock_ahead_ms()).arg(name.to_string()).arg(record.head_text());
        command.arg(round.offset).arg(if *is_last { "last" } else { "more" });
        command.arg(&names.events).arg(&names.wake).arg(names.publish).arg(RECORDS_MAX);
        command.arg(round.units.len()).arg(runs_text(runs));
        let mut digests = digests.iter();
        for (unit, events) in &round.units {
            let key = unit.key.map(|key| (hex(&key.key), hex(&key.fingerprint)));
            let (key, fingerprint) = key.unwrap_or_default();
            command.arg(key).arg(fingerprint).arg(unit.count);
            for (event, digest) in events.iter().zip(digests.by_ref()) {
                command.arg(&*event.json).arg(&digest[..]).arg(ulid_of(event.id));
                command.arg(found.get(&event.id).map_or(0, |seq| seq.0));
            }
        }
    }

    /// Looks on the trunk, after a number, for events that may be there.
    pub(crate) async fn find_all(
        &self,
        stream: &StreamName,
        after: Seq,
        ids: &std::collections::HashSet<EventId>,
    ) -> Result<Search, Failure> {
        let (mut found, mut is_whole, mut next) = (HashMap::new(), true, None);
        while found.len() < ids.len() {
            let page = self.stretch(stream, next.unwrap_or(after)).await?;
            is_whole &= page.gap.is_none();
            let ours = page.events.iter().filter(|event| ids.contains(&event.id));
            found.extend(ours.map(|event| (event.id, event.position.seq)));
            if !page.has_more() || page.next.seq <= next.unwrap_or(Seq::ZERO) {
                break;
            }
            next = Some(page.next.seq);
        }
        Ok(Search { found, is_whole })
    }

    /// Reads the trunk after a number, whatever lies before it.
    pub(crate) async fn stretch(&self, stream: &StreamName, after: Seq) -> Result<Page, Failure> {
        let names = self.naming.of(stream);
        let state = self.state(stream, &names).await?;
        let place = After::At(state.lineage.position_at(after.min(state.head)));
        self.page_now(stream, &place, PageLimit::MAX).await
    }

    /// Returns a log's state, settled.
    pub(crate) async fn state_now(&self, stream: &StreamName) -> Result<State, Failure> {
        self.state(stream, &self.naming.of(stream)).await
    }

    /// Begins a new epoch where the log still has this one, and returns it: nothing was lost in
    /// between, and what was sent before can't take effect any more.
    pub(crate) async fn fence_from(
        &self,
        stream: &StreamName,
        epoch: Epoch,
    ) -> Result<Option<Epoch>, Failure> {
        let names = self.naming.of(stream);
        for _ in 0..TRIES_MAX {
            let state = self.state(stream, &names).await?;
            if state.lineage.current() != epoch {
                return Ok(None);
            }
            let mut lineage = state.lineage.clone();
            lineage.fork(new_epoch(), state.head, ForkKind::Whole);
            let at = ForkAt::while_in_use(&state);
            if let Some(forked) =
                self.fork_to(On::Server(&state.run), stream, &names, &state, &lineage, at).await?
            {
                return Ok(Some(forked.lineage.current()));
            }
        }
        Err(restless())
    }

    /// Returns the records of a log's branches, once as many replicas of Redis have them as an
    /// append waits for.
    pub(crate) async fn records_now(
        &self,
        stream: &StreamName,
    ) -> Result<HashMap<Epoch, BranchRecord>, Failure> {
        let names = self.naming.of(stream);
        let (records, answered) = self.records_answered(&names, 0).await?;
        self.fleet.confirm(&names, &answered, self.deadline()).await?;
        Ok(records.into_iter().collect())
    }

    /// Gives a log that still is as it was seen the closed records that it lost.
    pub(crate) async fn restore_records(
        &self,
        stream: &StreamName,
        seen: &State,
        records: &[BranchRecord],
    ) -> Result<(), Failure> {
        let names = self.naming.of(stream);
        let keys = [names.stream.as_str(), &names.meta, &names.branches];
        let arguments = |command: &mut Cmd, _: &str| {
            command.arg(seen.lineage.current().to_string()).arg(RECORDS_MAX);
            for record in records {
                command.arg(record.name().to_string()).arg(record.merged());
                command.arg(record.head_text()).arg(runs_text(&record.runs));
            }
        };
        let answered = self.call(&names, Function::Restore, &keys, &arguments).await?;
        let words = Words::read(answered.value)?;
        match words.word() {
            // Where it has another owner by now, its records are of that one's time.
            "restored" | "state" | "absent" | "orphan" => Ok(()),
            _ => Err(words.unexpected()),
        }
    }

    /// Returns the record of the finished branch that knows a cursor.
    pub(crate) async fn record_for(
        &self,
        stream: &StreamName,
        cursor: Position,
    ) -> Result<Option<BranchRecord>, Failure> {
        let records = self.records(&self.naming.of(stream), 0).await?;
        let knows = |record: &BranchRecord| record.is_complete && record.place_of(cursor).is_some();
        Ok(records.into_iter().map(|(_, record)| record).find(knows))
    }

    /// Returns the records of a log's branches, with their names; without those that were not
    /// finished and not worked on for so long, unless that is 0.
    pub(super) async fn records(
        &self,
        names: &Names,
        unfinished_age_max_ms: u64,
    ) -> Result<Vec<(Epoch, BranchRecord)>, Failure> {
        Ok(self.records_answered(names, unfinished_age_max_ms).await?.0)
    }

    async fn records_answered(
        &self,
        names: &Names,
        unfinished_age_max_ms: u64,
    ) -> Result<(Vec<(Epoch, BranchRecord)>, Answered), Failure> {
        let arguments = |command: &mut Cmd, _: &str| {
            command.arg(unfinished_age_max_ms);
        };
        let keys = [names.branches.as_str()];
        let mut answered = self.call(names, Function::Branches, &keys, &arguments).await?;
        let mut words = Words::read(std::mem::replace(&mut answered.value, redis::Value::Nil))?;
        match words.word() {
            "branches" => {
                let texts: Vec<_> = words.list()?.into_iter().filter_map(text).collect();
                let records = texts.chunks_exact(2).filter_map(|pair| {
                    Some((pair[0].parse().ok()?, BranchRecord::from_text(&pair[1])?))
                });
                Ok((records.collect(), answered))
            }
            _ => Err(words.unexpected()),
        }
    }
}
