//! Where state comes from.

use chain::BlockRef;
use futures_util::future::BoxFuture;

use crate::{StateError, StateKey, StateValue};

/// What a source found: one result for each key, in their order.
pub type Fetched = Vec<Result<StateValue, StateError>>;

/// Reads the state behind a block, in batches.
///
/// What is not known is an error, never a zero. Answers of the wrong kind or number count as
/// [`StateError::Nonsense`].
pub trait StateSource: Send + Sync {
    /// Returns what stands at the keys behind the block.
    ///
    /// # Cancel safety
    ///
    /// It is dropped where the time for it is over.
    fn fetch<'a>(&'a self, at: BlockRef, keys: &'a [StateKey]) -> BoxFuture<'a, Fetched>;
}
