//! One client counts once: a retry storm of one must not look like a broken release.
//!
//! A client is observed until its first error, then it is left out, with its requests as with its
//! errors, until it counts again. Which requests are left out depends on what was before them alone.
//! Whoever failed in a tenth of what it sent meanwhile is left out for as long again, so that a storm
//! without end counts once.
//!
//! Looks are put together until both arms were exposed enough. The order of a client's requests in
//! them is not known; each is given a place at random. A client's first error then comes, whenever it
//! has not come yet, in proportion to its requests, with the same factor for every client of both
//! arms, if the canary is no worse. The canary's share of the errors at each place is thus its share
//! of the requests of those that have not failed yet, as in D. R. Cox's partial likelihood, and what
//! is left out never moves the share by which an error is judged.

use std::collections::HashMap;

use crate::{Arm, At, CountsError, LeftOut, Look, pool::Span};

/// Clients that are left out at one time. Beyond, errors count without being remembered: where so many
/// clients fail, it is no storm of one.
const LEFT_OUT_MAX: usize = 65_536;

/// Whoever failed in such a share of its requests while it was left out is left out for as long again.
pub(crate) const STORM_SHARE: f64 = 0.1;

/// Clients that are put together over several looks. Beyond, those looks are given up. As many entries
/// again may wait to be merged.
const POOLED_MAX: usize = 65_536;

/// In how many parts of its time a full memory is looked through.
const SCANS: u64 = 16;

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

/// What the clients of both arms did over the same time. A client may be in several entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientLook<'a> {
    /// Those of the new version.
    pub canary: &'a [ClientCounts],
    /// Those of the version that is there.
    pub stable: &'a [ClientCounts],
}

/// An error that counts, and the canary's share of the requests among which it came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FirstError {
    pub(crate) arm: Arm,
    pub(crate) share: f64,
}

/// Looks that were put together, each client until its first error.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Capped {
    /// How much was counted.
    pub(crate) look: Look,
    /// The errors in their order.
    pub(crate) errors: Vec<FirstError>,
}

/// Counts clients, each until its first error.
#[derive(Clone, Debug)]
pub(crate) struct ClientCap {
    again_after_ms: u64,
    exposure_min: f64,
    left_out_until: HashMap<u64, Absence>,
    scan_at: At,
    left_out: LeftOut,
    /// What waits, a client perhaps in several entries.
    pool: Vec<Pooled>,
    requests: (f64, f64),
    span: Span,
}

/// A client that is left out, and what it does meanwhile.
#[derive(Clone, Copy, Debug)]
struct Absence {
    until: At,
    requests: u64,
    errors: u64,
}

#[derive(Clone, Copy, Debug)]
struct Pooled {
    arm: Arm,
    client: u64,
    requests: u64,
    errors: u64,
}

impl ClientLook<'_> {
    fn check(&self) -> Result<(), CountsError> {
        let bad = |client: &&ClientCounts| client.errors > client.requests;
        let Some(bad) = self.canary.iter().chain(self.stable).find(bad) else { return Ok(()) };
        let (errors, requests) = (bad.errors.into(), bad.requests.into());
        Err(CountsError::MoreErrorsThanRequests { errors, requests })
    }
}

impl ClientCap {
    /// Returns a cap under which a client counts again so long after an error, and each arm has had so
    /// many requests before its errors are compared.
    pub(crate) fn new(again_after_ms: u64, exposure_min: f64) -> Self {
        ClientCap {
            again_after_ms,
            exposure_min,
            left_out_until: HashMap::new(),
            scan_at: At(0),
            left_out: LeftOut::default(),
            pool: Vec::new(),
            requests: (0.0, 0.0),
            span: Span::default(),
        }
    }

    /// Takes a look in; returns what counts of it and of those before it, once both arms were exposed
    /// enough. That is decided by requests alone.
    ///
    /// # Errors
    /// Fails where a client has more errors than requests; nothing of the look is counted then.
    pub(crate) fn observe(
        &mut self,
        at: At,
        look: &ClientLook<'_>,
    ) -> Result<Option<Capped>, CountsError> {
        look.check()?;
        self.make_room(at);
        for (arm, clients) in [(Arm::Canary, look.canary), (Arm::Stable, look.stable)] {
            for client in clients {
                self.add(at, arm, client);
            }
        }
        let (canary, stable) = self.requests;
        let is_enough = canary >= self.exposure_min && stable >= self.exposure_min;
        Ok((is_enough && canary > 0.0 && stable > 0.0).then(|| self.close(at)))
    }

    /// Returns what was left out.
    pub(crate) const fn left_out(&self) -> LeftOut {
        self.left_out
    }

