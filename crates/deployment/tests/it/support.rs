//! What tests act on: servers, a router, plans and hands.

pub(crate) mod edge;
pub(crate) mod hands;
pub(crate) mod http;
pub(crate) mod server;
pub(crate) mod stage;

use std::{future::Future, time::Duration};

use tokio::time::{sleep, timeout};

/// Waits until something is so.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let looked = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(60), looked).await.unwrap_or_else(|_| panic!("not so: {what}"))
}
