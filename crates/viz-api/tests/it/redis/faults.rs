//! Every fault of Redis and of the way to it, with publishers and readers on two replicas all the
//! while, and what each of the readers saw.
//!
//! A line of a table is printed for each (`--nocapture`); the documents have them.

mod clients;
mod field;
mod judge;
mod watch;

use std::time::Duration;

use faults::{Direction, Toxic};
use redis::Value;

use self::{
    field::{Field, Mode},
    judge::Verdict,
};
use super::refuses::command;
use crate::support::wait::until;

/// What becomes of realtime while a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meanwhile {
    /// Publishing goes on, if slowly.
    Served,
    /// Redis is lost to both replicas.
    Lost,
    /// It is lost to the first replica alone.
    LostToOne,
    /// Connections come and go: replicas may be cut off, again and again.
    Unsteady,
    /// It is there, and refuses what is appended.
    Refused,
}

/// What readers may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// No gap: nobody misses anything.
    Nothing,
    /// A gap, to everybody: whether events are gone that nobody holds any more can't be ruled out.
    Loss,
    /// A gap where a reader has not had what is gone, and none where it has.
    WhoIsBehind,
}

/// A fault, and how it is mended.
struct Fault {
    name: &'static str,
    meanwhile: Meanwhile,
    told: Told,
    harm: fn(&mut Field),
    mend: fn(&mut Field),
}

impl Fault {
    /// Runs it with publishers and readers, and judges what they saw.
    fn run(&self, mode: Mode) {
        let mut field = Field::start(mode);
        field.wait_for_traffic();
        field.begin(self);
        (self.harm)(&mut field);
        field.wait_until_felt(self.meanwhile);
        (self.mend)(&mut field);
        field.wait_until_mended();
        let verdict = Verdict::of(field.finish(), self.meanwhile);
        print(&verdict.line(self.name, mode));
        verdict.check(self.told, self.meanwhile, mode);
    }
}

#[expect(clippy::print_stdout, reason = "who breaks things wants to see what was seen")]
fn print(line: &str) {
    println!("{line}");
}

/// Harms what comes back from Redis to both replicas.
fn harm_answers(field: &mut Field, toxic: Toxic) {
    for proxy in &field.proxies {
        proxy.set("fault", Direction::Downstream, toxic);
    }
}

/// Gives Redis a command; what it answers does not matter.
fn tell(field: &mut Field, words: &str) {
    drop(field.redis.command::<Value>(&mut command(words)));
}

/// Ends the subscriptions of both replicas.
fn kill_subscriptions(field: &mut Field) {
    let killed: u64 = field.redis.command(&mut command("CLIENT KILL TYPE pubsub"));
    assert!(killed >= 2, "both replicas have one: {killed}");
}

/// Takes our functions away, and waits until they are there again.
fn flush_functions(field: &mut Field) {
    let are_there = |field: &Field| {
        let listed: Value = field.redis.command(&mut command("FUNCTION LIST"));
        matches!(listed, Value::Array(libraries) if !libraries.is_empty())
    };
    assert!(are_there(field), "functions are what is used here");
    tell(field, "FUNCTION FLUSH");
    until("they are loaded again", || are_there(field));
}

fn heal(field: &mut Field) {
    field.proxies.iter().for_each(faults::Proxy::heal);
}

/// One test for each fault and mode.
macro_rules! faults {
    ($($test:ident $mode:ident, $name:literal, $meanwhile:ident, $told:ident, $harm:expr, $mend:expr;)+) => {$(
        #[test]
        fn $test() {
            let fault = Fault {
                name: $name,
                meanwhile: Meanwhile::$meanwhile,
                told: Told::$told,
                harm: $harm,
                mend: $mend,
            };
            fault.run(Mode::$mode);
        }
    )+};
}

const LATE: Toxic =
    Toxic::Latency { latency: Duration::from_millis(150), jitter: Duration::from_millis(100) };
const SLOW: Toxic = Toxic::Bandwidth { rate: 40 };
const SLICED: Toxic =
    Toxic::Slicer { average_size: 48, size_variation: 40, delay: Duration::from_micros(200) };
