//! How many events an organisation publishes in a second.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
};

use event::OrgId;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

use crate::error::{ApiError, Code};

/// Publishes between two looks at which organisations have been quiet.
const FORGET_EVERY: u32 = 4096;

/// A token bucket for each organisation, with one second's burst.
#[derive(Debug)]
pub(crate) struct PublishRate {
    buckets: DefaultKeyedRateLimiter<OrgId>,
    burst: NonZeroU32,
    taken: AtomicU32,
}

impl PublishRate {
    pub(crate) fn new(events_per_second: u32) -> Self {
        let burst = NonZeroU32::new(events_per_second).unwrap_or(NonZeroU32::MIN);
        let buckets = RateLimiter::keyed(Quota::per_second(burst));
        PublishRate { buckets, burst, taken: AtomicU32::new(0) }
    }

    /// Takes a token for each event; a list that is larger than the burst takes all of it.
    pub(crate) fn take(&self, org: &OrgId, events: usize) -> Result<(), ApiError> {
        let wanted = u32::try_from(events).unwrap_or(u32::MAX).min(self.burst.get());
        let wanted = NonZeroU32::new(wanted).unwrap_or(NonZeroU32::MIN);
        self.forget_the_quiet();
        match self.buckets.check_key_n(org, wanted) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(until)) => {
                let wait = until.wait_time_from(DefaultClock::default().now());
                Err(limited(self.burst).retry_after(wait.as_secs_f64().ceil() as u32))
            }
            Err(_) => Err(limited(self.burst)),
        }
    }

    /// Keeps the map as small as the organisations that published just now.
    fn forget_the_quiet(&self) {
        if self.taken.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.buckets.retain_recent();
            self.buckets.shrink_to_fit();
        }
    }
}

fn limited(burst: NonZeroU32) -> ApiError {
    let message = format!("this organisation may publish {burst} events a second");
    ApiError::new(Code::RateLimited, message)
}
