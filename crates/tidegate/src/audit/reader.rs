//! One reader: opens a stream, reads it in its own way, and comes back after every end: to the next
//! replica where there are several, and a flaky one at times over the other transport.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use rand::{RngExt, rngs::StdRng};
use tokio::time::{Instant, sleep};

use super::{
    account::Account,
    plan::{Kind, Role},
    shared::Shared,
};
use crate::{
    client::{Backoff, Ended, FollowRequest, Following, Refusal, Transport},
    sse::Message,
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

/// How often a flaky reader comes back over the other transport.
const SWITCH_SHARE: f64 = 0.3;

/// One reader.
pub(super) struct Reader {
    index: usize,
    role: Role,
    shared: Arc<Shared>,
    account: Arc<Mutex<Account>>,
    rng: StdRng,
    /// How its last stream came, once it had one.
    came_over: Option<Transport>,
    /// How often it tried to open a stream: it goes from one replica to the next.
    tries: usize,
    /// The replica of its last stream.
    came_from: Option<usize>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// By the reader's own will.
    Own,
    /// By the server or the network.
    Closed,
    /// The server refuses this reader for good.
    Refused,
}

impl Reader {
    /// Returns a reader and its account.
    pub(super) fn new(shared: &Arc<Shared>, index: usize) -> (Self, Arc<Mutex<Account>>) {
        let account = Arc::new(Mutex::new(Account::new(shared.start)));
        let reader = Reader {
            index,
            role: shared.plan.readers[index],
            shared: Arc::clone(shared),
            account: Arc::clone(&account),
            rng: shared.plan.rng(index as u64),
            came_over: None,
            tries: 0,
            came_from: None,
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
                    self.note_transport();
                    self.note_replica();
                    let (end, retry) = self.follow(stream).await;
                    match end {
                        End::Own => self.between(Duration::ZERO, GONE_MAX),
                        End::Closed => backoff.wait(retry, &mut self.rng),
                        End::Refused => return,
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
            self.tries += 1;
            self.maybe_switch();
        }
    }

    /// Changes the transport at times; the cursor is good on both.
    fn maybe_switch(&mut self) {
        let may = self.role.kind == Kind::Flaky && self.shared.plan.mixed;
        if may && self.rng.random_bool(SWITCH_SHARE) {
            self.role.transport = self.role.transport.other();
        }
    }

    fn note_transport(&mut self) {
        let before = self.came_over.replace(self.role.transport);
        let switched = before.is_some_and(|before| before != self.role.transport);
        self.account.lock().switches += u64::from(switched);
    }

    fn note_replica(&mut self) {
        let at = self.at();
        self.shared.replica(at).streams.fetch_add(1, Ordering::Relaxed);
        let before = self.came_from.replace(at);
        self.account.lock().moves += u64::from(before.is_some_and(|before| before != at));
    }

    /// Returns the replica that it is with now, or tries next.
    fn at(&self) -> usize {
        (self.index + self.tries) % self.shared.replicas.len()
    }

    /// Opens a stream after the last event: the first time by query, later by header, as a
    /// browser does.
    async fn open(&self) -> Result<Following, Refusal> {
        let (cursor, again) = self.account.lock().resume();
        let cursor = Some(cursor.to_string());
        let (after, last_event_id) = if again { (None, cursor) } else { (cursor, None) };
        let request = FollowRequest {
            transport: self.role.transport,
            stream: None,
            filter: None,
            after,
            last_event_id,
            receive_buffer: (self.role.kind == Kind::Slow).then_some(SLOW_BUFFER_BYTES),
        };
        let replica = self.shared.replica(self.at());
        Following::open(&replica.target, &replica.api, &request).await
    }

    async fn follow(&mut self, mut stream: Following) -> (End, Option<Duration>) {
        let (mut silent, mut read_on) = (false, None);
        let mut turn = pin!(sleep(self.until_turn()));
        let end = loop {
            let mut messages = 0;
            let take = |message: Message<'_>| {
                messages += 1;
                self.account.lock().take(&self.shared, self.role, message);
            };
            let came = tokio::select! {
                read = stream.read(take) => {
                    silent = false;
                    self.shared.received.fetch_add(messages, Ordering::Relaxed);
                    match read {
                        Ok(bytes) => bytes,
                        Err(ended) => break self.closed(&ended, read_on),
                    }
                }
                () = &mut turn => match self.role.kind {
                    Kind::Flaky => break self.leave(),
                    Kind::Slow => {
                        sleep(self.between(Duration::ZERO, self.shared.plan.away_max())).await;
                        read_on = Some(Instant::now());
                        turn.as_mut().reset(Instant::now() + self.until_turn());
                        continue;
                    }
                    Kind::Sample | Kind::Steady if silent => {
                        break self.closed(&Ended::Closed, None);
                    }
                    Kind::Sample | Kind::Steady => {
                        silent = true;
                        turn.as_mut().reset(Instant::now() + SILENCE_MAX);
                        continue;
                    }
                },
            };
            if matches!(self.role.kind, Kind::Steady | Kind::Flaky) && came < MUCH_BYTES {
                sleep(self.shared.plan.gather).await;
            }
        };
        (end, stream.retry())
    }

    fn closed(&self, ended: &Ended, read_on: Option<Instant>) -> End {
        let mut account = self.account.lock();
        match ended {
            Ended::Refused(refusal) if !refusal.is_temporary() => {
                account.refused = Some(refusal.chain());
                return End::Refused;
            }
            Ended::Garbled(_) => account.garbled += 1,
            _ => {}
        }
        let felt = read_on.is_some_and(|at| at.elapsed() < FELT_WITHIN);
        if account.take_goodbye() {
            account.ends.goodbye += 1;
        } else if felt || matches!(ended, Ended::Lagged) {
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
        match self.role.kind {
            Kind::Flaky | Kind::Slow => self.between(Duration::from_secs(1), STAY_MAX),
            Kind::Sample | Kind::Steady => SILENCE_MAX,
        }
    }

    fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let least = least.min(most);
        least + (most - least).mul_f64(self.rng.random_range(0.0..=1.0))
    }
}
