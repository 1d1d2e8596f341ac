//! A replica's broker on a server of its own, for the cases.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use broker::{
    BoxFuture, Broker, HealthState, MemoryBroker, Receipt, RedisOptions, ReplicaBroker,
    ReplicaOptions,
    conformance::{Ability, Harness, Subject},
    memory::{
        log::{Log, WindowLimits},
        state_dir::{Mirrors, StateDir},
    },
};
use event::StreamName;
use faults::RedisServer;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::{clock::FakeClock, logs::golden_stream, redis::append};

/// Far beyond what a merge takes here.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server with one replica of ours; further ones can be added.
pub(crate) struct Replica {
    pub(crate) server: RedisServer,
    pub(crate) broker: Arc<ReplicaBroker>,
    pub(crate) options: ReplicaOptions,
    pub(crate) clock: Arc<FakeClock>,
    ahead: Arc<AtomicU64>,
    folder: TempDir,
}

impl Replica {
    pub(crate) async fn start(window: WindowLimits) -> Self {
        Replica::start_with(window, |_| {}).await
    }

    /// Starts one with other options.
    pub(crate) async fn start_with(
        window: WindowLimits,
        set: impl FnOnce(&mut ReplicaOptions),
    ) -> Self {
        let server = RedisServer::start().await;
        let (ahead, clock) = (Arc::new(AtomicU64::new(0)), Arc::new(FakeClock::new()));
        let mut redis = RedisOptions::new(&server.url(), window);
        redis.clock_ahead = Some(Arc::clone(&ahead));
        redis.check_every = Duration::from_millis(200);
        redis.connect_time_max = Duration::from_millis(500);
        redis.command_time_max = Duration::from_secs(1);
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let mut options = ReplicaOptions::new(redis, Arc::clone(&clock) as Arc<dyn event::Clock>);
        options.spool = Some(folder.path().join("spool"));
        options.cut_off_after = Duration::from_millis(100);
        options.heal_grace = Duration::from_secs(4);
        options.save_every = Duration::from_millis(20);
        set(&mut options);
        let broker = start(&options);
        healthy(&broker).await;
        Replica { server, broker, options, clock, ahead, folder }
    }

    pub(crate) fn broker(&self) -> Arc<dyn Broker> {
        Arc::clone(&self.broker) as Arc<dyn Broker>
    }

