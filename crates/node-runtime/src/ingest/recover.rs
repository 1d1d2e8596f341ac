//! What the log knows when the process starts: every record that is kept, folded again.

use std::collections::BTreeMap;

use chain::ChainKey;
use journal::{Entry, Journal, Seq, Tail, TailError};
use projection::{Limits, View};

use super::{decide::Known, serve::fold};

/// Records that are read at once.
const RECORDS_AT_ONCE: usize = 65_536;
const BYTES_AT_ONCE: usize = 32 << 20;

/// What was known when the last process ended.
pub(super) struct Recovered {
    pub(super) view: View,
    pub(super) chains: BTreeMap<ChainKey, Known>,
    /// The last record of each chain that has any, or one behind it in its group.
    pub(super) last: BTreeMap<ChainKey, Seq>,
    /// From where the log goes on to be shown.
    pub(super) tail: Tail,
    /// Records that were read.
    pub(super) records: u64,
}

/// Folds everything that the log has.
///
/// # Errors
/// Fails where the disk does.
pub(super) async fn recover(
    journal: &Journal,
    limits: Limits,
    known: impl Fn(&ChainKey) -> Known,
) -> Result<Recovered, TailError> {
    let (mut view, mut chains) = (View::new(limits), BTreeMap::<ChainKey, Known>::new());
    let mut last = BTreeMap::<ChainKey, Seq>::new();
    let (mut tail, end) = (journal.tail(journal.first_seq()), journal.next_seq());
    let mut records = 0;
    while tail.position() < end {
        for entry in tail.next_batch(RECORDS_AT_ONCE, BYTES_AT_ONCE).await? {
            let Entry::Group(group) = entry else { continue };
            records += group.records.len() as u64;
            fold(&mut view, &group, |record| {
                let known = match chains.get_mut(&record.chain) {
                    Some(known) => known,
                    None => {
                        chains.entry(record.chain.clone()).or_insert_with(|| known(&record.chain))
                    }
                };
                known.numbered = record.number;
                known.state.apply(record.observed_unix_ms, &record.fact);
                match last.get_mut(&record.chain) {
                    Some(last) => *last = group.last(),
                    None => _ = last.insert(record.chain.clone(), group.last()),
                }
            });
        }
    }
    Ok(Recovered { view, chains, last, tail, records })
}
