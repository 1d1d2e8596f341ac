//! One client counts once: a retry storm of one must not look like a broken release.
//!
//! A client is observed until its first error, then it is left out, with its requests as with its
//! errors, until it counts again. Which requests are left out depends on what was before them alone,
//! so that each of those that stay fails as often as any other: the e-process keeps its promise,
//! however many requests one client sends. How many of a look's requests came before its first error
//! is not known; it is taken as what it is on average, (n + 1) / (e + 1) of n requests with e errors
//! in any order.

use std::collections::HashMap;

use crate::{At, Counts, CountsError};

/// Clients that are left out at one time. Beyond, errors count without being remembered: where so many
/// clients fail, it is no storm of one.
const LEFT_OUT_MAX: usize = 65_536;

/// What one client did in a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientCounts {
    /// The client, as a number that stays the same.
    pub client: u64,
    /// Its requests.
    pub requests: u32,
    /// Those that failed.
    pub errors: u32,
}

/// Counts the clients of one arm, each until its first error.
#[derive(Clone, Debug)]
pub struct ClientCap {
    again_after_ms: u64,
    left_out_until: HashMap<u64, At>,
}

impl ClientCap {
    /// Returns a cap under which a client counts again so long after an error.
    pub fn new(again_after_ms: u64) -> Self {
        ClientCap { again_after_ms, left_out_until: HashMap::new() }
    }

    /// Returns what a look counts for.
    ///
    /// # Errors
    /// Fails where a client has more errors than requests; nothing of the look is counted then.
    pub fn count(&mut self, at: At, look: &[ClientCounts]) -> Result<Counts, CountsError> {
        if let Some(bad) = look.iter().find(|client| client.errors > client.requests) {
            let (errors, requests) = (bad.errors.into(), bad.requests.into());
            return Err(CountsError::MoreErrorsThanRequests { errors, requests });
        }
        if self.left_out_until.len() >= LEFT_OUT_MAX {
            self.left_out_until.retain(|_, until| *until > at);
        }
        let mut counts = Counts::default();
        for client in look {
            self.count_client(at, client, &mut counts);
        }
        Ok(counts)
    }

    /// Returns how many clients are remembered for an error.
    pub fn left_out(&self) -> usize {
        self.left_out_until.len()
    }

    fn count_client(&mut self, at: At, look: &ClientCounts, counts: &mut Counts) {
        let until = self.left_out_until.get(&look.client);
        if until.is_some_and(|until| *until > at) {
            return;
        }
        let (requests, errors) = (f64::from(look.requests), f64::from(look.errors));
        if look.errors == 0 {
            counts.add(requests, 0.0);
            return;
        }
        counts.add((requests + 1.0) / (errors + 1.0), 1.0);
        if until.is_some() || self.left_out_until.len() < LEFT_OUT_MAX {
            self.left_out_until.insert(look.client, At(at.0.saturating_add(self.again_after_ms)));
        }
    }
}
