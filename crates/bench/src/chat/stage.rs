//! Threads are made and joined before anything is sent.

use std::collections::VecDeque;

use serde::Deserialize;

use super::{
    account::Account,
    cast::Cast,
    exchange::{Job, Next},
    said::read,
    wire,
};
use crate::http::Answer;

/// Makes threads; each answer tells the next one's name, so they are numbered as they come.
pub(super) struct MakeThreads<'a> {
    pub(super) account: &'a mut Account,
    /// Who makes each that is still to be made.
    pub(super) owners: VecDeque<usize>,
    /// By thread: how the server calls it, once it is made.
    pub(super) ids: Vec<Option<String>>,
    made: usize,
}

#[derive(Deserialize)]
struct Made {
    thread_id: String,
}

impl<'a> MakeThreads<'a> {
    /// Makes the cast's threads, and as many more of the first author.
    pub(super) fn new(account: &'a mut Account, cast: Cast, more: usize) -> Self {
        let owners: VecDeque<_> = (0..cast.threads)
            .map(|thread| cast.owner(thread))
            .chain((0..more).map(|_| 0))
            .collect();
        MakeThreads { account, ids: vec![None; owners.len()], owners, made: 0 }
    }

    /// Takes all of them into the account, in their order.
    pub(super) fn conclude(self) {
        self.ids.into_iter().flatten().for_each(|id| self.account.add_thread(id));
    }
}

impl Job for MakeThreads<'_> {
    type What = usize;

    fn next(&mut self, _: usize, _: u64, _: u64) -> Next<usize> {
        let Some(owner) = self.owners.pop_front() else { return Next::Nothing };
        let what = self.made;
        self.made += 1;
        Next::Ask { bytes: wire::make_thread(owner), what }
    }

    fn answered(&mut self, what: usize, answer: &Answer, _: u64) -> Result<(), String> {
        answer.refusal().map_or(Ok(()), Err)?;
        self.ids[what] = Some(read::<Made>(&answer.body)?.thread_id);
        Ok(())
    }
}

/// Lets authors join threads.
pub(super) struct Join<'a> {
    pub(super) account: &'a Account,
    /// Threads, and who joins them.
    pub(super) joins: VecDeque<(usize, usize)>,
}

impl Job for Join<'_> {
    type What = ();

    fn next(&mut self, _: usize, _: u64, _: u64) -> Next<()> {
        let Some((thread, author)) = self.joins.pop_front() else { return Next::Nothing };
        Next::Ask { bytes: wire::join(self.account.id(thread), author), what: () }
    }

    fn answered(&mut self, (): (), answer: &Answer, _: u64) -> Result<(), String> {
        answer.refusal().map_or(Ok(()), Err)
    }
}
