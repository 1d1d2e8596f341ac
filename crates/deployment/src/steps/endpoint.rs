//! Where a deployment is asked: the service as clients see it, and each replica that has traffic.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{Deployment, Replica, sources::serving_replicas};

/// From try to try.
const TRY_AGAIN: Duration = Duration::from_millis(250);

/// How long before the end of its time a try ends by itself, so that it can say what it waited for.
const CUT_OFF: Duration = Duration::from_millis(200);

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

/// Tries until it holds, or the time is over; then the reason of the last try that was not cut off.
/// `who` is asked.
pub(super) async fn until_holds<T, F: Future<Output = Result<T, String>>>(
    who: &str,
    until: Instant,
    mut attempt: impl FnMut() -> F,
) -> Result<T, String> {
    let mut last = None;
    loop {
        match tokio::time::timeout_at(until, attempt()).await {
            Ok(Ok(held)) => return Ok(held),
            Ok(Err(why)) => last = Some(why),
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
