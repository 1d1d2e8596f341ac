//! Measures a switch under appends: `cargo run -p broker --example switch -- 1000 1000 500`, for so
//! many streams, events in each, and appends a second, on a Redis of its own. Prints how long it
//! takes, how long appends wait, and how much memory it needs beside the windows.
#![expect(clippy::print_stdout, reason = "what it measures is what it is for")]

use std::{io, sync::Arc, time::Duration};

use broker::{
    Append, AppendError, Broker, LiveBroker, LiveOptions, MemoryBroker, RedisOptions,
    ReplicaBroker, ReplicaOptions, SystemClock,
    conformance::new_event,
    live::{Record, SwitchLog, Target},
    memory::log::WindowLimits,
};
use event::{Clock, StreamName};
use faults::RedisServer;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

const LIMITS: WindowLimits =
    WindowLimits { events_max: 100_000, age_max: Duration::from_secs(600) };

/// Events of one append while the streams are filled.
const FILL: usize = 100;

/// Writes nothing down.
struct NoDisk;

impl SwitchLog for NoDisk {
    fn read_branches(&self) -> io::Result<String> {
        Ok(String::new())
    }

    fn write_branches(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn read(&self) -> io::Result<Option<Record>> {
        Ok(None)
    }

    fn write(&self, _record: Record) -> io::Result<()> {
        Ok(())
    }

    fn save(&self, _memory: &MemoryBroker) -> io::Result<()> {
        Ok(())
    }
}

type Failed = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |default| arguments.next().map_or(Ok(default), |text| text.parse::<usize>());
    let (streams, events, rate) = (next(1000)?, next(1000)?, next(500)?);
    let server = RedisServer::start().await;
    let live = start(&server).await?;
    let empty = resident_kib()?;
    for n in 0..streams {
        for _ in 0..events.div_ceil(FILL) {
            let events = (0..FILL).map(|_| new_event()).collect();
            live.append(&stream(n)?, Append { events, idempotency: None }).await?;
        }
    }
    let mut writers = JoinSet::new();
    let writing = Arc::clone(&live);
    writers.spawn(async move {
        let written = write(&writing, streams, rate).await;
        println!("the writer ended: {written:?}");
    });
    // What stands in memory before; beyond it lies what a switch needs.
    let window = resident_kib()?.saturating_sub(empty);
    println!("the windows take {window} KiB");
    for to in [Target::Redis, Target::Memory, Target::Redis] {
        let began = Instant::now();
        let (status, peak) = peak_during(live.cutover(to)).await;
        let (status, peak) = (status?, peak.saturating_sub(empty));
        println!("at most {peak} KiB, {} % of the windows", peak * 100 / window.max(1));
        let pauses = &status.pauses;
        println!(
            "to {}: {:?}, {} streams, {} events, {} bytes; pauses p50 {} p99 {} max {} µs",
            to.as_str(),
            began.elapsed(),
            status.moved,
            status.events,
            status.bytes,
            pauses.permille_micros(500),
            pauses.permille_micros(990),
            pauses.max_micros()
        );
    }
    writers.shutdown().await;
    Ok(())
}

/// Returns how much of this process is in memory.
fn resident_kib() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| io::Error::other("the system does not say how much memory is used"))
}

/// Awaits something, and returns what of this process was in memory at most meanwhile.
async fn peak_during<T>(done: impl Future<Output = T>) -> (T, u64) {
    let (mut done, mut peak) = (std::pin::pin!(done), 0);
    let mut tick = interval(Duration::from_millis(5));
    loop {
        tokio::select! {
            done = &mut done => return (done, peak),
            _ = tick.tick() => peak = peak.max(resident_kib().unwrap_or_default()),
        }
    }
}

async fn start(server: &RedisServer) -> Result<Arc<LiveBroker>, Failed> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let memory = Arc::new(MemoryBroker::new(LIMITS, Arc::clone(&clock)));
    let mut options = LiveOptions::new(memory, Target::Memory, Arc::new(NoDisk));
    let replica = ReplicaOptions::new(RedisOptions::new(&server.url(), LIMITS), clock);
    options.replica = Some(Box::new(move || ReplicaBroker::start(replica.clone()).map(Arc::new)));
    Ok(LiveBroker::start(options).await?.0)
}

fn stream(n: usize) -> Result<StreamName, event::StreamNameError> {
    StreamName::thread(&format!("t{n}"))
}

/// Appends to one stream after the other, and prints how long that takes.
async fn write(live: &LiveBroker, streams: usize, rate: usize) -> Result<(), AppendError> {
    let mut tick =
        interval(Duration::from_secs(1) / u32::try_from(rate.max(1)).unwrap_or(u32::MAX));
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut waits = Vec::new();
    for n in 0.. {
        tick.tick().await;
        let Ok(stream) = stream(n * 7 % streams) else { return Ok(()) };
        let began = Instant::now();
        live.append(&stream, Append::one(new_event())).await?;
        waits.push(began.elapsed().as_micros());
        if waits.len() % 500 == 0 {
            waits.sort_unstable();
            let at = |permille: usize| waits[(waits.len() - 1) * permille / 1000];
            let (count, p50, p99, max) = (waits.len(), at(500), at(990), at(1000));
            println!("appends: {count}, p50 {p50} p99 {p99} max {max} µs");
        }
    }
    Ok(())
}
