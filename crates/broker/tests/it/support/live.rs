//! A process whose streams can change hands, with a disk that is a value: what was written when it
//! ended anywhere is what the next one finds.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use broker::{
    BoxFuture, Broker, LiveBroker, LiveOptions, MemoryBroker, RedisOptions, ReplicaBroker,
    ReplicaOptions,
    conformance::{Ability, Harness, Subject},
    live::{Record, Resumed, SwitchError, SwitchLog, SwitchObserver, Target, Transition},
    memory::log::{Log, WindowLimits},
};
use event::{ForkKind, Lineage, StreamName};
use faults::RedisServer;
use parking_lot::Mutex;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::clock::{FakeClock, SeededEpochs};

/// Far beyond what it takes Redis to come back.
const PATIENCE: Duration = Duration::from_secs(20);

/// What outlives a process.
#[derive(Default)]
pub(crate) struct Disk {
    record: Mutex<Option<Record>>,
    branches: Mutex<String>,
    windows: Mutex<Vec<(StreamName, Log)>>,
    is_used: Mutex<bool>,
    is_clean: Mutex<bool>,
    /// How many writes it still takes; then it fails.
    pub(crate) writes_left: AtomicUsize,
    /// Where a replica may have its spool.
    pub(crate) folder: Folder,
    /// What happens when a record is written.
    on_record: Mutex<Option<OnRecord>>,
}

/// A temporary folder.
pub(crate) struct Folder(tempfile::TempDir);

impl Default for Folder {
    fn default() -> Self {
        Folder(tempfile::tempdir().expect("there is a temporary folder"))
    }
}

impl Folder {
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

type OnRecord = Box<dyn Fn(Record) + Send>;

impl Disk {
    pub(crate) fn new() -> Arc<Self> {
        let disk = Disk::default();
        disk.writes_left.store(usize::MAX, Ordering::Relaxed);
        Arc::new(disk)
    }

    fn write_one(&self) -> io::Result<()> {
        let left = self.writes_left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
            if left == usize::MAX { Some(left) } else { left.checked_sub(1) }
        });
        left.map(|_| ()).map_err(|_| io::Error::other("the disk is gone"))
    }

    /// Lets something happen whenever a record is written.
    pub(crate) fn on_record(&self, happens: impl Fn(Record) + Send + 'static) {
        *self.on_record.lock() = Some(Box::new(happens));
    }

    pub(crate) fn record(&self) -> Option<Record> {
        *self.record.lock()
    }

    fn save_clean(&self, memory: &MemoryBroker) {
        *self.windows.lock() = memory.copies();
        (*self.is_clean.lock(), *self.is_used.lock()) = (true, true);
    }
}

impl SwitchLog for Disk {
    fn read(&self) -> io::Result<Option<Record>> {
        Ok(*self.record.lock())
    }

    fn write(&self, record: Record) -> io::Result<()> {
        self.write_one()?;
        *self.record.lock() = Some(record);
        if let Some(happens) = &*self.on_record.lock() {
            happens(record);
        }
        Ok(())
    }

    fn read_branches(&self) -> io::Result<String> {
        Ok(self.branches.lock().clone())
    }

    fn write_branches(&self, text: &str) -> io::Result<()> {
        *self.branches.lock() = text.to_owned();
        Ok(())
    }

    fn save(&self, memory: &MemoryBroker) -> io::Result<()> {
        self.write_one()?;
        *self.windows.lock() = memory.copies();
        *self.is_used.lock() = true;
        Ok(())
    }
}

/// Remembers every transition.
#[derive(Default)]
pub(crate) struct Observed(pub(crate) Mutex<Vec<Transition>>);

impl SwitchObserver for Observed {
    fn transition(&self, transition: &Transition) {
        self.0.lock().push(transition.clone());
    }
}

/// A process that is running, with what it was started with.
pub(crate) struct Live {
    pub(crate) broker: Arc<LiveBroker>,
    pub(crate) memory: Arc<MemoryBroker>,
    pub(crate) disk: Arc<Disk>,
    pub(crate) observed: Arc<Observed>,
    pub(crate) resumed: Resumed,
    pub(crate) clock: Arc<FakeClock>,
    ahead: Arc<AtomicU64>,
    epochs: Arc<SeededEpochs>,
    limits: WindowLimits,
    owner: Target,
    replica: Option<ReplicaOptions>,
}

impl Live {
    /// Starts the first process over an empty disk.
    pub(crate) async fn start(url: &str, limits: WindowLimits, owner: Target) -> Self {
        Live::start_at(Some(url.to_owned()), limits, owner).await
    }

