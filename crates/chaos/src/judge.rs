//! The verdict: every reader's whole record against the log, against what publishers were told, and
//! against what was broken when. Pure.

mod explain;
mod log;
mod readers;

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use serde::Serialize;

use self::log::Log;
use crate::{
    facts::Facts, history::History, plan::Plan, reader::record::Record, trunk::Account,
    trunk::Trunk,
};

/// How many examples of one kind of problem are written out.
const EXAMPLES: usize = 5;

/// Everything that is judged.
pub(crate) struct Evidence<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) facts: &'a Facts,
    pub(crate) history: &'a History,
    pub(crate) records: &'a [Arc<Mutex<Record>>],
    pub(crate) trunk: &'a Trunk,
    /// Each replica's account of the log, or why there is none.
    pub(crate) accounts: &'a [Result<Account, String>],
    /// What did not heal, or could not be looked at.
    pub(crate) wrong: &'a [String],
}

/// What was found. Whatever is not said to be told or explained must be 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Verdict {
    /// Events that publishers sent, and how many of them were acknowledged.
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    /// Events in the log.
    pub(crate) logged: u64,
    pub(crate) readers: u64,
    pub(crate) deliveries: u64,
    pub(crate) connections: u64,
    /// Gaps by reason; and those that nothing explains.
    pub(crate) gaps: BTreeMap<String, u64>,
    pub(crate) gaps_unexplained: u64,
    /// Events of the log that a reader did not get, without a gap; and with one.
    pub(crate) lost: u64,
    pub(crate) lost_told: u64,
    /// Acknowledged and not in the log, without and with what explains it.
    pub(crate) gone: u64,
    pub(crate) gone_explained: u64,
    /// Received and not in the log, without a gap behind it; and with one.
    pub(crate) ghosts: u64,
    pub(crate) ghosts_told: u64,
    pub(crate) repeated: u64,
    pub(crate) repeated_told: u64,
    pub(crate) reordered: u64,
    pub(crate) altered: u64,
    pub(crate) diverged: u64,
    pub(crate) jumped: u64,
    pub(crate) nonsense: u64,
    pub(crate) silent: u64,
    /// Acknowledged under one key, and there twice.
    pub(crate) twice: u64,
    pub(crate) twice_explained: u64,
    /// Lists of which a part is there.
    pub(crate) torn: u64,
    /// Publishes that were answered with what no client of ours should get.
    pub(crate) odd_answers: u64,
    pub(crate) answers: BTreeMap<String, u64>,
    /// What is wrong, in sentences.
    pub(crate) problems: Vec<String>,
    /// The readers whose records show something wrong.
    pub(crate) failing: Vec<usize>,
}

impl Verdict {
    /// Judges a run.
    pub(crate) fn of(evidence: &Evidence<'_>) -> Self {
        let (sent, acknowledged) = evidence.facts.counts();
        let mut verdict = Verdict { sent, acknowledged, ..Verdict::default() };
        verdict.problems.extend(evidence.wrong.iter().cloned());
        let log = Log::of(evidence.trunk, evidence.facts);
        verdict.logged = log.len() as u64;
        verdict.judge_log(evidence, &log);
        verdict.judge_accounts(evidence);
        verdict.judge_answers(evidence);
        for (index, record) in evidence.records.iter().enumerate() {
            verdict.judge_reader(evidence, &log, index, &record.lock());
        }
        verdict.name_counts();
        verdict
    }

    fn judge_accounts(&mut self, evidence: &Evidence<'_>) {
        let changed = evidence.trunk.changed();
        if !changed.is_empty() && !explain::another_order(evidence) {
            let (count, first) = (changed.len(), changed[0]);
            let what = "places of the log changed behind a cursor that stayed good";
            self.problems.push(format!("{count} {what}, the first is {first}"));
        }
        let mut known: Option<&Account> = None;
        for (replica, account) in evidence.accounts.iter().enumerate() {
            match account {
                Err(why) => {
                    self.problems.push(format!("replica {replica} gives no account: {why}"));
                }
                Ok(account) => {
                    if let Some(what) = evidence.trunk.difference(account) {
                        self.problems.push(format!("the account of replica {replica}: {what}"));
                    }
                    if known.is_some_and(|known| known != account) {
                        self.problems.push(format!("replica {replica} has another account"));
                    }
                    known = Some(account);
                }
            }
        }
    }

    fn judge_answers(&mut self, evidence: &Evidence<'_>) {
        self.answers = evidence.facts.answers();
        let is_fine = |word: &str| {
            ["201", "409 conflict", "429 rate_limited", "503 unavailable"].contains(&word)
        };
        let odd = self.answers.iter().filter(|(word, _)| !is_fine(word));
        self.odd_answers = odd.map(|(_, count)| count).sum();
    }

    /// Says of each count that must be 0 and is not what it means.
    fn name_counts(&mut self) {
        let named = [
            (self.lost, "deliveries are missing without a gap"),
            (self.gone, "acknowledged events are not in the log, and nothing explains it"),
            (self.ghosts, "deliveries are not in the log, without a gap behind them"),
            (self.repeated, "deliveries came a second time without a gap"),
            (self.reordered, "deliveries came behind a later one of the same publisher"),
            (self.altered, "deliveries are not what was sent"),
            (self.diverged, "deliveries are another event than others received in that place"),
            (self.jumped, "deliveries have a number that is not the next, without a gap"),
            (self.gaps_unexplained, "gaps are explained by nothing that happened"),
            (self.twice, "events took effect twice under one key, and nothing explains it"),
            (self.torn, "lists are there in part"),
            (self.nonsense, "times a server said what none of ours says"),
            (self.silent, "streams were silent for almost three heartbeats"),
            (self.odd_answers, "publishes had an answer that no client of ours should get"),
        ];
        let named = named.iter().filter(|(count, _)| *count > 0);
        self.problems.extend(named.map(|(count, what)| format!("{count} {what}")));
    }

    /// Returns whether all holds.
    pub(crate) fn holds(&self) -> bool {
        self.problems.is_empty()
    }

    /// Adds an example of something, where there are not enough yet; `count` is how many there are.
    fn example(&mut self, count: u64, what: impl FnOnce() -> String) {
        if count <= EXAMPLES as u64 {
            self.problems.push(what());
        }
    }
}

#[cfg(test)]
mod tests;
