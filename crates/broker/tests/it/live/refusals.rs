//! What a switch refuses, by name; after each nothing is lost and memory goes on.

use std::sync::{Arc, atomic::Ordering};

use broker::{
    Broker, HealthState,
    live::{Ask, Stage, SwitchError, Target, Transition},
};
use event::After;
use faults::RedisServer;
use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    time::{Duration, Instant, sleep, timeout},
};

use crate::support::{
    live::Live,
    outage::{assert_complete, attach, publish},
    redis::WIDE,
};

/// No wait here takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(20);

async fn assert_refused(live: &Live, expected: impl Fn(&SwitchError) -> bool) {
    let mut acknowledged = publish(&live.broker(), 3).await;
    let refused = live.broker.cutover(Target::Redis).await.expect_err("it is refused");
    assert!(expected(&refused), "{refused:?}");
    live.broker.undo().await.expect("there is nothing in Redis");
    assert_eq!(live.broker.status().stage, Stage::Idle);
    assert_eq!(live.broker.health().state, HealthState::Healthy);
    acknowledged.extend(publish(&live.broker(), 3).await);
    let mut reader = attach(&live.broker(), &After::Oldest).await;
    assert_complete(&mut reader, &[], &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_redis_and_one_that_is_not_there() {
    let live = Live::start_at(None, WIDE, Target::Memory).await;
    assert_refused(&live, |error| *error == SwitchError::NoRedis).await;
    let live = Live::start("redis://127.0.0.1:9/", WIDE, Target::Memory).await;
    assert_refused(&live, |error| matches!(error, SwitchError::Unreachable(_))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_full() {
    let server = RedisServer::start().await;
    let mut set = redis::cmd("CONFIG");
    server.command::<()>(set.arg("SET").arg("maxmemory").arg("1")).await;
    let live = Live::start(&server.url(), WIDE, Target::Memory).await;
    assert_refused(&live, |error| {
        matches!(error, SwitchError::Full(_) | SwitchError::Unreachable(_))
    })
    .await;
}

/// Records of a switch are those of this switch: its counts begin at nothing, and its last one says
/// whether it was an undo.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_of_a_switch_is_its_own() {
    let mut server = RedisServer::start().await;
    let live = Live::start(&server.url(), WIDE, Target::Memory).await;
    publish(&live.broker(), 3).await;
    live.broker.cutover(Target::Redis).await.expect("it switches");
    live.broker.undo().await.expect("it goes back");
    let told = std::mem::take(&mut *live.observed.0.lock());
    let is_undo: Vec<_> =
        told.iter().map(|told| (told.status.stage, told.status.is_undo)).collect();
    let undone = is_undo.iter().skip_while(|(stage, _)| *stage != Stage::Switched).skip(1);
    assert!(undone.clone().count() > 0 && undone.clone().all(|(_, is)| *is), "{is_undo:?}");
    assert!(told.last().is_some_and(|last| last.status.stage == Stage::Idle), "{is_undo:?}");
    server.kill();
    live.broker.cutover(Target::Redis).await.expect_err("there is no Redis");
    let told = live.observed.0.lock();
    let counts = |told: &Transition| (told.status.moved, told.status.events, told.status.is_undo);
    let counts: Vec<_> = told.iter().map(counts).collect();
    assert_eq!(counts, [(0, 0, false)], "of one that came to nothing");
    assert_eq!(live.broker.status().pauses.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_becomes_full_or_read_only_in_the_midst() {
    for read_only in [false, true] {
        let server = Arc::new(RedisServer::start().await);
        let live = Live::start(&server.url(), WIDE, Target::Memory).await;
        let (changed, handle) = (server.clone(), Handle::current());
        live.disk.on_record(move |record| {
            if record.stage == Stage::Compared {
                let mut command = match read_only {
                    true => redis::cmd("REPLICAOF").arg("127.0.0.1").arg("9").clone(),
                    false => redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("1").clone(),
                };
                handle.block_on(changed.command::<()>(&mut command));
            }
        });
        assert_refused(&live, |error| match read_only {
            true => matches!(error, SwitchError::ReadOnly(_) | SwitchError::Unreachable(_)),
            false => matches!(error, SwitchError::Full(_)),
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_another_program() {
    for key in ["dashclaw:thread:golden:next:stream", "dashclaw:thread:golden:stream"] {
        let server = RedisServer::start().await;
        server.command::<()>(redis::cmd("SET").arg(key).arg("theirs")).await;
        let live = Live::start(&server.url(), WIDE, Target::Memory).await;
        assert_refused(&live, |error| matches!(error, SwitchError::Refused(_))).await;
        let still: String = server.command(redis::cmd("GET").arg(key)).await;
        assert_eq!(still, "theirs");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_not_the_same_is_found() {
    let server = RedisServer::start().await;
    let live = Live::start(&server.url(), WIDE, Target::Memory).await;
    publish(&live.broker(), 3).await;
    live.broker.cutover(Target::Redis).await.expect("it switches");
    live.broker.undo().await.expect("it goes back");
    // An account that was tampered with is not taken for the log's.
    live.broker.cutover(Target::Redis).await.expect("it switches");
    let meta = "dashclaw:thread:golden:meta";
    server.command::<()>(redis::cmd("HSET").arg(meta).arg("count").arg("77")).await;
    let refused = live.broker.undo().await.expect_err("it differs");
    assert!(matches!(refused, SwitchError::Differs(_)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asks_at_the_wrong_time() {
    let server = RedisServer::start().await;
    let live = Live::start(&server.url(), WIDE, Target::Memory).await;
    publish(&live.broker(), 3).await;
    let (broker, handle) = (live.broker.clone(), Handle::current());
    let found = Arc::new(Mutex::new(Vec::new()));
    let seen = found.clone();
    live.disk.on_record(move |_| {
        seen.lock().push(handle.block_on(broker.cutover(Target::Redis)).err());
    });
    live.broker.cutover(Target::Redis).await.expect("it switches");
    assert!(!found.lock().is_empty());
    assert!(found.lock().iter().all(|error| *error == Some(SwitchError::Underway)));
    live.disk.on_record(|_| {});
    live.disk.writes_left.store(0, Ordering::Release);
    live.broker.undo().await.expect_err("the disk fails");
    assert_eq!(live.broker.finalise().await, Err(SwitchError::NotSwitched));
    live.broker.drain().await;
    assert_eq!(live.broker.undo().await, Err(SwitchError::Draining));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_undo_ends_a_switch_that_is_being_carried_out() {
    for stage in [Stage::Compared, Stage::Switching] {
        let server = RedisServer::start().await;
        let live = Live::start(&server.url(), WIDE, Target::Memory).await;
        let mut acknowledged = publish(&live.broker(), 5).await;
        let (broker, handle) = (live.broker.clone(), Handle::current());
        let undone = Arc::new(Mutex::new(None));
        let undoing = undone.clone();
        live.disk.on_record(move |record| {
            if record.stage != stage || undoing.lock().is_some() {
                return;
            }
            let asked = broker.clone();
            *undoing.lock() =
                Some(handle.spawn(async move { asked.ask_by(Ask::Undo, "us").await }));
            let mut ended = broker.watch_status();
            // It may have been undone before it is looked at.
            let halted = ended
                .wait_for(|status| status.error == Some(SwitchError::Undone) || status.is_undo);
            handle.block_on(async {
                timeout(PATIENCE, halted).await.expect("it ends").expect("it lives");
            });
        });
        let ended = live.broker.cutover(Target::Redis).await;
        assert_eq!(ended, Err(SwitchError::Undone), "{stage:?}");
        let undone = undone.lock().take().expect("it was asked for");
        let status = undone.await.expect("it does not panic").expect("it is undone");
        assert_eq!((status.stage, status.owner), (Stage::Idle, Target::Memory), "{stage:?}");
        assert_eq!((status.by.as_str(), status.error), ("us", None), "{stage:?}");
        let record = live.disk.record().expect("one was written");
        assert!(!record.memory_leads, "what was written last stands: {record:?}");
        acknowledged.extend(publish(&live.broker(), 3).await);
        let mut reader = attach(&live.broker(), &After::Oldest).await;
        assert_complete(&mut reader, &[], &acknowledged).await;
    }
}

/// The switch that it ends is slow to end, and nobody waits so long.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_undo_that_nobody_waits_for_is_carried_out() {
    let server = Arc::new(RedisServer::start().await);
    let live = Live::start(&server.url(), WIDE, Target::Memory).await;
    let mut acknowledged = publish(&live.broker(), 5).await;
    let (broker, handle) = (live.broker.clone(), Handle::current());
    let hangs = Arc::clone(&server);
    live.disk.on_record(move |record| {
        if record.stage == Stage::Compared {
            // What ends gives its lease back first, and Redis does not answer.
            hangs.pause();
            let undo = timeout(Duration::from_millis(50), broker.undo());
            assert!(handle.block_on(undo).is_err(), "it does not have to wait");
        }
    });
    assert_eq!(live.broker.cutover(Target::Redis).await, Err(SwitchError::Undone));
    server.go_on();
    let mut status = live.broker.watch_status();
    let is_undone = status.wait_for(|status| status.stage == Stage::Idle);
    timeout(PATIENCE, is_undone).await.expect("it is undone").expect("it lives");
    live.disk.on_record(|_| {});
    acknowledged.extend(publish(&live.broker(), 3).await);
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = live.broker.cutover(Target::Redis).await {
        // Its connection may have been given up; nobody undoes it any more.
        assert!(Instant::now() < deadline && error != SwitchError::Undone, "{error}");
        sleep(Duration::from_millis(20)).await;
    }
    let mut reader = attach(&live.broker(), &After::Oldest).await;
    assert_complete(&mut reader, &[], &acknowledged).await;
}