    /// Returns another replica of ours on the same server, with a spool of its own.
    pub(crate) async fn another(&self) -> Arc<ReplicaBroker> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let mut options = self.options.clone();
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        options.spool = Some(self.folder.path().join(format!("another-{number}")));
        let broker = start(&options);
        healthy(&broker).await;
        broker
    }

    /// Ends the replica's process in order and starts another over its spool.
    pub(crate) async fn restart_replica(&mut self) {
        self.broker.drain().await.expect("it is saved");
        self.replace_replica().await;
    }

    /// Ends the replica's process in order, with the windows that it leaves for a process without
    /// Redis, and starts another that finds them beside the spool.
    pub(crate) async fn redeploy_replica(&mut self) {
        let folder = self.folder.path().join("state");
        let window = self.options.redis.window;
        let memory = || MemoryBroker::new(window, Arc::clone(&self.options.clock));
        self.broker.drain().await.expect("it is saved");
        let left = memory();
        let mut given = Mirrors::default();
        self.broker.hand_over(&left, &mut given).await;
        let state = StateDir::open(&folder).expect("it is free");
        state.mark_mirrors(&given).expect("it is written");
        assert!(state.save(&left).failed.is_none());
        state.mark_clean(&left).expect("it is written");
        drop(state);
        let (state, found) = (StateDir::open(&folder).expect("it is free"), memory());
        state.load(&found).expect("it is read");
        self.replace_with(found.copies(), state.mirrors().expect("it is read")).await;
    }

    /// Ends the replica's process in order, lets one without Redis take some events in its place
    /// while another replica finds Redis again, and starts one with Redis; returns their receipts.
    pub(crate) async fn redeploy_by_memory(
        &mut self,
        count: usize,
        another: &ReplicaBroker,
    ) -> Vec<Receipt> {
        let folder = self.folder.path().join("state");
        let (window, clock) = (self.options.redis.window, Arc::clone(&self.options.clock));
        let memory = || Arc::new(MemoryBroker::new(window, Arc::clone(&clock)));
        self.broker.drain().await.expect("it is saved");
        let left = memory();
        let mut given = Mirrors::default();
        self.broker.hand_over(&left, &mut given).await;
        let end = |state: &StateDir, memory: &MemoryBroker| {
            assert!(state.save(memory).failed.is_none());
            state.mark_clean(memory).expect("it is written");
        };
        {
            let state = StateDir::open(&folder).expect("it is free");
            state.mark_mirrors(&given).expect("it is written");
            end(&state, &left);
        }
        let receipts = {
            let (state, memory) = (StateDir::open(&folder).expect("it is free"), memory());
            let mut loaded = state.load(&memory).expect("it is read");
            state.take_over(&memory, &mut loaded).expect("it is written");
            state.own_mirrors(loaded.clean).expect("it is written");
            let broker = Arc::clone(&memory) as Arc<dyn Broker>;
            let receipts = append(&broker, count).await;
            end(&state, &memory);
            receipts
        };
        self.stand_in().await;
        self.server.run().await;
        healthy(another).await;
        // The log is in use there already, and not healed once more.
        another.head(&golden_stream()).await.expect("it is read");
        let (state, found) = (StateDir::open(&folder).expect("it is free"), memory());
        state.load(&found).expect("it is read");
        self.replace_with(found.copies(), state.mirrors().expect("it is read")).await;
        receipts
    }

    /// Kills the replica's process and starts another over its spool.
    pub(crate) async fn replace_replica(&mut self) {
        self.replace_with(Vec::new(), Mirrors::default()).await;
    }

    /// Takes the place of the replica with one that never finds Redis.
    pub(crate) async fn stand_in(&mut self) {
        let weak = Arc::downgrade(&self.broker);
        let mut elsewhere = self.options.clone();
        elsewhere.spool = None;
        // Nothing listens there: it only stands in while the folder changes hands.
        elsewhere.redis.url = "redis://127.0.0.1:9/".to_owned();
        self.broker = start(&elsewhere);
        // The folder is free once the old one is gone with its tasks.
        let deadline = Instant::now() + PATIENCE;
        while weak.strong_count() > 0 {
            assert!(Instant::now() < deadline, "somebody holds the old replica");
            sleep(Duration::from_millis(2)).await;
        }
    }

    async fn replace_with(&mut self, adopted: Vec<(StreamName, Log)>, mirrors: Mirrors) {
        self.stand_in().await;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let options = self.options.clone();
            match ReplicaBroker::start_with(options, adopted.clone(), mirrors.clone()) {
                Ok(broker) => break self.broker = Arc::new(broker),
                Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
            }
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until everything that was acknowledged until now is in the spool.
    pub(crate) async fn saved(&self) {
        self.broker.save().await.expect("it is saved");
    }

    /// Kills the server and waits until the replica has noticed.
    pub(crate) async fn lose_redis(&mut self) {
        self.server.kill();
        cut_off(&self.broker).await;
    }

    /// Ends the server with all that it has in its folder, and waits until the replica has noticed.
    pub(crate) async fn lose_saved_redis(&mut self) {
        self.server.shut_down().await;
        cut_off(&self.broker).await;
    }

    /// Starts the server again and waits until the replica is on the trunk.
    pub(crate) async fn find_redis(&mut self) {
        self.server.run().await;
        healthy(&self.broker).await;
    }
}

