//! Asking a replica for its health all the while.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::support::http::Request;

const PAUSE: Duration = Duration::from_millis(50);

/// What a replica said of itself.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The words of `checks.realtime.status`.
    pub(super) words: BTreeSet<String>,
    /// How long the slowest answer took.
    pub(super) slowest: Duration,
}

/// Asks until told to stop.
pub(super) fn watch(address: SocketAddr, is_over: &AtomicBool) -> Said {
    let mut said = Said::default();
    while !is_over.load(Ordering::Acquire) {
        let asked = Instant::now();
        let health = Request::get("/api/health").send_to(address).json();
        said.slowest = said.slowest.max(asked.elapsed());
        let word = health["checks"]["realtime"]["status"].as_str().expect("it has a word");
        said.words.insert(word.to_owned());
        thread::park_timeout(PAUSE);
    }
    said
}
