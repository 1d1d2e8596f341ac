//! Two replicas, each behind a proxy of its own to one Redis, with publishers and readers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use faults::{Proxy, ServerOptions};
use tokio::runtime::{Builder, Runtime};

use super::{
    super::{realtime, wait_for},
    Fault, Meanwhile,
    clients::{END, Record, Signals, publish, read},
    watch::{Said, watch},
};
use crate::support::{
    redis::Redis,
    server::{KEY_A, KEY_ADMIN, Server},
    wait::until,
};

/// How many events, or refusals, show that something goes on.
const SOME: u64 = 20;
const REFUSALS: u64 = 3;

/// Whether replicas serve without Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// They do, and merge what they took.
    Loose,
    /// They do not.
    Strict,
}

/// Everything that takes part. What is listed first ends first.
pub(super) struct Field {
    replicas: [Server; 2],
    pub(super) proxies: [Proxy; 2],
    pub(super) redis: Redis,
    mode: Mode,
    signals: Arc<Signals>,
    is_over: Arc<AtomicBool>,
    publishers: Vec<JoinHandle<u64>>,
    readers: Vec<JoinHandle<Record>>,
    watchers: Vec<JoinHandle<Said>>,
    /// What was acknowledged and refused when the fault began.
    before: ([u64; 2], [u64; 2]),
    during: (u64, u64),
    runtime: Runtime,
}

/// What was seen.
pub(super) struct Seen {
    pub(super) published: [u64; 2],
    /// How many were acknowledged, and how many attempts refused, while the fault lasted.
    pub(super) during: (u64, u64),
    pub(super) records: Vec<Record>,
    pub(super) said: Vec<Said>,
}

