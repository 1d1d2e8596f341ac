//! Looks without clients, put together until there is something to compare.

use crate::{At, Counts, Look};

/// For how long at most what one arm did waits for the other to do anything. Errors may come and go on
/// both arms; what is compared has to be of about the same time.
const ALONE_MS_MAX: u64 = 30_000;

/// The time that a pool covers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    began: Option<At>,
    last: Option<At>,
}

impl Span {
    /// Takes the time of a look in; returns whether what is pooled is too old to be compared with it,
    /// `is_alone` saying that only one arm was exposed in it.
    pub(crate) fn observe(&mut self, at: At, is_alone: bool) -> bool {
        let age_ms = self.last.zip(self.began).map_or(0, |(last, began)| last.since_ms(began));
        let is_stale = is_alone && age_ms >= ALONE_MS_MAX;
        if is_stale {
            self.began = self.last;
        }
        self.began.get_or_insert(at);
        self.last = Some(at);
        is_stale
    }

    /// Begins the next pool here.
    pub(crate) const fn close(&mut self) {
        self.began = self.last;
    }
}

/// Looks without clients, put together until both arms were exposed enough.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    exposure_min: f64,
    pending: Look,
    span: Span,
}

impl Pool {
    pub(crate) fn new(exposure_min: f64) -> Self {
        Pool { exposure_min, pending: Look::default(), span: Span::default() }
    }

    /// Takes a look in; returns all that is pending once both arms were exposed enough. That is decided
    /// by exposure alone.
    pub(crate) fn observe(&mut self, at: At, look: &Look) -> Option<Look> {
        if self.span.observe(at, self.pending.share().is_none()) {
            self.pending = Look::default();
        }
        self.pending = self.pending + *look;
        let is_enough = |counts: Counts| counts.exposure() >= self.exposure_min;
        let is_enough = is_enough(self.pending.canary) && is_enough(self.pending.stable);
        (is_enough && self.pending.share().is_some()).then(|| {
            self.span.close();
            std::mem::take(&mut self.pending)
        })
    }

    /// Returns what has not been given on yet.
    pub(crate) const fn pending(&self) -> Look {
        self.pending
    }
}
