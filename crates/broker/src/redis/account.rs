//! The account of a log: its rolling hash, folded from what appends left.

use event::{Ledger, Position, RollingHash, Seq, StreamName};
use redis::Cmd;
use sha2::{Digest, Sha256};

use super::{
    RedisBroker, TRIES_MAX, answer,
    answer::{Element, Words},
    failure::Failure,
    library::Function,
    names::Names,
    restless,
    run::{On, unless_elsewhere},
    state::State,
};
use crate::standing::Standings;

/// The account as it is stored, and as it is folded.
struct Account {
    state: State,
    window_after: Seq,
    first: Seq,
    count: u64,
    hash: RollingHash,
    /// The number up to which the stored hash goes.
    hashed: Seq,
    /// How many elements of the list of digests were folded.
    folded: usize,
}

impl RedisBroker {
    pub(crate) async fn ledger_now(&self, stream: &StreamName) -> Result<Ledger, Failure> {
        let account = self.account(stream, &self.naming.of(stream)).await;
        let account = self.noting(stream, account).await?;
        let State { lineage, head, .. } = &account.state;
        let window_after: Position = Standings {
            lineage,
            head: *head,
            window_after: account.window_after,
            lost_to: Seq::ZERO,
            oldest_id_at: None,
        }
        .oldest();
        Ok(Ledger {
            window_after,
            first: account.first,
            last: lineage.position_at(*head),
            count: account.count,
            hash: account.hash,
        })
    }

    /// Folds the digests that wait into the stored hash, unless somebody else just did.
    pub(super) async fn fold(&self, stream: &StreamName, names: &Names) -> Result<(), Failure> {
        let account = self.account(stream, names).await?;
        let hash = account.hash.to_string();
        let keys = [names.meta.as_str(), &names.digests];
        let state = &account.state;
        let arguments = |command: &mut Cmd, run: &str| {
            command.arg(account.hashed.0).arg(state.head.0).arg(&hash);
            command.arg(state.lineage.current().to_string()).arg(run).arg(account.folded);
        };
        let on = On::Server(&state.run);
        let folded = self.call_on(on, names, Function::Fold, &keys, &arguments).await;
        let Some(folded) = unless_elsewhere(folded)? else { return Ok(()) };
        Words::read(folded.value).map(|_| ())
    }

    async fn account(&self, stream: &StreamName, names: &Names) -> Result<Account, Failure> {
        for _ in 0..TRIES_MAX {
            let seen = self.known(stream);
            let keys = [names.stream.as_str(), &names.meta, &names.ages, &names.digests];
            let answered = self
                .call(names, Function::Ledger, &keys, &|command, _| {
                    command.arg(self.age_max_ms()).arg(self.clock_ahead_ms());
                })
                .await?;
            let words = Words::read(answered.value)?;
            match words.word() {
                "ledger" => {
                    let account = folded(words)?;
                    let state = &account.state;
                    if self.settle(stream, names, state, seen.as_ref(), &answered.run).await? {
                        return Ok(account);
                    }
                }
                "absent" | "orphan" => {
                    self.begin(stream, names, seen.as_ref(), words, &answered.run).await?
                }
                _ => return Err(words.unexpected()),
            }
        }
        Err(restless())
    }
}

fn folded(mut words: Words) -> Result<Account, Failure> {
    let state = words.state()?;
    let window_after = words.seq()?;
    let (first, count) = (words.seq()?, words.number()?);
    let (mut hash, hashed) = (words.hash()?, words.seq()?);
    let (mut seq, mut folded) = (hashed, 0);
    for value in words.list()? {
        folded += 1;
        match answer::element(value)? {
            Element::Digest(digest) => {
                seq = seq.next();
                hash = and_digest(hash, seq, digest);
            }
            Element::HoleBefore(next) => seq = next.prev(),
        }
    }
    if seq != state.head {
        return Err(Failure::refused(format!(
            "the account can't be continued: it ends at {seq}, the log at {}",
            state.head
        )));
    }
    Ok(Account { state, window_after, first, count, hash, hashed, folded })
}

/// Returns the hash after one more event, given the digest of its JSON.
fn and_digest(hash: RollingHash, seq: Seq, digest: [u8; 32]) -> RollingHash {
    let mut chain = Sha256::new();
    chain.update(hash.0);
    chain.update(seq.0.to_be_bytes());
    chain.update(digest);
    RollingHash(chain.finalize().into())
}

#[cfg(test)]
mod tests {
    use event::{RollingHash, Seq};
    use sha2::{Digest, Sha256};

    use super::and_digest;

    #[test]
    fn the_chain_is_that_of_the_ledger() {
        let (json, before) = (b"{}", RollingHash([7; 32]));
        let after = and_digest(before, Seq(9), Sha256::digest(json).into());
        assert_eq!(after, before.and(Seq(9), json));
    }
}
