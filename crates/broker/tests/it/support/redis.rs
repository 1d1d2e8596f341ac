//! The Redis backend on a server of its own, for the cases.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use broker::{
    Append, BoxFuture, Broker, HealthState, Receipt, RedisBroker, RedisOptions,
    conformance::{Ability, Harness, Subject, new_event},
    memory::log::WindowLimits,
};
use event::StreamName;
use faults::RedisServer;
use tokio::time::{Instant, sleep};

use super::logs::golden_stream;

/// Far beyond what a reconnect takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A window that no test here fills.
pub(crate) const WIDE: WindowLimits =
    WindowLimits { events_max: 100_000, age_max: Duration::from_secs(600) };

/// A server with one replica of ours.
pub(crate) struct Redis {
    pub(crate) server: RedisServer,
    pub(crate) broker: Arc<RedisBroker>,
    options: RedisOptions,
    ahead: Arc<AtomicU64>,
}

impl Redis {
    pub(crate) async fn start(window: WindowLimits) -> Self {
        Redis::on(RedisServer::start().await, window).await
    }

    pub(crate) async fn on(server: RedisServer, window: WindowLimits) -> Self {
        let ahead = Arc::new(AtomicU64::new(0));
        let mut options = options(&server.url(), window);
        options.clock_ahead = Some(Arc::clone(&ahead));
        let broker = replica(&options).await;
        Redis { server, broker, options, ahead }
    }

    pub(crate) fn broker(&self) -> Arc<dyn Broker> {
        Arc::clone(&self.broker) as Arc<dyn Broker>
    }

    /// Returns another replica of ours on the same server.
    pub(crate) async fn replica(&self) -> Arc<RedisBroker> {
        replica(&self.options).await
    }

    /// Returns another replica of ours with other options.
    pub(crate) async fn replica_with(
        &self,
        set: impl FnOnce(&mut RedisOptions),
    ) -> Arc<RedisBroker> {
        let mut options = self.options.clone();
        set(&mut options);
        replica(&options).await
    }

    /// Kills the server and starts it with what it had saved; the replica stays.
    pub(crate) async fn crash_now(&mut self) {
        let made = self.broker.connections_made();
        self.server.kill();
        self.server.run().await;
        reconnected(&self.broker, made).await;
    }

    /// Stops the server in order and starts it again; the replica stays.
    pub(crate) async fn restart_server(&mut self) {
        let made = self.broker.connections_made();
        self.server.shut_down().await;
        self.server.run().await;
        reconnected(&self.broker, made).await;
    }
}

/// Returns options with which tests don't wait long.
pub(crate) fn options(url: &str, window: WindowLimits) -> RedisOptions {
    RedisOptions { check_every: Duration::from_millis(300), ..RedisOptions::new(url, window) }
}

/// Returns a replica of ours that is connected.
pub(crate) async fn replica(options: &RedisOptions) -> Arc<RedisBroker> {
    let broker = Arc::new(RedisBroker::start(options.clone()).expect("the address is one"));
    reconnected(&broker, 0).await;
    broker
}

/// Waits until a replica says of its health what is expected.
pub(crate) async fn health_says(broker: &RedisBroker, expected: &str) -> HealthState {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let health = broker.health();
        if health.reason.as_ref().is_some_and(|reason| reason.contains(expected)) {
            return health.state;
        }
        assert!(Instant::now() < deadline, "it should say {expected}: {health:?}");
        sleep(Duration::from_millis(2)).await;
    }
}

/// Appends new events to the golden stream one by one, and returns their receipts.
pub(crate) async fn append(broker: &Arc<dyn Broker>, count: usize) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    for _ in 0..count {
        let appended = broker.append(&golden_stream(), Append::one(new_event())).await;
        receipts.extend_from_slice(appended.expect("it is taken").receipts());
    }
    receipts
}

/// Appends a new event once the server is one again that takes events: the connection to one that was
/// not is given up for another.
pub(crate) async fn append_once_it_is_back(broker: &Arc<dyn Broker>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match broker.append(&golden_stream(), Append::one(new_event())).await {
            Ok(_) => return,
            Err(error) => assert!(Instant::now() < deadline, "it is not taken: {error:?}"),
        }
        sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until a replica has a connection later than that one, and hears wake-ups.
pub(crate) async fn reconnected(broker: &RedisBroker, made: u64) {
    let deadline = Instant::now() + PATIENCE;
    while broker.connections_made() <= made || broker.health().state != HealthState::Healthy {
        assert!(Instant::now() < deadline, "no connection: {:?}", broker.health());
        sleep(Duration::from_millis(2)).await;
    }
}

/// Runs the cases on the Redis backend.
pub(crate) struct RedisHarness;

impl Harness for RedisHarness {
    fn abilities(&self) -> &[Ability] {
        &[Ability::Clock, Ability::Restart, Ability::Crash, Ability::Switch, Ability::FailOver]
    }

    fn start(&self, limits: WindowLimits) -> BoxFuture<'_, Box<dyn Subject>> {
        Box::pin(async move { Box::new(Redis::start(limits).await) as Box<dyn Subject> })
    }
}

impl Subject for Redis {
    fn broker(&self) -> Arc<dyn Broker> {
        self.broker()
    }

    fn advance(&mut self, by: Duration) {
        let by = u64::try_from(by.as_millis()).expect("cases move by days at most");
        self.ahead.fetch_add(by, Ordering::Relaxed);
    }

    fn save(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(self.server.save())
    }

    /// Stops server and replica in order, and starts both again.
    fn restart(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.restart_server().await;
            self.broker = self.replica().await;
        })
    }

    /// Kills the server; the replica remembers what it had seen, which is how a loss is known.
    fn crash(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(self.crash_now())
    }

    /// Begins another epoch, as the end of a cutover does.
    fn switch(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let stream = StreamName::thread("conformance").expect("it keeps the grammar");
            self.broker.fork(&stream).await.expect("the log is forked");
        })
    }

    fn fail_over(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(self.crash_now())
    }
}
