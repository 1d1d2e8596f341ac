//! Removing what the gates wrote, and seeing that it is gone.

use std::{collections::BTreeSet, time::Duration};

use event::StreamName;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{candidate::Candidate, report::Finding};

/// After which a replica that still had something to write would have done so: it leaves another one's
/// message alone for 150 ms.
const SETTLING: Duration = Duration::from_millis(600);

/// How often it is tried.
const TRIES_MAX: u32 = 5;

impl Candidate {
    /// Removes every synthetic row and key.
    pub(super) async fn clean(&self, within: Duration) -> Finding {
        let deadline = Instant::now() + within;
        let untold = self.find_untold().await;
        let threads = self.written.lock().threads.clone();
        if threads.is_empty() && untold.is_none() {
            return Finding::pass("nothing was written");
        }
        let mut left = Vec::new();
        for tries in 1..=TRIES_MAX {
            left = self.remove(&threads).await;
            if !left.is_empty() {
                if Instant::now() + within * 2 / 3 >= deadline {
                    // Another attempt would leave no time to say what is left.
                    break;
                }
                // What can't be reached now may be in a moment.
                sleep(SETTLING * tries).await;
                continue;
            }
            sleep(SETTLING).await;
            left = self.look(&threads).await;
            if left.is_empty() || Instant::now() >= deadline {
                break;
            }
        }
        let detail = json!({"threads": threads, "left": left});
        left.extend(untold);
        if left.is_empty() {
            let seen = format!("{} threads removed from the database and Redis", threads.len());
            return Finding::pass(seen).with(detail);
        }
        let seen = format!("left behind: {}", left.join("; "));
        let advice =
            "Remove what is named by hand: rows by their thread, keys of Redis by their names.";
        Finding::fail(seen, advice).with(detail)
    }

    /// Looks for a thread that may have been made without its id having come back.
    async fn find_untold(&self) -> Option<String> {
        let scope = self.written.lock().unknown_in.clone()?;
        for api in self.replicas.iter().filter_map(|replica| replica.api.as_ref().ok()) {
            if let Ok(threads) = api.threads_of(&scope).await {
                self.written.lock().threads.extend(threads);
                return None;
            }
        }
        Some(format!("perhaps a thread of the scope {scope}, no replica tells"))
    }

    /// Removes all, and returns what could not be removed.
    async fn remove(&self, threads: &BTreeSet<String>) -> Vec<String> {
        let mut left = Vec::new();
        for thread in threads {
            match &self.store {
                Ok(store) => {
                    if let Err(error) = store.forget_thread(thread).await {
                        left.push(format!("rows of {thread} ({error})"));
                    }
                }
                Err(error) => left.push(format!("rows of {thread} ({error})")),
            }
            let Ok(stream) = StreamName::thread(thread) else { continue };
            match &self.redis {
                Ok(broker) => {
                    if let Err(error) = broker.forget(&stream).await {
                        left.push(format!("keys of {thread} ({error})"));
                    }
                }
                // Replicas may have written there all the same.
                Err(error) => left.push(format!("perhaps keys of {thread} ({error})")),
            }
        }
        left
    }

    /// Returns what is there.
    async fn look(&self, threads: &BTreeSet<String>) -> Vec<String> {
        let mut left = Vec::new();
        for thread in threads {
            if let Ok(store) = &self.store {
                match store.traces(thread).await {
                    Ok(traces) => left.extend(traces.iter().map(|trace| {
                        format!("{} rows of {thread} in {}", trace.rows, trace.table)
                    })),
                    Err(error) => left.push(format!("perhaps rows of {thread} ({error})")),
                }
            }
            if let (Ok(broker), Ok(stream)) = (&self.redis, StreamName::thread(thread)) {
                match broker.keys_of_log(&stream).await {
                    Ok(keys) => left.extend(keys.into_iter().map(|key| format!("the key {key}"))),
                    Err(error) => left.push(format!("perhaps keys of {thread} ({error})")),
                }
            }
        }
        left
    }
}
