//! The steps around what is measured: threads, readers, a warm-up; then waiting for what is under way,
//! and reading everything back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
};

use super::Measuring;
use crate::{
    args::{RequestIds, Transport},
    chat::{
        account::{Account, Faults},
        exchange::Exchange,
        listener::Listener,
        meters::Meters,
        pace::Pace,
        plan::{ChatPlan, HANDS},
        reads::{Back, CatchUp, ReadBack},
        said::Bodies,
        sends::{Numbers, Sends, Times, To},
        stage::{Join, MakeThreads},
        wire,
    },
    clock::Clock,
    crowd::{Crowd, CrowdPlan, Goal, histogram},
    error::BenchError,
    server::{ChatServers, ChatSetup},
    stamp::Mark,
    work::{AT_ONCE, LOOK_EVERY, Rise},
};

/// What problems call the server.
const SERVER: &str = "tidegate";

/// How many pages are read before reading is measured.
const WARM_UP_READS: u64 = 10;

/// What there is while something is measured.
pub(super) struct Scene<'a> {
    pub(super) servers: &'a ChatServers,
    pub(super) clock: Clock,
    pub(super) account: Account,
    bodies: Bodies,
    numbers: Numbers,
}

impl<'a> Scene<'a> {
    pub(super) fn new(plan: &ChatPlan, servers: &'a ChatServers) -> Self {
        let bodies = Bodies::new(Mark::new(rand::random()), plan.args.body_chars as usize);
        let (account, numbers) = (Account::new(bodies.clone()), Numbers::default());
        Scene { servers, clock: Clock::start(), account, bodies, numbers }
    }
}

/// Opens so many connections to the replicas.
pub(super) fn hands(scene: &Scene<'_>, count: usize) -> Result<Exchange, BenchError> {
    let exchange = Exchange::connect(&scene.servers.replicas, count);
    exchange.map_err(BenchError::machine("connections can't be opened"))
}

pub(super) fn refused(what: String) -> BenchError {
    BenchError::Refused { server: SERVER.to_owned(), what }
}

