//! What is computed with, of one chain: the fees of its last blocks.

use std::sync::Arc;

use chain::{BlockRef, Fact, Finding, FindingKind, Json, Transaction};
use feature::{ChainRegistry, Features, FeeWindow, Registry};
use projection::{Event, Snapshot};

/// One chain, as far as it was looked at.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Analysed {
    fees: FeeWindow,
    /// The block whose transactions come next.
    block: Option<OpenBlock>,
    /// The number of the last fact whose findings are kept.
    kept: u64,
}

#[derive(Debug)]
struct OpenBlock {
    block: BlockRef,
    base_fee_per_gas: Option<u128>,
    count: u32,
    transactions: Vec<Arc<Transaction>>,
    /// How many came, known or not.
    told: u32,
}

impl Analysed {
    /// Returns a chain whose findings are kept up to the fact with this number.
    pub(super) fn new(kept: u64) -> Self {
        Analysed { kept, ..Analysed::default() }
    }

    /// Forgets blocks: what comes next does not follow them.
    pub(super) fn clear(&mut self) {
        self.fees.clear();
        self.block = None;
    }

    /// Takes a fact in, and returns what is computed of it, unless that is kept already.
    pub(in crate::ingest) fn look(
        &mut self,
        snapshot: &Snapshot,
        registry: &Registry,
        event: &Event,
    ) -> Option<Finding> {
        self.fold(snapshot, event);
        match &event.fact {
            Fact::Seen { transaction } if event.number > self.kept => {
                self.feature(registry, event, transaction)
            }
            _ => None,
        }
    }

    /// Takes in what a fact says of blocks.
    fn fold(&mut self, snapshot: &Snapshot, event: &Event) {
        match &event.fact {
            Fact::Committed { header, transaction_count } => {
                self.block = Some(OpenBlock {
                    block: header.block(),
                    base_fee_per_gas: header.base_fee_per_gas,
                    count: *transaction_count,
                    transactions: Vec::new(),
                    told: 0,
                });
            }
            Fact::Included { transaction, block, .. } => {
                let Some(open) = self.block.as_mut().filter(|open| open.block == *block) else {
                    return;
                };
                let view = snapshot.chain(event.chain.as_str());
                let row = view.and_then(|view| view.transaction(transaction));
                open.transactions.extend(row.map(|row| Arc::clone(&row.transaction)));
                open.told += 1;
            }
            Fact::Reverted { block } => self.fees.revert(*block),
            Fact::Broken { .. } => self.clear(),
            _ => {}
        }
        self.close();
    }

    /// Counts a block once all its transactions were told.
    fn close(&mut self) {
        if let Some(open) = self.block.take_if(|open| open.told >= open.count) {
            let transactions = open.transactions.iter().map(|transaction| &**transaction);
            self.fees.commit(open.block, open.base_fee_per_gas, transactions);
        }
    }

    /// Returns what a transaction asks for.
    fn feature(
        &self,
        registry: &Registry,
        event: &Event,
        transaction: &Transaction,
    ) -> Option<Finding> {
        let nothing = ChainRegistry::default();
        let known = transaction.chain_id.and_then(|id| registry.chain(id)).unwrap_or(&nothing);
        let features = Features::of(transaction, known, &self.fees);
        let body = Json::of(&features).inspect_err(|error| {
            tracing::error!(%error, hash = %transaction.hash, "features can't be written");
        });
        Some(Finding {
            kind: FindingKind::Feature,
            of: transaction.hash,
            cause: event.number,
            label: features.category.as_str().to_owned(),
            value: None,
            body: body.ok()?,
        })
    }
}