    pub(crate) async fn start_at(url: Option<String>, limits: WindowLimits, owner: Target) -> Self {
        Live::start_changed(url, limits, owner, |_, _| {}).await
    }

    /// Starts the first process over an empty disk; its replica is told of a folder for its spool.
    pub(crate) async fn start_changed(
        url: Option<String>,
        limits: WindowLimits,
        owner: Target,
        change: impl Fn(&mut ReplicaOptions, &Path),
    ) -> Self {
        static STARTED: AtomicU64 = AtomicU64::new(1);
        let (ahead, clock) = (Arc::new(AtomicU64::new(0)), Arc::new(FakeClock::new()));
        let seed = STARTED.fetch_add(1, Ordering::Relaxed) * 1_000_003;
        let epochs = Arc::new(SeededEpochs::new(seed));
        let disk = Disk::new();
        let observed = Arc::default();
        let replica = url.as_deref().map(|url| {
            let mut options = replica_options(url, limits, &clock, &ahead);
            change(&mut options, disk.folder.path());
            options
        });
        let (memory, broker, resumed) =
            process(&disk, limits, owner, replica.as_ref(), &clock, &epochs, &observed).await;
        Live {
            broker,
            memory,
            disk,
            observed,
            resumed,
            clock,
            ahead,
            epochs,
            limits,
            owner,
            replica,
        }
    }

    pub(crate) fn broker(&self) -> Arc<dyn Broker> {
        Arc::clone(&self.broker) as Arc<dyn Broker>
    }

    /// Asks again until every stream is this backend's: Redis may be lost at first.
    pub(crate) async fn goes_over(&self, to: Target) {
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = self.broker.cutover(to).await {
            assert!(Instant::now() < deadline, "it does not switch: {error}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Moves the clocks of the process and of Redis on.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        let by = u64::try_from(by.as_millis()).expect("cases move by days at most");
        self.ahead.fetch_add(by, Ordering::Relaxed);
    }

    /// Ends the process where it stands and starts another over its disk.
    pub(crate) async fn crash(&mut self) {
        *self.disk.is_clean.lock() = false;
        self.disk.writes_left.store(usize::MAX, Ordering::Release);
        self.start_again().await;
    }

    /// Ends the process in order and starts another.
    pub(crate) async fn restart(&mut self) {
        self.broker.drain().await;
        self.disk.save_clean(&self.memory);
        self.start_again().await;
    }

    async fn start_again(&mut self) {
        let Live { disk, limits, owner, replica, clock, epochs, observed, .. } = &*self;
        let started =
            process(disk, *limits, *owner, replica.as_ref(), clock, epochs, observed).await;
        (self.memory, self.broker, self.resumed) = started;
    }
}

async fn process(
    disk: &Arc<Disk>,
    limits: WindowLimits,
    owner: Target,
    replica: Option<&ReplicaOptions>,
    clock: &Arc<FakeClock>,
    epochs: &Arc<SeededEpochs>,
    observed: &Arc<Observed>,
) -> (Arc<MemoryBroker>, Arc<LiveBroker>, Resumed) {
    let memory = MemoryBroker::new(limits, Arc::clone(clock) as Arc<dyn event::Clock>);
    let memory = Arc::new(memory.with_epochs(Arc::clone(epochs) as _));
    let kind = if *disk.is_clean.lock() { ForkKind::Whole } else { ForkKind::Lossy };
    let draw = || broker::memory::EpochSource::draw(&**epochs);
    for (stream, mut log) in disk.windows.lock().clone() {
        log.fork(draw(), kind);
        memory.take_up(stream, log);
    }
    if *disk.is_used.lock() && kind == ForkKind::Lossy {
        // What a folder that was not left clean makes of streams that it has no window of.
        let golden = super::logs::golden_stream();
        if !memory.copies().iter().any(|(stream, _)| *stream == golden) {
            memory.take_up(golden, Log::begin(Lineage::lossy_origin(draw())));
        }
    }
    let mut options =
        LiveOptions::new(Arc::clone(&memory), owner, Arc::clone(disk) as Arc<dyn SwitchLog>);
    options.observer = Arc::clone(observed) as Arc<dyn SwitchObserver>;
    (options.patience, options.resume_wait) = (Duration::from_secs(3), Duration::from_secs(4));
    options.lease = Duration::from_secs(5);
    if let Some(replica) = replica.cloned() {
        options.replica =
            Some(Box::new(move || ReplicaBroker::start(replica.clone()).map(Arc::new)));
    }
    let (broker, resumed) = LiveBroker::start(options).await.expect("it starts");
    if owner == Target::Redis {
        super::replica::healthy(&broker.replica().expect("it was started")).await;
    }
    (memory, broker, resumed)
}

fn replica_options(
    url: &str,
    limits: WindowLimits,
    clock: &Arc<FakeClock>,
    ahead: &Arc<AtomicU64>,
) -> ReplicaOptions {
    let mut redis = RedisOptions::new(url, limits);
    redis.clock_ahead = Some(Arc::clone(ahead));
    redis.check_every = Duration::from_millis(200);
    redis.connect_time_max = Duration::from_millis(500);
    redis.command_time_max = Duration::from_secs(1);
    let mut options = ReplicaOptions::new(redis, Arc::clone(clock) as Arc<dyn event::Clock>);
    options.cut_off_after = Duration::from_millis(100);
    options.heal_grace = Duration::from_secs(2);
    options
}

/// Which backend a harness begins with, and whether it is changed all the while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begins {
    InMemory,
    InRedis,
    ToAndFro,
}

/// Runs the cases on a process whose streams can change hands, each on a server of its own.
pub(crate) struct LiveHarness(pub(crate) Begins);

/// Runs them on one fleet of servers, each under a prefix of its own.
pub(crate) struct FleetHarness {
    pub(crate) begins: Begins,
    pub(crate) url: String,
    pub(crate) cases: AtomicU64,
}

struct LiveSubject {
    live: Live,
    begins: Begins,
    switching: JoinSet<()>,
    /// How often it was switched, and why it was not any more.
    switched: Arc<Mutex<(usize, Option<SwitchError>)>>,
    _server: Option<RedisServer>,
}

impl Begins {
    fn abilities(self) -> &'static [Ability] {
        match self {
            Begins::ToAndFro => &[Ability::Clock],
            _ => &[Ability::Clock, Ability::Restart, Ability::Switch],
        }
    }

