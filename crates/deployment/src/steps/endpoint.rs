//! Where a deployment is asked: the service as clients see it, and each replica that has traffic.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{Deployment, Replica, http::events::NoEvent, sources::serving_replicas};

/// From try to try.
const TRY_AGAIN: Duration = Duration::from_millis(250);

/// How long before the end of its time a try ends by itself, so that it can say what it waited for.
const CUT_OFF: Duration = Duration::from_millis(200);

/// Why a try did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Miss {
    /// A later try may hold: nobody answered, or it is not so yet.
    NotYet(String),
    /// Something was lost, came twice or in another order: a later try does not undo that.
    Found(String),
}

impl From<String> for Miss {
    fn from(why: String) -> Self {
        Miss::NotYet(why)
    }
}

impl Miss {
    /// Returns why something that the server has acknowledged did not come: only a stream that goes on
    /// without it has lost it.
    pub(super) fn of_acknowledged(no_event: &NoEvent, why: String) -> Self {
        match no_event {
            NoEvent::Late => Miss::Found(why),
            NoEvent::Ended | NoEvent::Broken(_) => Miss::NotYet(why),
        }
    }

    /// Says where it was.
    pub(super) fn at(self, place: &str) -> Self {
        match self {
            Miss::NotYet(why) => Miss::NotYet(format!("{place}: {why}")),
            Miss::Found(why) => Miss::Found(format!("{place}: {why}")),
        }
    }
}

/// Somewhere to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// What it is called.
    pub(super) name: String,
    /// Its address.
    pub(super) url: String,
}

impl Deployment {
    pub(super) fn service_endpoint(&self) -> Endpoint {
        Endpoint { name: "the service".to_owned(), url: self.settings.service.url.clone() }
    }

    /// Returns the service and every replica that has traffic.
    ///
    /// # Errors
    /// Fails where the router does not say which arms have.
    pub(super) async fn endpoints(&self) -> Result<Vec<Endpoint>, String> {
        let replicas = self.serving_replicas().await?;
        let of_replicas = replicas.into_iter().map(|replica| Endpoint {
            name: format!("the replica {}", replica.name),
            url: replica.url,
        });
        Ok([self.service_endpoint()].into_iter().chain(of_replicas).collect())
    }

    /// Returns the replicas that have traffic.
    ///
    /// # Errors
    /// Fails where the router does not say it.
    pub(super) async fn serving_replicas(&self) -> Result<Vec<Replica>, String> {
        serving_replicas(&*self.hands, self.router()).await
    }
}

/// Returns until when a try may wait that takes no longer than so, and ends by itself before it is cut
/// off.
pub(super) fn try_until(until: Instant, most: Duration) -> Instant {
    let before = until.checked_sub(CUT_OFF).unwrap_or(until);
    before.min(Instant::now() + most)
}

/// Tries until it holds, or something was found that no later try undoes, or the time is over; then the
/// reason of the last try that was not cut off. `who` is asked.
pub(super) async fn until_holds<T, E: Into<Miss>, F: Future<Output = Result<T, E>>>(
    who: &str,
    until: Instant,
    mut attempt: impl FnMut() -> F,
) -> Result<T, String> {
    let mut last = None;
    loop {
        match tokio::time::timeout_at(until, attempt()).await {
            Ok(Ok(held)) => return Ok(held),
            Ok(Err(miss)) => match miss.into() {
                Miss::Found(why) => return Err(why),
                Miss::NotYet(why) => last = Some(why),
            },
            Err(_) => {
                return Err(
                    last.unwrap_or_else(|| format!("{who} did not answer in the step's time"))
                );
            }
        }
        if Instant::now() + TRY_AGAIN >= until {
            return Err(last.unwrap_or_default());
        }
        sleep(TRY_AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    async fn tries(misses: impl Fn(u32) -> Result<(), Miss>) -> (Result<(), String>, u32) {
        let tried = Cell::new(0);
        let until = Instant::now() + Duration::from_secs(60);
        let held = until_holds("somebody", until, || {
            tried.set(tried.get() + 1);
            std::future::ready(misses(tried.get()))
        });
        (held.await, tried.get())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_yet_so_is_tried_again_and_what_was_found_is_not() {
        let late = tries(|number| match number {
            3 => Ok(()),
            _ => Err(Miss::NotYet("nobody answers".to_owned())),
        });
        assert_eq!(late.await, (Ok(()), 3));
        let found = tries(|number| match number {
            2 => Err(Miss::Found("one was lost".to_owned())),
            _ => Err(Miss::NotYet("nobody answers".to_owned())),
        });
        assert_eq!(found.await, (Err("one was lost".to_owned()), 2));
    }

    #[test]
    fn what_is_acknowledged_and_does_not_come_on_a_stream_that_goes_on_is_lost() {
        let miss = |no_event| Miss::of_acknowledged(&no_event, String::new());
        assert_eq!(miss(NoEvent::Late), Miss::Found(String::new()));
        assert_eq!(miss(NoEvent::Ended), Miss::NotYet(String::new()));
    }
}