    fn make_room(&mut self, at: At) {
        if self.pool.len() >= 2 * POOLED_MAX {
            merge(&mut self.pool);
            if self.pool.len() > POOLED_MAX {
                self.give_up();
            }
        }
        if self.span.observe(at, self.requests.0 == 0.0 || self.requests.1 == 0.0) {
            self.give_up();
        }
        if self.left_out_until.len() >= LEFT_OUT_MAX && at >= self.scan_at {
            self.left_out_until.retain(|_, absence| absence.until > at);
            self.scan_at = At(at.0.saturating_add(self.again_after_ms / SCANS));
        }
    }

    fn give_up(&mut self) {
        self.pool.clear();
        self.requests = (0.0, 0.0);
    }

    fn add(&mut self, at: At, arm: Arm, look: &ClientCounts) {
        if self.is_left_out(at, look) {
            let left_out = match arm {
                Arm::Canary => &mut self.left_out.canary,
                Arm::Stable => &mut self.left_out.stable,
            };
            left_out.requests += u64::from(look.requests);
            left_out.errors += u64::from(look.errors);
            return;
        }
        let requests = match arm {
            Arm::Canary => &mut self.requests.0,
            Arm::Stable => &mut self.requests.1,
        };
        *requests += f64::from(look.requests);
        self.pool.push(Pooled {
            arm,
            client: look.client,
            requests: look.requests.into(),
            errors: look.errors.into(),
        });
    }

    fn is_left_out(&mut self, at: At, look: &ClientCounts) -> bool {
        let Some(absence) = self.left_out_until.get_mut(&look.client) else { return false };
        if absence.until <= at {
            let goes_on_failing = absence.errors > 0
                && absence.errors as f64 >= absence.requests as f64 * STORM_SHARE;
            let until = At(absence.until.0.saturating_add(self.again_after_ms));
            if !goes_on_failing || until <= at {
                self.left_out_until.remove(&look.client);
                return false;
            }
            *absence = Absence { until, requests: 0, errors: 0 };
        }
        absence.requests += u64::from(look.requests);
        absence.errors += u64::from(look.errors);
        true
    }

    /// Ends the pool: puts the first errors in an order, and leaves their clients out.
    fn close(&mut self, at: At) -> Capped {
        self.span.close();
        let mut pool = std::mem::take(&mut self.pool);
        merge(&mut pool);
        let (canary, stable) = std::mem::take(&mut self.requests);
        let mut capped = Capped::default();
        let mut failing = Vec::new();
        for Pooled { arm, client, requests, errors } in pool.drain(..) {
            let (n, e) = (requests as f64, errors as f64);
            let counts = match arm {
                Arm::Canary => &mut capped.look.canary,
                Arm::Stable => &mut capped.look.stable,
            };
            // The mean place of the first of e among n in random order.
            counts.grow(if errors == 0 { n } else { (n + 1.0) / (e + 1.0) }, e.min(1.0));
            if errors > 0 {
                let seed = [at.0, client, requests, canary.to_bits(), stable.to_bits()];
                let place = 1.0 - drawn(seed).powf(1.0 / e);
                failing.push((place, arm, n));
                self.leave_out(at, arm, client);
            }
        }
        // Its memory is used again.
        self.pool = pool;
        failing.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (mut canary, mut stable) = (canary, stable);
        for (_, arm, n) in failing {
            capped.errors.push(FirstError { arm, share: canary / (canary + stable) });
            match arm {
                Arm::Canary => canary -= n,
                Arm::Stable => stable -= n,
            }
        }
        capped
    }

    fn leave_out(&mut self, at: At, arm: Arm, client: u64) {
        let left_out = match arm {
            Arm::Canary => &mut self.left_out.canary,
            Arm::Stable => &mut self.left_out.stable,
        };
        left_out.clients += 1;
        if self.left_out_until.len() < LEFT_OUT_MAX {
            let until = At(at.0.saturating_add(self.again_after_ms));
            self.left_out_until.insert(client, Absence { until, requests: 0, errors: 0 });
        }
    }
}

/// Puts the entries of each client together, in an order that does not depend on theirs.
fn merge(pool: &mut Vec<Pooled>) {
    pool.sort_unstable_by_key(|pooled| (pooled.arm, pooled.client));
    pool.dedup_by(|next, first| {
        let is_same = (next.arm, next.client) == (first.arm, first.client);
        if is_same {
            first.requests += next.requests;
            first.errors += next.errors;
        }
        is_same
    });
}

/// Returns a number from 0 up to 1 that follows from what is known before any error, so that the same
/// looks give the same judgement. Mixed as in SplitMix64.
fn drawn(seed: [u64; 5]) -> f64 {
    let mix = |state: u64, part: u64| {
        let state = (state ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^ (state >> 31)
    };
    let bits = seed.into_iter().fold(0, mix);
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests;