fn start(options: &ReplicaOptions) -> Arc<ReplicaBroker> {
    Arc::new(ReplicaBroker::start(options.clone()).expect("it starts"))
}

/// Waits until a replica is on the trunk and hears wake-ups.
pub(crate) async fn healthy(broker: &ReplicaBroker) {
    let deadline = Instant::now() + PATIENCE;
    while broker.health().state != HealthState::Healthy || broker.is_cut_off() {
        assert!(Instant::now() < deadline, "it does not come back: {:?}", broker.health());
        sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until a replica has a connection later than that one, and is on the trunk.
pub(crate) async fn connected_again(broker: &ReplicaBroker, made: u64) {
    let deadline = Instant::now() + PATIENCE;
    while broker.connections_made() <= made {
        assert!(Instant::now() < deadline, "no connection: {:?}", broker.health());
        sleep(Duration::from_millis(2)).await;
    }
    healthy(broker).await;
}

/// Waits until a replica is cut off.
pub(crate) async fn cut_off(broker: &ReplicaBroker) {
    let deadline = Instant::now() + PATIENCE;
    while !broker.is_cut_off() {
        assert!(Instant::now() < deadline, "it is not cut off: {:?}", broker.health());
        sleep(Duration::from_millis(2)).await;
    }
}

/// Runs the cases on a replica that has Redis.
pub(crate) struct ReplicaHarness;

impl Harness for ReplicaHarness {
    fn abilities(&self) -> &[Ability] {
        &[Ability::Clock, Ability::Restart, Ability::Switch]
    }

    fn start(&self, limits: WindowLimits) -> BoxFuture<'_, Box<dyn Subject>> {
        Box::pin(async move { Box::new(Replica::start(limits).await) as Box<dyn Subject> })
    }
}

impl Subject for Replica {
    fn broker(&self) -> Arc<dyn Broker> {
        self.broker()
    }

    fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        let by = u64::try_from(by.as_millis()).expect("cases move by days at most");
        self.ahead.fetch_add(by, Ordering::Relaxed);
    }

    /// Stops server and replica in order, and starts both again.
    fn restart(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.broker.drain().await.expect("it is saved");
            self.server.save().await;
            self.server.kill();
            self.server.run().await;
            self.replace_replica().await;
            healthy(&self.broker).await;
        })
    }

    /// Begins another epoch, as the end of a cutover does.
    fn switch(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let stream = StreamName::thread("conformance").expect("it keeps the grammar");
            self.broker.trunk().fork(&stream).await.expect("the log is forked");
        })
    }
}

/// Runs the cases on a replica that never finds Redis.
pub(crate) struct CutOffHarness;

struct CutOff {
    broker: Arc<ReplicaBroker>,
    clock: Arc<FakeClock>,
    _folder: TempDir,
}

impl Harness for CutOffHarness {
    fn abilities(&self) -> &[Ability] {
        &[Ability::Clock]
    }

    fn start(&self, limits: WindowLimits) -> BoxFuture<'_, Box<dyn Subject>> {
        Box::pin(async move {
            // Nothing listens on the port for tests of discarded data.
            let mut redis = RedisOptions::new("redis://127.0.0.1:9/", limits);
            redis.connect_time_max = Duration::from_millis(500);
            let clock = Arc::new(FakeClock::new());
            let mut options =
                ReplicaOptions::new(redis, Arc::clone(&clock) as Arc<dyn event::Clock>);
            let folder = tempfile::tempdir().expect("there is a temporary folder");
            options.spool = Some(folder.path().join("spool"));
            options.cut_off_after = Duration::from_millis(10);
            let broker = start(&options);
            cut_off(&broker).await;
            Box::new(CutOff { broker, clock, _folder: folder }) as Box<dyn Subject>
        })
    }
}

impl Subject for CutOff {
    fn broker(&self) -> Arc<dyn Broker> {
        Arc::clone(&self.broker) as Arc<dyn Broker>
    }

    fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
    }
}
