//! Reading what a process's memory takes from here: which logs there are, how old their events are,
//! their idempotency keys, and the records of their branches.

use std::time::Duration;

use event::{Seq, StreamName};
use redis::{Cmd, Value};

use super::{RedisBroker, UsedKey};
use crate::{
    memory::keys::Done,
    redis::{
        answer::{Words, text},
        appending::done_receipts,
        failure::Failure,
        fleet::Node,
        library::Function,
    },
    trunk::record::BranchRecord,
};

/// How many idempotency keys one call reads; a key may stand for a list of 500 events.
pub(crate) const USED_MAX: usize = 100;

impl RedisBroker {
    /// Reads idempotency keys from the newest back, without the first so many: how many stand there,
    /// and those of them that are whole, oldest first.
    pub(crate) async fn used_keys(
        &self,
        stream: &StreamName,
        skip: usize,
    ) -> Result<(usize, Vec<UsedKey>), Failure> {
        let names = self.naming.of(stream);
        let arguments = |command: &mut Cmd, _: &str| {
            command.arg(skip).arg(USED_MAX).arg(self.clock_ahead_ms());
        };
        let keys = [names.done.as_str(), &names.queue];
        let answered = self.call(&names, Function::Used, &keys, &arguments).await?;
        let listed = texts(answered.value, "used")?;
        let used = listed.chunks_exact(3).filter_map(|use_| {
            let key = data_encoding::HEXLOWER.decode(use_[0].as_bytes()).ok()?.try_into().ok()?;
            Some((key, done_from(&use_[1])?, Duration::from_millis(use_[2].parse().ok()?)))
        });
        Ok((listed.len() / 3, used.collect()))
    }

    /// Returns the finished records of a log's branches.
    pub(crate) async fn merged_branches(
        &self,
        stream: &StreamName,
    ) -> Result<Vec<BranchRecord>, Failure> {
        let records = self.records(&self.naming.of(stream), 0).await?;
        let records = records.into_iter().map(|(_, record)| record);
        Ok(records.filter(|record| record.is_complete).collect())
    }

    /// Returns the streams of which Redis has a log.
    pub(crate) async fn stored_streams(&self) -> Result<Vec<StreamName>, Failure> {
        let mut streams = Vec::new();
        for node in self.fleet.nodes()? {
            self.list_streams(&node, &mut streams).await?;
        }
        streams.sort();
        // While a slot moves, a log may be met on two nodes.
        streams.dedup();
        Ok(streams)
    }

    async fn list_streams(
        &self,
        node: &Node,
        streams: &mut Vec<StreamName>,
    ) -> Result<(), Failure> {
        let (mut cursor, pattern) = ("0".to_owned(), format!("{}:*:meta", self.naming.prefix()));
        loop {
            let mut scan = redis::pipe();
            scan.cmd("SCAN").arg(&cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1000);
            let answers = node.link.read(&scan).await?;
            let Some(Value::Array(answer)) = answers.into_iter().next() else {
                return Err(Failure::refused("Redis answered a scan with nonsense"));
            };
            let mut answer = answer.into_iter();
            cursor = answer.next().and_then(text).unwrap_or_else(|| "0".to_owned());
            if let Some(Value::Array(keys)) = answer.next() {
                let keys = keys.into_iter().filter_map(text);
                streams.extend(keys.filter_map(|key| self.naming.stream_of_meta(&key)));
            }
            if cursor == "0" {
                return Ok(());
            }
        }
    }

    /// Reads how old the window's events are: up to each number at least so old.
    pub(crate) async fn window_ages(
        &self,
        stream: &StreamName,
    ) -> Result<Vec<(Duration, Seq)>, Failure> {
        let names = self.naming.of(stream);
        let arguments = |command: &mut Cmd, _: &str| {
            command.arg(self.clock_ahead_ms());
        };
        let answered = self.call(&names, Function::Ages, &[&names.ages], &arguments).await?;
        let listed = texts(answered.value, "ages")?;
        let age = |mark: &[String]| {
            Some((Duration::from_millis(mark[0].parse().ok()?), Seq(mark[1].parse().ok()?)))
        };
        Ok(listed.chunks_exact(2).filter_map(age).collect())
    }
}

/// Reads what a key did: `FINGERPRINT TIME EPOCH FIRST COUNT IDS`.
fn done_from(value: &str) -> Option<Done> {
    let fingerprint = data_encoding::HEXLOWER.decode(value.split(' ').next()?.as_bytes()).ok()?;
    let receipts = done_receipts(value)?;
    let first = receipts.first()?.position;
    let ids = receipts.iter().map(|receipt| receipt.id).collect();
    Some(Done { fingerprint: fingerprint.try_into().ok()?, first, ids })
}

fn texts(value: Value, word: &str) -> Result<Vec<String>, Failure> {
    let mut words = Words::read(value)?;
    if words.word() != word {
        return Err(words.unexpected());
    }
    Ok(words.list()?.into_iter().filter_map(text).collect())
}