    async fn start(
        self,
        url: String,
        limits: WindowLimits,
        prefix: String,
        server: Option<RedisServer>,
    ) -> Box<dyn Subject> {
        let owner = match self {
            Begins::InRedis => Target::Redis,
            _ => Target::Memory,
        };
        let named = |options: &mut ReplicaOptions, _: &Path| options.redis.prefix = prefix.clone();
        let live = Live::start_changed(Some(url), limits, owner, named).await;
        let mut switching = JoinSet::new();
        let switched: Arc<Mutex<(usize, Option<SwitchError>)>> = Arc::default();
        if self == Begins::ToAndFro {
            let (broker, switched) = (Arc::clone(&live.broker), Arc::clone(&switched));
            switching.spawn(async move {
                let mut to = Target::Redis;
                loop {
                    let error = broker.cutover(to).await.err();
                    let mut switched = switched.lock();
                    (switched.0, switched.1) = (switched.0 + 1, error);
                    if switched.1.is_some() {
                        return;
                    }
                    to = to.other();
                }
            });
        }
        Box::new(LiveSubject { live, begins: self, switching, switched, _server: server })
    }
}

impl Harness for LiveHarness {
    fn abilities(&self) -> &[Ability] {
        self.0.abilities()
    }

    fn start(&self, limits: WindowLimits) -> BoxFuture<'_, Box<dyn Subject>> {
        Box::pin(async move {
            let server = RedisServer::start().await;
            let prefix = "dashclaw".to_owned();
            self.0.start(server.url(), limits, prefix, Some(server)).await
        })
    }
}

impl Harness for FleetHarness {
    fn abilities(&self) -> &[Ability] {
        self.begins.abilities()
    }

    fn start(&self, limits: WindowLimits) -> BoxFuture<'_, Box<dyn Subject>> {
        let case = self.cases.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("case{:?}{case}", self.begins);
        Box::pin(self.begins.start(self.url.clone(), limits, prefix, None))
    }
}

impl Drop for LiveSubject {
    fn drop(&mut self) {
        let (count, error) = &*self.switched.lock();
        assert!(std::thread::panicking() || error.is_none(), "switch {count}: {error:?}");
    }
}

impl Subject for LiveSubject {
    fn broker(&self) -> Arc<dyn Broker> {
        self.live.broker()
    }

    fn advance(&mut self, by: Duration) {
        self.live.advance(by);
    }

    fn restart(&mut self) -> BoxFuture<'_, ()> {
        assert!(self.switching.is_empty(), "{:?} is not restarted", self.begins);
        Box::pin(self.live.restart())
    }

    fn switch(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let to = self.live.broker.status().owner.other();
            self.live.broker.cutover(to).await.expect("it switches");
        })
    }
}
