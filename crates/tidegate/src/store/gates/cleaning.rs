//! Removing what the gates wrote, and seeing that it is gone.

use std::time::Duration;

use event::StreamName;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    candidate::{Candidate, Written},
    report::Finding,
};

/// After which a replica that still had something to write would have done so: it leaves another one's
/// message alone for 150 ms.
const SETTLING: Duration = Duration::from_millis(600);

const ADVICE: &str = "Remove what is named by hand: rows by their thread, keys of Redis and databases \
                      by their names.";

/// How often it is tried.
const TRIES_MAX: u32 = 5;

/// The part of the time in which another attempt is begun; the rest is for that one, and to say what is
/// left.
const BEGIN_SHARE: u32 = 3;

impl Candidate {
    /// Removes every synthetic row, key and database.
    pub(super) async fn clean(&self, within: Duration) -> Finding {
        let began = Instant::now();
        let untold = self.find_untold().await;
        let written = self.written.lock().clone();
        if written.threads.is_empty() && written.databases.is_empty() && untold.is_none() {
            return Finding::pass("nothing was written");
        }
        let mut left = self.attempt(&written).await;
        for tries in 1..TRIES_MAX {
            if left.is_empty() || !may_begin(began.elapsed(), within) {
                break;
            }
            // What can't be reached now may be in a moment.
            sleep(SETTLING * tries).await;
            left = self.attempt(&written).await;
        }
        let detail =
            json!({"threads": written.threads, "databases": written.databases, "left": left});
        left.extend(untold);
        if left.is_empty() {
            let threads = written.threads.len();
            let seen = format!("{threads} threads removed from the database and Redis");
            return Finding::pass(seen).with(detail);
        }
        Finding::fail(format!("left behind: {}", left.join("; ")), ADVICE).with(detail)
    }

    /// Says what may be there where nobody waits for its removal.
    pub(super) fn perhaps_left(&self) -> Finding {
        let written = self.written.lock();
        let mut left: Vec<_> =
            written.threads.iter().map(|thread| format!("rows and keys of {thread}")).collect();
        left.extend(written.databases.iter().map(|name| format!("the database {name}")));
        left.extend(written.unknown_in.iter().map(|scope| format!("a thread of scope {scope}")));
        let detail = json!({"perhaps_left": left});
        match left.is_empty() {
            true => Finding::pass("nothing was written"),
            false => {
                let seen = format!("interrupted; perhaps left behind: {}", left.join("; "));
                Finding::error(seen, ADVICE).with(detail)
            }
        }
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

    /// Removes all, looks after a moment, and returns what is left.
    async fn attempt(&self, written: &Written) -> Vec<String> {
        let left = self.remove(written).await;
        if !left.is_empty() {
            return left;
        }
        sleep(SETTLING).await;
        self.look(written).await
    }

    /// Removes all, and returns what could not be removed.
    async fn remove(&self, written: &Written) -> Vec<String> {
        let mut left = Vec::new();
        for thread in &written.threads {
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
        // Without a connection none was made.
        let Ok(store) = &self.store else { return left };
        for name in &written.databases {
            if let Err(error) = store.forget_database(name).await {
                left.push(format!("perhaps the database {name} ({error})"));
            }
        }
        left
    }

    /// Returns what is there.
    async fn look(&self, written: &Written) -> Vec<String> {
        let mut left = Vec::new();
        for thread in &written.threads {
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
        let Ok(store) = &self.store else { return left };
        for name in &written.databases {
            match store.has_database(name).await {
                Ok(false) => {}
                Ok(true) => left.push(format!("the database {name}")),
                Err(error) => left.push(format!("perhaps the database {name} ({error})")),
            }
        }
        left
    }
}

/// Returns whether another attempt is begun, so long after the first one.
fn may_begin(elapsed: Duration, within: Duration) -> bool {
    elapsed < within / BEGIN_SHARE
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::may_begin;

    #[test]
    fn attempts_begin_in_the_first_third_of_the_time() {
        let minute = Duration::from_secs(60);
        for (elapsed_s, may) in [(0, true), (19, true), (20, false), (40, false), (60, false)] {
            assert_eq!(may_begin(Duration::from_secs(elapsed_s), minute), may, "{elapsed_s} s");
        }
    }
}
