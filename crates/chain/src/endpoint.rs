//! How well each endpoint of a chain serves, and which one is next. Does no IO.
//!
//! A score is `100 × s / (1 + l / 1 s) − 10 × min(b, 9)`: `s` is the share of calls that succeeded and
//! `l` what they took, both as moving averages in which the newest counts for an eighth; `b` is by how
//! many blocks its head is behind the highest one that is known.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

/// For how long an endpoint is set aside that is of another chain, or is not believed while another
/// one serves.
const SET_ASIDE: Duration = Duration::from_secs(600);

/// So many failures in a row, and an endpoint does not serve.
const FAILURES_MAX: u32 = 3;

/// How long failed endpoints are left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

/// Why an endpoint was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It failed, was silent, or fell behind.
    Failure,
    /// It is of another chain.
    WrongChain,
    /// It is not believed: its chain is another one below what is known, which others have; or it
    /// speaks of a head that it has not got.
    Distrusted,
}

#[derive(Clone, Debug)]
struct Health {
    success: f64,
    latency_seconds: f64,
    head: Option<u64>,
    failures_in_row: u32,
    not_before: Option<Instant>,
    /// When it is asked again where no other one serves.
    again_at: Option<Instant>,
    is_set_aside: bool,
}

/// The endpoints of one chain.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    endpoints: Vec<Health>,
    backoff: Backoff,
}

impl Pool {
    pub(crate) fn new(count: usize, backoff: Backoff) -> Self {
        let fresh = Health {
            success: 1.0,
            latency_seconds: 0.0,
            head: None,
            failures_in_row: 0,
            not_before: None,
            again_at: None,
            is_set_aside: false,
        };
        Pool { endpoints: vec![fresh; count], backoff }
    }

    /// Notes a call that succeeded, and the head where it told one.
    pub(crate) fn succeeded(&mut self, at: usize, took: Duration, head: Option<u64>) {
        let health = &mut self.endpoints[at];
        health.success += (1.0 - health.success) / 8.0;
        health.latency_seconds += (took.as_secs_f64() - health.latency_seconds) / 8.0;
        health.head = head.or(health.head);
    }

    /// Notes that it brought something new: it is well again.
    pub(crate) fn serves(&mut self, at: usize) {
        let health = &mut self.endpoints[at];
        (health.failures_in_row, health.is_set_aside) = (0, false);
        (health.not_before, health.again_at) = (None, None);
    }

    /// Notes a call that failed, which by itself is no reason to leave it.
    pub(crate) fn missed(&mut self, at: usize) {
        let health = &mut self.endpoints[at];
        health.success -= health.success / 8.0;
    }

    /// Leaves an endpoint alone for a time that doubles with each failure in a row. `jitter` is 0 to
    /// 1, and takes up to half of that time away.
    pub(crate) fn left(&mut self, at: usize, fault: Fault, now: Instant, jitter: f64) {
        self.missed(at);
        let health = &mut self.endpoints[at];
        // Nobody is behind a head that may not be there.
        health.head = None;
        let doublings = health.failures_in_row.min(16);
        health.failures_in_row += 1;
        let wait = self.backoff.min.saturating_mul(1 << doublings).min(self.backoff.max);
        let wait = wait.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0);
        let (wait, again) = match fault {
            Fault::WrongChain => (SET_ASIDE, SET_ASIDE),
            Fault::Distrusted => (SET_ASIDE, wait),
            Fault::Failure => (wait, wait),
        };
        health.is_set_aside = fault != Fault::Failure;
        (health.not_before, health.again_at) = (Some(now + wait), Some(now + again));
    }

    /// Returns whether an endpoint is left alone now.
    pub(crate) fn is_left(&self, at: usize, now: Instant) -> bool {
        self.endpoints[at].not_before.is_some_and(|not_before| not_before > now)
    }

    /// Returns the endpoint that serves best of those that are not left alone, with no wait; or the
    /// one that is first free again, and how long that takes. Of equal ones the first is preferred.
    /// Where none serves, those that are not believed are asked again in turn.
    pub(crate) fn choose(&self, now: Instant) -> (usize, Duration) {
        let one_serves = self.one_serves(now);
        let wait = |health: &Health| {
            let until = if one_serves { health.not_before } else { health.again_at };
            until.map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
        };
        let order = |a: &usize, b: &usize| {
            let (left, right) = (wait(&self.endpoints[*a]), wait(&self.endpoints[*b]));
            left.cmp(&right).then_with(|| self.score(*b).total_cmp(&self.score(*a)))
        };
        let best = (0..self.endpoints.len()).min_by(order).unwrap_or(0);
        (best, self.endpoints.get(best).map_or(Duration::ZERO, wait))
    }

    /// Returns whether there is one that neither is set aside nor fails again and again.
    fn one_serves(&self, now: Instant) -> bool {
        let is_aside = |it: &Health| it.is_set_aside && it.not_before.is_some_and(|at| at > now);
        self.endpoints.iter().any(|it| it.failures_in_row < FAILURES_MAX && !is_aside(it))
    }

    /// Returns how well an endpoint serves, −90 to 100.
    pub(crate) fn score(&self, at: usize) -> f64 {
        let highest = self.endpoints.iter().filter_map(|health| health.head).max();
        let health = &self.endpoints[at];
        let behind = highest.zip(health.head).map_or(0, |(highest, head)| highest - head);
        let behind = u32::try_from(behind.min(9)).map_or(9.0, f64::from);
        100.0 * health.success / (1.0 + health.latency_seconds) - 10.0 * behind
    }
}
