//! Which requests may have been sent before their thread's log began, so that it does not know them:
//! only those are looked for in the database.
//!
//! The log remembers every request that it took in, for as long as requests count. What it can't know
//! stands in the database up to where that was when the log began; of that the latest is read, once.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use store::{ChatError, Requested};

use super::rows::Rows;

/// How long a request is remembered.
pub(super) const REQUEST_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// How many messages are looked through; in a thread that had more in a day, each request is looked for.
const LATEST_MAX: u64 = 4096;

/// By how much the clocks of processes may differ.
const CLOCKS_APART: Duration = Duration::from_secs(3600);

/// The requests of the messages that a log does not know.
#[derive(Debug)]
pub(super) struct Earlier {
    /// Author and request, as digests: two that share one are looked for in vain.
    requests: HashSet<u64>,
    hasher: RandomState,
    /// Whether there are no more that count.
    is_whole: bool,
    /// From when on none of them counts.
    until_ms: u64,
}

impl Earlier {
    /// Reads those of the messages up to a number.
    ///
    /// # Errors
    /// Fails where the database has no answer.
    pub(super) async fn read(
        rows: &dyn Rows,
        thread: &str,
        through: u64,
        now_ms: u64,
    ) -> Result<Self, ChatError> {
        let (requests, hasher) = (HashSet::new(), RandomState::new());
        let mut earlier = Earlier { requests, hasher, is_whole: true, until_ms: 0 };
        if through == 0 {
            return Ok(earlier);
        }
        let before = through.saturating_sub(LATEST_MAX);
        let latest = rows.requests(thread, before, (through - before) as usize).await?;
        let age_max = (REQUEST_AGE_MAX + CLOCKS_APART).as_millis() as u64;
        let counts_until = |of: &Requested| of.created_at_ms.saturating_add(age_max);
        earlier.is_whole =
            before == 0 || latest.first().is_some_and(|of| counts_until(of) < now_ms);
        earlier.until_ms = latest.iter().map(counts_until).max().unwrap_or_default();
        for of in &latest {
            if let Some(request_id) = &of.request_id {
                earlier.requests.insert(earlier.digest(&of.author_id, request_id));
            }
        }
        Ok(earlier)
    }

    /// Returns whether the database may have a message of this request that the log does not know.
    pub(super) fn may_have(&self, author: &str, request_id: &str, now_ms: u64) -> bool {
        let counts = now_ms <= self.until_ms;
        counts && (!self.is_whole || self.requests.contains(&self.digest(author, request_id)))
    }

    fn digest(&self, author: &str, request_id: &str) -> u64 {
        self.hasher.hash_one((author, request_id))
    }
}