impl Measuring<'_> {
    pub(super) fn setup(&self) -> ChatSetup<'_> {
        let args = &self.plan.args;
        ChatSetup {
            database: args.database,
            surreal: args.surreal.as_deref(),
            replicas: args.replicas,
            dir: args.dir.as_deref(),
            keys: self.plan.cast().keys(),
            streams: args.readers + 100,
        }
    }

    pub(super) fn tick(&mut self, phase: &'static str, state: &str) {
        let between = if state.is_empty() { "" } else { ": " };
        let state = format!("{}{between}{state}", self.title);
        self.watch.tick(phase, self.began.elapsed(), &state);
    }

    /// Runs something on a thread of its own, while this one looks and shows how it goes.
    pub(super) fn carry<T: Send>(
        &mut self,
        (phase, state): (&'static str, impl Fn() -> String),
        mut look: impl FnMut(),
        run: impl FnOnce() -> Result<T, String> + Send,
    ) -> Result<T, BenchError> {
        let stop = self.stop;
        let ended = thread::scope(|scope| {
            let running = scope.spawn(run);
            while !running.is_finished() {
                look();
                self.tick(phase, &state());
                stop.wait(LOOK_EVERY);
            }
            running.join().expect("what is measured does not panic")
        });
        stop.check()?;
        ended.map_err(refused)
    }

    /// Makes the threads, lets authors join them, and fills the one that is to be caught up with.
    pub(super) fn stage(&mut self, scene: &mut Scene<'_>) -> Result<(), BenchError> {
        let mut hands = hands(scene, HANDS)?;
        let (cast, stop, clock) = (self.plan.cast(), self.stop, scene.clock);
        let filled = self.plan.args.catch_up;
        let mut make = MakeThreads::new(&mut scene.account, cast, usize::from(filled.is_some()));
        let making = ("making threads", String::new);
        self.carry(making, || {}, || hands.run(&mut make, clock, stop))?;
        make.conclude();
        let mut join = Join { account: &scene.account, joins: cast.joins().into() };
        let joining = ("joining threads", String::new);
        self.carry(joining, || {}, || hands.run(&mut join, clock, stop))?;
        if let Some(messages) = filled {
            let to = To::One { thread: cast.threads, author: 0 };
            self.send(scene, &mut hands, (to, Pace::count(messages.into())), "filling a thread")?;
        }
        Ok(())
    }

    /// Sends messages that are not measured.
    fn send(
        &mut self,
        scene: &mut Scene<'_>,
        exchange: &mut Exchange,
        what: (To, Pace),
        phase: &'static str,
    ) -> Result<(), BenchError> {
        let (count, clock, stop) = (AtomicU64::new(0), scene.clock, self.stop);
        let mut sends = self.sends(scene, what, &count);
        let state = || format!("{} sent", count.load(Relaxed));
        self.carry((phase, state), || {}, || exchange.run(&mut sends, clock, stop)).map(drop)
    }

    /// Returns senders of messages.
    pub(super) fn sends<'s>(
        &self,
        scene: &'s mut Scene<'_>,
        (to, pace): (To, Pace),
        count: &'s AtomicU64,
    ) -> Sends<'s> {
        // What fills a thread is there to be read, and not measured: it is sent the quickest way.
        let request_ids = match to {
            To::Cast(_) => self.plan.args.request_ids,
            To::One { .. } => RequestIds::None,
        };
        let Scene { account, numbers, bodies, .. } = scene;
        Sends { account, numbers, bodies, to, pace, request_ids, count, times: Times::new() }
    }

    /// Returns the reads of the thread that is caught up with, if there is one.
    pub(super) fn catch_up(&self, scene: &Scene<'_>, pace: Pace) -> Option<CatchUp> {
        let messages = self.plan.args.catch_up?.into();
        let filled = scene.account.thread(self.plan.cast().threads).clone();
        let (took_us, faults) = (histogram(), Faults::default());
        Some(CatchUp { filled, messages, pace, took_us, pages: 0, faults })
    }

    /// Opens the readers, and waits until each has its stream.
    pub(super) fn gather(&mut self, scene: &Scene<'_>) -> Result<Crowd<Listener>, BenchError> {
        let args = &self.plan.args;
        let plan = CrowdPlan {
            address: scene.servers.replicas[0],
            also_at: scene.servers.replicas.get(1).copied(),
            openings: Arc::new([wire::open(scene.account.id(0), args.transport)]),
            readers: args.readers as usize,
            goal: Goal::Stay,
            first: 1,
            clock: scene.clock,
            is_ws: args.transport == Transport::Ws,
            threads: self.plan.reader_threads(),
            at_once: AT_ONCE as usize,
            per_address: args.connections_per_address as usize,
        };
        let mark = scene.bodies.mark();
        let crowd = Crowd::open(plan, || Listener::new(mark.clone(), args.transport));
        let crowd = crowd.map_err(BenchError::machine("readers can't be opened"))?;
        self.rise(&crowd, "opening", args.readers.into(), || crowd.board().opened())?;
        Ok(crowd)
    }

    fn rise(
        &mut self,
        crowd: &Crowd<Listener>,
        phase: &'static str,
        all: u64,
        level: impl FnMut() -> u64,
    ) -> Result<(), BenchError> {
        let rise = Rise { server: SERVER, stop: self.stop, board: crowd.board(), phase, all };
        rise.wait(level, |state| self.tick(phase, state))
    }

    /// Lets everything happen that is measured later, once or twice.
    pub(super) fn warm_up(
        &mut self,
        scene: &mut Scene<'_>,
        crowd: &Crowd<Listener>,
    ) -> Result<(), BenchError> {
        let (clock, stop) = (scene.clock, self.stop);
        if let Some(mut reads) = self.catch_up(scene, Pace::count(WARM_UP_READS)) {
            let mut line = hands(scene, scene.servers.replicas.len())?;
            let warming = ("warming up", String::new);
            self.carry(warming, || {}, || line.run(&mut reads, clock, stop))?;
        }
        let mut senders = hands(scene, self.plan.args.senders as usize)?;
        let warm = (To::Cast(self.plan.cast()), Pace::count(self.plan.warm_up()));
        self.send(scene, &mut senders, warm, "warming up")?;
        self.rise(crowd, "warming up", self.expected(scene), || crowd.board().received())
    }

    /// Returns how many messages readers have to get, all in all.
    fn expected(&self, scene: &Scene<'_>) -> u64 {
        scene.account.acknowledged_in(0) * u64::from(self.plan.args.readers)
    }

    /// Waits until readers have everything, or get nothing more; returns why not, then.
    pub(super) fn settle(
        &mut self,
        scene: &Scene<'_>,
        crowd: &Crowd<Listener>,
        meters: &mut Meters,
    ) -> Result<Vec<String>, BenchError> {
        let mut last = 0;
        let level = || {
            let received = crowd.board().received();
            if received > last {
                last = received;
                meters.touch();
            }
            meters.look();
            received
        };
        match self.rise(crowd, "settling", self.expected(scene), level) {
            Ok(()) => Ok(Vec::new()),
            Err(BenchError::Refused { what, .. }) => Ok(vec![format!("readers: it {what}")]),
            Err(error) => Err(error),
        }
    }

    /// Reads every thread from every replica.
    pub(super) fn read_back(&mut self, scene: &Scene<'_>) -> Result<Back, BenchError> {
        let (count, clock, stop) = (AtomicU64::new(0), scene.clock, self.stop);
        let mut hands = hands(scene, HANDS)?;
        let mut back = ReadBack::new(&scene.account, scene.servers.replicas.len(), &count);
        let state = || format!("{} read", count.load(Relaxed));
        self.carry(("reading back", state), || {}, || hands.run(&mut back, clock, stop))?;
        Ok(back.conclude())
    }
}
