//! One reader: opens a stream, reads it in its own way, and comes back after every end.

use std::{pin::pin, sync::Arc, time::Duration};

use parking_lot::Mutex;
use rand::{RngExt, rngs::StdRng};
use tokio::time::{Instant, sleep};

use super::{account::Account, plan::Kind, shared::Shared};
use crate::{
    client::{Backoff, Refusal, Stream, StreamRequest},
    sse::Parser,
};

/// After so long without a byte the connection counts as lost: it is three heartbeats.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// A stream that ends so soon after its reader read on was closed while the reader had stopped.
const FELT_WITHIN: Duration = Duration::from_secs(1);

/// The longest that a flaky reader stays, and that a slow one reads on.
const STAY_MAX: Duration = Duration::from_secs(10);

/// The longest that a flaky reader is gone.
const GONE_MAX: Duration = Duration::from_secs(2);

/// A small receive buffer, so that the server feels it when a slow reader stops reading.
const SLOW_BUFFER_BYTES: u32 = 32 << 10;

/// A read of so many bytes has left more behind; waiting then would be the reader's own lag.
const MUCH_BYTES: usize = 8 << 10;

/// One reader.
pub(super) struct Reader {
    index: usize,
    kind: Kind,
    shared: Arc<Shared>,
    account: Arc<Mutex<Account>>,
    rng: StdRng,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// By the reader's own will.
    Own,
    /// By the server or the network.
    Closed,
}

impl Reader {
    /// Returns a reader and its account.
    pub(super) fn new(shared: &Arc<Shared>, index: usize) -> (Self, Arc<Mutex<Account>>) {
        let account = Arc::new(Mutex::new(Account::new(shared.start)));
        let reader = Reader {
            index,
            kind: shared.plan.readers[index],
            shared: Arc::clone(shared),
            account: Arc::clone(&account),
            rng: shared.plan.rng(index as u64),
        };
        (reader, account)
    }

    /// Reads until it is cancelled; ends by itself only where the server refuses it for good.
    pub(super) async fn run(mut self) {
        // Not all at once: the start is not what is looked at.
        sleep(self.between(Duration::ZERO, Duration::from_millis(500))).await;
        let mut backoff =
            Backoff::up_to(self.shared.plan.away_max().max(Duration::from_millis(500)));
        loop {
            let wait = match self.open().await {
                Ok(stream) => {
                    backoff.succeeded();
                    let (end, retry) = self.follow(stream).await;
                    match end {
                        End::Own => self.between(Duration::ZERO, GONE_MAX),
                        End::Closed => backoff.wait(retry, &mut self.rng),
                    }
                }
                Err(refusal) if refusal.is_temporary() => {
                    backoff.wait(refusal.retry_after(), &mut self.rng)
                }
                Err(refusal) => {
                    self.account.lock().refused = Some(refusal.chain());
                    return;
                }
            };
            sleep(wait).await;
        }
    }

    /// Opens a stream after the last event: the first time by query, later by header, as a
    /// browser does.
    async fn open(&self) -> Result<Stream, Refusal> {
        let (cursor, again) = self.account.lock().resume();
        let receive_buffer = (self.kind == Kind::Slow).then_some(SLOW_BUFFER_BYTES);
        let request = if again {
            let last_event_id = Some(cursor.to_string());
            StreamRequest { query: String::new(), last_event_id, receive_buffer }
        } else {
            StreamRequest { query: format!("after={cursor}"), last_event_id: None, receive_buffer }
        };
        let replica = self.shared.replica(self.index);
        Stream::open(&replica.target, &replica.api, &request).await
    }

    async fn follow(&mut self, mut stream: Stream) -> (End, Option<Duration>) {
        let mut parser = Parser::default();
        let (mut silent, mut read_on) = (false, None);
        let mut turn = pin!(sleep(self.until_turn()));
        let end = loop {
            let mut came = 0;
            let take = |bytes: &[u8]| {
                came += bytes.len();
                self.take(&mut parser, bytes);
            };
            tokio::select! {
                read = stream.read(take) => {
                    silent = false;
                    if !matches!(read, Ok(true)) {
                        break self.closed(read_on);
                    }
                }
                () = &mut turn => match self.kind {
                    Kind::Flaky => break self.leave(),
                    Kind::Slow => {
                        sleep(self.between(Duration::ZERO, self.shared.plan.away_max())).await;
                        read_on = Some(Instant::now());
                        turn.as_mut().reset(Instant::now() + self.until_turn());
                        continue;
                    }
                    Kind::Sample | Kind::Steady if silent => {
                        break self.closed(None);
                    }
                    Kind::Sample | Kind::Steady => {
                        silent = true;
                        turn.as_mut().reset(Instant::now() + SILENCE_MAX);
                        continue;
                    }
                },
            }
            if matches!(self.kind, Kind::Steady | Kind::Flaky) && came < MUCH_BYTES {
                sleep(self.shared.plan.gather).await;
            }
        };
        (end, parser.retry())
    }

    fn take(&self, parser: &mut Parser, bytes: &[u8]) {
        let mut account = self.account.lock();
        let mut events = 0;
        let fed = parser.feed(bytes, |message| {
            events += 1;
            account.take(&self.shared, self.kind, message);
        });
        account.garbled += u64::from(fed.is_err());
        self.shared.received.fetch_add(events, std::sync::atomic::Ordering::Relaxed);
    }

    fn closed(&self, read_on: Option<Instant>) -> End {
        let mut account = self.account.lock();
        if account.take_goodbye() {
            account.ends.goodbye += 1;
        } else if read_on.is_some_and(|at| at.elapsed() < FELT_WITHIN) {
            account.ends.lagged += 1;
        } else {
            account.ends.broken += 1;
        }
        End::Closed
    }

    fn leave(&self) -> End {
        let mut account = self.account.lock();
        account.take_goodbye();
        account.ends.own += 1;
        End::Own
    }

    /// Returns when the reader does next what its kind does.
    fn until_turn(&mut self) -> Duration {
        match self.kind {
            Kind::Flaky | Kind::Slow => self.between(Duration::from_secs(1), STAY_MAX),
            Kind::Sample | Kind::Steady => SILENCE_MAX,
        }
    }

    fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let least = least.min(most);
        least + (most - least).mul_f64(self.rng.random_range(0.0..=1.0))
    }
}
