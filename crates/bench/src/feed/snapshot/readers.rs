//! Readers that poll the snapshot, each on a connection and a thread of its own.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::super::client::Client;
use crate::error::BenchError;

/// Readers at work.
pub(super) struct Readers {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<u64, BenchError>>>,
}

impl Readers {
    /// Starts so many; their polls are spread over the time between two of one reader.
    pub(super) fn start(at: SocketAddr, count: u32, every: Duration) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let began = Instant::now();
        let read = |reader: u32| {
            let over = Arc::clone(&over);
            let first = began + every * reader / count.max(1);
            thread::spawn(move || poll(at, first, every, &over))
        };
        let threads = (0..count).map(read).collect();
        Readers { over, threads }
    }

    /// Ends them; returns how often they have polled together.
    ///
    /// # Errors
    /// Fails where one was refused.
    pub(super) fn end(mut self) -> Result<u64, BenchError> {
        self.ask_to_end();
        let threads = std::mem::take(&mut self.threads);
        let joined = threads.into_iter().map(|thread| thread.join().expect("no reader panics"));
        joined.sum()
    }

    fn ask_to_end(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.threads.iter().for_each(|thread| thread.thread().unpark());
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.ask_to_end();
    }
}

fn poll(
    at: SocketAddr,
    first: Instant,
    every: Duration,
    over: &AtomicBool,
) -> Result<u64, BenchError> {
    let (mut client, mut due, mut polls) = (Client::new(at), first, 0);
    loop {
        while let Some(time) = due.checked_duration_since(Instant::now()) {
            if over.load(Ordering::Relaxed) {
                return Ok(polls);
            }
            thread::park_timeout(time);
        }
        if over.load(Ordering::Relaxed) {
            return Ok(polls);
        }
        client.get("/dashboard/snapshot")?;
        polls += 1;
        // One that is late does not ask more often later.
        due = (due + every).max(Instant::now());
    }
}

/// Returns the time, in milliseconds, that such a share did not exceed; nothing of no times.
pub(super) fn quantile_ms(times: &mut [Duration], share: f64) -> f64 {
    times.sort_unstable();
    let rank = (times.len() as f64 * share).ceil() as usize;
    let time = times.get(rank.saturating_sub(1));
    time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}