const CUT: Toxic = Toxic::ResetPeer { timeout: Duration::ZERO };
const CUT_MIDST: Toxic = Toxic::LimitData { bytes: 3000 };
const BLACK_HOLE: Toxic = Toxic::Timeout { timeout: Duration::ZERO };

faults! {
    late Loose, "`latency` 150 ± 100 ms", Served, Nothing, |f| harm_answers(f, LATE), heal;
    slow Loose, "`bandwidth` 40 KB/s", Served, Nothing, |f| harm_answers(f, SLOW), heal;
    sliced Loose, "`slicer`, 48 bytes a piece", Served, Nothing, |f| harm_answers(f, SLICED), heal;
    cut Loose, "`reset_peer`, each connection at once", Lost, Nothing, |f| harm_answers(f, CUT), heal;
    cut_strictly Strict, "`reset_peer`, each connection at once", Lost, Nothing, |f| harm_answers(f, CUT), heal;
    cut_in_the_midst Loose, "`limit_data`, after 3,000 bytes", Unsteady, Nothing,
        |f| f.reconnects_over(|f| harm_answers(f, CUT_MIDST)), heal;
    black_hole Loose, "`timeout` 0 (black hole)", Lost, Nothing, |f| harm_answers(f, BLACK_HOLE), heal;
    black_hole_strictly Strict, "`timeout` 0 (black hole)", Lost, Nothing, |f| harm_answers(f, BLACK_HOLE), heal;
    partition Loose, "the way of one replica is down", LostToOne, Nothing,
        |f| f.take_down(0), |f| f.bring_up(0);
    partition_strictly Strict, "the way of one replica is down", LostToOne, Nothing,
        |f| f.take_down(0), |f| f.bring_up(0);
    half_open Loose, "half-open: Redis closed, replicas don't hear of it", Served, Nothing,
        |f| f.reconnects_over(|f| {
            harm_answers(f, Toxic::HalfOpen);
            tell(f, "CLIENT KILL TYPE normal");
        }), heal;
    pubsub_killed Loose, "`CLIENT KILL TYPE pubsub`", Served, Nothing,
        kill_subscriptions, |_| ();
    functions_gone Loose, "`FUNCTION FLUSH`", Served, Nothing,
        flush_functions, |_| ();
    stopped Loose, "`SIGSTOP`", Lost, Nothing, |f| f.redis.pause(), |f| f.redis.go_on();
    stopped_strictly Strict, "`SIGSTOP`", Lost, Nothing, |f| f.redis.pause(), |f| f.redis.go_on();
    killed Loose, "killed, restarted with its data", Lost, Nothing, |f| f.redis.kill(), |f| f.redis.run();
    killed_strictly Strict, "killed, restarted with its data", Lost, Nothing, |f| f.redis.kill(), |f| f.redis.run();
    emptied Loose, "killed, restarted empty", Lost, Nothing,
        |f| { f.redis.kill(); f.redis.forget(); }, |f| f.redis.run();
    emptied_strictly Strict, "killed, restarted empty", Lost, Nothing,
        |f| { f.redis.kill(); f.redis.forget(); }, |f| f.redis.run();
    flushed Loose, "`FLUSHALL` while it runs", Served, Loss, |f| tell(f, "FLUSHALL"), |_| ();
    read_only Strict, "a replica of another (read-only)", Refused, Nothing,
        |f| tell(f, "REPLICAOF 127.0.0.1 1"),
        |f| tell(f, "REPLICAOF NO ONE");
    full Strict, "`maxmemory` reached", Refused, Nothing,
        |f| tell(f, "CONFIG SET maxmemory 1"),
        |f| tell(f, "CONFIG SET maxmemory 0");
    full_loosely Loose, "`maxmemory` reached", Refused, Nothing,
        |f| tell(f, "CONFIG SET maxmemory 1"),
        |f| tell(f, "CONFIG SET maxmemory 0");
    window_deleted Loose, "the stream's key deleted by hand", Served, WhoIsBehind,
        |f| tell(f, "DEL dashclaw:org:org_a:stream"), |_| ();
    meta_deleted Loose, "the meta key deleted by hand", Served, Loss,
        |f| tell(f, "DEL dashclaw:org:org_a:meta"), |_| ();
}
