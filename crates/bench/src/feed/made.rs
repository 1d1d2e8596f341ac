//! The made-up feed, as a file: what was told, so that what is served can be compared with it.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use chain::{FeedEvent, FeedWriter, Synthetic};

use crate::{error::BenchError, stop::Stop};

/// What the chain is called.
pub(super) const CHAIN: &str = "made-up";

/// As many as a busy chain has.
pub(super) const PER_BLOCK: u32 = 200;

/// Calldata of a token's transfer.
const CALLDATA_BYTES: usize = 68;

/// Lines between two looks at the wish to stop.
const LINES_A_LOOK: usize = 10_000;

/// A feed on disk.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) file: PathBuf,
    pub(super) transactions: u64,
    /// The transaction that is told of last, as routes name it.
    pub(super) last: String,
}

impl Made {
    /// Writes a feed of so many transactions, one at least.
    ///
    /// # Errors
    /// Fails where the disk does, or where it was stopped.
    pub(super) fn write(file: &Path, transactions: u64, stop: &Stop) -> Result<Self, BenchError> {
        let feed = synthetic(transactions);
        let failed = || BenchError::file(file);
        let mut writer = FeedWriter::create(file, &feed.header()).map_err(failed())?;
        let mut last = None;
        for (at, line) in feed.lines().enumerate() {
            if at % LINES_A_LOOK == 0 {
                stop.check()?;
            }
            writer.write(&line).map_err(failed())?;
            if let FeedEvent::Pending(transaction) = line.event {
                last = Some(transaction.hash);
            }
        }
        writer.finish().and_then(|output| output.close()).map_err(failed())?;
        let last = last.map(|hash| hash.to_string()).unwrap_or_default();
        Ok(Made { file: file.to_owned(), transactions, last })
    }
}

fn synthetic(transactions: u64) -> Synthetic {
    Synthetic {
        chain_key: CHAIN.parse().expect("it is in the grammar of keys"),
        chain_id: 7,
        transactions,
        transactions_per_block: PER_BLOCK,
        calldata_bytes: CALLDATA_BYTES,
        seed: 1,
    }
}