impl Field {
    pub(super) fn start(mode: Mode) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("the system gives threads");
        let options = ServerOptions { append_only: true, ..ServerOptions::default() };
        let redis = Redis::start_with(options);
        let to_redis = || runtime.block_on(Proxy::start(redis.address()));
        let proxies = [to_redis(), to_redis()];
        let replicas = proxies.each_ref().map(|proxy| {
            let plan = redis.plan().set("REDIS_URL", format!("redis://{}/", proxy.address()));
            plan.set("REALTIME_ENFORCE_REDIS", (mode == Mode::Strict).to_string()).start()
        });
        let mut field = Field {
            replicas,
            proxies,
            redis,
            mode,
            signals: Arc::default(),
            is_over: Arc::default(),
            publishers: Vec::new(),
            readers: Vec::new(),
            watchers: Vec::new(),
            before: Default::default(),
            during: (0, 0),
            runtime,
        };
        field.replicas.iter().for_each(|replica| drop(wait_for(replica, "healthy")));
        field.begin_traffic();
        field
    }

    fn begin_traffic(&mut self) {
        let addresses = self.replicas.each_ref().map(|replica| replica.address);
        // Nobody publishes before everybody reads: all are to see all.
        self.readers = (0..4)
            .map(|index| {
                let signals = Arc::clone(&self.signals);
                thread::spawn(move || read(index, addresses, &signals))
            })
            .collect();
        until("all readers are there", || {
            self.replicas
                .iter()
                .all(|replica| replica.metric(r#"tidegate_streams_open{transport="sse"}"#) >= 2.0)
        });
        self.publishers = (0..2)
            .map(|index| {
                let (address, signals) = (addresses[index], Arc::clone(&self.signals));
                thread::spawn(move || publish(index, address, &signals))
            })
            .collect();
        self.watchers = addresses
            .iter()
            .map(|&address| {
                let is_over = Arc::clone(&self.is_over);
                thread::spawn(move || watch(address, &is_over))
            })
            .collect();
    }

    /// Waits until every publisher is acknowledged and every reader reads.
    pub(super) fn wait_for_traffic(&self) {
        until("everybody reads", || {
            self.signals.had.iter().all(|had| had.load(Ordering::Acquire) >= SOME)
        });
    }

    pub(super) fn begin(&mut self, fault: &Fault) {
        // Another replica knows nothing of a branch before it is merged: who moves then is told.
        let stays = !matches!(fault.meanwhile, Meanwhile::Served | Meanwhile::Refused);
        self.signals.may_move.store(!stays, Ordering::Release);
        self.before = (self.signals.acknowledged(), self.signals.refused());
    }

    /// Waits until the fault shows, and publishers went through it.
    pub(super) fn wait_until_felt(&mut self, meanwhile: Meanwhile) {
        let word = if self.mode == Mode::Strict { "unhealthy" } else { "degraded" };
        match meanwhile {
            Meanwhile::Lost => self.replicas.iter().for_each(|r| drop(wait_for(r, word))),
            Meanwhile::LostToOne => drop(wait_for(&self.replicas[0], word)),
            Meanwhile::Served | Meanwhile::Unsteady | Meanwhile::Refused => {}
        }
        let is_refused = |index: usize| match meanwhile {
            Meanwhile::Served | Meanwhile::Unsteady => false,
            Meanwhile::Refused => true,
            Meanwhile::Lost => self.mode == Mode::Strict,
            Meanwhile::LostToOne => self.mode == Mode::Strict && index == 0,
        };
        let (acknowledged, refused) = (self.signals.acknowledged(), self.signals.refused());
        until("publishers go through it", || {
            (0..2).all(|index| match is_refused(index) {
                true => self.signals.refused()[index] >= refused[index] + REFUSALS,
                false => self.signals.acknowledged()[index] >= acknowledged[index] + SOME,
            })
        });
        let since =
            |now: [u64; 2], then: [u64; 2]| now.iter().sum::<u64>() - then.iter().sum::<u64>();
        self.during = (
            since(self.signals.acknowledged(), self.before.0),
            since(self.signals.refused(), self.before.1),
        );
    }

    /// Waits until all is well and events flow everywhere.
    pub(super) fn wait_until_mended(&self) {
        self.replicas.iter().for_each(|replica| drop(wait_for(replica, "healthy")));
        self.signals.may_move.store(true, Ordering::Release);
        let acknowledged = self.signals.acknowledged();
        until("publishers go on", || {
            let now = self.signals.acknowledged();
            (0..2).all(|index| now[index] >= acknowledged[index] + 2 * SOME)
        });
    }

    /// Ends the traffic behind a last event, and returns what was seen.
    pub(super) fn finish(mut self) -> Seen {
        self.signals.enough.store(true, Ordering::Release);
        let join = |handle: JoinHandle<u64>| handle.join().expect("a publisher saw no nonsense");
        let published: Vec<_> = self.publishers.drain(..).map(join).collect();
        until("nothing is left to merge", || {
            self.replicas.iter().all(|replica| {
                replica.metric("tidegate_spool_events") == 0.0 && realtime(replica).0 == 200
            })
        });
        self.replicas[0].publish_ok(KEY_A, END, 0);
        let join = |handle: JoinHandle<Record>| handle.join().expect("a reader saw no nonsense");
        let records = self.readers.drain(..).map(join).collect();
        self.is_over.store(true, Ordering::Release);
        let join = |handle: JoinHandle<Said>| handle.join().expect("health was always answered");
        let said = self.watchers.drain(..).map(join).collect();
        let ledgers =
            self.replicas.each_ref().map(|r| r.get("/api/admin/ledger", KEY_ADMIN).text());
        assert_eq!(ledgers[0], ledgers[1], "one order everywhere");
        let published = [published[0], published[1]];
        Seen { published, during: self.during, records, said }
    }

    /// Harms the way to Redis, and waits until every replica had to connect again, or can't.
    pub(super) fn reconnects_over(&mut self, harm: impl FnOnce(&mut Self)) {
        let before = self.reconnects();
        harm(self);
        until("replicas feel it", || {
            let now = self.reconnects();
            (0..2).all(|index| {
                now[index] > before[index]
                    || realtime(&self.replicas[index]).1["status"] != "healthy"
            })
        });
    }

    fn reconnects(&self) -> [f64; 2] {
        self.replicas.each_ref().map(|replica| replica.metric("tidegate_redis_reconnects_total"))
    }

    /// Cuts a replica's way to Redis; new connections are refused.
    pub(super) fn take_down(&self, index: usize) {
        self.runtime.block_on(self.proxies[index].disable());
    }

    pub(super) fn bring_up(&self, index: usize) {
        self.runtime.block_on(self.proxies[index].enable());
    }
}
