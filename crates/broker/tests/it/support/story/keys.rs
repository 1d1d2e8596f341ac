//! What the reference knows of the idempotency keys.

use std::collections::HashMap;

use broker::{Appended, Receipt};

use super::Reference;

/// What each key did when it first took effect.
#[derive(Default)]
pub(crate) struct KnownKeys(HashMap<u8, Vec<Receipt>>);

impl KnownKeys {
    /// A key takes effect once; what a crash took away may take effect again.
    pub(crate) fn check(
        &mut self,
        key: u8,
        appended: &Appended,
        reference: &Reference,
    ) -> Result<(), String> {
        let known = self.0.get(&key).filter(|receipts| !is_lost(&receipts[0], reference));
        match (known, appended) {
            (None, Appended::First(receipts)) => {
                self.0.insert(key, receipts.clone());
                Ok(())
            }
            (Some(known), Appended::Replayed(again)) if known == again => Ok(()),
            (known, appended) => {
                Err(format!("key {key}, known to have done {known:?}, has done {appended:?}"))
            }
        }
    }
}

fn is_lost(receipt: &Receipt, reference: &Reference) -> bool {
    let index = reference.receipts.iter().position(|known| known == receipt);
    index.is_none_or(|index| reference.lost[index])
}
