//! The append function of Redis alone: what Tidegate with Redis is compared with.
//!
//! For `publish` it is called by `redis-benchmark`, over one connection with as many calls in flight
//! as there are publishers, which is how a replica calls it. For `fanout` the time is taken from the
//! moment at which the call was due, as for every event, to the wake-up on a connection that is
//! subscribed.

mod resp;

use std::{
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use self::resp::{Connection, Value};
use super::{Bench, Gauge};
use crate::{
    args::{FanoutWork, PublishWork, Rate},
    check::Faults,
    clock::{Clock, us},
    crowd::{Tally, histogram},
    error::BenchError,
    figure::{Figure, Figures},
    payload::stream_name,
    plan::Work,
    publisher::{Link, Publisher, exact_timers},
    sample::{LATENCIES, Sample, set_quantiles},
    server::{RedisFunction, Server},
    stamp::Stamp,
};

/// Calls of one run of `redis-benchmark`. The function refuses more events whose digests nobody has
/// folded into the account; between runs they are thrown away.
const CALLS: u32 = 50_000;

/// How long the wake-up of a call may take.
const WAKE_TIME_MAX: Duration = Duration::from_secs(10);

/// A call of the function, as its arguments.
struct Call {
    arguments: Vec<Vec<u8>>,
    digests: String,
    wake: String,
}

pub(super) fn measure(
    bench: &mut Bench<'_>,
    server: &Server,
    function: &RedisFunction,
) -> Result<Sample, BenchError> {
    // The log is there, and the function loaded, once a replica has appended to it.
    let clock = Clock::start();
    let dialect = &*server.dialect;
    let mut publisher = Publisher::new(Link::to(server)?, dialect, (clock, bench.stop), (1, 1));
    publisher.some(1)?;
    let mut redis = Connection::to(function.redis).map_err(lost)?;
    match &bench.plan.work.clone() {
        Work::Publish(work) => called(bench, server, function, &mut redis, work),
        Work::Fanout(work) => woken(bench, server, function, &mut redis, work),
        _ => Err(BenchError::Usage("a function of Redis does not do that work".to_owned())),
    }
}

fn lost(error: std::io::Error) -> BenchError {
    BenchError::machine("Redis does not answer")(error)
}

impl Call {
    /// Writes the call that a replica makes for a list of events (`lib.append` in `log.lua`).
    fn of(
        bench: &Bench<'_>,
        function: &RedisFunction,
        redis: &mut Connection,
        list: u32,
    ) -> Result<Self, BenchError> {
        let name = function_name(redis)?;
        let base = format!("dashclaw:org:{}", stream_name(0));
        let key = |last: &str| format!("{base}:{last}");
        let meta = redis.call(&["HMGET", &key("meta"), "epoch", "head", "run"]).map_err(lost)?;
        let state = meta.texts();
        if state.len() != 3 {
            return Err(refused("the log is not there"));
        }
        let mut texts = vec!["FCALL".to_owned(), name, "6".to_owned()];
        texts.extend(["stream", "meta", "ages", "digests", "keys", "keyq"].map(key));
        texts.extend(state);
        texts.extend([function.events_max.to_string(), "600000".to_owned(), "0".to_owned()]);
        texts.extend([String::new(), String::new(), key("events"), key("wake")]);
        texts.extend(["PUBLISH".to_owned(), list.to_string()]);
        let mut arguments: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
        let mut envelope = Vec::new();
        bench.payloads.envelope(Stamp { stream: 0, number: 1, sent_us: 0 }, &mut envelope);
        for _ in 0..list {
            // A digest of the right length, without bytes that an argument can't hold.
            arguments.extend([envelope.clone(), vec![b'd'; 32], vec![b'0'; 26]]);
        }
        Ok(Call { arguments, digests: key("digests"), wake: key("wake") })
    }
}

fn refused(what: &str) -> BenchError {
    BenchError::Refused { server: "redis-function".to_owned(), what: what.to_owned() }
}

/// Finds what a replica has loaded.
fn function_name(redis: &mut Connection) -> Result<String, BenchError> {
    let list = redis.call(&["FUNCTION", "LIST"]).map_err(lost)?;
    let mut names = list.texts().into_iter();
    let name = names.find(|text| text.starts_with("tidegate_") && text.ends_with("_append"));
    name.ok_or_else(|| refused("has no append function of ours (Redis 7 is needed)"))
}

/// Lets `redis-benchmark` call it for as long as publishers would publish.
fn called(
    bench: &mut Bench<'_>,
    server: &Server,
    function: &RedisFunction,
    redis: &mut Connection,
    work: &PublishWork,
) -> Result<Sample, BenchError> {
    let call = Call::of(bench, function, redis, work.list)?;
    let calls = (CALLS / work.list).max(1);
    let time = Duration::from_secs(work.seconds.into());
    let mut gauge = Gauge::start(&server.pids);
    let (mut events, mut took) = (0, Duration::ZERO);
    while took < time {
        bench.stop.check()?;
        gauge.look();
        bench.tick("calling", "");
        redis.call(&["DEL", &call.digests]).map_err(lost)?;
        let rate = run_benchmark(function, &call, calls, work.connections())?;
        events += u64::from(calls) * u64::from(work.list);
        took += Duration::from_secs_f64(f64::from(calls) / rate);
        gauge.touch();
    }
    let reading = gauge.read(bench.plan.cores);
    let mut figures = Figures::default();
    figures.set(Figure::EventsPerSecond, events as f64 / took.as_secs_f64());
    figures.set(Figure::EventsPerCpuSecond, reading.per_cpu_second(events));
    figures.set(Figure::ServerCpuSeconds, reading.cpu.as_secs_f64());
    figures.set(Figure::Seconds, took.as_secs_f64());
    let tally = Tally::new();
    Ok(Sample {
        figures,
        faults: Faults::default(),
        generator: reading.generator(&tally, None),
        problems: Vec::new(),
        times_us: tally.open_us,
    })
}

/// Returns the calls a second that it reports.
fn run_benchmark(
    function: &RedisFunction,
    call: &Call,
    calls: u32,
    in_flight: u32,
) -> Result<f64, BenchError> {
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let mut command = Command::new(&function.benchmark);
    command.args(["-p", &function.redis.port().to_string(), "-c", "1"]);
    command.args(["-P", &in_flight.to_string(), "-n", &calls.to_string(), "--csv"]);
    command.args(call.arguments.iter().map(text)).stdin(Stdio::null());
    let output = command.output().map_err(BenchError::machine("redis-benchmark can't be run"))?;
    let out = String::from_utf8_lossy(&output.stdout);
    rate_in(&out).ok_or_else(|| {
        let error = String::from_utf8_lossy(&output.stderr);
        refused(&format!("redis-benchmark says: {out}{error}"))
    })
}

/// Reads the rate, the first of the seven numbers at the end of its last line: before them stands
/// the command, which has commas of its own.
fn rate_in(csv: &str) -> Option<f64> {
    let line = csv.lines().rfind(|line| !line.trim().is_empty())?;
    let numbers: Vec<&str> = line.rsplitn(8, ',').collect();
    let rate = numbers.get(6)?.trim_matches('"').parse::<f64>().ok()?;
    (rate > 0.0).then_some(rate)
}

/// Calls it at the rate of the events and waits for each wake-up.
fn woken(
    bench: &mut Bench<'_>,
    server: &Server,
    function: &RedisFunction,
    redis: &mut Connection,
    work: &FanoutWork,
) -> Result<Sample, BenchError> {
    let call = Call::of(bench, function, redis, 1)?;
    let mut ear = Connection::to(function.redis).map_err(lost)?;
    ear.call(&["SUBSCRIBE", &call.wake]).map_err(lost)?;
    ear.wait_at_most(WAKE_TIME_MAX).map_err(lost)?;
    let rate = match work.rate {
        Rate::PerSecond(rate) => rate,
        Rate::Max => return Err(refused("is woken at a rate: --rate is a number")),
    };
    let arguments: Vec<&[u8]> = call.arguments.iter().map(Vec::as_slice).collect();
    let mut gauge = Gauge::start(&server.pids);
    exact_timers();
    let (began, mut latency_us) = (Instant::now(), histogram());
    for event in 0..u64::from(rate) * u64::from(work.seconds) {
        bench.stop.check()?;
        let due = began + Duration::from_secs_f64(event as f64 / f64::from(rate));
        while Instant::now() < due {
            thread::park_timeout(due.saturating_duration_since(Instant::now()));
        }
        redis.send(&arguments).map_err(lost)?;
        ear.receive().map_err(lost)?;
        let _too_long = latency_us.record(us(due.elapsed()).max(1));
        if let Value::Error(error) = redis.receive().map_err(lost)? {
            return Err(refused(&error));
        }
        gauge.look();
        gauge.touch();
    }
    let reading = gauge.read(bench.plan.cores);
    let mut figures = Figures::default();
    figures.set(Figure::ServerCpuSeconds, reading.cpu.as_secs_f64());
    figures.set(Figure::Seconds, reading.took.as_secs_f64());
    set_quantiles(&mut figures, &latency_us, LATENCIES);
    Ok(Sample {
        figures,
        faults: Faults::default(),
        generator: reading.generator(&Tally::new(), None),
        problems: Vec::new(),
        times_us: latency_us,
    })
}

#[cfg(test)]
mod tests {
    use super::rate_in;

    #[test]
    fn the_rate_stands_before_six_times() {
        let head = "\"test\",\"rps\",\"avg_latency_ms\",\"min\",\"p50\",\"p95\",\"p99\",\"max\"\n";
        let line =
            "\"FCALL f {\"a\":1,\"b\":2}\",\"1234.50\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"\n";
        assert_eq!(rate_in(&format!("{head}{line}")), Some(1234.5));
        assert_eq!(rate_in(head), None);
        assert_eq!(rate_in(""), None);
        assert_eq!(rate_in("Error from server: ERR"), None);
    }
}
